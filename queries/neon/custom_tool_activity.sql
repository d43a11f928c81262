-- title: Custom tools per e-mail
-- about: How many tools somebody built, and when the last.
-- key: email
-- facts:
--   custom_tools: {label: custom tools built, type: int, absent: 0}
--   last_custom_tool_at: {label: last custom tool, type: time}
SELECT
    lower(trim(w.email)) AS email,
    count(*) AS custom_tools,
    max(d.created_at) AS last_custom_tool_at
FROM fastapi_deployment AS d
JOIN fastapi_user AS f ON f.id = d.user_id
JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE d.created_at <= {as_of}
    AND NOT {is_internal}
GROUP BY lower(trim(w.email))
