-- title: Ids of those who have said no
-- about: >
--   The accounts of persons who do not want to be analysed are found by these: ids of identified persons, and those that no
--   browser made up.
(
    SELECT groupUniqArray(distinct_id)
    FROM person_distinct_ids
    WHERE person_id IN (SELECT id FROM persons WHERE {opted_out})
        AND (
            person_id IN (SELECT id FROM persons WHERE {identified})
            OR NOT match(distinct_id, '^[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$')
        )
)
