-- title: The ids of persons
-- about: >
--   A row per person with an id (`person`): the distinct_ids under which the product knows them (`ids`). Of a person who is not
--   identified these are the ids that no browser made up, such as those of a server or of an imported log. Ids that a browser
--   gave itself before somebody signed in are none: `$identify` names those.
SELECT person_id AS person, arraySort(groupUniqArray(distinct_id)) AS ids
FROM person_distinct_ids
WHERE (
        person_id IN (SELECT id FROM persons WHERE {identified})
        OR NOT match(distinct_id, '^[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$')
    )
    AND distinct_id NOT IN (
        SELECT toString(properties.$anon_distinct_id)
        FROM events
        WHERE event = '$identify' AND properties.$anon_distinct_id IS NOT NULL
    )
GROUP BY person_id
