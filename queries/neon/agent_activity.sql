-- title: Agent executions per e-mail
-- about: How often somebody let an agent run, and when last. Where the table has no `user_id`, nobody did.
-- key: email
-- params: {days: 30}
-- facts:
--   agent_runs: {label: agent executions, type: int, absent: 0}
--   agent_runs_recent: {label: agent executions in the window, type: int, absent: 0}
--   last_agent_at: {label: last agent execution, type: time}
SELECT
    lower(trim(w.email)) AS email,
    count(*) AS agent_runs,
    count(*) FILTER (WHERE a.started_at > {as_of} - make_interval(days => {days}::int)) AS agent_runs_recent,
    max(a.started_at) AS last_agent_at
-- where agents' table has no user_id, that of `absent` is meant, and nobody is known
FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
CROSS JOIN LATERAL (SELECT user_id, a.started_at FROM wasp_agentexecution AS a) AS a
JOIN wasp_user AS w ON w.id = a.user_id
WHERE a.started_at <= {as_of}
    AND NOT {is_internal}
GROUP BY lower(trim(w.email))
