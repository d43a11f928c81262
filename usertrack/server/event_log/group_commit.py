"""One commit of the log for all requests that wait for it: what comes while one is written goes with the next."""

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue

from usertrack.server.event_log.log import NotAppended
from usertrack.server.event_log.sqlite_log import SqliteLog

_Awaited = Future[int] | asyncio.Future[int]
_Request = tuple[bytes, int, _Awaited]


class LogFull(NotAppended):
    """Raised when as much waits in the log as may wait."""


class GroupCommit:
    """Appends to ``log`` in a thread of its own, as long as at most ``limit`` bytes wait there."""

    def __init__(self, log: SqliteLog, limit: int) -> None:
        self._log, self._limit = log, limit
        self._requests: SimpleQueue[_Request | None] = SimpleQueue()
        self._queued = 0  # bytes
        self._counting, self._starting = threading.Lock(), threading.Lock()
        self._thread: threading.Thread | None = None

    async def append(self, body: bytes, events: int = 0) -> int:
        """Return the offset of ``body``, with so many events, once it is durable; raises ``NotAppended``."""
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._submit(body, events, awaited)
        return await awaited

    def append_now(self, body: bytes, events: int = 0) -> int:
        """Append ``body`` from a thread: block until it is durable, and return its offset."""
        awaited: Future[int] = Future()
        self._submit(body, events, awaited)
        return awaited.result()

    def close(self) -> None:
        """End the thread, after what it has to append."""
        with self._starting:
            if self._thread:
                self._requests.put(None)
                self._thread.join()
                self._thread = None

    def _submit(self, body: bytes, events: int, awaited: _Awaited) -> None:
        with self._counting:
            if self._log.waiting().bytes + self._queued + len(body) > self._limit:
                raise LogFull("too many events wait to be stored")
            self._queued += len(body)
        if self._thread is None:
            self._start()
        self._requests.put((body, events, awaited))

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="event log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (first := self._requests.get()) is not None:
            group, ends = [first], False
            while not self._requests.empty():
                request = self._requests.get()
                if request is None:
                    ends = True
                    break
                group.append(request)
            self._commit(group)
            if ends:
                return

    def _commit(self, group: list[_Request]) -> None:
        bodies, counts, awaiting = zip(*group, strict=True)
        try:
            last = self._log.append(bodies, sum(counts))
            outcomes: list[int | Exception] = list(range(last - len(bodies) + 1, last + 1))
        except Exception as error:
            outcomes = [error] * len(bodies)
        with self._counting:
            self._queued -= sum(map(len, bodies))
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[int], int | Exception]]] = {}
        for awaited, outcome in zip(awaiting, outcomes, strict=True):
            if isinstance(awaited, asyncio.Future):
                by_loop.setdefault(awaited.get_loop(), []).append((awaited, outcome))
            else:
                _answer(awaited, outcome)
        for loop, answers in by_loop.items():
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(_answer_all, answers)


def _answer_all(answers: list[tuple[asyncio.Future[int], int | Exception]]) -> None:
    for awaited, outcome in answers:
        if not awaited.done():  # its client may have hung up
            _answer(awaited, outcome)


def _answer(awaited: _Awaited, outcome: int | Exception) -> None:
    if isinstance(outcome, Exception):
        awaited.set_exception(outcome)
    else:
        awaited.set_result(outcome)
