-- title: Runs, tool calls and executions of one person per hour
-- about: How much the person did in each hour of the window that has any of it; hours are those of the given timezone.
-- params: {email: {type: list}, days: 30}
WITH owned AS ({accounts_of_person}),
happened AS (
    SELECT r.at FROM {runs} AS r WHERE r.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT c.at FROM {calls} AS c WHERE c.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT x.at FROM {code_runs} AS x WHERE x.account_id IN (SELECT account_id FROM owned)
    UNION ALL
    SELECT g.at FROM {agent_runs} AS g WHERE g.account_id IN (SELECT account_id FROM owned)
)
SELECT
    (at::timestamptz AT TIME ZONE {timezone})::date AS day,
    extract(hour FROM at::timestamptz AT TIME ZONE {timezone})::int AS hour,
    count(*) AS actions
FROM happened
WHERE at <= {as_of} AND at > {as_of} - make_interval(days => {days}::int)
GROUP BY 1, 2
ORDER BY 1, 2
