-- 1. Tool-level failures (granular)
SELECT tool_name, error_type, COUNT(*) as failures
FROM fastapi_tool_executions t
JOIN fastapi_user f ON t.user_id::integer = f.id
JOIN wasp_user w ON f.wasp_user_id = w.id
WHERE w.email = '{EMAIL}' AND t.status = 'failed'
GROUP BY tool_name, error_type
ORDER BY failures DESC;
