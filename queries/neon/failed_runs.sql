-- title: Failed workflow runs
-- about: >
--   One row per run that failed within `days`, newest first, with the line of its log that says why: the last one of a
--   traceback, the first of anything else, cut at 200 characters. A run of nobody who has an account is here too.
-- params: {days: 30}
SELECT
    r.at,
    a.email,
    left({telling_line}, 200) AS error,
    r.run_id
FROM {runs} AS r
LEFT JOIN {accounts} AS a USING (account_id)
WHERE r.failed AND r.at <= {as_of} AND r.at > {as_of} - make_interval(days => {days}::int)
    AND NOT {is_internal}
ORDER BY r.at DESC, r.run_id DESC
