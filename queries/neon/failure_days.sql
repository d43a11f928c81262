-- title: Days of people whose runs failed
-- about: >
--   For everybody with a failed run in the window: each day (of the given timezone) on which a run of theirs finished,
--   with how many did and how many failed.
-- params: {days: 30, person: []}
WITH people AS ({backend_users}),
finished AS (
    SELECT
        coalesce(p.person, 'user ' || r.user_id) AS person,
        (r.created_at::timestamptz AT TIME ZONE {timezone})::date AS day,
        count(*) AS finished,
        count(*) FILTER (WHERE r.run_state::text = 'failed') AS failed
    FROM fastapi_run AS r
    LEFT JOIN people AS p ON p.user_id = r.user_id::text
    WHERE p.outside IS NOT FALSE AND (cardinality({person}) = 0 OR p.person = ({person})[1])
        AND r.run_state::text IN ('completed', 'success', 'failed')
        AND r.created_at <= {as_of} AND r.created_at > {as_of} - make_interval(days => {days}::int)
    GROUP BY 1, 2
)
SELECT person, day, finished, failed
FROM (SELECT *, sum(failed) OVER (PARTITION BY person) AS failed_ever FROM finished) AS known
WHERE failed_ever > 0
ORDER BY person, day
