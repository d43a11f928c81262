-- title: Events by day
-- about: >
--   How often each event came on each of the last `days`. `age` is how many local days before `as_of` that was: 0 is the
--   day that is not over.
-- params: {days: 30}
SELECT
    event,
    dateDiff('day', toTimeZone(timestamp, {timezone}), toTimeZone(toDateTime({as_of}), {timezone})) AS age,
    count() AS events
FROM events
WHERE {in_days}
    AND {customer}
GROUP BY event, age
ORDER BY event, age
