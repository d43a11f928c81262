-- title: What one person's workflows, tools, code and agents did
-- about: >
--   One row per thing that happened, newest first. Outcomes are ok, failed, running, cancelled, and unknown for a status
--   that is none of these; a custom tool is deployed. Of a message there is the line that says why, as it was written;
--   `usertrack user` makes fingerprints of them before anybody sees them.
-- params: {email: {type: list}, days: 30}
WITH owned AS ({accounts_of_person}),
happened AS (
    SELECT r.at, 'run' AS kind, 'workflow run' AS what, r.outcome,
        {telling_line} AS detail
    FROM {runs} AS r WHERE r.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT c.at, 'tool', c.tool, c.outcome, split_part(c.error, chr(10), 1)
    FROM {calls} AS c WHERE c.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT x.at, 'code', x.name, x.outcome, NULL
    FROM {code_runs} AS x WHERE x.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT d.at, 'custom tool', d.name, 'deployed', d.description
    FROM {deployments} AS d WHERE d.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT g.at, 'agent', g.agent, g.outcome, NULL
    FROM {agent_runs} AS g WHERE g.account_id IN (SELECT account_id FROM owned)
)
SELECT at, kind, what, outcome, left(detail, 1000) AS detail
FROM happened
WHERE at <= {as_of} AND at > {as_of} - make_interval(days => {days}::int)
ORDER BY at DESC, kind, what
