-- title: Events of one person per hour
-- about: >
--   How much the person did in each hour of the window that has any event, but for those that tell of the same as a row of
--   Postgres; hours are those of the given timezone.
-- params: {email: {type: list}, days: 30}
SELECT
    toDate(toTimeZone(timestamp, {timezone})) AS day,
    toHour(toTimeZone(timestamp, {timezone})) AS hour,
    count() AS actions
FROM {keyed_events}
WHERE has({email}, {event_key})
    AND {in_days}
    AND NOT {is_copy}
    AND {customer}
GROUP BY day, hour
ORDER BY day, hour
