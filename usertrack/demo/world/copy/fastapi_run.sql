SELECT id, backend_id, state, created_at, finished_at, log FROM world.runs ORDER BY id
