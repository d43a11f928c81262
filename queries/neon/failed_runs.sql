-- title: Failed workflow runs
-- about: >
--   One row per run that failed within `days`, newest first, with the line of its log that says why: the last one of a
--   traceback, the first of anything else, cut at 200 characters. A run of nobody who has an account is here too.
-- params: {days: 30}
SELECT
    r.created_at AS at,
    lower(trim(w.email)) AS email,
    left(
        split_part(btrim(r.run_error_log, E' \n'), chr(10), CASE WHEN r.run_error_log LIKE 'Traceback%' THEN -1 ELSE 1 END),
        200
    ) AS error,
    r.id AS run
FROM fastapi_run AS r
LEFT JOIN fastapi_user AS f ON f.id = r.user_id
LEFT JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE r.run_state::text = 'failed' AND r.created_at <= {as_of} AND r.created_at > {as_of} - make_interval(days => {days}::int)
    AND NOT {is_internal}
ORDER BY r.created_at DESC, r.id DESC
