-- title: MCP tools versus default tools
-- about: >
--   Single calls of the window by the kind of tool, with each kind's share of all calls and its success rate over
--   finished calls. Your own people are left out.
-- params: {days: 30, person: "", tools: []}
WITH people AS (
    SELECT
        f.id::text AS user_id,
        coalesce(nullif(lower(trim(w.email)), ''), 'account ' || w.id) AS person,
        EXISTS (
            SELECT FROM unnest({internal}::text[]) AS own
            WHERE lower(trim(w.email)) = own
                OR right(lower(trim(w.email)), length(ltrim(own, '@.')) + 1) IN ('@' || ltrim(own, '@.'), '.' || ltrim(own, '@.'))
        ) AS internal
    FROM fastapi_user AS f
    JOIN wasp_user AS w ON w.id = f.wasp_user_id
)
SELECT
    t.tool_type AS kind,
    count(*) AS calls,
    count(*) / sum(count(*)) OVER ()::float8 AS share,
    count(*) FILTER (WHERE lower(t.status) IN ('success', 'failed')) AS finished,
    count(*) FILTER (WHERE lower(t.status) = 'failed') AS failed,
    count(*) FILTER (WHERE lower(t.status) = 'success')::float8
        / nullif(count(*) FILTER (WHERE lower(t.status) IN ('success', 'failed')), 0) AS success_rate,
    count(DISTINCT coalesce(p.person, 'user ' || t.user_id)) AS people
FROM fastapi_tool_executions AS t
LEFT JOIN people AS p USING (user_id)
WHERE p.internal IS NOT TRUE AND ({person} = '' OR p.person = {person})
    AND (cardinality({tools}) = 0 OR t.tool_name = ANY ({tools}))
    AND t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int)
GROUP BY t.tool_type
ORDER BY calls DESC, kind
