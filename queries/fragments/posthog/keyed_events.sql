-- title: Events with their key
-- about: >
--   A relation for FROM, of which `event_key` can be read.
events
