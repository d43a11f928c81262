"""The history file: where it is, how it is opened, and the errors for one that is locked, damaged, newer or foreign.

A file that cannot be used is never changed.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import SourceBusy, UsageError
from usertrack.core.formats import new_copy, require_known
from usertrack.core.spool import quote
from usertrack.sources.identity import origin_of
from usertrack.workspace.settings import Settings

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

FORMAT = 2  # since 2, people have `undecided`
WAIT_SECONDS = 5.0  # seconds that another usertrack may hold the file
_IN_TURN = threading.RLock()  # DuckDB's lock on the file keeps out other processes, and not a thread of this one
_TABLES = """
CREATE TABLE history.about AS SELECT 'usertrack history' AS what, {format} AS version;
CREATE TABLE history.snapshot (
    id INTEGER, origin VARCHAR, set_name VARCHAR, as_of TIMESTAMP, recorded_at TIMESTAMP, rules VARCHAR,
    exclusive BOOLEAN, people BIGINT, match MAP(VARCHAR, BIGINT),
    segments STRUCT(id VARCHAR, name VARCHAR, "when" VARCHAR, people BIGINT, undecided BIGINT, unknown VARCHAR)[],
    facts STRUCT(name VARCHAR, label VARCHAR, type VARCHAR, unit VARCHAR, current BOOLEAN)[]
);
CREATE TABLE history.person (
    snapshot INTEGER, key VARCHAR, segments VARCHAR[], "primary" VARCHAR, priority DOUBLE, undecided VARCHAR[]
);
"""


@dataclass(frozen=True)
class HistoryFile:
    """The file of the history. ``origin`` names the sources: snapshots are only compared with those of the same origin.

    It keeps all snapshots of the last ``all_days``, one a day of the last ``daily_days``, and one a week before that.
    """

    path: Path
    origin: str
    all_days: float = 14
    daily_days: float = 90


def history_file(settings: Settings, now: datetime) -> HistoryFile | None:
    """The history file of these settings; None when the history is switched off.

    It is in the demo's folder, in the workspace, or else in the user's data folder.
    """
    setting = settings["history"]
    if setting == "off":
        return None
    path = Path(setting).expanduser() if setting else None
    if path and settings.root and settings.values["history"].origin.startswith("usertrack.yaml"):
        path = settings.root / path
    if settings.uses_demo:
        from usertrack.workspace.demo_choice import cache_root, chosen_demo_folder

        demo = chosen_demo_folder(cache_root(), now=now)
        return HistoryFile(path or demo / "history.duckdb", origin_of(settings, now), *_days(settings))
    if path is None and settings.root:
        path = settings.root / ".usertrack/history.duckdb"
    elif path is None:
        import platformdirs

        path = Path(platformdirs.user_data_dir("usertrack")) / "history.duckdb"
    return HistoryFile(path, origin_of(settings, now), *_days(settings))


def _days(settings: Settings) -> tuple[float, float]:
    return settings["history_all_days"], settings["history_daily_days"]


# The file


@contextmanager
def open_history(connection: "DuckDBPyConnection", place: HistoryFile, *, write: bool = False) -> Iterator[None]:
    """Attach the file as the schema ``history`` of ``connection``. A missing file is created when it is to be written.

    Raises UsageError for a file that is no history or one of a newer version, and SourceBusy when another process
    holds it for seconds.
    """
    import duckdb

    if write:
        _make_room(place.path)
    elif not place.path.exists():
        raise UsageError(
            "there is no history yet",
            "`usertrack segments` records each answer; `usertrack history backfill --weeks 8` adds earlier weeks",
        )
    try:
        with _IN_TURN:
            _attach(connection, place.path, write=write)
            try:
                _require_format(connection, place.path, write=write)
                yield
            finally:
                connection.execute("DETACH history")
    except duckdb.Error as error:
        if problem := _unusable(place.path, error):
            raise problem from error
        raise


def _make_room(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror})", _ELSEWHERE) from error


_ELSEWHERE = "USERTRACK_HISTORY=FILE sets another file, USERTRACK_HISTORY=off switches the history off"


def _attach(connection: "DuckDBPyConnection", path: Path, *, write: bool) -> None:
    """Attach the file; wait a little for others, since DuckDB lets only one process write, or several read."""
    import duckdb
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])  # waiting a moment is no news
    for attempt in stamina.retry_context(
        on=lambda error: isinstance(error, duckdb.IOException) and _LOCKED in str(error),
        attempts=None,
        timeout=WAIT_SECONDS,
        wait_initial=0.02,  # another command holds the file for a moment
        wait_max=0.2,
        wait_jitter=0.02,
    ):
        with attempt:
            connection.execute(f"ATTACH {quote(str(path))} AS history{'' if write else ' (READ_ONLY)'}")


def _require_format(connection: "DuckDBPyConnection", path: Path, *, write: bool) -> None:
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'history'").fetchall()
    if not tables and write:
        with transaction(connection):
            connection.execute(_TABLES.format(format=FORMAT))
        path.chmod(0o600)  # it names your customers
        return
    about = connection.execute("SELECT what, version FROM history.about").fetchone() if ("about",) in tables else None
    if about is None or about[0] != "usertrack history":
        raise UsageError(f"{path} is a DuckDB file, but no history of usertrack", _MOVE)
    require_known(path, about[1], FORMAT)
    if about[1] < FORMAT and write:
        _migrate(connection, path, about[1])


def _migrate(connection: "DuckDBPyConnection", path: Path, number: int) -> None:
    copy = new_copy(path, number)
    copy.unlink()  # DuckDB makes its files itself
    connection.execute(f"ATTACH {quote(str(copy))} AS former")
    try:
        copy.chmod(0o600)
        connection.execute("COPY FROM DATABASE history TO former")
    except Exception:  # disk full, for one: half a copy is none
        copy.unlink()
        raise
    finally:
        connection.execute("DETACH former")
    with transaction(connection):
        connection.execute("ALTER TABLE history.person ADD COLUMN IF NOT EXISTS undecided VARCHAR[]")
        connection.execute(f"UPDATE history.about SET version = {FORMAT}")


_MOVE = "the file was not changed; move it away, and usertrack starts a new one"
_NEWER = "the file was not changed; install a newer usertrack: README, Install"
_LOCKED = "Could not set lock"
_HOLDER = re.compile(r"held in (.+? \(PID \d+\)[^.]*)")


def _unusable(path: Path, error: "duckdb.Error") -> UsageError | SourceBusy | None:
    """The error for a file that cannot be used; None when the file is not the cause."""
    text = str(error)
    if _LOCKED in text:
        holder = _HOLDER.search(text)
        return SourceBusy(
            f"{path} is in use by {holder[1] if holder else 'another program'}", "try again when it has ended"
        )
    if "version number" in text:
        return UsageError(f"{path} was written by a newer DuckDB", _NEWER)
    if re.search(r"Permission denied|Read-only file system|Cannot open file|read-only mode", text):
        return UsageError(f"cannot open {path} ({text.rsplit(': ', 1)[-1].splitlines()[0]})", _ELSEWHERE)
    if "No space" in text:
        return UsageError(f"cannot write {path}: no space left", "make room, then try again")
    if re.match("Corrupt|IO Error|Serialization Error|INTERNAL Error|FATAL Error|Catalog Error", text):
        return UsageError(f"{path} is damaged, or no history ({text.splitlines()[0][:120]})", _MOVE)
    return None


@contextmanager
def transaction(connection: "DuckDBPyConnection") -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
