-- title: What customers did in the last days
-- about: >
--   Needs the rows of `keyed_events`. Whether an event is of the last `days`, of somebody with a key, and not of your own people.
({in_days} AND {event_key} IS NOT NULL AND {customer})
