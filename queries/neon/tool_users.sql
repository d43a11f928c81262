-- title: Tool calls per person
-- about: >
--   Who called tools within `days`, how many and with what success, over finished calls. The row without an e-mail holds
--   the rest, so that the rows add up to neon/tools_overview: calls of accounts without one, and as `unattributed` calls
--   of backend users who have no account. Durations in milliseconds.
-- key: email
-- params: {days: 30}
-- facts:
--   tools_recent: {label: "different {tools} in the window", type: int, absent: 0, merge: max}
--   tool_success_rate: {label: "success rate of {tool_calls} in the window", type: float, unit: percent}
SELECT
    email,
    count(DISTINCT tool) AS tools_recent,
    {outcome_counts},
    {success_rate} AS tool_success_rate,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    {ok_durations},
    {failed_durations},
    min(at) AS first_at,
    max(at) AS last_at
FROM ({recent_calls}) AS recent
GROUP BY email
ORDER BY calls DESC, email
