-- title: Runs, tool calls and executions of one person per hour
-- about: How much the person did in each hour of the window that has any of it; hours are those of the given timezone.
-- params: {email: {type: list}, days: 30}
WITH backend AS ({users_of_person}),
happened AS (
    SELECT r.created_at AS at FROM fastapi_run AS r WHERE r.user_id IN (SELECT id FROM backend)
    UNION ALL
    SELECT t.created_at FROM fastapi_tool_executions AS t WHERE t.user_id::text IN (SELECT id::text FROM backend)
    UNION ALL
    SELECT c.created_at FROM fastapi_code_execution AS c WHERE c.user_id IN (SELECT id FROM backend)
    UNION ALL
    SELECT a.started_at
    -- where agents' table has no user_id, that of `absent` is meant, and nobody is known
    FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
    CROSS JOIN LATERAL (SELECT user_id, a.started_at FROM wasp_agentexecution AS a) AS a
    WHERE a.user_id IN (SELECT account_id FROM backend)
)
SELECT
    (at::timestamptz AT TIME ZONE {timezone})::date AS day,
    extract(hour FROM at::timestamptz AT TIME ZONE {timezone})::int AS hour,
    count(*) AS actions
FROM happened
WHERE at <= {as_of} AND at > {as_of} - make_interval(days => {days}::int)
GROUP BY 1, 2
ORDER BY 1, 2
