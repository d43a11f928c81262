"""What usertrack itself keeps on this machine: the history and the cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from usertrack.core.spool import SpooledRows, connect, quote
from usertrack.engine.cache import Cache
from usertrack.privacy.subject import Subject
from usertrack.segments.history import file as history_file
from usertrack.segments.history.file import Place

_ENTRY = "SELECT count(*) FROM {} AS t WHERE regexp_matches(to_json(t)::VARCHAR, ?)"


@contextmanager
def opened(place: Place | None, *, write: bool = False) -> Iterator[Any]:
    """A connection with the history attached; None where there is none. What is unfinished goes before a ``write``."""
    if place is None or not place.path.exists():
        if place and write:
            unfinished(place).unlink(missing_ok=True)
        yield None
        return
    with connect() as connection, history_file.opened(connection, place, write=write):
        if write:
            unfinished(place).unlink(missing_ok=True)
        yield connection


def history_rows(connection: Any, email: str) -> list[dict[str, Any]]:
    """Every row that a snapshot has of somebody, oldest first, with the facts that were known."""
    cursor = connection.execute(
        "SELECT s.as_of, s.set_name, s.origin, p.* EXCLUDE (snapshot) FROM history.person p "
        "JOIN history.snapshot s ON s.id = p.snapshot WHERE p.key = ? ORDER BY s.as_of, s.set_name",
        [email],
    )
    names = [each[0] for each in cursor.description]
    rows = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def history_count(connection: Any, email: str) -> int:
    return int(connection.execute("SELECT count(*) FROM history.person WHERE key = ?", [email]).fetchone()[0])


def alike(connection: Any, email: str) -> list[str]:
    """The others in the history whose e-mails have this one within."""
    sql = "SELECT DISTINCT key FROM history.person WHERE contains(key, $1) AND key <> $1"
    return [key for (key,) in connection.execute(sql, [email]).fetchall()]


def unfinished(place: Place) -> Path:
    """Where the history is written anew; whoever was cut short left the file behind."""
    return place.path.with_name(f".{place.path.name}.new")


def files(place: Place) -> list[Path]:
    return [place.path, place.path.with_name(f"{place.path.name}.wal"), unfinished(place)]


def rewrite(connection: Any, place: Place, change: str, values: list[Any]) -> None:
    """Run ``change`` on the open history, and write the file anew: DuckDB leaves what was deleted in its free blocks.

    Interrupted at any time, the file is the old one or the new one. Whoever waits for it gets the new one.
    """
    fresh = unfinished(place)
    try:
        with history_file.transaction(connection):
            for statement in change.split(";"):
                connection.execute(statement, values)
        connection.execute(f"ATTACH {quote(str(fresh))} AS fresh")
        fresh.chmod(0o600)  # before customers stand in it: whoever is cut short leaves it behind
        connection.execute("COPY FROM DATABASE history TO fresh")
        connection.execute("DETACH fresh")
        connection.execute("CHECKPOINT history")
        fresh.replace(place.path)
    finally:
        fresh.unlink(missing_ok=True)


def naming(cache: Cache | None, subject: Subject) -> list[tuple[str, datetime, datetime, int]]:
    """The kept answers with the e-mail: name, the moment it is of, when it was asked for, how many rows have it."""
    found = []
    for entry, rows in cache.tables() if cache else ():
        count = _matching(rows, subject.pattern)
        if count:
            found.append((entry.name, entry.as_of, entry.asked_at, count))
    return found


def _matching(rows: SpooledRows, pattern: str) -> int:
    with rows.reader() as connection:
        return int(connection.execute(_ENTRY.format(rows.scan()), [pattern]).fetchone()[0])
