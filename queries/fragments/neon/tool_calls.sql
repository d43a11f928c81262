-- title: Tool calls with their accounts
-- about: >
--   The tables of a FROM: `t`, the call; `f`, the backend user; `w`, the account, empty where nobody has one. The id of the
--   user may be text there: compared as text, a stray value costs its own row and not the whole query.
fastapi_tool_executions AS t
LEFT JOIN fastapi_user AS f ON f.id::text = t.user_id::text
LEFT JOIN wasp_user AS w ON w.id = f.wasp_user_id
