"""Finds accounts, runs and calls in a database that nobody has described: reads, proposes, shows, writes."""
