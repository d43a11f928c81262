"""Hands stored events on to who listens, in memory: nobody who reads slowly holds up the store."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

import orjson

from usertrack.core.json_types import JsonObject
from usertrack.server.capture.payload import Event

MOST_WAITING_BYTES = 4 << 20  # bytes that wait for one listener


class Listener:
    """Gets events as Server-Sent Events: those called one of ``names``, of ``distinct_id``; empty ones: of all.

    ``columns`` are the properties that go with each; None: all. What does not fit any more is left out, and counted in
    an event `missed`.
    """

    def __init__(
        self, names: Collection[str] = (), distinct_id: str = "", columns: Collection[str] | None = None
    ) -> None:
        self._names, self._distinct_id = frozenset(names), distinct_id
        self._columns = columns
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._lock = threading.Lock()  # of what follows
        self._frames: deque[bytes] = deque()
        self._size = self._missed = 0
        self._is_closed = False

    def put(self, events: Sequence[tuple[Event, str]], stored_at: datetime) -> None:
        """Add ``events``, each with the id of its person. Never waits. For any thread."""
        frames = [self._frame(*pair, stored_at) for pair in events if self._wants(pair[0])]
        with self._lock:
            for frame in frames:
                if self._size + len(frame) > MOST_WAITING_BYTES:
                    self._missed += 1
                else:
                    self._frames.append(frame)
                    self._size += len(frame)
        if frames:
            self._wake()

    def close(self) -> None:
        """End the stream."""
        self._is_closed = True
        self._wake()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield what comes, as it comes: all that waits at once."""
        yield b": you hear what is stored from now on\n\n"
        while True:
            await self._news.wait()
            self._news.clear()
            if frames := self._taken():
                yield frames
            if self._is_closed:
                return

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._news.set)

    def _taken(self) -> bytes:
        with self._lock:
            frames, missed = b"".join(self._frames), self._missed
            self._frames.clear()
            self._size = self._missed = 0
        return frames + (b"event: missed\ndata: %d\n\n" % missed if missed else b"")

    def _wants(self, event: Event) -> bool:
        if self._names and event.event not in self._names:
            return False
        return not self._distinct_id or event.distinct_id == self._distinct_id

    def _frame(self, event: Event, person_id: str, stored_at: datetime) -> bytes:
        properties = event.properties
        if self._columns is not None:
            properties = {name: properties[name] for name in self._columns if name in properties}
        fields: JsonObject = {
            "uuid": event.uuid,
            "timestamp": event.timestamp,
            "distinct_id": event.distinct_id,
            "person_id": person_id,
            "event": event.event,
            "properties": properties,
            "created_at": stored_at,
        }
        return b"data: " + orjson.dumps(fields, default=str) + b"\n\n"


class Broadcast:
    """The listeners to the events of one store."""

    def __init__(self) -> None:
        self._listeners: frozenset[Listener] = frozenset()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def publish(self, events: Iterable[tuple[Event, str]], stored_at: datetime) -> None:
        """Tell ``events``, each with the id of its person."""
        if listeners := self._listeners:
            pairs = list(events)
            for listener in listeners:
                listener.put(pairs, stored_at)

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[Listener]:
        """Tell ``listener``, too, as long as this lasts."""
        self._listeners |= {listener}
        try:
            yield listener
        finally:
            self._listeners -= {listener}

    def close(self) -> None:
        """End all streams."""
        for listener in self._listeners:
            listener.close()
