-- title: Workflow runs of one person, by how they ended
-- about: Workflow level; a failed run here may have had no failed tool call, and the other way round.
-- params: {email: {type: text}}
SELECT
    r.run_state AS outcome,
    CASE WHEN r.run_state = 'failed' THEN
        left(
            -- one line of it, without ids, amounts and durations (codes such as 429 and rc=137 stay), so that one cause is
            -- one text; of a traceback the last line says what happened, of anything else the first
            regexp_replace(
                regexp_replace(
                    split_part(btrim(r.run_error_log, E' \n'), chr(10), CASE WHEN r.run_error_log LIKE 'Traceback%' THEN -1 ELSE 1 END),
                    '\m(?=[\w-]*\d)[\w-]{8,}\M', '…', 'g'
                ),
                '(?<![=\w])(?:\d+(?=\s*(?:m?s|[KMG]i?B)\M)|(?![45]\d\d\M)\d+)\M', '…', 'g'
            ),
            200
        )
    END AS cause,
    count(*) AS runs,
    min(r.created_at) AS first_at,
    max(r.created_at) AS last_at
FROM fastapi_run AS r
JOIN fastapi_user AS f ON f.id = r.user_id
JOIN wasp_user AS w ON w.id = f.wasp_user_id
WHERE lower(trim(w.email)) = {email} AND r.created_at <= {as_of}
    AND NOT EXISTS (
        SELECT FROM unnest({internal}) AS own
        WHERE lower(trim(w.email)) = own
            OR (own NOT LIKE '%@%' AND right(lower(trim(w.email)), length(own) + 1) IN ('@' || own, '.' || own))
    )
GROUP BY 1, 2
ORDER BY runs DESC, outcome, cause
