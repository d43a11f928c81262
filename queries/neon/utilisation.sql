-- title: Credit utilisation
-- about: >
--   Of the people with an account at the end of the window, how many used anything that costs credits in it: a run, tool
--   call, code execution, agent execution or custom tool. The balance does not tell, since plans and top-ups change it.
--   People are e-mails; an account without one is somebody by itself. A day counts those who had an account by its end;
--   use that is dated before the day on which its person signed up is left out.
-- params: {days: 30}
-- metric: {label: "{Credit} utilisation", kind: rate, good: above 20 %, excellent: above 50 %}
WITH span AS (
    SELECT
        (({as_of} AT TIME ZONE {timezone}) - make_interval(days => {days}::int)) AT TIME ZONE {timezone} AS since,
        ({as_of} AT TIME ZONE {timezone})::date - {days}::int AS first
),
accounts AS (
    SELECT a.account_id, a.person, (a.exists_since::timestamptz AT TIME ZONE {timezone})::date AS joined
    FROM {accounts} AS a
    WHERE a.exists_since < {as_of}
        AND EXISTS (SELECT 1 FROM {accounts} AS c WHERE c.credits IS NOT NULL) -- else nothing costs any
        AND NOT {is_internal}
),
people AS (
    SELECT person, min(joined) AS joined FROM accounts GROUP BY person
),
used AS (
    SELECT DISTINCT person, (h.at::timestamptz AT TIME ZONE {timezone})::date AS day
    FROM ({account_activity}) AS h
    JOIN accounts USING (account_id)
    JOIN people USING (person)
    WHERE h.at < {as_of} AND h.at >= (SELECT since FROM span)
        AND (h.at::timestamptz AT TIME ZONE {timezone})::date >= people.joined
),
users AS (
    SELECT day, count(DISTINCT person) AS hits FROM used GROUP BY GROUPING SETS ((day), ())
),
newcomers AS (
    SELECT greatest(joined, (SELECT first FROM span)) AS day, count(*) AS new
    FROM people
    GROUP BY 1
)
SELECT days.day, coalesce(hits, 0) AS hits, sum(coalesce(new, 0)) OVER (ORDER BY days.day)::bigint AS n
FROM (SELECT first + back AS day FROM span, generate_series(0, {days}::int - 1) AS back) AS days
LEFT JOIN users ON users.day = days.day
LEFT JOIN newcomers ON newcomers.day = days.day
UNION ALL
SELECT NULL, (SELECT hits FROM users WHERE day IS NULL), (SELECT coalesce(sum(new), 0)::bigint FROM newcomers)
ORDER BY day
