-- title: Code executions per e-mail
-- about: How often somebody ran code in the sandbox, and when last.
-- key: email
-- params: {days: 30}
-- facts:
--   code_runs: {label: code executions, type: int, absent: 0}
--   code_runs_recent: {label: code executions in the window, type: int, absent: 0}
--   last_code_at: {label: last code execution, type: time}
SELECT
    lower(trim(w.email)) AS email,
    count(*) AS code_runs,
    count(*) FILTER (WHERE c.created_at > {as_of} - make_interval(days => {days}::int)) AS code_runs_recent,
    max(c.created_at) AS last_code_at
FROM fastapi_code_execution AS c
JOIN fastapi_user AS f ON f.id = c.user_id
JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE c.created_at <= {as_of}
    AND NOT {is_internal}
GROUP BY lower(trim(w.email))
