"""How and when a query runs: the runner, the answers that were kept, connections, who opted out."""
