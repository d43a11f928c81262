-- title: Events of one person per day
-- about: How much the person did on each day of the window that has any event; days are those of the given timezone.
-- params: {email: {type: text}, days: 30}
WITH lowerUTF8(trim(person.properties.email)) AS email
SELECT toDate(toTimeZone(timestamp, {timezone})) AS day, count() AS actions
FROM events
WHERE email = {email}
    AND timestamp > toDateTime({as_of}) - toIntervalHour(24 * {days})
    AND timestamp <= toDateTime({as_of})
    AND NOT arrayExists(
        own -> email = own
            OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
        {internal}
    )
GROUP BY day
ORDER BY day
