"""Counts of events, people and amounts over time."""
