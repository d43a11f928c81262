-- title: "{Tools} by kind, for one person"
-- about: >
--   The person's tool calls within `days` by kind of tool, with the share of each in all of them. The success rate
--   is over finished calls (ok and failed).
-- params: {email: {type: list}, days: 30}
SELECT
    kind,
    count(*)::float8 / sum(count(*)) OVER () AS share,
    count(DISTINCT tool) AS tools,
    {outcome_counts},
    {success_rate} AS success_rate,
    min(at) AS first_at,
    max(at) AS last_at
FROM ({recent_calls}) AS recent
WHERE email = ANY({email})
GROUP BY kind
ORDER BY calls DESC, kind
