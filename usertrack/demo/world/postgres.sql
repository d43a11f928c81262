-- The tables of the product's own database, as Wasp (Prisma) and its Python backend write them: every timestamp is UTC without a zone.
CREATE TABLE wasp_user (
    id serial, email text, name text, credits double precision, subscription_status text, last_active_timestamp timestamp(3),
    created_at timestamp(3) NOT NULL DEFAULT now(), password_hash text, monthly_revenue double precision,
    organization text
);
CREATE TABLE fastapi_user (id serial, wasp_user_id integer NOT NULL, created_at timestamp(3) NOT NULL DEFAULT now());
CREATE TABLE fastapi_run (
    id serial, user_id integer NOT NULL, run_state text NOT NULL, created_at timestamp(3) NOT NULL DEFAULT now(), finished_at timestamp(3), run_error_log text
);
CREATE TABLE fastapi_tool_executions (
    id serial, user_id text, tool_name text NOT NULL, tool_type text NOT NULL, tool_provider text, status text NOT NULL, error_type text, error_message text,
    execution_duration_ms integer, created_at timestamp(3) NOT NULL DEFAULT now()
);
CREATE TABLE fastapi_code_execution (
    id serial, user_id integer NOT NULL, name text, script_name text, status text NOT NULL, execution_time_ms integer, created_at timestamp(3) NOT NULL DEFAULT now()
);
CREATE TABLE fastapi_deployment (
    id serial, user_id integer NOT NULL, name text NOT NULL, description text, final_code text, created_at timestamp(3) NOT NULL DEFAULT now()
);
CREATE TABLE wasp_agentexecution (
    id serial, agent_id text NOT NULL, user_id integer NOT NULL, status text NOT NULL, entry_prompt text, result text, duration_ms integer,
    started_at timestamp(3) NOT NULL DEFAULT now(), completed_at timestamp(3)
);
