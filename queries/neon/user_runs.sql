-- title: Workflow runs of one person, by how they ended
-- about: >
--   Workflow level; a failed run here may have had no failed tool call, and the other way round. Messages come as they were
--   written, but for the middle of very long ones; `usertrack user` makes fingerprints of them before anybody sees them.
-- params: {email: {type: list}}
SELECT
    CASE
        WHEN r.run_state::text IN ('success', 'completed') THEN 'ok'
        WHEN r.run_state::text = 'failed' THEN 'failed'
        WHEN r.run_state::text IN ('running', 'queued', 'pending') THEN 'running'
        WHEN r.run_state::text IN ('cancelled', 'canceled') THEN 'cancelled'
        ELSE 'unknown'
    END AS outcome,
    -- a traceback says what happened in its last line: of a long one both ends are kept, cut where lines end
    CASE
        WHEN r.run_state::text <> 'failed' THEN NULL
        WHEN length(r.run_error_log) > 4000
            THEN left(r.run_error_log, 1500) || chr(10) || regexp_replace(right(r.run_error_log, 2400), '^[^\n]*\n', '')
        ELSE r.run_error_log
    END AS message,
    count(*) AS runs,
    min(r.created_at) AS first_at,
    max(r.created_at) AS last_at
FROM fastapi_run AS r
JOIN fastapi_user AS f ON f.id = r.user_id
JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE lower(trim(w.email)) = ANY({email}) AND r.created_at <= {as_of}
    AND NOT {is_internal}
GROUP BY 1, 2
ORDER BY runs DESC, outcome, message
