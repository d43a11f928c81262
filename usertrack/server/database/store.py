"""The store: the one process and session that owns a data directory. It creates the schema and deletes for good."""

import logging
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from usertrack.core.errors import ConnectionFailed, SourceBusy, UsageError
from usertrack.core.formats import prepare_folder
from usertrack.core.sql_file import sql_file
from usertrack.core.temporary import remove_left_overs
from usertrack.server.database.damage import Damage
from usertrack.server.database.journal import MergeJournal
from usertrack.server.database.literals import literal
from usertrack.server.database.lock import DirectoryLock, ReportWait
from usertrack.server.database.property_definitions import PropertyDefinitions
from usertrack.server.database.session import ClickHouseSession, StoreClosed
from usertrack.server.event_log.log import NotAppended
from usertrack.server.event_log.sqlite_log import SqliteLog

# by default ClickHouse keeps replaced parts for eight minutes, and looks for them every 30 seconds
_PURGE_SETTINGS = {
    "old_parts_lifetime": 0,
    "cleanup_delay_period": 0,
    "cleanup_delay_period_random_add": 0,
    "cleanup_thread_preferred_points_per_iteration": 0,
    "merge_tree_clear_old_parts_interval_seconds": 0,  # else a purge spins for a second
}
FORMAT = 1  # rises when an older usertrack would read a folder wrongly
_PURGE_SECONDS = 60  # before a purge is given up
_CATCH_UP = 10.0  # seconds
_PATIENCE = 1.0  # seconds in which an import waits for a comparison of counts, or that for a block
_VERSIONED = ("persons", "person_distinct_ids", "static_cohort_people", "cohorts")
_UUIDS = ("id", "person_id")
log = logging.getLogger(__name__)
_UPLOAD = "upload-"
_LEFTOVERS = (f"{_UPLOAD}*", "trees-*")  # of killed imports; of older versions, which kept queries with their values


class Applier(Protocol):
    """A storer of the events of the log."""

    def catch_up(self, seconds: float) -> int: ...

    def close(self) -> None: ...


