-- title: The last days
-- about: >
--   Whether an event is of the `days` × 24 hours up to and including `as_of`.
(timestamp > toDateTime({as_of}) - toIntervalHour(24 * {days}) AND timestamp <= toDateTime({as_of}))
