-- title: Neither our own people nor who opted out
-- about: >
--   By person, which the key is not: a column of a query has the same name.
events.person_id NOT IN {not_customers}
