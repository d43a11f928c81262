"""The embedded PostHog: events come in over HTTP, are kept in ClickHouse, and are asked in HogQL."""
