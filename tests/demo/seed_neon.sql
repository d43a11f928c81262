-- User Overview Stats
SELECT COUNT(*) as total_users, COUNT(CASE WHEN created_at > NOW() - INTERVAL '7 days' THEN 1 END) as new_users_7d, COUNT(CASE WHEN credits < 100 THEN 1 END) as users_with_usage, ROUND(AVG(credits)::numeric, 1) as avg_credits FROM wasp_user WHERE email NOT LIKE '%@datagen.dev';

-- Users with Run Activity (with success rate)
SELECT w.email, w.credits, COUNT(r.id) as run_count, COUNT(CASE WHEN r.run_state = 'completed' THEN 1 END) as success_count, ROUND(100.0 * COUNT(CASE WHEN r.run_state = 'completed' THEN 1 END) / NULLIF(COUNT(r.id), 0), 1) as success_rate, MAX(r.created_at) as last_run FROM wasp_user w LEFT JOIN fastapi_user f ON w.id = f.wasp_user_id LEFT JOIN fastapi_run r ON f.id = r.user_id WHERE w.email NOT LIKE '%@datagen.dev' GROUP BY w.email, w.credits HAVING COUNT(r.id) > 0 ORDER BY run_count DESC LIMIT 20;

-- Users with No Runs (churned/at-risk)
SELECT w.email, w.credits, w.created_at, w.last_active_timestamp, EXTRACT(DAY FROM NOW() - w.created_at) as days_since_signup FROM wasp_user w LEFT JOIN fastapi_user f ON w.id = f.wasp_user_id LEFT JOIN fastapi_run r ON f.id = r.user_id WHERE w.email NOT LIKE '%@datagen.dev' AND r.id IS NULL ORDER BY w.created_at DESC LIMIT 20;

-- Recent Failed Runs
SELECT w.email, r.run_state, r.created_at, LEFT(r.run_error_log, 200) as error_preview FROM fastapi_run r JOIN fastapi_user f ON r.user_id = f.id JOIN wasp_user w ON f.wasp_user_id = w.id WHERE r.run_state = 'failed' AND w.email NOT LIKE '%@datagen.dev' ORDER BY r.created_at DESC LIMIT 10;

-- Recent Code Executions (what users are building)
SELECT w.email, ce.name, ce.status, ce.execution_time_ms, ce.created_at FROM fastapi_code_execution ce JOIN fastapi_user f ON ce.user_id = f.id JOIN wasp_user w ON f.wasp_user_id = w.id WHERE w.email NOT LIKE '%@datagen.dev' ORDER BY ce.created_at DESC LIMIT 20;

-- Custom Tools Created
SELECT w.email, d.description, d.created_at, LENGTH(d.final_code) as code_length FROM fastapi_deployment d JOIN fastapi_user f ON d.user_id = f.id JOIN wasp_user w ON f.wasp_user_id = w.id WHERE w.email NOT LIKE '%@datagen.dev' ORDER BY d.created_at DESC LIMIT 20;

-- User's Neon Records
SELECT w.*, (SELECT COUNT(*) FROM fastapi_run r JOIN fastapi_user f ON r.user_id = f.id WHERE f.wasp_user_id = w.id) as run_count, (SELECT COUNT(*) FROM fastapi_run r JOIN fastapi_user f ON r.user_id = f.id WHERE f.wasp_user_id = w.id AND r.run_state = 'completed') as success_count FROM wasp_user w WHERE w.email = '{EMAIL}';

-- Tool Execution Overview (all users)
SELECT COUNT(*) as total_tool_executions, COUNT(DISTINCT user_id) as unique_users, COUNT(DISTINCT tool_name) as unique_tools, ROUND(AVG(execution_duration_ms)) as avg_duration_ms, COUNT(CASE WHEN status = 'success' THEN 1 END) as successes, COUNT(CASE WHEN status = 'failed' THEN 1 END) as failures FROM fastapi_tool_executions;

-- Top Tools by Usage (with success rate)
SELECT tool_name, tool_provider, COUNT(*) as total, COUNT(CASE WHEN status = 'success' THEN 1 END) as successes, COUNT(CASE WHEN status = 'failed' THEN 1 END) as failures, ROUND(100.0 * COUNT(CASE WHEN status = 'success' THEN 1 END) / COUNT(*), 1) as success_rate, ROUND(AVG(execution_duration_ms)) as avg_ms FROM fastapi_tool_executions GROUP BY tool_name, tool_provider ORDER BY total DESC LIMIT 25;

