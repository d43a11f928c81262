-- title: Tools by how often they fail
-- about: Single calls of the window; the rate is over finished ones. `kind` is mcp or default. Your own people are left out.
-- params: {days: 30, person: ""}
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
    t.tool_name AS tool,
    max(t.tool_provider) AS provider,
    max(t.tool_type) AS kind,
    count(*) AS calls,
    count(*) FILTER (WHERE lower(t.status) IN ('success', 'failed')) AS finished,
    count(*) FILTER (WHERE lower(t.status) = 'failed') AS failed,
    count(DISTINCT coalesce(p.person, 'user ' || t.user_id)) AS people
FROM fastapi_tool_executions AS t
LEFT JOIN people AS p USING (user_id)
WHERE p.internal IS NOT TRUE AND ({person} = '' OR p.person = {person})
    AND t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int)
GROUP BY t.tool_name
ORDER BY failed DESC, calls DESC, tool
