-- title: MCP tools beside the default ones, for one person
-- about: >
--   The person's tool calls within `days` by kind of tool, with the share of each in all of them: the MCP-to-default
--   ratio. The success rate is over finished calls (ok and failed).
-- params: {email: {type: list}, days: 30}
WITH calls AS (
    SELECT
        t.tool_name AS tool, t.tool_type::text AS kind,
        {outcome} AS outcome,
        t.created_at AS at
    FROM fastapi_tool_executions AS t
    -- the id may be text there: compared as text, a stray value costs its own row and not the whole query
    JOIN fastapi_user AS f ON f.id::text = t.user_id::text
    JOIN wasp_user AS w ON w.id = f.wasp_user_id
    WHERE lower(trim(w.email)) = ANY({email})
        AND t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int)
        AND NOT {is_internal}
)
SELECT
    kind,
    count(*)::float8 / sum(count(*)) OVER () AS share,
    count(DISTINCT tool) AS tools,
    {outcome_counts},
    count(*) FILTER (WHERE outcome = 'ok')::float8
        / nullif(count(*) FILTER (WHERE outcome IN ('ok', 'failed')), 0) AS success_rate,
    min(at) AS first_at,
    max(at) AS last_at
FROM calls
GROUP BY kind
ORDER BY calls DESC, kind
