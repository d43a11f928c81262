"""Sources: each is one file with one class that runs a Statement. Adding one is one file and one line here."""

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast, runtime_checkable

from usertrack.core.notify import Notify
from usertrack.core.spool import Spool
from usertrack.core.table import Table
from usertrack.library.library import Statement
from usertrack.workspace.settings import Settings

REGISTRY = {
    "posthog": "usertrack.sources.posthog:PostHog",
    "neon": "usertrack.sources.postgres:Postgres",
}


class Source(Protocol):
    """A place that answers read-only SELECTs. Opened on first use; closed once, at the end."""

    async def run(self, statement: Statement, spool: Spool) -> Table:
        """The whole result, spooled; raises a UsertrackError that says what to do."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Api(Protocol):
    """What PostHog offers beside queries."""

    async def about(self) -> dict[str, Any]:
        """What it says of the project (timezone, …); empty when the key may not know. Raises likewise."""
        ...

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer to one request below ``/api/projects/<id>/``; raises a UsertrackError that says what to do."""
        ...

    async def query(self, node: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The finished answer to a query that is no HogQL; raises likewise."""
        ...

    async def insight(self, key: str, refresh: str) -> dict[str, Any]:
        """A saved insight with its ``result``, waited for where it is still being computed; raises likewise."""
        ...


def make_source(name: str, settings: Settings, notify: Notify) -> Source:
    """The source called ``name``, not yet connected."""
    module, _, cls = REGISTRY[name].partition(":")
    return cast(Source, getattr(importlib.import_module(module), cls).from_settings(settings, notify))
