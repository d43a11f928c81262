-- title: Everybody who has an account, in one row
-- about: >
--   People are e-mails; an account without one is somebody by itself. New: first signed up within `new_days`. Used: at
--   least one run, tool call, code execution, agent execution or custom tool, ever and within `days`; credits say
--   nothing of it, since plans and top-ups change them. Credits are those of accounts; where they are not known, the
--   account counts in none of their figures.
-- params: {new_days: 7, days: 30}
WITH happened AS (
    SELECT f.wasp_user_id AS account_id, r.created_at AS at FROM fastapi_run AS r JOIN fastapi_user AS f ON f.id = r.user_id
    UNION ALL
    SELECT f.wasp_user_id, t.created_at FROM fastapi_tool_executions AS t JOIN fastapi_user AS f ON f.id::text = t.user_id::text
    UNION ALL
    SELECT f.wasp_user_id, c.created_at FROM fastapi_code_execution AS c JOIN fastapi_user AS f ON f.id = c.user_id
    UNION ALL
    SELECT f.wasp_user_id, d.created_at FROM fastapi_deployment AS d JOIN fastapi_user AS f ON f.id = d.user_id
    UNION ALL
    SELECT a.user_id, a.started_at
    -- where agents' table has no user_id, that of `absent` is meant, and nobody is known
    FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
    CROSS JOIN LATERAL (SELECT user_id, a.started_at FROM wasp_agentexecution AS a) AS a
),
used AS (
    SELECT account_id, max(at) AS last_at FROM happened WHERE at <= {as_of} GROUP BY account_id
),
people AS (
    SELECT
        {account_name} AS person,
        bool_and(nullif(trim(w.email), '') IS NULL) AS nameless,
        count(*) AS accounts,
        min(w.created_at) AS signed_up_at,
        max(used.last_at) AS last_at,
        bool_or(w.subscription_status::text = 'active') AS paying,
        array_agg(w.credits) AS credits
    FROM wasp_user AS w
    LEFT JOIN used ON used.account_id = w.id
    WHERE w.created_at <= {as_of}
        AND NOT {is_internal}
    GROUP BY {account_name}
),
balances AS (
    SELECT
        count(balance) AS known,
        avg(balance) AS average,
        percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY balance) AS p,
        max(balance) AS most
    FROM people, unnest(people.credits) AS balance
)
SELECT
    count(*) AS people,
    coalesce(sum(accounts), 0)::bigint AS accounts,
    count(*) FILTER (WHERE nameless) AS without_email,
    count(*) FILTER (WHERE signed_up_at > {as_of} - make_interval(days => {new_days}::int)) AS new_people,
    count(*) FILTER (WHERE last_at IS NOT NULL) AS people_with_usage,
    count(*) FILTER (WHERE last_at > {as_of} - make_interval(days => {days}::int)) AS people_with_recent_usage,
    count(*) FILTER (WHERE last_at IS NOT NULL)::float8 / nullif(count(*), 0) AS usage_rate,
    count(*) FILTER (WHERE paying) AS paying,
    (SELECT known FROM balances) AS known_credits,
    (SELECT average FROM balances) AS avg_credits,
    (SELECT p[1] FROM balances) AS p50_credits,
    (SELECT p[2] FROM balances) AS p95_credits,
    (SELECT most FROM balances) AS max_credits
FROM people
