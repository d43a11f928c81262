"""Event logs in files, on their way into the store through ClickHouse's own readers: rows never become Python values."""
