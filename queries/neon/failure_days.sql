-- title: Days of people whose runs failed
-- about: >
--   For everybody with a failed run in the window: each day (of the given timezone) on which a run of theirs finished,
--   with how many did and how many failed.
-- params: {days: 30, person: []}
WITH people AS ({people_of_accounts}),
finished AS (
    SELECT
        coalesce(p.person, r.actor) AS person,
        (r.at::timestamptz AT TIME ZONE {timezone})::date AS day,
        count(*) AS finished,
        count(*) FILTER (WHERE r.failed) AS failed
    FROM {runs} AS r
    LEFT JOIN people AS p USING (account_id)
    WHERE p.outside IS NOT FALSE AND (cardinality({person}) = 0 OR p.person = ({person})[1])
        AND (r.ok OR r.failed)
        AND r.at <= {as_of} AND r.at > {as_of} - make_interval(days => {days}::int)
    GROUP BY 1, 2
)
SELECT person, day, finished, failed
FROM (SELECT *, sum(failed) OVER (PARTITION BY person) AS failed_ever FROM finished) AS known
WHERE failed_ever > 0
ORDER BY person, day
