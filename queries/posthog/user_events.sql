-- title: What one person did in the product
-- about: One row per event, newest first.
-- params: {email: {type: text}, days: 30}
SELECT timestamp AS at, event, properties.$pathname AS page, properties.template_name AS detail
FROM events
WHERE lower(trim(person.properties.email)) = {email}
    AND timestamp > toDateTime({as_of}) - toIntervalDay({days})
    AND timestamp <= toDateTime({as_of})
ORDER BY at DESC, event
