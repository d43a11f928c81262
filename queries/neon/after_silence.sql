-- title: What people did first who came back after a silent start
-- about: >
--   Of everybody who signed up within `days` and did nothing in the first 7 days: how many came back, how many of them
--   `stayed` (did something again 7 days or more after that), and what these did first: a kind (run, call, code, custom_tool,
--   agent) with the tool's name. The row without a kind has those who have not come back.
-- params: {days: 365}
WITH people AS (
    SELECT a.person, min(a.signed_up_at) AS signed_up_at, array_agg(a.account_id) AS accounts
    FROM {accounts} AS a
    WHERE a.signed_up_at <= {as_of}
        AND NOT {is_internal}
    GROUP BY 1
    HAVING min(a.signed_up_at) > {as_of} - make_interval(days => {days}::int)
        AND min(a.signed_up_at) <= {as_of} - make_interval(days => 7)
),
owned AS (SELECT person, signed_up_at, unnest(accounts) AS account_id FROM people),
acts AS (
    SELECT o.person, o.signed_up_at, r.at, 'run' AS did, NULL AS tool FROM owned AS o JOIN {runs} AS r USING (account_id)
    UNION ALL
    SELECT o.person, o.signed_up_at, c.at, 'call', c.tool FROM owned AS o JOIN {calls} AS c USING (account_id)
    UNION ALL
    SELECT o.person, o.signed_up_at, x.at, 'code', NULL FROM owned AS o JOIN {code_runs} AS x USING (account_id)
    UNION ALL
    SELECT o.person, o.signed_up_at, d.at, 'custom_tool', NULL FROM owned AS o JOIN {deployments} AS d USING (account_id)
    UNION ALL
    SELECT o.person, o.signed_up_at, g.at, 'agent', NULL FROM owned AS o JOIN {agent_runs} AS g USING (account_id)
),
firsts AS (
    SELECT DISTINCT ON (person) person, signed_up_at, at AS first_at, did, tool
    FROM acts
    WHERE at <= {as_of}
    ORDER BY person, at, did, tool
),
lasts AS (SELECT person, max(at) AS last_at FROM acts WHERE at <= {as_of} GROUP BY person)
SELECT
    f.did,
    f.tool,
    count(*) AS people,
    count(*) FILTER (WHERE l.last_at >= f.first_at + make_interval(days => 7)) AS stayed
FROM people AS p
LEFT JOIN firsts AS f USING (person)
LEFT JOIN lasts AS l USING (person)
WHERE f.first_at IS NULL OR f.first_at > p.signed_up_at + make_interval(days => 7)
GROUP BY f.did, f.tool
ORDER BY f.did IS NULL, stayed DESC, f.did, f.tool
