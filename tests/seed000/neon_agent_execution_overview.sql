SELECT status, COUNT(*) as total, ROUND(AVG(duration_ms)) as avg_duration_ms, MIN(started_at) as earliest, MAX(completed_at) as latest FROM wasp_agentexecution GROUP BY status ORDER BY total DESC
