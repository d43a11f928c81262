-- title: Agent executions
-- about: A row per execution of an agent, and how it ended.
-- states:
--   ok: [success, completed]
--   failed: [failed]
--   running: [running, queued, pending]
--   cancelled: [cancelled, canceled]
SELECT
    whose.user_id AS account_id,
    a.started_at AS at,
    a.completed_at,
    a.status,
    a.agent_id AS agent,
    a.duration_ms
-- some tables do not say whose an execution is: then `user_id` is that of `absent`, and the execution is nobody's
FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
CROSS JOIN wasp_agentexecution AS a
CROSS JOIN LATERAL (SELECT user_id FROM (SELECT a.*) AS a) AS whose
