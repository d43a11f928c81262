-- title: What the database holds about one person
-- about: >
--   One row per account of the e-mail, with what it has and what it has ever done. The success rate is over finished
--   runs (ok and failed), and empty where there is none.
-- params: {email: {type: list}}
WITH backend AS (
    SELECT f.id, f.wasp_user_id AS account_id
    FROM fastapi_user AS f JOIN wasp_user AS w ON w.id = f.wasp_user_id
    WHERE lower(trim(w.email)) = ANY({email})
),
runs AS (
    SELECT
        backend.account_id,
        count(*) AS runs,
        count(*) FILTER (WHERE r.run_state::text IN ('success', 'completed')) AS ok,
        count(*) FILTER (WHERE r.run_state::text = 'failed') AS failed,
        min(r.created_at) AS first_at,
        max(r.created_at) AS last_at
    FROM backend JOIN fastapi_run AS r ON r.user_id = backend.id
    WHERE r.created_at <= {as_of}
    GROUP BY backend.account_id
)
SELECT
    w.id::text AS account_id,
    lower(trim(w.email)) AS email,
    w.name,
    w.credits,
    w.subscription_status::text,
    w.created_at AS signed_up_at,
    w.last_active_timestamp AS last_active_at,
    coalesce(runs.runs, 0) AS runs,
    coalesce(runs.ok, 0) AS runs_ok,
    coalesce(runs.failed, 0) AS runs_failed,
    coalesce(runs.ok + runs.failed, 0) AS runs_finished,
    runs.ok::float8 / nullif(runs.ok + runs.failed, 0) AS success_rate,
    runs.first_at AS first_run_at,
    runs.last_at AS last_run_at,
    (SELECT count(*) FROM backend JOIN fastapi_tool_executions AS t ON t.user_id::text = backend.id::text
        WHERE backend.account_id = w.id AND t.created_at <= {as_of}) AS tool_calls,
    (SELECT count(*) FROM backend JOIN fastapi_code_execution AS c ON c.user_id = backend.id
        WHERE backend.account_id = w.id AND c.created_at <= {as_of}) AS code_runs,
    (SELECT count(*) FROM backend JOIN fastapi_deployment AS d ON d.user_id = backend.id
        WHERE backend.account_id = w.id AND d.created_at <= {as_of}) AS custom_tools,
    (SELECT count(*)
        -- here and below, a column that the table does not have is that of `absent`: nothing is known of it
        FROM (SELECT (SELECT id FROM wasp_user WHERE false) AS user_id) AS absent
        CROSS JOIN LATERAL (SELECT user_id, a.started_at FROM wasp_agentexecution AS a) AS a
        WHERE a.user_id = w.id AND a.started_at <= {as_of}) AS agent_runs
FROM (SELECT NULL::text AS name) AS absent
CROSS JOIN LATERAL (
    SELECT name, w.id, w.email, w.credits, w.subscription_status, w.created_at, w.last_active_timestamp FROM wasp_user AS w
) AS w
LEFT JOIN runs ON runs.account_id = w.id
WHERE lower(trim(w.email)) = ANY({email}) AND w.created_at <= {as_of}
    AND NOT {is_internal}
ORDER BY w.created_at, w.id
