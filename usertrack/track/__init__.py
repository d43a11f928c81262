"""The library that products import: events into their own database and to PostHog."""
