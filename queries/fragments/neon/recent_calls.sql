-- title: The calls of the last days
-- about: >
--   Needs `c`, the call, and `a`, its account: not our own people's, of the `days` × 24 hours up to and including `as_of`.
(c.at <= {as_of} AND c.at > {as_of} - make_interval(days => {days}::int) AND NOT {is_internal})
