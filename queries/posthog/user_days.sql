-- title: Events of one person per day
-- about: How much the person did on each day of the window that has any event; days are those of the given timezone.
-- params: {email: {type: text}, days: 30}
SELECT toDate(toTimeZone(timestamp, {timezone})) AS day, count() AS actions
FROM events
WHERE lower(trim(person.properties.email)) = {email}
    AND timestamp > toDateTime({as_of}) - toIntervalDay({days})
    AND timestamp <= toDateTime({as_of})
GROUP BY day
ORDER BY day
