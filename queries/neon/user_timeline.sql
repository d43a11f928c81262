-- title: What one person's workflows, tools, code and agents did
-- about: >
--   One row per thing that happened, the last that began first. `at` is when it began or, where it failed, when it ended, as far
--   as that is known. Outcomes are ok, failed, running, cancelled, and unknown for a status
--   that is none of these; a custom tool is deployed. Of a message there is the line that says why, as it was written;
--   `usertrack user` makes fingerprints of them before anybody sees them.
-- params: {email: {type: list}, days: 30}
WITH owned AS ({accounts_of_person}),
happened AS (
    SELECT r.at AS began_at, 'run' AS kind, 'workflow run' AS what, r.outcome,
        {telling_line} AS detail, r.ended_at
    FROM {runs} AS r WHERE r.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT c.at, 'tool', c.tool, c.outcome, split_part(c.error, chr(10), 1), c.at + make_interval(secs => c.duration_ms / 1000)
    FROM {calls} AS c WHERE c.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT x.at, 'code', x.name, x.outcome, NULL, x.at + make_interval(secs => x.duration_ms / 1000)
    FROM {code_runs} AS x WHERE x.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT d.at, 'custom tool', d.name, 'deployed', d.description, NULL
    FROM {deployments} AS d WHERE d.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT g.at, 'agent', g.agent, g.outcome, NULL,
        coalesce(g.completed_at, g.at + make_interval(secs => g.duration_ms / 1000))
    FROM {agent_runs} AS g WHERE g.account_id IN (SELECT account_id FROM owned)
)
SELECT
    CASE WHEN outcome = 'failed' THEN least(coalesce(ended_at, began_at), {as_of}) ELSE began_at END AS at,
    kind,
    what,
    outcome,
    left(detail, 1000) AS detail,
    began_at
FROM happened
WHERE began_at <= {as_of} AND began_at > {as_of} - make_interval(days => {days}::int)
ORDER BY began_at DESC, kind, what
