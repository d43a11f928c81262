"""Saved insights of PostHog, and the catalogue of a project: its events, properties and errors."""
