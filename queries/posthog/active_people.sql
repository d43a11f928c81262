-- title: Daily active people
-- about: >
--   Persons with an event, known or anonymous, on an average day of the window; days without any count as 0, and those of
--   which the log does not have all, as it began later, do not count. Persons, not e-mails. `event` narrows it to those
--   who did that, such as `$pageview`.
-- params: {days: 30, event: ""}
-- metric: {label: Daily active people, kind: mean, good: above 10, excellent: above 50}
SELECT
    if(whole, NULL, date) AS day,
    avg(people) AS value,
    stddevSamp(people) AS sd,
    count() AS n
FROM (
    SELECT date, max(people) AS people, arrayJoin([true, false]) AS whole
    FROM (
        SELECT
            arrayJoin(arrayMap(
                back -> toDate(toTimeZone(toDateTime({as_of}), {timezone}) - toIntervalDay(back)),
                range(1, {days} + 1)
            )) AS date,
            0 AS people
        UNION ALL
        SELECT toDate(toTimeZone(timestamp, {timezone})) AS date, uniqExact(person_id) AS people
        FROM (
            SELECT timestamp, person_id
            FROM events
            WHERE timestamp >= toTimeZone(toDateTime({as_of}), {timezone}) - toIntervalDay({days})
                AND timestamp < toDateTime({as_of})
                AND ({event} = '' OR event = {event})
                AND {customer}
        )
        GROUP BY date
    )
    -- the second before the log began is of the last day that it does not have in full
    WHERE date > (
        SELECT toDate(toTimeZone(min(timestamp) - toIntervalSecond(1), {timezone}))
        FROM events
        WHERE timestamp < toDateTime({as_of})
    )
    GROUP BY date
)
GROUP BY day
ORDER BY day
