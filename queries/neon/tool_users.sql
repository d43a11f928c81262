-- title: Tool calls per person
-- about: >
--   Who called tools within `days`, how many and with what success, over finished calls. The row without an e-mail holds
--   the rest, so that the rows add up to neon/tools_overview: calls of accounts without one, and as `unattributed` calls
--   of backend users who have no account. Durations in milliseconds.
-- key: email
-- params: {days: 30}
-- facts:
--   tools_recent: {label: different tools in the window, type: int, absent: 0, merge: max}
--   tool_success_rate: {label: success rate of tool calls in the window, type: float, unit: percent}
WITH calls AS (
    SELECT
        t.tool_name AS tool, nullif(lower(trim(w.email)), '') AS email,
        {outcome} AS outcome,
        t.execution_duration_ms AS ms,
        t.created_at AS at,
        -- NULL for a call of a backend user who has no account
        {account_name} AS person
    FROM fastapi_tool_executions AS t
    -- the id may be text there: compared as text, a stray value costs its own row and not the whole query
    LEFT JOIN fastapi_user AS f ON f.id::text = t.user_id::text
    LEFT JOIN wasp_user AS w ON w.id = f.wasp_user_id
    WHERE t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int)
        AND NOT {is_internal}
)
SELECT
    email,
    count(DISTINCT tool) AS tools_recent,
    {outcome_counts},
    count(*) FILTER (WHERE outcome = 'ok')::float8
        / nullif(count(*) FILTER (WHERE outcome IN ('ok', 'failed')), 0) AS tool_success_rate,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    avg(ms) FILTER (WHERE outcome = 'ok')::float8 AS ok_avg_ms,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'ok') AS ok_p50_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'ok') AS ok_p95_ms,
    max(ms) FILTER (WHERE outcome = 'ok') AS ok_max_ms,
    avg(ms) FILTER (WHERE outcome = 'failed')::float8 AS failed_avg_ms,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'failed') AS failed_p50_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'failed') AS failed_p95_ms,
    max(ms) FILTER (WHERE outcome = 'failed') AS failed_max_ms,
    min(at) AS first_at,
    max(at) AS last_at
FROM calls
GROUP BY email
ORDER BY calls DESC, email
