-- title: Whose profile an event belongs to
-- about: >
--   Needs the rows of `keyed_events`. The first id of its person, whichever it was sent under. NULL for a visitor.
nullIf(known.ids[1], '')
