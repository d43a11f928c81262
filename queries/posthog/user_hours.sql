-- title: Events of one person per hour
-- about: How much the person did in each hour of the window that has any event; hours are those of the given timezone.
-- params: {email: {type: list}, days: 30}
WITH lowerUTF8(trim(person.properties.email)) AS email
SELECT
    toDate(toTimeZone(timestamp, {timezone})) AS day,
    toHour(toTimeZone(timestamp, {timezone})) AS hour,
    count() AS actions
FROM events
WHERE has({email}, email)
    AND timestamp > toDateTime({as_of}) - toIntervalHour(24 * {days})
    AND timestamp <= toDateTime({as_of})
    AND person_id NOT IN (SELECT id FROM persons WHERE {opted_out})
    AND NOT arrayExists(
        own -> email = own
            OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
        {internal}
    )
GROUP BY day, hour
ORDER BY day, hour
