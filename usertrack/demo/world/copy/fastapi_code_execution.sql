SELECT id, backend_id, name, concat(name, '.py'), status, ms, created_at FROM world.code ORDER BY id
