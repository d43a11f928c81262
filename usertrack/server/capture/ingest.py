"""Takes captured events: durable in the log when they are acknowledged, and written to the store in large blocks.

The store has each event once: what was written and not yet trimmed when the process ended is known by its uuids.
"""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from usertrack.server.capture.block import BlockWriter
from usertrack.server.capture.broadcast import Broadcast
from usertrack.server.capture.live_check import LiveCheck
from usertrack.server.capture.metrics import Metrics
from usertrack.server.capture.payload import Batch, Event
from usertrack.server.capture.recorded import from_bytes, received_at, to_bytes
from usertrack.server.database.session import StoreClosed
from usertrack.server.database.set_aside import SetAside
from usertrack.server.database.store import Store
from usertrack.server.event_log.days import DayCounts
from usertrack.server.event_log.group_commit import GroupCommit
from usertrack.server.event_log.log import LoggedRequest
from usertrack.server.http.log import described, error_code

_BLOCK = 4 << 20  # bytes of events that are read together
PART_EVENTS = 5_000  # events that are stored while nobody else writes
_TOO_MUCH = "MEMORY_LIMIT_EXCEEDED"
_TRIES = 5  # of a single event, until it is told from a store that takes nothing
GATHER_SECONDS = 0.1  # seconds in which events come together
_TURN = 0.001  # seconds in which others may begin to write: a lock is not fair
RETRY_SECONDS = 1.0  # seconds after a failure
_PATIENCE = 10.0  # seconds to wait for the store's write_lock
_REFUSALS = (
    "CANNOT_PARSE_",
    "CANNOT_CONVERT_",
    "INCORRECT_DATA",
    "TYPE_MISMATCH",
    "ILLEGAL_",
    "TOO_DEEP_",
    "TOO_BIG_AST",
    "SYNTAX_",
)
_BAD_EVENTS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)

log = logging.getLogger(__name__)


