SELECT id, backend_id, tool.name, tool.type, tool.provider, status, error_type, error_message, ms, created_at FROM world.tool_calls ORDER BY id
