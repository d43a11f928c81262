"""What usertrack itself keeps on this machine: the history, the cache, and the files of both, byte by byte."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from usertrack import history_file
from usertrack.cache import Cache
from usertrack.history_file import Place
from usertrack.privacy.subject import Subject
from usertrack.spool import SpooledRows, connect, quote

_CHUNK, _LONGEST = 1 << 22, 4 * 320  # bytes read at a time, and of the longest e-mail
_ENTRY = "SELECT count(*) FROM {} AS t WHERE regexp_matches(to_json(t)::VARCHAR, ?)"


@contextmanager
def opened(place: Place | None, *, write: bool = False) -> Iterator[Any]:
    """A connection with the history attached; None where there is none."""
    if place is None or not place.path.exists():
        yield None
        return
    with connect() as connection, history_file.opened(connection, place, write=write):
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


def rewrite(connection: Any, place: Place, change: str, values: list[Any]) -> None:
    """Run ``change`` on the open history, and write the file anew: DuckDB leaves what was deleted in its free blocks.

    Interrupted at any time, the file is the old one or the new one. Whoever waits for it gets the new one.
    """
    fresh = place.path.with_name(f".{place.path.name}.new")
    fresh.unlink(missing_ok=True)
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


def files_with(folder: Path | None, subject: Subject, others: Sequence[str] = ()) -> list[Path]:
    """The files below ``folder``, or itself, in whose bytes the e-mail stands as it is, in any case.

    Not within the e-mails of ``others``: texts stand side by side, and nothing tells where one ends.
    """
    if folder is None or not folder.exists():
        return []
    longer = sorted((re.escape(other.encode()) for other in others), key=len, reverse=True)
    needle = re.compile(b"|".join([*longer, b"(%s)" % re.escape(subject.email.encode())]), re.IGNORECASE)
    paths = sorted(folder.rglob("*")) if folder.is_dir() else [folder, folder.with_name(f"{folder.name}.wal")]
    return [path for path in paths if path.is_file() and _has(path, needle)]


def _has(path: Path, needle: "re.Pattern[bytes]") -> bool:
    tail = b""
    try:
        with path.open("rb") as file:
            for part in iter(lambda: file.read(_CHUNK), b""):
                if any(found[1] for found in needle.finditer(tail + part)):
                    return True
                tail = part[-_LONGEST:]
    except OSError:  # removed meanwhile, or none of ours to read
        return False
    return False
