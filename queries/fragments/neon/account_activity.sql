-- title: All that accounts did
-- about: >
--   A row per run, tool call, code execution, custom tool and agent execution: `account_id` and when (`at`).
SELECT r.account_id, r.at FROM {runs} AS r
UNION ALL
SELECT c.account_id, c.at FROM {calls} AS c
UNION ALL
SELECT x.account_id, x.at FROM {code_runs} AS x
UNION ALL
SELECT d.account_id, d.at FROM {deployments} AS d
UNION ALL
SELECT g.account_id, g.at FROM {agent_runs} AS g
