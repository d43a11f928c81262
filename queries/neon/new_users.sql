-- title: What new users did
-- about: >
--   Everybody whose first account was made within the window, and how many of them did what up to `as_of`, by any account
--   of the e-mail. Runs have the state that they have today. Accounts without an e-mail are one person each. The
--   window is the last `days`, and begins at `since` where that is later. What the company does not have is no step.
-- params: {days: 30, since: {type: timestamp, default: 1970-01-01}}
WITH people AS (
    SELECT a.person, array_agg(a.account_id) AS accounts
    FROM {accounts} AS a
    WHERE a.signed_up_at <= {as_of}
        AND NOT {is_internal}
    GROUP BY 1
    HAVING min(a.signed_up_at) > {as_of} - make_interval(days => {days}::int) AND min(a.signed_up_at) >= {since}
),
owned AS (SELECT person, unnest(accounts) AS account_id FROM people),
acts AS (
    SELECT o.person, 'run' AS did FROM owned AS o JOIN {runs} AS r USING (account_id) WHERE r.at <= {as_of}
    UNION ALL
    SELECT o.person, 'run_ok' FROM owned AS o JOIN {runs} AS r USING (account_id) WHERE r.at <= {as_of} AND r.ok
    UNION ALL
    SELECT o.person, 'run_failed' FROM owned AS o JOIN {runs} AS r USING (account_id) WHERE r.at <= {as_of} AND r.failed
    UNION ALL
    SELECT o.person, 'call' FROM owned AS o JOIN {calls} AS c USING (account_id) WHERE c.at <= {as_of}
    UNION ALL
    SELECT o.person, 'code' FROM owned AS o JOIN {code_runs} AS x USING (account_id) WHERE x.at <= {as_of}
    UNION ALL
    SELECT o.person, 'custom_tool' FROM owned AS o JOIN {deployments} AS d USING (account_id) WHERE d.at <= {as_of}
    UNION ALL
    SELECT o.person, 'agent' FROM owned AS o JOIN {agent_runs} AS g USING (account_id) WHERE g.at <= {as_of}
),
steps (rank, did, entity) AS (
    VALUES
        (1, 'run', 'runs'), (2, 'run_ok', 'runs'), (3, 'run_failed', 'runs'),
        (4, 'call', 'calls'), (5, 'code', 'code_runs'), (6, 'agent', 'agent_runs'),
        (7, 'custom_tool', 'deployments')
),
total AS (SELECT count(*) AS people FROM people),
counted AS (
    SELECT 0 AS rank, 'signed_up' AS did, people, NULL::bigint AS times FROM total
    UNION ALL
    SELECT s.rank, s.did, count(DISTINCT a.person), count(a.person)
    FROM total
    CROSS JOIN steps AS s
    LEFT JOIN acts AS a USING (did)
    WHERE s.entity = ANY ({entities})
    GROUP BY 1, 2
    UNION ALL
    SELECT 8, 'nothing', (SELECT people FROM total) - count(DISTINCT person), NULL
    FROM acts
    HAVING EXISTS (SELECT FROM steps WHERE entity = ANY ({entities}))
)
SELECT
    did,
    people,
    people::float8 / nullif((SELECT people FROM total), 0) AS share,
    times
FROM counted
ORDER BY rank
