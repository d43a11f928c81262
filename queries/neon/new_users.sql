-- title: What new users did
-- about: >
--   Everybody whose first account was made within the window, and how many of them did what up to `as_of`, by any account
--   of the e-mail. Runs have the state that they have today. Accounts without an e-mail are one person each. The
--   window is the last `days`, and begins at `since` where that is later.
-- params: {days: 30, since: {type: timestamp, default: 1970-01-01}}
WITH people AS (
    SELECT
        {account_name} AS person,
        array_agg(w.id) AS accounts
    FROM wasp_user AS w
    WHERE w.created_at <= {as_of}
        AND NOT {is_internal}
    GROUP BY 1
    HAVING min(w.created_at) > {as_of} - make_interval(days => {days}::int) AND min(w.created_at) >= {since}
),
owned AS (SELECT person, unnest(accounts) AS account_id FROM people),
backends AS (SELECT o.person, f.id FROM owned AS o JOIN fastapi_user AS f ON f.wasp_user_id = o.account_id),
acts AS (
    SELECT b.person, 'started a workflow run' AS did FROM backends AS b JOIN fastapi_run AS r ON r.user_id = b.id WHERE r.created_at <= {as_of}
    UNION ALL
    SELECT b.person, 'had a run completed' FROM backends AS b JOIN fastapi_run AS r ON r.user_id = b.id
    WHERE r.created_at <= {as_of} AND r.run_state::text IN ('completed', 'success')
    UNION ALL
    SELECT b.person, 'had a run fail' FROM backends AS b JOIN fastapi_run AS r ON r.user_id = b.id
    WHERE r.created_at <= {as_of} AND r.run_state::text = 'failed'
    UNION ALL
    SELECT b.person, 'called a tool' FROM backends AS b JOIN fastapi_tool_executions AS t ON t.user_id::text = b.id::text
    WHERE t.created_at <= {as_of}
    UNION ALL
    SELECT b.person, 'ran code' FROM backends AS b JOIN fastapi_code_execution AS c ON c.user_id = b.id
    WHERE c.created_at <= {as_of}
    UNION ALL
    SELECT b.person, 'built a custom tool' FROM backends AS b JOIN fastapi_deployment AS d ON d.user_id = b.id
    WHERE d.created_at <= {as_of}
    UNION ALL
    SELECT o.person, 'ran an agent'
    -- where agents' table has no user_id, that of `absent` is meant, and nobody is known
    FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
    CROSS JOIN LATERAL (SELECT user_id, a.started_at FROM wasp_agentexecution AS a) AS a
    JOIN owned AS o ON o.account_id = a.user_id
    WHERE a.started_at <= {as_of}
),
steps (rank, did) AS (
    VALUES
        (1, 'started a workflow run'), (2, 'had a run completed'), (3, 'had a run fail'), (4, 'called a tool'),
        (5, 'ran code'), (6, 'ran an agent'), (7, 'built a custom tool')
),
counted AS (
    SELECT 0 AS rank, 'signed up' AS did, count(*) AS people, NULL::bigint AS times FROM people
    UNION ALL
    SELECT s.rank, s.did, count(DISTINCT a.person), count(a.person) FROM steps AS s LEFT JOIN acts AS a USING (did) GROUP BY 1, 2
    UNION ALL
    SELECT 8, 'nothing of these yet', (SELECT count(*) FROM people) - count(DISTINCT person), NULL FROM acts
)
SELECT
    did,
    people,
    people::float8 / nullif((SELECT count(*) FROM people), 0) AS share,
    times
FROM counted
ORDER BY rank
