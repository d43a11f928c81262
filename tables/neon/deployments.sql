-- title: Custom tools
-- about: A row per tool that somebody built and deployed.
SELECT
    f.wasp_user_id AS account_id,
    d.created_at AS at,
    d.name,
    d.description,
    length(d.final_code) AS code_length
FROM fastapi_deployment AS d
LEFT JOIN fastapi_user AS f ON f.id = d.user_id
