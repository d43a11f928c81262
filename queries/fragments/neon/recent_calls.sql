-- title: The calls of the last days
-- about: >
--   A row per call of the `days` × 24 hours up to and including `as_of`, but our own people's: tool, kind, provider,
--   outcome, error type and error, `at`, `ms`, and the `person` and e-mail of its account, empty where nobody has one.
SELECT c.tool, c.kind, c.provider, c.outcome, c.error_type, c.error, c.at, c.duration_ms AS ms, a.person, a.email
FROM {calls} AS c
LEFT JOIN {accounts} AS a USING (account_id)
WHERE c.at <= {as_of} AND c.at > {as_of} - make_interval(days => {days}::int) AND NOT {is_internal}
