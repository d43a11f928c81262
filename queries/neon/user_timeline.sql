-- title: What one person's workflows, tools, code and agents did
-- about: >
--   One row per thing that happened, newest first. Outcomes are ok, failed, running, cancelled, and unknown for a status
--   that is none of these; a custom tool is deployed. Of a message there is the line that says why, as it was written;
--   `usertrack user` makes fingerprints of them before anybody sees them.
-- params: {email: {type: list}, days: 30}
WITH backend AS ({users_of_person}),
happened AS (
    SELECT r.created_at AS at, 'run' AS kind, 'workflow run' AS what, r.run_state::text AS status,
        -- a traceback says what happened in its last line
        split_part(
            btrim(r.run_error_log, E' \n'), chr(10), CASE WHEN r.run_error_log LIKE 'Traceback%' THEN -1 ELSE 1 END
        ) AS detail
    FROM fastapi_run AS r WHERE r.user_id IN (SELECT id FROM backend)
    UNION ALL
    SELECT t.created_at, 'tool', t.tool_name, t.status::text, split_part(t.error_message, chr(10), 1)
    FROM fastapi_tool_executions AS t WHERE t.user_id::text IN (SELECT id::text FROM backend)
    UNION ALL
    SELECT c.created_at, 'code', c.name, c.status::text, NULL
    -- a column that the table does not have is that of `absent`: nothing is known of it
    FROM (SELECT NULL::text AS name, NULL::text AS script_name) AS absent
    CROSS JOIN LATERAL (
        SELECT coalesce(name, script_name) AS name, c.user_id, c.status, c.created_at FROM fastapi_code_execution AS c
    ) AS c
    WHERE c.user_id IN (SELECT id FROM backend)
    UNION ALL
    SELECT d.created_at, 'custom tool', d.name, 'deployed', d.description
    FROM (SELECT NULL::text AS description) AS absent
    CROSS JOIN LATERAL (SELECT description, d.user_id, d.name, d.created_at FROM fastapi_deployment AS d) AS d
    WHERE d.user_id IN (SELECT id FROM backend)
    UNION ALL
    SELECT a.started_at, 'agent', a.agent_id::text, a.status::text, NULL
    -- where agents' table has no user_id, that of `absent` is meant, and nobody is known
    FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
    CROSS JOIN LATERAL (SELECT user_id, a.agent_id, a.status, a.started_at FROM wasp_agentexecution AS a) AS a
    WHERE a.user_id IN (SELECT account_id FROM backend)
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
