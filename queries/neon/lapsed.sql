-- title: People who were active and have stopped
-- about: >
--   Did something once (run, tool call, code execution, agent execution, custom tool) and nothing in the last
--   `idle_days`, nor does the app itself note them as active since. Who never did anything is in neon/never_activated.
--   Visits that only PostHog knows do not count here. Each account without an e-mail is judged by itself; those are
--   counted together in the row without one.
-- key: email
-- params: {idle_days: 7}
-- facts:
--   lapsed: {label: lapsed, type: bool, absent: false}
WITH happened AS (
    SELECT f.wasp_user_id AS account_id, r.created_at AS at FROM fastapi_run AS r JOIN fastapi_user AS f ON f.id = r.user_id
    UNION ALL
    SELECT f.wasp_user_id, t.created_at FROM fastapi_tool_executions AS t JOIN fastapi_user AS f ON f.id::text = t.user_id::text
    UNION ALL
    SELECT f.wasp_user_id, c.created_at FROM fastapi_code_execution AS c JOIN fastapi_user AS f ON f.id = c.user_id
    UNION ALL
    SELECT f.wasp_user_id, d.created_at FROM fastapi_deployment AS d JOIN fastapi_user AS f ON f.id = d.user_id
    UNION ALL
    SELECT a.user_id, a.started_at
    -- where agents' table has no user_id, that of `absent` is meant, and nobody is known
    FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
    CROSS JOIN LATERAL (SELECT user_id, a.started_at FROM wasp_agentexecution AS a) AS a
),
used AS (
    SELECT account_id, max(at) AS last_at FROM happened WHERE at <= {as_of} GROUP BY account_id
),
people AS (
    SELECT
        nullif(lower(trim(w.email)), '') AS email,
        count(*) AS accounts,
        min(w.created_at) AS signed_up_at,
        max(used.last_at) AS last_action_at,
        greatest(
            max(used.last_at),
            max(w.last_active_timestamp) FILTER (WHERE w.last_active_timestamp <= {as_of})
        ) AS last_seen_at
    FROM wasp_user AS w
    LEFT JOIN used ON used.account_id = w.id
    WHERE w.created_at <= {as_of}
        AND NOT {is_internal}
    GROUP BY nullif(lower(trim(w.email)), ''), CASE WHEN nullif(trim(w.email), '') IS NULL THEN w.id END
    HAVING count(used.account_id) > 0
)
SELECT
    email,
    true AS lapsed,
    sum(accounts)::bigint AS accounts,
    min(signed_up_at) AS signed_up_at,
    max(last_action_at) AS last_action_at,
    max(last_seen_at) AS last_seen_at,
    floor(extract(epoch FROM {as_of} - max(last_seen_at)::timestamptz) / 86400)::bigint AS idle_days
FROM people
WHERE last_seen_at <= {as_of} - make_interval(days => {idle_days}::int)
GROUP BY email
ORDER BY last_seen_at DESC, email
