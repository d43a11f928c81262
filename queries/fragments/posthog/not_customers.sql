-- title: Persons in no answer
-- about: >
--   A list of the ids of our own people and of those who opted out. Looked up once a person, not once an event.
(
    SELECT id
    FROM (SELECT id, {email_of_person} AS email, {opted_out} AS said_no FROM persons)
    WHERE said_no OR ifNull({is_internal}, false) OR toString(id) IN arrayPushBack({own_people}, '')
)