-- User-Level Tool Usage Summary
SELECT w.email, COUNT(t.id) as total_executions, COUNT(DISTINCT t.tool_name) as unique_tools, COUNT(CASE WHEN t.status = 'success' THEN 1 END) as successes, COUNT(CASE WHEN t.status = 'failed' THEN 1 END) as failures, ROUND(AVG(t.execution_duration_ms)) as avg_duration_ms, MIN(t.created_at) as first_use, MAX(t.created_at) as last_use FROM fastapi_tool_executions t JOIN fastapi_user f ON t.user_id::integer = f.id JOIN wasp_user w ON f.wasp_user_id = w.id GROUP BY w.email ORDER BY total_executions DESC;

-- Per-User Tool Breakdown (replace {EMAIL})
SELECT t.tool_name, t.tool_provider, COUNT(*) as uses, COUNT(CASE WHEN t.status = 'success' THEN 1 END) as successes, ROUND(100.0 * COUNT(CASE WHEN t.status = 'success' THEN 1 END) / COUNT(*), 1) as success_rate, MIN(t.created_at)::date as first_use, MAX(t.created_at)::date as last_use FROM fastapi_tool_executions t JOIN fastapi_user f ON t.user_id::integer = f.id JOIN wasp_user w ON f.wasp_user_id = w.id WHERE w.email = '{EMAIL}' GROUP BY t.tool_name, t.tool_provider ORDER BY uses DESC LIMIT 20;

-- Tool Failure Analysis (most failing tools)
SELECT tool_name, tool_provider, COUNT(*) as failures, ROUND(AVG(execution_duration_ms)) as avg_ms, COUNT(DISTINCT user_id) as affected_users, MIN(created_at)::date as first_failure, MAX(created_at)::date as last_failure FROM fastapi_tool_executions WHERE status = 'failed' GROUP BY tool_name, tool_provider ORDER BY failures DESC LIMIT 15;

-- Tool Error Details (replace {TOOL_NAME})
SELECT error_type, LEFT(error_message, 200) as error_preview, COUNT(*) as occurrences, MAX(created_at) as latest FROM fastapi_tool_executions WHERE tool_name = '{TOOL_NAME}' AND status = 'failed' GROUP BY error_type, error_preview ORDER BY occurrences DESC LIMIT 10;

-- Agent Execution Overview
SELECT status, COUNT(*) as total, ROUND(AVG(duration_ms)) as avg_duration_ms, MIN(started_at) as earliest, MAX(completed_at) as latest FROM wasp_agentexecution GROUP BY status ORDER BY total DESC;

-- Daily Tool Execution Trend (last 14 days)
SELECT created_at::date as day, COUNT(*) as total, COUNT(CASE WHEN status = 'success' THEN 1 END) as successes, COUNT(CASE WHEN status = 'failed' THEN 1 END) as failures, COUNT(DISTINCT user_id) as unique_users FROM fastapi_tool_executions WHERE created_at > NOW() - INTERVAL '14 days' GROUP BY day ORDER BY day DESC;

-- MCP Provider Usage Summary
SELECT tool_provider, COUNT(*) as total_calls, COUNT(DISTINCT tool_name) as unique_tools, COUNT(DISTINCT user_id) as unique_users, COUNT(CASE WHEN status = 'success' THEN 1 END) as successes, COUNT(CASE WHEN status = 'failed' THEN 1 END) as failures, ROUND(AVG(execution_duration_ms)) as avg_ms FROM fastapi_tool_executions WHERE tool_type = 'mcp' GROUP BY tool_provider ORDER BY total_calls DESC;

-- 1. Tool-level failures (granular)
SELECT tool_name, error_type, COUNT(*) as failures
FROM fastapi_tool_executions t
JOIN fastapi_user f ON t.user_id::integer = f.id
JOIN wasp_user w ON f.wasp_user_id = w.id
WHERE w.email = '{EMAIL}' AND t.status = 'failed'
GROUP BY tool_name, error_type
ORDER BY failures DESC;

-- 2. Workflow-level failures (infrastructure)
SELECT LEFT(run_error_log, 200) as error, COUNT(*) as failures
FROM fastapi_run r
JOIN fastapi_user f ON r.user_id = f.id
JOIN wasp_user w ON f.wasp_user_id = w.id
WHERE w.email = '{EMAIL}' AND r.run_state = 'failed'
GROUP BY error
ORDER BY failures DESC;

-- Check if user actually uses suspected tool
SELECT tool_name, COUNT(*) as uses
FROM fastapi_tool_executions t
JOIN fastapi_user f ON t.user_id::integer = f.id
JOIN wasp_user w ON f.wasp_user_id = w.id
WHERE w.email = '{EMAIL}'
  AND tool_name LIKE '%suspected_tool%';

