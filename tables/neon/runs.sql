-- title: Workflow runs
-- about: A row per run of a workflow, and how it ended. Of a run that failed, `error` is its log.
-- same_as: [run_completed]
-- states:
--   ok: [success, completed]
--   failed: [failed]
--   running: [running, queued, pending]
--   cancelled: [cancelled, canceled]
SELECT
    r.id AS run_id,
    f.wasp_user_id AS account_id,
    'user ' || r.user_id AS actor,
    r.created_at AS at,
    r.run_state AS status,
    r.run_error_log AS error,
    r.finished_at AS ended_at
FROM fastapi_run AS r
LEFT JOIN fastapi_user AS f ON f.id = r.user_id
