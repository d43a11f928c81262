-- The columns of seed 000's "Key Tables" and of its overview queries, and no other: what only one query of it names
-- (name of code, description, completed_at) is not here.
CREATE TABLE wasp_user (
    id integer, email text, credits double precision, subscription_status text, last_active_timestamp timestamp(3), created_at timestamp(3)
);
CREATE TABLE fastapi_user (id integer, wasp_user_id integer);
CREATE TABLE fastapi_tool_executions (
    id integer, user_id text, tool_name text, tool_type text, tool_provider text, status text, error_type text, error_message text,
    execution_duration_ms integer, created_at timestamp(3)
);
CREATE TABLE fastapi_run (id integer, user_id integer, run_state text, created_at timestamp(3), run_error_log text);
CREATE TABLE fastapi_code_execution (
    user_id integer, status text, execution_time_ms integer, script_name text, created_at timestamp(3)
);
CREATE TABLE fastapi_deployment (user_id integer, name text, final_code text, created_at timestamp(3));
CREATE TABLE wasp_agentexecution (
    agent_id text, status text, entry_prompt text, result text, duration_ms integer, started_at timestamp(3)
);
