-- title: Custom tools of one person
-- about: What the person has built and deployed.
-- params: {email: {type: list}}
SELECT d.name, d.description, length(d.final_code) AS code_length, d.created_at
-- a table without descriptions has that of `absent`: nothing is known of it
FROM (SELECT NULL::text AS description) AS absent
CROSS JOIN LATERAL (
    SELECT description, d.user_id, d.name, d.final_code, d.created_at FROM fastapi_deployment AS d
) AS d
JOIN fastapi_user AS f ON f.id = d.user_id
JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE lower(trim(w.email)) = ANY({email}) AND d.created_at <= {as_of}
    AND NOT {is_internal}
ORDER BY d.created_at DESC, d.name
