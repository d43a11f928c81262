"""Data on people in usertrack's own files on this machine: the history, the cache and the alerts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import ConnectionFailed
from usertrack.core.formats import delete_copies
from usertrack.core.spool import SpooledRows, connect, quote
from usertrack.engine.cache import Cache
from usertrack.live.alerts.store import FILE as ALERTS
from usertrack.live.alerts.store import AlertStore
from usertrack.live.alerts.watch_lock import WatchLock
from usertrack.live.signals.state import FILE as SIGNALS
from usertrack.live.signals.state import StateFile
from usertrack.privacy.subject import Subject
from usertrack.segments.history import file as history_file
from usertrack.segments.history.file import HistoryFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ENTRY = "SELECT count(*) FROM {} AS t WHERE regexp_matches(to_json(t)::VARCHAR, ?)"


@contextmanager
def open_history(place: HistoryFile | None, *, write: bool = False) -> Iterator["DuckDBPyConnection | None"]:
    """A connection with the history attached; None without a file. Deletes an unfinished file before a ``write``."""
    if place is None or not place.path.exists():
        if place and write:
            unfinished_file(place).unlink(missing_ok=True)
        yield None
        return
    with connect() as connection, history_file.open_history(connection, place, write=write):
        if write:
            unfinished_file(place).unlink(missing_ok=True)
        yield connection


@contextmanager
def open_alerts(folder: Path | None) -> Iterator[AlertStore | None]:
    """The alerts in ``folder``; None where there are none."""
    if folder is None or not (folder / ALERTS).exists():
        yield None
        return
    store = AlertStore(folder)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def open_signals(folder: Path | None) -> Iterator[StateFile | None]:
    """Open what the engine of patterns remembers in ``folder``; None where there is nothing."""
    if folder is None or not (folder / SIGNALS).exists():
        yield None
        return
    state = StateFile(folder)
    try:
        yield state
    finally:
        state.close()


@contextmanager
def unwatched(folder: Path | None, now: datetime) -> Iterator[None]:
    """Nobody runs patterns meanwhile: a watcher has people in mind. Raises ConnectionFailed while somebody does."""
    if folder is None or not any(path.exists() for path in alert_files(folder)):
        yield
        return
    try:
        lock = WatchLock(folder, now)
    except ConnectionFailed as error:
        raise ConnectionFailed(error.message, "stop it, erase, and start it again") from error
    with lock:
        yield


def alert_files(folder: Path) -> list[Path]:
    return [folder / f"{name}{end}" for name in (ALERTS, SIGNALS) for end in ("", "-wal", "-shm")]


def history_rows(connection: "DuckDBPyConnection", email: str) -> list[dict[str, object]]:
    """Every row that a snapshot has of ``email``, oldest first, with the facts that are known."""
    cursor = connection.execute(
        "SELECT s.as_of, s.set_name, s.origin, p.* EXCLUDE (snapshot) FROM history.person p "
        "JOIN history.snapshot s ON s.id = p.snapshot WHERE p.key = ? ORDER BY s.as_of, s.set_name",
        [email],
    )
    names = [column[0] for column in cursor.description]
    rows = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def history_count(connection: "DuckDBPyConnection", email: str) -> int:
    [(count,)] = connection.execute("SELECT count(*) FROM history.person WHERE key = ?", [email]).fetchall()
    return int(count)


def longer_emails(connection: "DuckDBPyConnection", email: str) -> list[str]:
    """Other e-mails of the history that contain this one."""
    sql = "SELECT DISTINCT key FROM history.person WHERE contains(key, $1) AND key <> $1"
    return [key for (key,) in connection.execute(sql, [email]).fetchall()]


def unfinished_file(place: HistoryFile) -> Path:
    """The file to which `rewrite` writes; an interrupted run leaves it behind."""
    return place.path.with_name(f".{place.path.name}.new")


def history_files(place: HistoryFile) -> list[Path]:
    return [place.path, place.path.with_name(f"{place.path.name}.wal"), unfinished_file(place)]


def rewrite(connection: "DuckDBPyConnection", place: HistoryFile, change: str, values: list[object]) -> None:
    """Run ``change`` on the open history, and write a new file: DuckDB leaves deleted rows in free blocks.

    After an interruption, the file is the old one or the new one. A process that waits for it gets the new one.
    """
    fresh = unfinished_file(place)
    delete_copies(place.path)
    try:
        with history_file.transaction(connection):
            for statement in change.split(";"):
                connection.execute(statement, values)
        connection.execute(f"ATTACH {quote(str(fresh))} AS fresh")
        fresh.chmod(0o600)  # before it holds customers: an interrupted run leaves it behind
        connection.execute("COPY FROM DATABASE history TO fresh")
        connection.execute("DETACH fresh")
        connection.execute("CHECKPOINT history")
        fresh.replace(place.path)
    finally:
        fresh.unlink(missing_ok=True)


def cached_answers_with(cache: Cache | None, subject: Subject) -> list[tuple[str, datetime, datetime, int]]:
    """(name, as_of, asked_at, rows with the e-mail) of each cached answer that has it."""
    answers = []
    for entry, rows in cache.tables() if cache else ():
        count = _count_matching(rows, subject.pattern)
        if count:
            answers.append((entry.name, entry.as_of, entry.asked_at, count))
    return answers


def _count_matching(rows: SpooledRows, pattern: str) -> int:
    with rows.reader() as connection:
        [[count]] = connection.execute(_ENTRY.format(rows.scan()), [pattern]).fetchall()
        return int(count)
