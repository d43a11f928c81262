-- title: Workflow runs of one person, by how they ended
-- about: Workflow level; a failed run here may have had no failed tool call, and the other way round.
-- params: {email: {type: text}}
SELECT
    r.run_state AS outcome,
    CASE WHEN r.run_state = 'failed' THEN
        left(
            regexp_replace(
                -- of a traceback the last line says what happened, of anything else the first
                split_part(btrim(r.run_error_log, E' \n'), chr(10), CASE WHEN r.run_error_log LIKE 'Traceback%' THEN -1 ELSE 1 END),
                '[0-9a-f-]{8,}', '…', 'g'
            ), 120
        )
    END AS cause,
    count(*) AS runs,
    min(r.created_at) AS first_at,
    max(r.created_at) AS last_at
FROM fastapi_run AS r
JOIN fastapi_user AS f ON f.id = r.user_id
JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE lower(trim(w.email)) = {email} AND r.created_at <= {as_of}
GROUP BY 1, 2
ORDER BY runs DESC, outcome, cause
