-- title: Whose events count
-- about: >
--   Of the persons who are asked about, those who are neither our own people nor opted out. Looked up once a person, not once an event.
(
    {is_counted}
    AND person_id NOT IN {not_customers}
)
