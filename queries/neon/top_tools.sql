-- title: Tools by use
-- about: >
--   Each tool called within `days`, the most used first. The success rate is over finished calls (ok and failed); running
--   and cancelled calls are `unfinished`, a status of another kind is `unknown`. Durations in milliseconds, those of
--   successes and of failures apart: a timeout would hide in their average.
-- params: {days: 30}
SELECT
    tool,
    provider,
    {outcome_counts},
    {success_rate} AS success_rate,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    {ok_durations},
    {failed_durations}
FROM ({recent_calls}) AS recent
GROUP BY tool, provider
ORDER BY calls DESC, tool, provider
