-- title: Tools by failed calls
-- about: >
--   Each tool that failed within `days`, the most failures first, with its rate over finished calls, whom it hit, and the
--   commonest type of error. Affected users are people with an account; failures of others are `unattributed`.
--   Durations are those of the failed calls, in milliseconds, beside the median of the successful ones.
-- params: {days: 30}
SELECT
    tool,
    provider,
    count(*) FILTER (WHERE outcome = 'failed') AS failures,
    count(*) FILTER (WHERE outcome IN ('ok', 'failed')) AS finished,
    count(*) FILTER (WHERE outcome = 'failed')::float8
        / nullif(count(*) FILTER (WHERE outcome IN ('ok', 'failed')), 0) AS failure_rate,
    count(DISTINCT person) FILTER (WHERE outcome = 'failed') AS affected_users,
    count(*) FILTER (WHERE outcome = 'failed' AND person IS NULL) AS unattributed,
    mode() WITHIN GROUP (ORDER BY error_type) FILTER (WHERE outcome = 'failed') AS top_error_type,
    {failed_durations},
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'ok') AS ok_p50_ms,
    min(at) FILTER (WHERE outcome = 'failed') AS first_failure_at,
    max(at) FILTER (WHERE outcome = 'failed') AS last_failure_at
FROM ({recent_calls}) AS recent
GROUP BY tool, provider
HAVING count(*) FILTER (WHERE outcome = 'failed') > 0
ORDER BY failures DESC, tool, provider
