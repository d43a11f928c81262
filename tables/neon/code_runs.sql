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
    c.name,
    c.execution_time_ms AS duration_ms
-- a column that the table does not have is that of `absent`: nothing is known of it
FROM (SELECT NULL::text AS name, NULL::text AS script_name) AS absent
CROSS JOIN LATERAL (
    SELECT coalesce(name, script_name) AS name, c.user_id, c.status, c.execution_time_ms, c.created_at
    FROM fastapi_code_execution AS c
) AS c
LEFT JOIN fastapi_user AS f ON f.id = c.user_id
