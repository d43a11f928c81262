-- title: Events with their key
-- about: >
--   A relation for FROM, of which `event_key` can be read: the events with the ids of their persons.
events LEFT JOIN ({account_ids}) AS known ON known.person = events.person_id
