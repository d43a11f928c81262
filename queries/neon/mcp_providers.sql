-- title: MCP providers by use
-- about: >
--   Calls of MCP tools within `days` by who provides them, the most used first. The success rate is over finished calls
--   (ok and failed). Durations in milliseconds, those of successes and of failures apart.
-- params: {days: 30}
WITH calls AS (
    SELECT
        t.tool_name AS tool, t.tool_provider AS provider,
        {outcome} AS outcome, t.execution_duration_ms AS ms,
        -- NULL for a call of a backend user who has no account
        {account_name} AS person
    FROM {tool_calls}
    WHERE t.tool_type::text = 'mcp' AND {recent_calls}
)
SELECT
    provider,
    count(DISTINCT tool) AS tools,
    {outcome_counts},
    {success_rate} AS success_rate,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    {ok_durations},
    {failed_durations}
FROM calls
GROUP BY provider
ORDER BY calls DESC, provider
