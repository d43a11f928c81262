-- title: Tools of one person, with success rates
-- about: Each tool that the person called; the rate is over finished calls (ok and failed), which `finished` counts.
-- params: {email: {type: list}}
SELECT
    c.tool,
    c.provider,
    c.kind,
    count(*) AS uses,
    count(*) FILTER (WHERE c.outcome IN ('ok', 'failed')) AS finished,
    count(*) FILTER (WHERE c.ok)::float8
        / nullif(count(*) FILTER (WHERE c.outcome IN ('ok', 'failed')), 0) AS success_rate,
    min(c.at) AS first_at,
    max(c.at) AS last_at
FROM {calls} AS c
JOIN {accounts} AS a USING (account_id)
WHERE a.{key}::text = ANY({email}) AND c.at <= {as_of}
    AND NOT {is_internal}
GROUP BY 1, 2, 3
ORDER BY uses DESC, tool
