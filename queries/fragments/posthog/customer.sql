-- title: Neither our own people nor who opted out
-- about: >
--   By person, whatever name an event has for them.
person_id NOT IN {not_customers}
