SELECT id, backend_id, name, description, final_code, created_at FROM world.deployments ORDER BY id