class Ingestor:
    """Takes events of the project ``token`` for ``store``; the order of requests and of their events is kept.

    ``broadcast`` tells each event that is stored.
    """

    def __init__(
        self, store: Store, token: str, live_check: LiveCheck | None = None, most_waiting: int = 256 << 20
    ) -> None:
        self._store, self._log = store, store.log
        self.broadcast = Broadcast()
        self._block = BlockWriter(store, token, live_check, self.broadcast)
        self._commits = GroupCommit(self._log, most_waiting)
        self.metrics = Metrics()
        self._applied = 0  # the offset up to which the store has everything
        self._under_way: Sequence[LoggedRequest] = ()  # requests of whose events only `_left` are not stored yet
        self._left: Sequence[Event] = ()
        self._part, self._tries = PART_EVENTS, 0
        self._oldest = (0, datetime.now(UTC))  # the offset of the first request that waits, and when it came
        self._news, self._closing, self._starting = threading.Event(), threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        store.attach(self)
        if self._log.waiting().entries:  # of a process that was killed
            self._start()

    async def append(self, body: bytes, count: int) -> None:
        """Return when the ``count`` events of ``body`` are durable; raises ``NotAppended``."""
        await self._commits.append(body, count)
        self.metrics.acknowledged.add(count)
        self._tell()

    def append_now(self, body: bytes, count: int) -> None:
        """Return when the ``count`` events of ``body`` are durable. For threads: it blocks."""
        self._commits.append_now(body, count)
        self._tell()

    def ingest(self, events: Sequence[Event], now: datetime) -> None:
        """Return when ``events`` are stored; raises what the store raised."""
        self.append_now(to_bytes(events, now), len(events))
        while self._applied < (end := self._log.end()):
            self._apply(end)

    def catch_up(self, seconds: float = _PATIENCE) -> int:
        """Store what was acknowledged before; returns how many requests wait when that takes longer, or fails."""
        end, latest = self._log.end(), time.monotonic() + seconds
        try:
            while self._applied < end and self._log.waiting().entries:
                left = latest - time.monotonic()
                if left <= 0 or not self._apply(end, left):
                    return self._log.waiting().entries
        except Exception:  # the thread says what it is
            self._news.set()
            return self._log.waiting().entries if self._applied < end else 0
        return 0

    def lag(self) -> float:
        """The time in seconds that the oldest event waits that is not stored yet."""
        if not self._log.waiting().entries:
            return 0.0
        offset, received = self._oldest
        if offset <= self._applied:
            if not (oldest := self._log.read(self._applied, 1)):
                return 0.0
            received = received_at(oldest[0].body)  # may be large: it is read once
            self._oldest = oldest[0].offset, received
        return max(0.0, (datetime.now(UTC) - received).total_seconds())

    def close(self) -> None:
        """Store what waits, if that is quick; the rest stays in the log."""
        self._commits.close()
        self._closing.set()
        self._news.set()
        if self._thread:
            self._thread.join()
        self.catch_up()

    # the thread that writes

    def _tell(self) -> None:
        if self._closing.is_set():  # another one was attached since
            self._closing.clear()
            self._thread = None
            self._store.attach(self)
        if self._thread is None:
            self._start()
        if not self._news.is_set():
            self._news.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
                self._news.set()
                self._thread.start()

    def _run(self) -> None:
        while self._news.wait() and not self._closing.is_set():
            self._news.clear()
            self._closing.wait(GATHER_SECONDS)
            try:
                while self._log.waiting().entries and not self._closing.is_set():
                    self._apply(self._log.end(), _PATIENCE)
                    time.sleep(_TURN)
            except StoreClosed:
                return
            except Exception as error:  # disk full, for one
                if self.metrics.failure != (failure := described(error)):
                    log.exception("events wait in the log: the store does not take them")
                self.metrics.failure = failure
                self._closing.wait(RETRY_SECONDS)
                self._news.set()

    def _apply(self, end: int, seconds: float = -1) -> bool:
        """Store the next part of what waits up to ``end``; False when others write for so long."""
        if not self._store.write_lock.acquire(timeout=max(0, seconds) if seconds != -1 else -1):
            return False
        try:
            entries = self._under_way or self._log.read(self._applied, _BLOCK)
            if entries:
                self._write(entries)
            else:
                self._applied = max(self._applied, end)
                self._log.trim(self._applied)
        finally:
            self._store.write_lock.release()
        return True

    def _write(self, entries: Sequence[LoggedRequest]) -> None:
        """Store the next of their events: others may write between two parts."""
        metrics, began, now = self.metrics, time.perf_counter(), datetime.now(UTC)
        try:
            if self._under_way is not entries:
                self._left = [event for entry in entries for event in from_bytes(entry.body)]
                self._under_way = entries
            part = self._left[: self._part]
            new = self._block.write(part, now)
            metrics.new += new
            metrics.stored.add(len(part))
            metrics.blocks.add(time.perf_counter() - began)
            metrics.failure = ""
            self._left = self._left[len(part) :]
            counts = DayCounts(stored=len(part), rows=new)
        except Exception as failure:
            refuses = _is_refusal(failure)
            if self._under_way is entries and (refuses or error_code(failure) == _TOO_MUCH) and self._part > 1:
                self._part = max(1, self._part // 8)
                if not refuses:
                    raise
                return
            if self._under_way is not entries and len(entries) > 1:  # a request that cannot be read
                for entry in entries:
                    self._write_whole([entry])
                return
            if not refuses and not self._is_too_large(failure, entries):
                raise
            self._refuse(entries, failure)
            counts = DayCounts(refused=1)
        if not self._left:
            self._under_way, self._part, self._tries = (), PART_EVENTS, 0
            self._applied = entries[-1].offset
        self._log.trim(self._applied, counts, now)

    def _refuse(self, entries: Sequence[LoggedRequest], failure: Exception) -> None:
        """Keep the event aside that comes next, or the one request that cannot be read."""
        batch = Batch()
        if self._under_way:
            event, self._left, self._part, self._tries = self._left[0], self._left[1:], PART_EVENTS, 0
            batch.refuse(0, vars(event) | {"timestamp": event.timestamp.isoformat()}, described(failure))
        else:
            batch.refuse(0, entries[0].body.decode(errors="replace"), described(failure))
        [refused] = batch.refused
        kept = SetAside(self._store.path).add(datetime.now(UTC), [(refused.reason, refused.json)])
        self.metrics.refused += 1
        self.metrics.dropped += 1 - kept
        log.exception("the store refuses an event: it is set aside")

    def _write_whole(self, entries: Sequence[LoggedRequest]) -> None:
        while self._applied < entries[-1].offset:
            self._write(entries)

    def _is_too_large(self, failure: Exception, entries: Sequence[LoggedRequest]) -> bool:
        """Whether the next event again and again needs more memory than there is, and one of a later request does not.

        Raises what the store raised for that one.
        """
        self._tries += error_code(failure) == _TOO_MUCH
        following = self._log.read(entries[-1].offset, 1)
        proof = from_bytes(following[0].body)[:1] if following else self._left[1:][-1:]
        if self._tries < _TRIES or not proof:
            return False
        self._block.write(proof, datetime.now(UTC))
        return True


def _is_refusal(failure: Exception) -> bool:
    """Whether the store would refuse it again: what it cannot read, not what it cannot do."""
    code = error_code(failure)
    return code.startswith(_REFUSALS) if code else isinstance(failure, _BAD_EVENTS)


def store_waiting(store: Store, token: str) -> None:
    """Store what waits in the log, of a server that was killed, too; raises SourceBusy when that fails."""
    if not store.is_attached:
        Ingestor(store, token)
    store.require_caught_up()
