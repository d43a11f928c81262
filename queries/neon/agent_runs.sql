-- title: Agent executions, by how they ended
-- about: >
--   Executions started within `days`: a row for all of them and one for each outcome (ok, failed, running, cancelled, and
--   unknown for a status that is none of these). The success rate is over finished ones (ok and failed). Durations are in
--   milliseconds.
-- params: {days: 30}
WITH executions AS (
    SELECT
        g.outcome,
        g.duration_ms AS ms,
        g.agent,
        g.at,
        g.completed_at,
        -- NULL for an execution of nobody who has an account
        a.person
    FROM {agent_runs} AS g
    LEFT JOIN {accounts} AS a USING (account_id)
    WHERE g.at <= {as_of} AND g.at > {as_of} - make_interval(days => {days}::int)
        AND NOT {is_internal}
)
SELECT
    CASE WHEN grouping(outcome) = 1 THEN 'all' ELSE outcome END AS outcome,
    count(*) AS executions,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    count(DISTINCT agent) AS agents,
    CASE WHEN grouping(outcome) = 1 THEN count(*) FILTER (WHERE outcome IN ('ok', 'failed')) END AS finished,
    CASE WHEN grouping(outcome) = 1 THEN
        {success_rate}
    END AS success_rate,
    avg(ms)::float8 AS avg_ms,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS p50_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms,
    max(ms) AS max_ms,
    min(at) AS first_started_at,
    max(completed_at) AS last_completed_at
FROM executions
GROUP BY GROUPING SETS ((), (outcome))
ORDER BY grouping(outcome) DESC, executions DESC, outcome
