-- 2. Workflow-level failures (infrastructure)
SELECT LEFT(run_error_log, 200) as error, COUNT(*) as failures
FROM fastapi_run r
JOIN fastapi_user f ON r.user_id = f.id
JOIN wasp_user w ON f.wasp_user_id = w.id
WHERE w.email = '{EMAIL}' AND r.run_state = 'failed'
GROUP BY error
ORDER BY failures DESC;
