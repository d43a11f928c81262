-- title: Agent executions per e-mail
-- about: How often somebody let an agent run, and when last. Where the table has no `user_id`, nobody did.
-- key: [email, account_id, organization]
-- params: {days: 30}
-- facts:
--   agent_runs: {label: "{agent_runs}", type: int, absent: 0}
--   agent_runs_recent: {label: "{agent_runs} in the window", type: int, absent: 0}
--   last_agent_at: {label: "last {agent_run}", type: time}
SELECT
    a.{key},
    count(*) AS agent_runs,
    count(*) FILTER (WHERE g.at > {as_of} - make_interval(days => {days}::int)) AS agent_runs_recent,
    max(g.at) AS last_agent_at
FROM {agent_runs} AS g
JOIN {accounts} AS a USING (account_id)
WHERE g.at <= {as_of}
    AND a.exists_since <= {as_of}
    AND NOT {is_internal}
GROUP BY a.{key}
