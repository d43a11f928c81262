-- title: MCP tools beside the default ones
-- about: >
--   Tool calls within `days` by kind of tool, with the share of each in all of them: the MCP-to-default ratio. The success
--   rate is over finished calls (ok and failed).
-- params: {days: 30}
WITH calls AS (
    SELECT
        t.tool_name AS tool, t.tool_type::text AS kind,
        {outcome} AS outcome,
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
    kind,
    count(*)::float8 / sum(count(*)) OVER () AS share,
    count(DISTINCT tool) AS tools,
    {outcome_counts},
    count(*) FILTER (WHERE outcome = 'ok')::float8
        / nullif(count(*) FILTER (WHERE outcome IN ('ok', 'failed')), 0) AS success_rate,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed
FROM calls
GROUP BY kind
ORDER BY calls DESC, kind
