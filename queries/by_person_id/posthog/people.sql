-- title: Persons of PostHog
-- about: >
--   A row per person whom the product has named, under the first of their ids; `ids` says how many those are. The row without
--   an id counts all others: visitors whom nobody named.
-- key: person_id
-- people: persons
-- facts:
--   persons: {label: PostHog persons, type: int, current: true}
--   ids: {label: ids, type: int, current: true}
--   email: {label: e-mail, type: text, current: true}
--   first_seen_at: {label: first seen, type: time, merge: min}
SELECT person_id, sum(there) AS persons, max(named) AS ids, max(address) AS email, min(first_at) AS first_seen_at
FROM (
    SELECT
        nullIf(known.ids[1], '') AS person_id,
        length(known.ids) AS named,
        {email_of_person} AS address,
        1 AS there,
        persons.created_at AS first_at
    FROM {known_persons}
    UNION ALL
    SELECT NULL AS person_id, 0 AS named, NULL AS address, {nameless_visitors}
)
GROUP BY person_id
