-- title: Agent executions
-- about: A row per execution of an agent, and how it ended.
-- states:
--   ok: [success, completed]
--   failed: [failed]
--   running: [running, queued, pending]
--   cancelled: [cancelled, canceled]
SELECT
    a.user_id AS account_id,
    a.started_at AS at,
    a.completed_at,
    a.status,
    a.agent_id AS agent,
    a.duration_ms
-- a column that the table does not have is that of `absent`: nothing is known of it
FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id, NULL::timestamp AS completed_at) AS absent
CROSS JOIN LATERAL (
    SELECT user_id, completed_at, a.agent_id, a.status, a.duration_ms, a.started_at FROM wasp_agentexecution AS a
) AS a
