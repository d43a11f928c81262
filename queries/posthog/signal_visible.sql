-- title: Who of some people may be shown
-- about: >
--   Of the persons with these ids, those who are neither our own people nor opted out.
-- params:
--   people: {type: list}
SELECT toString(person_id) AS id
FROM (SELECT toUUID(arrayJoin({people})) AS person_id)
WHERE person_id NOT IN {not_customers}