class Store(ClickHouseSession):
    """The session that owns ``path``; other sessions may be opened beside it. Only one process may own a directory.

    chDB also allows only one open Store per process.
    """

    def __init__(self, path: Path, waiting: ReportWait | None = None) -> None:
        """Open (and create) ``path``; with ``waiting``, wait until another process has closed it.

        Raises ``ConnectionFailed`` naming the process that owns it, ``UsageError`` if it cannot be written.
        """
        self.write_lock = threading.Lock()  # while events are written or replaced
        self._erasing = threading.Lock()  # deletions share one temporary table
        self.maintenance_lock = threading.Lock()  # during an import, a deletion or pseudonymization, one at a time
        self._importing = threading.Lock()
        self._versioning = threading.Lock()
        self._latest_version = 0  # not known yet
        self._applier: Applier | None = None
        self._lock = _lock_directory(path, waiting)
        try:
            prepare_folder(path, FORMAT)
            remove_left_overs(path)
            for leftover in (folder for pattern in _LEFTOVERS for folder in path.glob(pattern)):
                shutil.rmtree(leftover, ignore_errors=True)
            self.log = SqliteLog(path / "event_log.sqlite")
            super().__init__(path)
            for statement in sql_file(__package__, "schema").split(";\n"):
                if statement.strip():
                    self._connection.query(statement)
            self.damage = Damage(self)
            self.journal = MergeJournal(self)
            self.journal.complete()
            self.definitions = PropertyDefinitions(self)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, RuntimeError | sqlite3.Error):
                raise _cannot_open(path, error) from None
            raise

    def attach(self, applier: "Applier") -> None:
        """From now on ``applier`` stores what lies in the log."""
        former, self._applier = self._applier, applier
        if former:
            former.close()

    def catch_up(self, seconds: float = _CATCH_UP) -> int:
        """Store what was acknowledged before; returns how many requests wait when that takes longer, or fails."""
        return self._applier.catch_up(seconds) if self._applier else self.log.waiting().entries

    @property
    def is_attached(self) -> bool:
        """Whether something stores the events of the log."""
        return self._applier is not None

    def require_caught_up(self) -> None:
        """Wait until the events of the log are stored. Raises SourceBusy after a minute, or when it fails."""
        if waiting := self.catch_up(_PURGE_SECONDS):
            raise SourceBusy(f"{waiting} requests with events wait to be stored", "the server's log says why")

    def problems(self) -> list[str]:
        """Return a sentence for each loss that is known: damaged parts, and days without all of their events."""
        return [*self.damage.problems(), *self.log.missing]

    def reconcile(self) -> None:
        """Compare the events of each day with the log's counts, 30 ns an event, unless somebody changes them."""
        if self.maintenance_lock.acquire(blocking=False):
            try:
                self._reconcile(_PATIENCE)
            finally:
                self.maintenance_lock.release()

    def _reconcile(self, patience: float = -1) -> None:
        days = "SELECT toString(toDate(created_at)), toUInt64(count()) FROM posthog.events GROUP BY 1"
        if self.write_lock.acquire(timeout=patience):
            try:
                self.log.compare({day: int(events) for day, events in self.rows(days)})
            except (RuntimeError, sqlite3.Error, NotAppended) as error:  # such as damage, which says so itself
                log.warning("the events of each day could not be compared: %s", type(error).__name__)
            finally:
                self.write_lock.release()

    @contextmanager
    def maintaining(self, patience: float = -1) -> Iterator[None]:
        """Change rows outside of the log, alone; raises SourceBusy after ``patience`` seconds (-1: waits).

        Raises UsageError when it cannot be noted that rows change: what is deleted would be told as a loss.
        """
        if not self.maintenance_lock.acquire(timeout=patience):
            raise SourceBusy("another import is under way, or a deletion", "import again when it has finished")
        try:
            self._reconcile()
            self._expect_changes()
            try:
                yield
            finally:
                self._reconcile()
        finally:
            self.maintenance_lock.release()

    def _expect_changes(self) -> None:
        try:
            self.log.expect_changes()  # on the disk: also for whoever comes after this process was killed
        except NotAppended as error:
            if self._closed:
                raise StoreClosed("the store is closed") from error
            raise UsageError(f"cannot write to {self.path}: {error}", "free room on its disk, and try again") from error

    @contextmanager
    def importing(self) -> Iterator[ClickHouseSession]:
        """A session for an import. Everything else goes on, except deletions and pseudonymization.

        Raises SourceBusy while one of these, or another import, is running.
        """
        with self.maintaining(_PATIENCE), self._importing:
            if self._closed:
                raise StoreClosed("the store is closed")
            with closing(ClickHouseSession(self.path)) as session:
                yield session

    @contextmanager
    def upload(self) -> Iterator[Path]:
        """A temporary folder for an uploaded file; the next start removes the folder of a killed process."""
        with tempfile.TemporaryDirectory(prefix=_UPLOAD, dir=self.path) as folder:
            yield Path(folder)

    def erase(self, table: str, by: Mapping[str, Sequence[str]]) -> None:
        """Delete the rows of ``posthog.<table>`` that have one of the values ``by[column]`` in any of these columns.

        ClickHouse keeps the text of deletions in files, so the values are not in that text.
        """
        value = {name: "toUUID(value)" if name in _UUIDS else "value" for name, values in by.items() if values}
        if not value:
            return
        conditions = (f"{name} IN (SELECT {value[name]} FROM posthog.erased WHERE name = '{name}')" for name in value)
        with self._erasing:
            self.query("CREATE OR REPLACE TABLE posthog.erased (name String, value String) ENGINE = Memory")
            self.insert("erased", ({"name": name, "value": text} for name in value for text in by[name]))
            try:
                self.query(
                    f"ALTER TABLE posthog.{table} DELETE WHERE {' OR '.join(conditions)} SETTINGS mutations_sync = 2"
                )
            finally:
                self.query("DROP TABLE IF EXISTS posthog.erased SYNC")

    @property
    def copied(self) -> Path:
        """The file with the state of a copy of the company's own events, if this store is one."""
        return self.path / "own_events.json"

    def leave_out(self, what: str, *values: str) -> None:
        """Note what a copy must not bring back, since Postgres still has it; nothing where the store is no copy.

        ``what`` is ``person`` (ids, which are hashes), ``before`` (a moment), or ``pseudonyms`` (since a moment).
        """
        if self.copied.exists():
            self.insert("left_out", ({"what": what, "value": value} for value in values))

    def left_out(self, what: str) -> str:
        """Return the latest value of what was noted, empty for none."""
        [[value]] = self.rows(f"SELECT max(value) FROM posthog.left_out WHERE what = {literal(what)}")
        return str(value)

    def purge(self, tables: Iterable[str]) -> None:
        """Remove deleted and replaced rows of ``tables`` from the disk now, instead of after eight minutes.

        Likewise what the log held of stored events.

        Raises TimeoutError when they are still there after a minute.
        """
        settings = ", ".join(f"{name} = {value}" for name, value in _PURGE_SETTINGS.items())
        purged = list(tables)
        self.log.purge()
        with self._erasing, self.damage.paused():
            try:
                for table in purged:
                    self.query(f"ALTER TABLE posthog.{table} MODIFY SETTING {settings}")
                    self._reattach(table)
                self._wait_for_purge(purged)
            finally:
                for table in purged:
                    self.query(f"ALTER TABLE posthog.{table} RESET SETTING {', '.join(_PURGE_SETTINGS)}")

    def _reattach(self, table: str) -> None:
        """Detach and attach ``table``: attaching starts the cleanup at once."""
        with self._turn:
            # SYNC waits for running queries: else attaching fails, and the table is missing until the next start
            self._connection.query(f"DETACH TABLE posthog.{table} SYNC")
            self._connection.query(f"ATTACH TABLE posthog.{table}")

    def _wait_for_purge(self, tables: Sequence[str]) -> None:
        deadline = time.monotonic() + _PURGE_SECONDS
        for table in tables:
            while self._outdated(table):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"what {table} held is still on the disk")
                time.sleep(0.05)

    def _outdated(self, table: str) -> bool:
        """Whether the disk still has parts that ``table`` no longer uses."""
        of_table = f"database = 'posthog' AND {{}} = {literal(table)}".format
        [[places]] = self.rows(f"SELECT data_paths FROM system.tables WHERE {of_table('name')}")
        active = {name for (name,) in self.rows(f"SELECT name FROM system.parts WHERE active AND {of_table('table')}")}
        parts = {path.parent.name for place in places for path in Path(place).glob("*/columns.txt")}
        return not parts <= active

    def next_version(self) -> int:
        """A version for rows that replace others: later than every one before, also after the clock was set back."""
        with self._versioning:
            if not self._latest_version:
                every = " UNION ALL ".join(f"SELECT max(version) AS version FROM posthog.{name}" for name in _VERSIONED)
                [[latest]] = self.rows(f"SELECT toUInt64(max(version)) FROM ({every})")
                self._latest_version = int(latest)
            self._latest_version = max(time.time_ns(), self._latest_version + 1)
            return self._latest_version

    def refresh_property_definitions(self, events: str = "events") -> None:
        """Update ``posthog.property_definitions`` from the table ``events``, after plain INSERTs into it."""
        self.definitions.refresh(datetime.now(UTC), events)

    def announce(self, url: str, key: str) -> None:
        """Tell other processes of the owner that this directory is served at ``url``, with ``key``."""
        self._lock.announce(url, key)

    def close(self) -> None:
        """Close it after a running import, and after the current step of a deletion."""
        if self._applier:
            self._applier.close()
        with self._importing, self._erasing:
            self.damage.close()  # which a purge would let go on
            self.log.close()
            super().close()
            self._lock.release()


def _lock_directory(path: Path, waiting: ReportWait | None) -> DirectoryLock:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return DirectoryLock(path, waiting)
    except OSError as error:
        raise UsageError(
            f"cannot write to the data directory {path}: {error.strerror}", "choose another one with --data"
        ) from None


def _cannot_open(path: Path, error: Exception) -> ConnectionFailed:
    reason = str(error).split(" (version")[0].splitlines()[0].rstrip(". ")
    return ConnectionFailed(
        f"cannot open the embedded ClickHouse in {path}: {reason}",
        "one process can open one data directory; if this one is damaged, move it away and start anew",
    )
