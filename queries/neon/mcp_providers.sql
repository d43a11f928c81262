-- title: "Providers of {tools} by use"
-- about: >
--   Calls of MCP tools within `days` by who provides them, the most used first. The success rate is over finished calls
--   (ok and failed). Durations in milliseconds, those of successes and of failures apart.
-- params: {days: 30}
SELECT
    provider,
    count(DISTINCT tool) AS tools,
    {outcome_counts},
    {success_rate} AS success_rate,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    {ok_durations},
    {failed_durations}
FROM ({recent_calls}) AS recent
WHERE kind = 'mcp'
GROUP BY provider
ORDER BY calls DESC, provider
