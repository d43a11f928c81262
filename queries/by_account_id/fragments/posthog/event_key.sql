-- title: Whose profile an event belongs to
-- about: >
--   Needs the rows of `keyed_events`. The id under which the event was sent; of an event from before the sign-in the first
--   id of its person. NULL for a visitor.
if(has(known.ids, events.distinct_id), events.distinct_id, nullIf(known.ids[1], ''))
