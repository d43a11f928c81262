"""The one owner of the ClickHouse data directory: opens it, creates the schema, runs statements."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from usertrack.core.errors import ConnectionFailed, SourceBusy, UsageError
from usertrack.server.database.journal import Journal
from usertrack.server.database.lock import DirectoryLock, ReportWait
from usertrack.server.database.property_definitions import PropertyDefinitions
from usertrack.server.database.session import ClickHouseSession, StoreClosed

# ClickHouse keeps parts that were replaced for eight minutes, and looks for them every half
_SCRUB = {
    "old_parts_lifetime": 0,
    "cleanup_delay_period": 0,
    "cleanup_delay_period_random_add": 0,
    "cleanup_thread_preferred_points_per_iteration": 0,
    "merge_tree_clear_old_parts_interval_seconds": 1,
}
_SCRUBBED = 60  # seconds that this may take
_UUIDS = ("id", "person_id")
_UPLOAD = "upload-"
_LEFTOVERS = (f"{_UPLOAD}*", "trees-*")  # of imports that were killed; of versions that kept queries with their values


class Store(ClickHouseSession):
    """The session that owns ``path``, where others may be opened beside it; one process may hold a directory.

    chDB allows one open Store per process, too.
    """

    def __init__(self, path: Path, waiting: ReportWait | None = None) -> None:
        """Open (and create) ``path``; with ``waiting``, wait until another process has left it.

        Raises ``ConnectionFailed`` naming the process that holds it, ``UsageError`` if it cannot be written.
        """
        self.rewriting = threading.Lock()  # held by who writes events, and by who puts others in their place
        self._erasing = threading.Lock()  # one after the other: what is to go stands in one table
        self.overhaul = threading.Lock()  # held to its end by an import, and by who would miss what that brings
        self._importing = threading.Lock()
        self._lock = _locked(path, waiting)
        try:
            _forget_leftovers(path)
            super().__init__(path)
            _create_schema(self._connection)
            self.journal = Journal(self)
            self.journal.complete()
            self.definitions = PropertyDefinitions(self)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, RuntimeError):
                raise _unopened(path, error) from None
            raise

    @contextmanager
    def importing(self) -> Iterator[ClickHouseSession]:
        """A session for an import, beside which all else goes on but what deletes people or renames them.

        Raises SourceBusy while there is another one, or one of these.
        """
        if not self.overhaul.acquire(blocking=False):
            raise SourceBusy("another import is under way, or a deletion", "import again when it has finished")
        try:
            with self._importing:
                if self._closed:
                    raise StoreClosed("the store is closed")
                with closing(ClickHouseSession(self.path)) as session:
                    yield session
        finally:
            self.overhaul.release()

    @contextmanager
    def upload(self) -> Iterator[Path]:
        """A folder for a file that is on its way in, for as long as it is needed; one that was killed has none left."""
        with tempfile.TemporaryDirectory(prefix=_UPLOAD, dir=self.path) as folder:
            yield Path(folder)

    def erase(self, table: str, by: Mapping[str, Sequence[str]]) -> None:
        """Delete the rows of ``posthog.<table>`` that have one of the values ``by[column]`` in any of these columns.

        The values stand in none of the files in which ClickHouse keeps what it was told to delete.
        """
        value = {name: "toUUID(value)" if name in _UUIDS else "value" for name, values in by.items() if values}
        if not value:
            return
        which = (f"{name} IN (SELECT {value[name]} FROM posthog.erased WHERE name = '{name}')" for name in value)
        with self._erasing:
            self.query("CREATE OR REPLACE TABLE posthog.erased (name String, value String) ENGINE = Memory")
            self.insert("erased", ({"name": name, "value": each} for name in value for each in by[name]))
            try:
                self.query(f"ALTER TABLE posthog.{table} DELETE WHERE {' OR '.join(which)} SETTINGS mutations_sync = 2")
            finally:
                self.query("DROP TABLE IF EXISTS posthog.erased SYNC")

    def scrub(self, tables: Iterable[str]) -> None:
        """Remove from the disk what ``tables`` no longer hold: what was replaced would stay for eight minutes.

        Raises TimeoutError when it is still there after a while.
        """
        settings = ", ".join(f"{name} = {value}" for name, value in _SCRUB.items())
        scrubbed = list(tables)
        with self._erasing:
            try:
                for table in scrubbed:
                    self.query(f"ALTER TABLE posthog.{table} MODIFY SETTING {settings}")
                    self._reattach(table)
                self._wait_for_scrubbing(scrubbed)
            finally:
                for table in scrubbed:
                    self.query(f"ALTER TABLE posthog.{table} RESET SETTING {', '.join(_SCRUB)}")

    def _reattach(self, table: str) -> None:
        """Let ``table`` be looked through anew, which is done at once when it is attached; nobody may miss it."""
        with self._turn:
            # until no query reads it: else it could not be attached, and would be gone until the next start
            self._connection.query(f"DETACH TABLE posthog.{table} SYNC")
            self._connection.query(f"ATTACH TABLE posthog.{table}")

    def _wait_for_scrubbing(self, tables: Sequence[str]) -> None:
        deadline = time.monotonic() + _SCRUBBED
        for table in tables:
            while self._outdated(table):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"what {table} held is still on the disk")
                time.sleep(0.05)

    def _outdated(self, table: str) -> bool:
        """Whether parts of ``table`` lie on the disk that are none of it any more."""
        of_table = f"database = 'posthog' AND {{}} = {literal(table)}".format
        [[places]] = self.rows(f"SELECT data_paths FROM system.tables WHERE {of_table('name')}")
        active = {name for (name,) in self.rows(f"SELECT name FROM system.parts WHERE active AND {of_table('table')}")}
        parts = {path.parent.name for place in places for path in Path(place).glob("*/columns.txt")}
        return not parts <= active

    def refresh_property_definitions(self, events: str = "events") -> None:
        """Bring ``posthog.property_definitions`` up to date with what plain INSERTs wrote, to ``events`` or another."""
        self.definitions.refresh(datetime.now(UTC), events)

    def announce(self, url: str, key: str) -> None:
        """Tell the owner's processes that want this directory that it is served at ``url``, for whoever has ``key``."""
        self._lock.announce(url, key)

    def close(self) -> None:
        """Close it, once an import is over, and a deletion that is under way has come to the end of its step."""
        with self._importing, self._erasing:
            super().close()
            self._lock.release()


def literal(value: str) -> str:
    """``value`` as a ClickHouse string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def literals(values: Iterable[object]) -> str:
    """``('a','b')`` for IN; never empty, so that no values match nothing."""
    return "(" + (",".join(literal(str(value)) for value in values) or "NULL") + ")"


def _locked(path: Path, waiting: ReportWait | None) -> DirectoryLock:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return DirectoryLock(path, waiting)
    except OSError as error:
        raise UsageError(
            f"cannot write to the data directory {path}: {error.strerror}", "choose another one with --data"
        ) from None


def _forget_leftovers(path: Path) -> None:
    for left in (each for pattern in _LEFTOVERS for each in path.glob(pattern)):
        shutil.rmtree(left, ignore_errors=True)


def _unopened(path: Path, error: RuntimeError) -> ConnectionFailed:
    reason = str(error).split(" (version")[0].splitlines()[0].rstrip(". ")
    return ConnectionFailed(
        f"cannot open the embedded ClickHouse in {path}: {reason}",
        "one process can open one data directory; if this one is damaged, move it away and start anew",
    )


def _create_schema(connection: Any) -> None:
    for statement in resources.files(__package__).joinpath("schema.sql").read_text().split(";\n"):
        if statement.strip():
            connection.query(statement)
