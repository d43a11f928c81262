"""The sources: PostHog and Postgres. A source is one module with a class that runs a Statement, and one line here.

Begin in `posthog.py` or `postgres.py`; `own_events.py` makes a PostHog of the events in one's own Postgres.
It may import `server`, `workspace`, `library` and what lies below, and queries reach it through `engine`.
"""

import importlib
from collections.abc import Mapping
from typing import Protocol, cast, runtime_checkable

from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import Spool
from usertrack.core.table import Table
from usertrack.library.query import Statement
from usertrack.workspace.settings import Settings

REGISTRY = {
    "posthog": "usertrack.sources.posthog:PostHog",
    POSTGRES: "usertrack.sources.postgres:Postgres",
}
STORE_IS_DAMAGED = "numbers may be too low, since the store is damaged"
"""How a note begins that is about the embedded server's store."""


class Source(Protocol):
    """Runs read-only SELECTs. It connects on first use and is closed once, at the end."""

    async def run(self, statement: Statement, spool: Spool) -> Table:
        """The whole result, spooled; raises a UsertrackError that says what to do."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Api(Protocol):
    """The API of PostHog beside HogQL queries."""

    async def about(self) -> JsonObject:
        """The project (timezone, …); empty when the key lacks that scope. Raises a UsertrackError, like all methods."""
        ...

    async def call(self, method: str, path: str, body: object = None) -> JsonObject:
        """The JSON object of one request below ``/api/projects/<id>/``."""
        ...

    async def query(self, node: Mapping[str, object], name: str) -> JsonObject:
        """The finished answer to a query node of any kind."""
        ...

    async def insight(self, key: str, refresh: str) -> JsonObject:
        """A saved insight with its ``result``, which is awaited while PostHog computes it."""
        ...


def make_source(name: str, settings: Settings, notify: Notify) -> Source:
    """The source called ``name``, not yet connected."""
    module, _, cls = REGISTRY[name].partition(":")
    return cast(Source, getattr(importlib.import_module(module), cls).from_settings(settings, notify))
