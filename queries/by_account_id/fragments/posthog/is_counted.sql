-- title: Who is asked about
-- about: >
--   Everybody, or the persons who are identified, or those who have one of `people` as a distinct_id.
-- params:
--   everyone: true
--   people: {type: list, default: [""]}
({everyone} OR person_id IN (
    SELECT id FROM persons
    WHERE {identified}
        AND (
            has({people}, '')
            OR id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id IN {people})
        )
))
