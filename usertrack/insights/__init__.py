"""Saved insights of PostHog, and the catalogue of a project: its events, properties and errors.

Begin in `saved.py` for insights and in `catalog.py` for the catalogue. It may import `engine` and what lies below, but
not `product` or `segments` beside it.
"""
