-- title: Tools of one person, with success rates
-- about: Each tool that the person called; the rate is over finished calls (ok and failed), which `finished` counts.
-- params: {email: {type: list}}
SELECT
    t.tool_name AS tool,
    t.tool_provider AS provider,
    t.tool_type::text AS kind,
    count(*) AS uses,
    count(*) FILTER (WHERE t.status::text IN ('success', 'completed', 'failed')) AS finished,
    count(*) FILTER (WHERE t.status::text IN ('success', 'completed'))::float8
        / nullif(count(*) FILTER (WHERE t.status::text IN ('success', 'completed', 'failed')), 0) AS success_rate,
    min(t.created_at) AS first_at,
    max(t.created_at) AS last_at
FROM {tool_calls_of_accounts}
WHERE lower(trim(w.email)) = ANY({email}) AND t.created_at <= {as_of}
    AND NOT {is_internal}
GROUP BY 1, 2, 3
ORDER BY uses DESC, tool
