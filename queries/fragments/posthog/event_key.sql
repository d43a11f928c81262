-- title: Whose profile an event belongs to
-- about: >
--   Needs the rows of `keyed_events`. NULL for an event that is nobody's.
lowerUTF8(trim(person.properties.email))
