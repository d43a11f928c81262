-- title: All that accounts did
-- about: >
--   A row per run, tool call, code execution, custom tool and agent execution: `account_id` and when (`at`).
SELECT f.wasp_user_id AS account_id, r.created_at AS at FROM fastapi_run AS r JOIN fastapi_user AS f ON f.id = r.user_id
UNION ALL
SELECT f.wasp_user_id, t.created_at FROM fastapi_tool_executions AS t JOIN fastapi_user AS f ON f.id::text = t.user_id::text
UNION ALL
SELECT f.wasp_user_id, c.created_at FROM fastapi_code_execution AS c JOIN fastapi_user AS f ON f.id = c.user_id
UNION ALL
SELECT f.wasp_user_id, d.created_at FROM fastapi_deployment AS d JOIN fastapi_user AS f ON f.id = d.user_id
UNION ALL
SELECT a.user_id, a.started_at
-- where agents' table has no user_id, that of `absent` is meant, and nobody is known
FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
CROSS JOIN LATERAL (SELECT user_id, a.started_at FROM wasp_agentexecution AS a) AS a
