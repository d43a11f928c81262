-- title: Custom tools
-- about: A row per tool that somebody built and deployed.
SELECT
    f.wasp_user_id AS account_id,
    d.created_at AS at,
    d.name,
    d.description,
    length(d.final_code) AS code_length
-- a column that the table does not have is that of `absent`: nothing is known of it
FROM (SELECT NULL::text AS description) AS absent
CROSS JOIN LATERAL (
    SELECT description, d.user_id, d.name, d.final_code, d.created_at FROM fastapi_deployment AS d
) AS d
LEFT JOIN fastapi_user AS f ON f.id = d.user_id
