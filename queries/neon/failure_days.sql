-- title: Days on which runs finished
-- about: >
--   For everybody with a failed run in the window: each day (of the given timezone) on which a run of theirs finished,
--   with how many did and how many failed. The rows without a `person` are all others together, whose runs all went well.
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
SELECT if_failed.person, day, sum(finished)::bigint AS finished, sum(failed)::bigint AS failed
FROM finished
LEFT JOIN (SELECT person FROM finished GROUP BY person HAVING sum(failed) > 0) AS if_failed USING (person)
GROUP BY 1, 2
ORDER BY 1, 2
