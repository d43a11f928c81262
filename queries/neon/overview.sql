-- title: Everybody who has an account, in one row
-- about: >
--   People are e-mails; an account without one is somebody by itself, `no_address` of which have something else as their
--   e-mail. New: first signed up within `new_days`. Credits are those of accounts; where they are not known, the account
--   counts in none of their figures. They say nothing of usage, since plans and top-ups change them: `usage` counts that.
-- params: {new_days: 7}
WITH people AS (
    SELECT
        a.person,
        bool_and(a.email IS NULL) AS nameless,
        count(*) FILTER (WHERE a.no_address) AS no_address,
        count(*) AS accounts,
        min(a.signed_up_at) AS signed_up_at,
        bool_or(a.subscription_status = 'active') AS paying,
        array_agg(a.credits) AS credits
    FROM {accounts} AS a
    WHERE a.exists_since <= {as_of}
        AND NOT {is_internal}
    GROUP BY a.person
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
    coalesce(sum(no_address), 0)::bigint AS no_address,
    CASE
        WHEN count(*) = 0 OR count(signed_up_at) > 0
            THEN count(*) FILTER (WHERE signed_up_at > {as_of} - make_interval(days => {new_days}::int))
    END AS new_people,
    count(*) FILTER (WHERE paying) AS paying,
    (SELECT known FROM balances) AS known_credits,
    (SELECT average FROM balances) AS avg_credits,
    (SELECT p[1] FROM balances) AS p50_credits,
    (SELECT p[2] FROM balances) AS p95_credits,
    (SELECT most FROM balances) AS max_credits
FROM people
