-- title: Tools by use
-- about: >
--   Each tool called within `days`, the most used first. The success rate is over finished calls (ok and failed); running
--   and cancelled calls are `unfinished`, a status of another kind is `unknown`. Durations in milliseconds, those of
--   successes and of failures apart: a timeout would hide in their average.
-- params: {days: 30}
WITH calls AS (
    SELECT
        t.tool_name AS tool, t.tool_provider AS provider,
        {outcome} AS outcome, t.execution_duration_ms AS ms,
        -- NULL for a call of a backend user who has no account
        {account_name} AS person
    FROM {tool_calls}
    WHERE {recent_calls}
)
SELECT
    tool,
    provider,
    {outcome_counts},
    {success_rate} AS success_rate,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    {ok_durations},
    {failed_durations}
FROM calls
GROUP BY tool, provider
ORDER BY calls DESC, tool, provider
