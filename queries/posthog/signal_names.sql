-- title: Who somebody is
-- about: >
--   E-mail and name of the persons with these ids, from their own properties, however new they are.
-- params:
--   people: {type: list}
SELECT toString(id) AS id, {email_of_person} AS email, nullIf(trim(properties.name), '') AS name
FROM persons
WHERE toString(id) IN {people}
    AND persons.id NOT IN {not_customers}
