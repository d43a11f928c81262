"""Queries take turns: few run at a time, the others wait their turn, and a query ends with the client that asked it.

They have threads of their own, so that whatever they do, events come in.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, TypeVar
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request

from usertrack.server.database.execute import cancel
from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.server_settings import ServerSettings

_KILL_EVERY = 0.2  # seconds: ClickHouse knows nothing of a query that it has not begun, or of the next of several
_RETRY_AFTER = 1  # seconds
T = TypeVar("T")


class QueryQueue:
    """The queries of a server that run and wait. ``work`` gets the tag under which ClickHouse knows its statements."""

    def __init__(self, store: Store, settings: ServerSettings) -> None:
        self._store, self._settings = store, settings
        self._pool = ThreadPoolExecutor(settings.queries_at_once, thread_name_prefix="query")

    async def answer(self, request: Request, work: Callable[[str], T], query_id: str | None = None) -> T:
        """What ``work`` returns. Raises ApiError 429 when its turn does not come in time, ``ClientDisconnect``."""
        tag = tag_of(query_id)
        future = self.begin(work, tag)
        answered = asyncio.wrap_future(future)
        answered.add_done_callback(_forget)
        left: asyncio.Future[Any] = asyncio.ensure_future(_left(request))
        either: set[asyncio.Future[Any]] = {answered, left}
        try:
            await asyncio.wait(either, timeout=self._settings.query_wait, return_when=asyncio.FIRST_COMPLETED)
            if not left.done() and not answered.done() and future.cancel():
                raise self._too_many()
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                raise ClientDisconnect
            return answered.result()
        finally:
            left.cancel()
            self.stop(future, tag)

    def begin(self, work: Callable[[str], T], tag: str) -> "Future[T]":
        """Run ``work`` when it is its turn; one whose turn came too late raises ApiError 429."""
        latest = time.monotonic() + self._settings.query_wait

        def in_turn() -> T:
            if time.monotonic() > latest:
                raise self._too_many()
            return work(tag)

        return self._pool.submit(in_turn)

    def stop(self, future: "Future[T]", tag: str) -> None:
        """End a query that was begun, if it has not ended; does not wait for that."""
        if not future.done() and not future.cancel():
            threading.Thread(target=self._kill, args=(future, tag), daemon=True).start()

    def _kill(self, future: "Future[T]", tag: str) -> None:
        while not future.done():
            with suppress(ApiError):
                cancel(self._store, tag)
            wait([future], timeout=_KILL_EVERY)

    def _too_many(self) -> ApiError:
        detail = f"Exceeded maximum concurrency limit: {self._settings.queries_at_once} for key: api:query:per-org"
        return ApiError(429, "throttled", detail, headers={"Retry-After": str(_RETRY_AFTER)})


def tag_of(query_id: str | None) -> str:
    """A tag for the statements of one query: no two have the same, even where clients name theirs alike."""
    return f"{tags_of(query_id or '')}{uuid4().hex}"


def tags_of(query_id: str) -> str:
    """What the tags of all queries with this id begin with."""
    return f"{query_id}/"


async def _left(request: Request) -> None:
    """Return when the client has hung up; its request has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _forget(answered: "asyncio.Future[T]") -> None:
    """Nobody waits for the answer any more, perhaps, and asyncio would complain that nobody took its exception."""
    if not answered.cancelled():
        answered.exception()
