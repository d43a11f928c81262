-- title: The calls of the last days
-- about: >
--   Needs `t`, the call, and `w`, its account: not our own people's, of the `days` × 24 hours up to and including `as_of`.
(t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int) AND NOT {is_internal})
