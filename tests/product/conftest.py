"""One store for all analyses (chDB opens one per process), emptied before each of them."""

from ..server.capture_fixtures import client, shared_store, store

__all__ = ["client", "shared_store", "store"]
