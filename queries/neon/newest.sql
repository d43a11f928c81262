-- title: Newest rows
-- about: >
--   Up to which moment each table has rows: accounts, runs, tool calls, code executions, agent executions. A table without
--   a row has none; a source that lags behind shows here.
WITH rows AS (
    SELECT 'accounts' AS kind, f.id::text AS user_id, w.id AS account_id, w.created_at AS at
    FROM wasp_user AS w
    LEFT JOIN fastapi_user AS f ON f.wasp_user_id = w.id
    UNION ALL
    SELECT 'runs', r.user_id::text, NULL, r.created_at FROM fastapi_run AS r
    UNION ALL
    SELECT 'tool calls', t.user_id::text, NULL, t.created_at FROM fastapi_tool_executions AS t
    UNION ALL
    SELECT 'code executions', c.user_id::text, NULL, c.created_at FROM fastapi_code_execution AS c
    UNION ALL
    SELECT 'agent executions', NULL, a.user_id, a.started_at
    -- where agents' table has no user_id, that of `absent` is meant, and nobody is known
    FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
    CROSS JOIN LATERAL (SELECT user_id, a.started_at FROM wasp_agentexecution AS a) AS a
)
SELECT rows.kind, max(rows.at) AS newest_at
FROM rows
LEFT JOIN fastapi_user AS f ON f.id::text = rows.user_id
LEFT JOIN wasp_user AS w ON w.id = coalesce(rows.account_id, f.wasp_user_id)
WHERE rows.at <= {as_of}
    AND NOT {is_internal}
GROUP BY rows.kind
ORDER BY rows.kind
