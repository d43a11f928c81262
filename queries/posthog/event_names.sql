-- title: Event names
-- about: Every event that ever occurred, with how often. Names that were mistyped are looked up here.
WITH lowerUTF8(trim(person.properties.email)) AS email
SELECT event, count() AS events
FROM events
WHERE timestamp <= toDateTime({as_of})
    AND person_id NOT IN (SELECT id FROM persons WHERE {opted_out})
    AND NOT arrayExists(
        own -> email = own
            OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
        {internal}
    )
GROUP BY event
ORDER BY events DESC, event
