-- title: Persons and their ids
-- about: >
--   A relation for FROM, with WHERE: the persons who are customers, and the ids of each (`known.ids`).
persons
LEFT JOIN ({account_ids}) AS known ON known.person = persons.id
WHERE persons.created_at <= toDateTime({as_of})
    AND persons.id NOT IN {not_customers}
