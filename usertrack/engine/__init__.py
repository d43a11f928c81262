"""How and when a query runs: the runner, the answer cache, connections, and who has opted out."""
