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
    FROM {known_persons}
    UNION ALL
    SELECT NULL AS account_id, {nameless_visitors}
)
GROUP BY account_id
