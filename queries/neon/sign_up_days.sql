-- title: Sign-ups per day
-- about: >
--   How many people made their first account on each day of the given timezone, within the last `days`; no row for a day
--   without any. People are those of `new_users`.
-- params: {days: 30}
SELECT day, count(*) AS people
FROM (
    SELECT a.person, (min(a.signed_up_at)::timestamptz AT TIME ZONE {timezone})::date AS day
    FROM {accounts} AS a
    WHERE a.signed_up_at <= {as_of}
        AND NOT {is_internal}
    GROUP BY a.person
    HAVING min(a.signed_up_at) > {as_of} - make_interval(days => {days}::int)
) AS people
GROUP BY day
ORDER BY day
