-- title: Tool calls of accounts
-- about: >
--   The tables of a FROM, as in `tool_calls`, for the calls whose account is known.
fastapi_tool_executions AS t
JOIN fastapi_user AS f ON f.id::text = t.user_id::text
JOIN wasp_user AS w ON w.id = f.wasp_user_id
