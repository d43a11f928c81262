-- title: Code that people ran
-- about: >
--   One row per execution in the sandbox within `days`, newest first; what it was called, how it ended, how long it took.
-- params: {days: 30}
SELECT x.at, a.email, x.name, x.outcome, x.duration_ms AS ms
FROM {code_runs} AS x
LEFT JOIN {accounts} AS a USING (account_id)
WHERE x.at <= {as_of} AND x.at > {as_of} - make_interval(days => {days}::int)
    AND NOT {is_internal}
ORDER BY x.at DESC, email, name, outcome, ms
