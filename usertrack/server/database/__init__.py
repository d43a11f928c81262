"""The data directory of the embedded PostHog: ClickHouse, the saved insights, and who may open it."""
