-- title: People who signed up and never did anything
-- about: >
--   Signed up at least `min_age_days` ago and has had no run, tool call, code execution, agent execution or custom tool
--   since, by any of the accounts of the e-mail. Who was active once is in neon/lapsed. Visits are PostHog's to know: a
--   person listed here may well have come and looked; `last_active_at` is what the app itself noted. Each account
--   without an e-mail is judged by itself; those are counted together in the row without one.
-- key: email
-- params: {min_age_days: 7}
-- facts:
--   never_activated: {label: never activated, type: bool, absent: false}
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
        max(w.last_active_timestamp) FILTER (WHERE w.last_active_timestamp <= {as_of}) AS last_active_at
    FROM wasp_user AS w
    LEFT JOIN used ON used.account_id = w.id
    WHERE w.created_at <= {as_of}
        AND NOT {is_internal}
    GROUP BY nullif(lower(trim(w.email)), ''), CASE WHEN nullif(trim(w.email), '') IS NULL THEN w.id END
    HAVING count(used.account_id) = 0 AND min(w.created_at) <= {as_of} - make_interval(days => {min_age_days}::int)
)
SELECT
    email,
    true AS never_activated,
    sum(accounts)::bigint AS accounts,
    min(signed_up_at) AS signed_up_at,
    floor(extract(epoch FROM {as_of} - min(signed_up_at)::timestamptz) / 86400)::bigint AS days_since_signup,
    max(last_active_at) AS last_active_at
FROM people
GROUP BY email
ORDER BY signed_up_at DESC, email
