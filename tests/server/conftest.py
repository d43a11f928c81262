"""Fixtures of the query tests; see query_fixtures for the world they ask about."""

from query_fixtures import api, rows, value

__all__ = ["api", "rows", "value"]
