"""Runs queries: the runner, the answer cache, connections, and who has opted out."""
