-- title: Code that people ran
-- about: >
--   One row per execution in the sandbox within `days`, newest first; what it was called, how it ended, how long it took.
-- params: {days: 30}
SELECT
    c.created_at AS at,
    lower(trim(w.email)) AS email,
    c.name,
    CASE
        WHEN c.status::text IN ('success', 'completed') THEN 'ok'
        WHEN c.status::text = 'failed' THEN 'failed'
        WHEN c.status::text IN ('running', 'queued', 'pending') THEN 'running'
        WHEN c.status::text IN ('cancelled', 'canceled') THEN 'cancelled'
        ELSE 'unknown'
    END AS outcome,
    c.execution_time_ms AS ms
-- a column that the table does not have is that of `absent`: nothing is known of it
FROM (SELECT NULL::text AS name, NULL::text AS script_name) AS absent
CROSS JOIN LATERAL (
    SELECT coalesce(name, script_name) AS name, c.user_id, c.status, c.execution_time_ms, c.created_at
    FROM fastapi_code_execution AS c
) AS c
LEFT JOIN fastapi_user AS f ON f.id = c.user_id
LEFT JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE c.created_at <= {as_of} AND c.created_at > {as_of} - make_interval(days => {days}::int)
    AND NOT {is_internal}
ORDER BY c.created_at DESC, email, name, outcome, ms
