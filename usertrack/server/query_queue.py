"""The queue of queries: few run at a time, the others wait, and a query ends when its client disconnects.

Queries have threads of their own, so they do not hold up captured events.
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

_KILL_EVERY = 0.2  # seconds: again and again, as the statement to kill may not have started yet
_RETRY_AFTER = 1  # seconds
T = TypeVar("T")


class QueryQueue:
    """The running and waiting queries of a server. ``work`` is called with the tag of its ClickHouse statements."""

    def __init__(self, store: Store, settings: ServerSettings) -> None:
        self._store, self._settings = store, settings
        self._pool = ThreadPoolExecutor(settings.queries_at_once, thread_name_prefix="query")

    async def answer(self, request: Request, work: Callable[[str], T], query_id: str | None = None) -> T:
        """The result of ``work``. Raises ApiError 429 after too long a wait, else ClientDisconnect."""
        tag = tag_of(query_id)
        future = self.begin(work, tag)
        answered = asyncio.wrap_future(future)
        answered.add_done_callback(_read_exception)
        disconnected: asyncio.Future[Any] = asyncio.ensure_future(_disconnect(request))
        either: set[asyncio.Future[Any]] = {answered, disconnected}
        try:
            await asyncio.wait(either, timeout=self._settings.query_wait, return_when=asyncio.FIRST_COMPLETED)
            if not disconnected.done() and not answered.done() and future.cancel():
                raise self._too_many()
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                raise ClientDisconnect
            return answered.result()
        finally:
            disconnected.cancel()
            self.stop(future, tag)

    def begin(self, work: Callable[[str], T], tag: str) -> "Future[T]":
        """Run ``work`` when a thread is free; raises ApiError 429, in the future, when that was too late."""
        latest = time.monotonic() + self._settings.query_wait

        def in_time() -> T:
            if time.monotonic() > latest:
                raise self._too_many()
            return work(tag)

        return self._pool.submit(in_time)

    def stop(self, future: "Future[T]", tag: str) -> None:
        """Stop a query that has not ended, without waiting for its end."""
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
    """A unique tag for the statements of one query, even when clients use the same id."""
    return f"{tags_of(query_id or '')}{uuid4().hex}"


def tags_of(query_id: str) -> str:
    """The prefix of the tags of all queries with this id."""
    return f"{query_id}/"


async def _disconnect(request: Request) -> None:
    """Return when the client disconnects; its request has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _read_exception(answered: "asyncio.Future[T]") -> None:
    """Read the exception: asyncio would warn about one that nobody reads, as when the client is gone."""
    if not answered.cancelled():
        answered.exception()
