"""A source whose engine starts when it is first asked, and the notices of who waits for an engine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from threading import Event
from typing import TYPE_CHECKING

from usertrack.core.errors import ConnectionFailed, UsertrackError
from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.sources import Api, Source

if TYPE_CHECKING:
    from usertrack.core.spool import Spool
    from usertrack.core.table import Table
    from usertrack.library.query import Statement
    from usertrack.server.database.lock import ReportWait

_PATIENCE = 3  # seconds of waiting for another usertrack, before each notice
Started = tuple[Source, Callable[[], None]]
"""A source, and the function that ends its engine."""


class Starting:
    """A source whose engine is being started. Closing it also ends the engine.

    ``start`` is awaited once, by whoever asks first; ``given_up`` is set when nobody wants it any more.
    """

    def __init__(self, start: Callable[[], Awaitable[Started]], given_up: Event) -> None:
        self._start = start
        self._given_up = given_up
        self._started: asyncio.Future[Started] | None = None

    async def run(self, statement: "Statement", spool: "Spool") -> "Table":
        source, _ = await self._engine()
        return await source.run(statement, spool)

    async def about(self) -> JsonObject:
        return await (await self._api()).about()

    async def call(self, method: str, path: str, body: object = None) -> JsonObject:
        return await (await self._api()).call(method, path, body)

    async def query(self, node: Mapping[str, object], name: str) -> JsonObject:
        return await (await self._api()).query(node, name)

    async def insight(self, key: str, refresh: str) -> JsonObject:
        return await (await self._api()).insight(key, refresh)

    async def close(self) -> None:
        self._given_up.set()
        with suppress(UsertrackError):  # one that did not start raised that in its queries
            source, release = await self._engine()
            await source.close()
            await asyncio.to_thread(release)

    async def _engine(self) -> Started:
        if self._started is None:
            self._started = asyncio.ensure_future(self._start())
        return await asyncio.shield(self._started)

    async def _api(self) -> Api:
        source, _ = await self._engine()
        assert isinstance(source, Api)
        return source


def wait_notices(what: str, notify: Notify, given_up: Event) -> "ReportWait":
    """Notices that another process uses ``what``; raises ConnectionFailed when this one has given up."""
    lines = count(_PATIENCE)
    due = next(lines)

    def waiting(holder: object, seconds: float) -> None:
        nonlocal due
        if given_up.is_set():
            raise ConnectionFailed(f"{what} is in use by another usertrack (pid {holder})")
        if seconds >= due:
            message = f"waiting for {what}, which another usertrack (pid {holder}) is using: {due} s; Ctrl-C ends this"
            notify(message, passing=True, unseen=due == _PATIENCE)
            due = next(lines)

    return waiting
