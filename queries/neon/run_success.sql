-- title: Run success rate
-- about: >
--   Of the runs of the window that have finished, how many completed. Running, queued and cancelled ones are in neither. A
--   person's runs fare alike, so they are worth fewer independent ones: `n_effective` (p (1 − p) over the variance
--   between persons, linearised; Kish 1965). A run has the state that it has today.
-- params: {days: 30}
-- metric: {label: "{Run} success rate", kind: rate, good: above 80 %, excellent: above 95 %}
WITH finished AS (
    SELECT
        (r.at::timestamptz AT TIME ZONE {timezone})::date AS date,
        coalesce(a.person, r.actor) AS person,
        r.ok AS completed
    FROM {runs} AS r
    LEFT JOIN {accounts} AS a USING (account_id)
    WHERE (r.ok OR r.failed)
        AND r.at < {as_of}
        AND r.at >= (({as_of} AT TIME ZONE {timezone}) - make_interval(days => {days}::int)) AT TIME ZONE {timezone}
        AND NOT {is_internal}
),
people AS (
    SELECT date AS day, person, count(*) FILTER (WHERE completed)::float8 AS hits, count(*)::float8 AS n
    FROM finished
    GROUP BY GROUPING SETS ((date, person), (person))
),
sums AS (
    SELECT
        day,
        count(*) AS people,
        sum(hits) AS hits,
        sum(n) AS n,
        sum(hits) / sum(n) AS share,
        sum(hits * hits) AS hits_hits,
        sum(hits * n) AS hits_n,
        sum(n * n) AS n_n
    FROM people
    GROUP BY day
)
SELECT
    day,
    hits::bigint AS hits,
    n::bigint AS n,
    people,
    CASE
        WHEN people < 2 OR share IN (0, 1) THEN people
        ELSE least(
            n,
            -- not below one: persons who are all alike say nothing of how persons differ
            greatest(1, share * (1 - share) * n * n * (people - 1)
                / nullif(people * (hits_hits - 2 * share * hits_n + share * share * n_n), 0))
        )
    END AS n_effective,
    replace(to_char(n, 'FM999,999,990'), ',', ' ') || ' finished, of '
        || replace(to_char(people, 'FM999,999,990'), ',', ' ') || ' people' AS note
FROM sums
ORDER BY day
