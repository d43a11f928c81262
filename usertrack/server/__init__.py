"""The embedded PostHog: it captures events over HTTP, stores them in ClickHouse, and runs HogQL."""
