-- title: Persons behind an e-mail or an id
-- about: >
--   Every person of PostHog with events who is meant by `who`: an e-mail in any case, or a distinct_id as it was sent, which
--   may be that of a visitor who has no person profile.
-- params:
--   who: {type: text}
--   until: {type: timestamp}
SELECT DISTINCT toString(person_id) AS person_id, lowerUTF8(trim(person.properties.email)) AS email
FROM events
WHERE timestamp < toDateTime({until})
    AND (
        distinct_id = {who}
        OR person_id IN (SELECT id FROM persons WHERE lowerUTF8(trim(properties.email)) = lowerUTF8(trim({who})))
        OR person_id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id = {who})
    )
    AND person_id NOT IN {not_customers}
ORDER BY person_id
