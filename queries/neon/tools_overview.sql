-- title: Tool calls in all, by how they ended
-- about: >
--   Calls within `days`: a row for all of them and one for each outcome (ok, failed, running, cancelled, and unknown for
--   a status that is none of these). The success rate is over finished calls (ok and failed). Users are people with an
--   account; calls of backend users who have none are `unattributed`. Durations are in milliseconds.
-- params: {days: 30}
SELECT
    CASE WHEN grouping(outcome) = 1 THEN 'all' ELSE outcome END AS outcome,
    count(*) AS calls,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    count(DISTINCT tool) AS tools,
    CASE WHEN grouping(outcome) = 1 THEN count(*) FILTER (WHERE outcome IN ('ok', 'failed')) END AS finished,
    CASE WHEN grouping(outcome) = 1 THEN
        {success_rate}
    END AS success_rate,
    avg(ms)::float8 AS avg_ms,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS p50_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms,
    max(ms) AS max_ms
FROM ({recent_calls}) AS recent
GROUP BY GROUPING SETS ((), (outcome))
ORDER BY grouping(outcome) DESC, calls DESC, outcome
