-- title: Whose profile an event belongs to
-- about: >
--   Needs the rows of `keyed_events`. NULL for an event that is nobody's.
{email_of_event}
