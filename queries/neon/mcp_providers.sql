-- title: MCP providers by use
-- about: >
--   Calls of MCP tools within `days` by who provides them, the most used first. The success rate is over finished calls
--   (ok and failed). Durations in milliseconds, those of successes and of failures apart.
-- params: {days: 30}
WITH calls AS (
    SELECT
        t.tool_name AS tool, t.tool_provider AS provider,
        {outcome} AS outcome,
        t.execution_duration_ms AS ms,
        -- NULL for a call of a backend user who has no account
        {account_name} AS person
    FROM fastapi_tool_executions AS t
    -- the id may be text there: compared as text, a stray value costs its own row and not the whole query
    LEFT JOIN fastapi_user AS f ON f.id::text = t.user_id::text
    LEFT JOIN wasp_user AS w ON w.id = f.wasp_user_id
    WHERE t.tool_type::text = 'mcp' AND t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int)
        AND NOT {is_internal}
)
SELECT
    provider,
    count(DISTINCT tool) AS tools,
    {outcome_counts},
    count(*) FILTER (WHERE outcome = 'ok')::float8
        / nullif(count(*) FILTER (WHERE outcome IN ('ok', 'failed')), 0) AS success_rate,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    avg(ms) FILTER (WHERE outcome = 'ok')::float8 AS ok_avg_ms,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'ok') AS ok_p50_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'ok') AS ok_p95_ms,
    max(ms) FILTER (WHERE outcome = 'ok') AS ok_max_ms,
    avg(ms) FILTER (WHERE outcome = 'failed')::float8 AS failed_avg_ms,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'failed') AS failed_p50_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'failed') AS failed_p95_ms,
    max(ms) FILTER (WHERE outcome = 'failed') AS failed_max_ms
FROM calls
GROUP BY provider
ORDER BY calls DESC, provider
