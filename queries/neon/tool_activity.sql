-- title: Tool calls per e-mail
-- about: Single calls of tools, MCP and built in. A call of a backend user who has no account is not here.
-- key: email
-- params: {days: 30}
-- facts:
--   tool_calls: {label: tool calls, type: int, absent: 0}
--   tool_calls_recent: {label: tool calls in the window, type: int, absent: 0}
--   tool_failures: {label: failed tool calls, type: int, absent: 0, current: true}
--   last_tool_at: {label: last tool call, type: time}
SELECT
    lower(trim(w.email)) AS email,
    count(*) AS tool_calls,
    count(*) FILTER (WHERE t.created_at > {as_of} - make_interval(days => {days}::int)) AS tool_calls_recent,
    count(*) FILTER (WHERE t.status::text = 'failed') AS tool_failures,
    max(t.created_at) AS last_tool_at
FROM {tool_calls_of_accounts}
WHERE t.created_at <= {as_of}
    AND NOT {is_internal}
GROUP BY lower(trim(w.email))
