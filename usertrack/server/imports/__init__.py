"""Event logs in files, into the store by ClickHouse's own readers: rows never become Python values."""
