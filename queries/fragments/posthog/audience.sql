-- title: Whose events count
-- about: >
--   Of the persons who are asked about, those who are neither our own people nor opted out. Looked up once a person, not once an event.
(
    {is_counted}
    AND person_id NOT IN (
        SELECT id
        FROM (SELECT id, lowerUTF8(trim(properties.email)) AS email, {opted_out} AS said_no FROM persons)
        WHERE said_no OR {is_internal}
    )
)
