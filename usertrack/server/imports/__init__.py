"""Imports of event logs in files: ClickHouse reads them, so rows never become Python values."""
