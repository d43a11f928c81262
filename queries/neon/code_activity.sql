-- title: Code executions per e-mail
-- about: How often somebody ran code in the sandbox, and when last.
-- key: [email, account_id, organization]
-- params: {days: 30}
-- facts:
--   code_runs: {label: "{code_runs}", type: int, absent: 0}
--   code_runs_recent: {label: "{code_runs} in the window", type: int, absent: 0}
--   last_code_at: {label: "last {code_run}", type: time}
SELECT
    a.{key},
    count(*) AS code_runs,
    count(*) FILTER (WHERE x.at > {as_of} - make_interval(days => {days}::int)) AS code_runs_recent,
    max(x.at) AS last_code_at
FROM {code_runs} AS x
JOIN {accounts} AS a USING (account_id)
WHERE x.at <= {as_of}
    AND a.exists_since <= {as_of}
    AND NOT {is_internal}
GROUP BY a.{key}
