-- title: What one person's workflows, tools, code and agents did
-- about: >
--   One row per thing that happened, newest first. Outcomes are ok, failed, running, cancelled, and unknown for a status
--   that is none of these; a custom tool is deployed. Of a message there is the line that says why, as it was written;
--   `usertrack user` makes fingerprints of them before anybody sees them.
-- params: {email: {type: list}, days: 30}
WITH backend AS (
    SELECT f.id, w.id AS account_id
    FROM wasp_user AS w
    LEFT JOIN fastapi_user AS f ON f.wasp_user_id = w.id
    WHERE lower(trim(w.email)) = ANY({email})
        AND NOT EXISTS (
            SELECT FROM unnest({internal}) AS own
            WHERE lower(trim(w.email)) = own
                OR (own NOT LIKE '%@%' AND right(lower(trim(w.email)), length(own) + 1) IN ('@' || own, '.' || own))
        )
),
happened AS (
    SELECT r.created_at AS at, 'run' AS kind, 'workflow run' AS what, r.run_state AS status,
        -- a traceback says what happened in its last line
        split_part(
            btrim(r.run_error_log, E' \n'), chr(10), CASE WHEN r.run_error_log LIKE 'Traceback%' THEN -1 ELSE 1 END
        ) AS detail
    FROM fastapi_run AS r WHERE r.user_id IN (SELECT id FROM backend)
    UNION ALL
    SELECT t.created_at, 'tool', t.tool_name, t.status, split_part(t.error_message, chr(10), 1)
    FROM fastapi_tool_executions AS t WHERE t.user_id IN (SELECT id::text FROM backend)
    UNION ALL
    SELECT c.created_at, 'code', c.name, c.status, NULL
    FROM fastapi_code_execution AS c WHERE c.user_id IN (SELECT id FROM backend)
    UNION ALL
    SELECT d.created_at, 'custom tool', d.name, 'deployed', d.description
    FROM fastapi_deployment AS d WHERE d.user_id IN (SELECT id FROM backend)
    UNION ALL
    SELECT a.started_at, 'agent', a.agent_id::text, a.status, NULL
    FROM wasp_agentexecution AS a WHERE a.user_id IN (SELECT account_id FROM backend)
)
SELECT
    at, kind, what,
    CASE
        WHEN status IN ('success', 'completed') THEN 'ok'
        WHEN status = 'failed' THEN 'failed'
        WHEN status IN ('running', 'queued', 'pending') THEN 'running'
        WHEN status IN ('cancelled', 'canceled') THEN 'cancelled'
        WHEN status = 'deployed' THEN 'deployed'
        ELSE 'unknown'
    END AS outcome,
    left(detail, 1000) AS detail
FROM happened
WHERE at <= {as_of} AND at > {as_of} - make_interval(days => {days}::int)
ORDER BY at DESC, kind, what
