-- title: Whose profile an event belongs to
-- about: >
--   The organization for which somebody did it. NULL where the event names none.
{organization}
