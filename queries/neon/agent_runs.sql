-- title: Agent executions, by how they ended
-- about: >
--   Executions started within `days`: a row for all of them and one for each outcome (ok, failed, running, cancelled, and
--   unknown for a status that is none of these). The success rate is over finished ones (ok and failed). Durations are in
--   milliseconds.
-- params: {days: 30}
WITH executions AS (
    SELECT
        CASE
            WHEN a.status::text IN ('success', 'completed') THEN 'ok'
            WHEN a.status::text = 'failed' THEN 'failed'
            WHEN a.status::text IN ('running', 'queued', 'pending') THEN 'running'
            WHEN a.status::text IN ('cancelled', 'canceled') THEN 'cancelled'
            ELSE 'unknown'
        END AS outcome,
        a.duration_ms AS ms,
        a.agent_id,
        a.started_at,
        a.completed_at,
        -- NULL for an execution of nobody who has an account
        {account_name} AS person
    -- a column that the table does not have is that of `absent`: nothing is known of it
    FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id, NULL::timestamp AS completed_at) AS absent
    CROSS JOIN LATERAL (
        SELECT user_id, completed_at, a.agent_id, a.status, a.duration_ms, a.started_at FROM wasp_agentexecution AS a
    ) AS a
    LEFT JOIN wasp_user AS w ON w.id = a.user_id
    WHERE a.started_at <= {as_of} AND a.started_at > {as_of} - make_interval(days => {days}::int)
        AND NOT {is_internal}
)
SELECT
    CASE WHEN grouping(outcome) = 1 THEN 'all' ELSE outcome END AS outcome,
    count(*) AS executions,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    count(DISTINCT agent_id) AS agents,
    CASE WHEN grouping(outcome) = 1 THEN count(*) FILTER (WHERE outcome IN ('ok', 'failed')) END AS finished,
    CASE WHEN grouping(outcome) = 1 THEN
        {success_rate}
    END AS success_rate,
    avg(ms)::float8 AS avg_ms,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS p50_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms,
    max(ms) AS max_ms,
    min(started_at) AS first_started_at,
    max(completed_at) AS last_completed_at
FROM executions
GROUP BY GROUPING SETS ((), (outcome))
ORDER BY grouping(outcome) DESC, executions DESC, outcome
