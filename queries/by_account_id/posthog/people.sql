-- title: Persons per account id
-- about: >
--   Everybody whom PostHog knows by an id of the product. `persons` is above 1 for a person who has several of them, and the
--   row without an id counts all others: persons whom nobody identified.
-- key: account_id
-- people: persons
-- facts:
--   persons: {label: PostHog persons, type: int, current: true}
--   first_seen_at: {label: first seen, type: time, merge: min}
SELECT account_id, sum(there) AS persons, min(first_at) AS first_seen_at
FROM (
    SELECT nullIf(arrayJoin(if(length(known.ids) = 0, [''], known.ids)), '') AS account_id,
        if(length(known.ids) > 1, length(known.ids), 1) AS there, persons.created_at AS first_at
    FROM persons
    LEFT JOIN ({account_ids}) AS known ON known.person = persons.id
    WHERE persons.created_at <= toDateTime({as_of})
        AND persons.id NOT IN {not_customers}
    UNION ALL
    SELECT NULL AS account_id, uniqExact(person_id) AS there, min(timestamp) AS first_at
    FROM events
    WHERE person_mode = 'propertyless'
        AND timestamp <= toDateTime({as_of})
        AND person_id NOT IN (SELECT id FROM persons)
    HAVING there > 0
)
GROUP BY account_id
