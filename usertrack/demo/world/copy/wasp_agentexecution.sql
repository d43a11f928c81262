SELECT id, agent, account, state, prompt, result, ms, started_at, completed_at FROM world.agents ORDER BY id
