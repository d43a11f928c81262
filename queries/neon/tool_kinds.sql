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
    FROM {tool_calls}
    WHERE {recent_calls}
)
SELECT
    kind,
    count(*)::float8 / sum(count(*)) OVER () AS share,
    count(DISTINCT tool) AS tools,
    {outcome_counts},
    {success_rate} AS success_rate,
    count(DISTINCT person) AS users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed
FROM calls
GROUP BY kind
ORDER BY calls DESC, kind
