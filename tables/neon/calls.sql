-- title: Tool calls
-- about: >
--   A row per call of a tool, and how it ended. The id of the user may be text there: compared as text, a stray value
--   costs its own row and not the whole query.
-- states:
--   ok: [success, completed]
--   failed: [failed]
--   running: [running, queued, pending]
--   cancelled: [cancelled, canceled]
SELECT
    f.wasp_user_id AS account_id,
    'user ' || t.user_id AS actor,
    t.created_at AS at,
    t.status,
    t.tool_name AS tool,
    t.tool_type AS kind,
    t.tool_provider AS provider,
    t.error_type,
    t.error_message AS error,
    t.execution_duration_ms AS duration_ms
FROM fastapi_tool_executions AS t
LEFT JOIN fastapi_user AS f ON f.id::text = t.user_id::text
