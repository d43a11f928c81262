-- title: Custom tools that people built
-- about: One row per tool that was ever deployed, newest first; its length is in characters of code.
SELECT
    d.created_at AS at,
    lower(trim(w.email)) AS email,
    d.name,
    d.description,
    length(d.final_code) AS code_length
-- a table without descriptions has that of `absent`: nothing is known of it
FROM (SELECT NULL::text AS description) AS absent
CROSS JOIN LATERAL (
    SELECT description, d.user_id, d.name, d.final_code, d.created_at FROM fastapi_deployment AS d
) AS d
LEFT JOIN fastapi_user AS f ON f.id = d.user_id
LEFT JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE d.created_at <= {as_of}
    AND NOT {is_internal}
ORDER BY d.created_at DESC, email, name, description, code_length
