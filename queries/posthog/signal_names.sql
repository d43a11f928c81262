-- title: Who somebody is
-- about: >
--   E-mail and name of the persons with these ids, from their own properties, however new they are.
-- params:
--   people: {type: list}
SELECT person_id AS id, nullIf(email, '') AS email, name
FROM (
    SELECT
        toString(id) AS person_id,
        ifNull(lowerUTF8(trim(properties.email)), '') AS email,
        nullIf(trim(properties.name), '') AS name
    FROM persons
    WHERE toString(id) IN {people}
        AND NOT {opted_out}
        AND NOT {is_internal}
)
