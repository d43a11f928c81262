-- title: Code executions
-- about: A row per execution of somebody's code, and how it ended.
-- states:
--   ok: [success, completed]
--   failed: [failed]
--   running: [running, queued, pending]
--   cancelled: [cancelled, canceled]
SELECT
    f.wasp_user_id AS account_id,
    c.created_at AS at,
    c.status,
    coalesce(c.name, c.script_name) AS name,
    c.execution_time_ms AS duration_ms
FROM fastapi_code_execution AS c
LEFT JOIN fastapi_user AS f ON f.id = c.user_id
