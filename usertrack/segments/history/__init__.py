"""Snapshots of segments over time, and who moved between them."""
