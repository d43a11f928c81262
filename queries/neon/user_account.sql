-- title: What the database holds about one person
-- about: >
--   One row per account of the e-mail, with what it has and what it has ever done. The success rate is over finished
--   runs (ok and failed), and empty where there is none.
-- params: {email: {type: list}}
WITH owned AS (
    SELECT
        r.account_id,
        count(*) AS runs,
        count(*) FILTER (WHERE r.ok) AS ok,
        count(*) FILTER (WHERE r.failed) AS failed,
        min(r.at) AS first_at,
        max(r.at) AS last_at
    FROM {runs} AS r
    WHERE r.account_id IN (SELECT a.account_id FROM {accounts} AS a WHERE a.email = ANY({email})) AND r.at <= {as_of}
    GROUP BY r.account_id
)
SELECT
    a.account_id::text,
    a.email,
    a.name,
    a.credits,
    a.subscription_status,
    a.signed_up_at,
    a.last_active_at,
    coalesce(owned.runs, 0) AS runs,
    coalesce(owned.ok, 0) AS runs_ok,
    coalesce(owned.failed, 0) AS runs_failed,
    coalesce(owned.ok + owned.failed, 0) AS runs_finished,
    owned.ok::float8 / nullif(owned.ok + owned.failed, 0) AS success_rate,
    owned.first_at AS first_run_at,
    owned.last_at AS last_run_at,
    (SELECT count(*) FROM {calls} AS c WHERE c.account_id = a.account_id AND c.at <= {as_of}) AS tool_calls,
    (SELECT count(*) FROM {code_runs} AS x WHERE x.account_id = a.account_id AND x.at <= {as_of}) AS code_runs,
    (SELECT count(*) FROM {deployments} AS d WHERE d.account_id = a.account_id AND d.at <= {as_of}) AS custom_tools,
    (SELECT count(*) FROM {agent_runs} AS g WHERE g.account_id = a.account_id AND g.at <= {as_of}) AS agent_runs
FROM {accounts} AS a
LEFT JOIN owned ON owned.account_id = a.account_id
WHERE a.email = ANY({email}) AND a.exists_since <= {as_of}
    AND NOT {is_internal}
ORDER BY a.signed_up_at, a.account_id
