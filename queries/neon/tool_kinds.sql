-- title: "{Tools} by kind"
-- about: >
--   Tool calls within `days` by kind of tool, with the share of each in all of them. The success rate is over finished
--   calls (ok and failed).
-- params: {days: 30}
SELECT
    kind,
    count(*)::float8 / sum(count(*)) OVER () AS share,
    count(DISTINCT tool) AS tools,
    {outcome_counts},
    {success_rate} AS success_rate,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed
FROM ({recent_calls}) AS recent
GROUP BY kind
ORDER BY calls DESC, kind
