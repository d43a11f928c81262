-- title: Tool calls per e-mail
-- about: Single calls of {tools} of any kind. A call of a backend user who has no account is not here.
-- key: [email, account_id, organization]
-- params: {days: 30}
-- facts:
--   tool_calls: {label: "{tool_calls}", type: int, absent: 0}
--   tool_calls_recent: {label: "{tool_calls} in the window", type: int, absent: 0}
--   tool_failures: {label: "failed {tool_calls}", type: int, absent: 0, current: true}
--   last_tool_at: {label: "last {tool_call}", type: time}
--   tools_used: {label: "{tools} used", type: text, current: true}
SELECT
    a.{key},
    count(*) AS tool_calls,
    count(*) FILTER (WHERE c.at > {as_of} - make_interval(days => {days}::int)) AS tool_calls_recent,
    count(*) FILTER (WHERE c.failed) AS tool_failures,
    max(c.at) AS last_tool_at,
    -- of whom the tools are, where that is known, since that is what people connect; five fit into a line
    nullif(array_to_string((array_agg(DISTINCT coalesce(c.provider, c.tool)) FILTER (WHERE c.ok))[1:5], ', '), '')
        AS tools_used
FROM {calls} AS c
JOIN {accounts} AS a USING (account_id)
WHERE c.at <= {as_of}
    AND a.exists_since <= {as_of}
    AND NOT {is_internal}
GROUP BY a.{key}
