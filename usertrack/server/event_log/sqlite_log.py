"""The log as one SQLite file: a commit is on the disk before it returns, and what is trimmed is overwritten.

A damaged file is set aside under another name, and what can be read of it goes on.
"""

import logging
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from usertrack.core.formats import delete_copies, prepare_sqlite
from usertrack.server.event_log import days
from usertrack.server.event_log.log import LoggedRequest, NotAppended, WaitingRequests
from usertrack.server.event_log.salvage import Salvage

_FORMAT = 1
_SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS entries (
    offset INTEGER PRIMARY KEY AUTOINCREMENT,
    checksum INTEGER NOT NULL,      -- CRC-32 of the body: SQLite does not see what changes within a page
    body BLOB NOT NULL
);
"""
    + days.SCHEMA
)
WAL_BYTES = 16 << 20  # bytes, from which on its pages are written into the file
_TRIMMED_AT_ONCE = 500  # entries in one transaction, for which others wait
_SUFFIXES = ("", "-wal", "-shm")
T = TypeVar("T")
log = logging.getLogger(__name__)


class SqliteLog:
    """The log of captured requests in the file ``path``, which the first append creates. Safe to call from threads.

    Entries keep the order in which they were appended. Trimmed ones may come back after a loss of power, so the reader
    recognises requests that it has stored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._turn = threading.Lock()  # of the connection that writes
        self._reading = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._closed = False
        self._end = 0
        self._waiting = WaitingRequests(0, 0)
        self.missing: list[str] = []  # by the last comparison with the engine
        self._fresh = path.with_name(f"{path.stem}-salvaged{path.suffix}")
        self._finish_setting_aside()
        if path.exists():
            with self._turn:
                self._open()

    def append(self, bodies: Sequence[bytes], events: int = 0) -> int:
        """Append all of ``bodies``, with so many events, or none; raises ``NotAppended``.

        Returns the offset of the last, once durable.
        """
        try:
            with self._turn:
                return self._whole(lambda: self._append(bodies, events))
        except sqlite3.Error as error:
            raise NotAppended(str(error)) from error

    def read(self, after: int, size: int) -> list[LoggedRequest]:
        """Return the first entries after that offset: ``size`` bytes at most, or one entry that is larger."""
        reader = self._reader
        try:
            with self._reading:
                return list(_entries(self._reader, after, size)) if self._reader else []
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            with self._turn:
                if self._reader is reader:  # nobody else was faster
                    self._set_aside(error)
            return self.read(after, size)

    def trim(self, upto: int, counts: days.DayCounts | None = None, at: datetime | None = None) -> None:
        """Remove the entries up to that offset, itself included, and count events of the day of ``at``.

        Raises ``NotAppended`` on a full disk.

        To remove them takes room, but for all of them: then the file begins anew.
        """
        try:
            rest = True
            while rest:
                with self._turn:
                    rest = self._whole(partial(self._trim, upto, counts, at or datetime.now(UTC)))
                counts = None
        except sqlite3.Error as error:
            with self._turn:
                if upto < self._end:
                    raise NotAppended(str(error)) from error
                self._begin_anew()
        if self._writer and self._wal.stat().st_size > WAL_BYTES:
            self._checkpoint()

    def compare(self, rows: Mapping[str, int]) -> None:
        """Compare the days with the ``rows`` of the engine."""
        with self._turn, _transaction(self._open()) as writer:
            days.compare(writer, rows)
            self.missing = days.problems(writer)

    def expect_changes(self) -> None:
        """Note, durably, that rows of any day change until the next comparison; raises ``NotAppended``."""
        try:
            with self._turn:
                self._whole(self._expect_changes)
        except (sqlite3.Error, OSError) as error:
            raise NotAppended(str(error)) from error

    def end(self) -> int:
        """Return the offset of the last entry that was ever appended; 0 before the first."""
        return self._end

    def waiting(self) -> WaitingRequests:
        """Return the size of what was appended and not trimmed."""
        return self._waiting

    def purge(self) -> None:
        """Remove trimmed entries from the disk: from the file and from its journal."""
        with self._turn, self._reading:
            delete_copies(self._path)
            if self._writer:
                self._writer.execute("VACUUM")
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._turn, self._reading:
            self._closed = True
            self._disconnect()

    # within a turn

    def _append(self, bodies: Sequence[bytes], events: int) -> int:
        writer, end = self._open(), self._end
        numbered = [(end + number, zlib.crc32(body), body) for number, body in enumerate(bodies, 1)]
        with _transaction(writer):
            writer.executemany("INSERT INTO entries VALUES (?, ?, ?)", numbered)
            days.add(writer, datetime.now(UTC), days.DayCounts(acknowledged=events))
        self._end = end + len(bodies)
        self._add(len(bodies), sum(map(len, bodies)))
        return self._end

    def _expect_changes(self) -> None:
        with _transaction(self._open()) as writer:
            days.expect_changes(writer, datetime.now(UTC))

    def _trim(self, upto: int, counts: days.DayCounts | None, at: datetime) -> bool:
        """Remove some entries; says whether there are more."""
        if not self._writer and not counts:
            return False
        with _transaction(self._open()) as writer:
            if counts:
                days.add(writer, at, counts)
            sizes = writer.execute(
                "SELECT offset, length(body) FROM entries WHERE offset <= ? ORDER BY offset LIMIT ?",
                (upto, _TRIMMED_AT_ONCE),
            ).fetchall()
            if sizes:
                writer.execute("DELETE FROM entries WHERE offset <= ?", (sizes[-1][0],))
        self._add(-len(sizes), -sum(size for _, size in sizes))
        return len(sizes) == _TRIMMED_AT_ONCE

    def _add(self, entries: int, size: int) -> None:
        self._waiting = WaitingRequests(self._waiting.entries + entries, self._waiting.bytes + size)

    def _checkpoint(self) -> None:
        """Write the journal's pages into the file, most of them while others append, so that it begins anew."""
        with self._reading:
            assert self._reader
            self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)")
        with self._turn, self._reading:
            assert self._writer
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _whole(self, work: Callable[[], T]) -> T:
        """The result of ``work``, once more on a new file when this one is damaged."""
        try:
            return work()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._set_aside(error)
            return work()

    # the file

    def _open(self) -> sqlite3.Connection:
        if self._writer:
            return self._writer
        if self._closed:
            raise NotAppended("the log is closed")
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._set_aside(error)
            return self._writer or self._connect()

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            self._path.touch(mode=0o600)
        writer = _connection(self._path)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "wal_autocheckpoint = 0"):
                writer.execute(f"PRAGMA {pragma}")
            [problem] = writer.execute("PRAGMA quick_check(1)").fetchone()
            if problem != "ok":
                raise sqlite3.DatabaseError(f"malformed: {problem}")
            prepare_sqlite(writer, self._path, _SCHEMA, _FORMAT)
            count, size = writer.execute("SELECT count(*), total(length(body)) FROM entries").fetchone()
            [end] = writer.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
            self.missing = days.problems(writer)
            if end < self._end:  # a new file in place of one of this process
                writer.execute("INSERT INTO sqlite_sequence VALUES ('entries', ?)", (self._end,))
            self._reader = _connection(self._path)
        except BaseException:
            writer.close()
            raise
        self._writer, self._end, self._waiting = writer, max(self._end, end), WaitingRequests(count, int(size))
        return writer

    def _disconnect(self) -> None:
        for connection in (self._reader, self._writer):
            if connection:
                with suppress(sqlite3.Error):
                    connection.close()
        self._reader = self._writer = None

    def _begin_anew(self) -> None:
        """Delete the file, whose entries nobody needs any more."""
        with self._reading:
            self._disconnect()
        _remove(self._path)
        self._connect()

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Go on with what can be read of the damaged file, which stays under another name.

        It has its name until what can be read of it lies in a file beside it: the process may end at any moment.
        """
        with self._reading:
            self._disconnect()
        salvaged = self._salvage()
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        damaged = self._path.with_name(f"{self._path.stem}-damaged-{moment}{self._path.suffix}")
        self._replace(damaged)
        self._connect()
        log.error(
            "the log of events was damaged (%s): %d requests of it could be read; it is kept as %s",
            error, salvaged, damaged.name,
        )  # fmt: skip

    def _salvage(self) -> int:
        """Write what can be read of the file into a new one; returns how many entries these are."""
        _remove(self._fresh)
        self._fresh.touch(mode=0o600)
        with closing(_connection(self._fresh)) as writer:
            prepare_sqlite(writer, self._fresh, _SCHEMA, _FORMAT)
            salvage = Salvage(self._path, self._end)
            with _transaction(writer):
                rows = ((entry.offset, zlib.crc32(entry.body), entry.body) for entry in salvage.entries())
                count = writer.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", rows).rowcount
                end = salvage.end or time.time_ns() // 1_000  # no log has had so many
                writer.execute("DELETE FROM sqlite_sequence")
                writer.execute("INSERT INTO sqlite_sequence VALUES ('entries', ?)", (end,))
        return max(0, count)

    def _replace(self, damaged: Path) -> None:
        """Put the new file in the place of the damaged one, which is moved away first."""
        for suffix in _SUFFIXES:
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).rename(damaged.with_name(damaged.name + suffix))
        self._fresh.rename(self._path)

    def _finish_setting_aside(self) -> None:
        """Do what a process that ended meanwhile left undone."""
        if self._path.exists():
            _remove(self._fresh)  # perhaps in part
        elif self._fresh.exists() and (
            damaged := sorted(self._path.parent.glob(f"{self._path.stem}-damaged-*{self._path.suffix}"))
        ):
            self._replace(damaged[-1])


def _remove(path: Path) -> None:
    for suffix in (*_SUFFIXES, "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _entries(reader: sqlite3.Connection, after: int, size: int) -> Iterator[LoggedRequest]:
    total = 0
    rows = reader.execute("SELECT offset, checksum, body FROM entries WHERE offset > ? ORDER BY offset", (after,))
    for offset, checksum, body in rows:
        if zlib.crc32(body) != checksum:
            raise sqlite3.DatabaseError("malformed: a checksum does not match")
        total += len(body)
        if total > size and total > len(body):
            return
        yield LoggedRequest(offset, body)


def _connection(path: Path) -> sqlite3.Connection:
    # 30 seconds: another process's commit takes less
    return sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is damaged: SQLite raises the same class for a disk that is full."""
    return not isinstance(error, sqlite3.OperationalError | sqlite3.IntegrityError | sqlite3.ProgrammingError)
