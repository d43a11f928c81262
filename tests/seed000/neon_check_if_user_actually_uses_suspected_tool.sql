-- Check if user actually uses suspected tool
SELECT tool_name, COUNT(*) as uses
FROM fastapi_tool_executions t
JOIN fastapi_user f ON t.user_id::integer = f.id
JOIN wasp_user w ON f.wasp_user_id = w.id
WHERE w.email = '{EMAIL}'
  AND tool_name LIKE '%suspected_tool%';
