"""PostHog's saved insights and their last results, in one SQLite file beside the events."""

import json
import logging
import secrets
import sqlite3
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from usertrack.core.json_types import JsonObject

_SCHEMA = """
CREATE TABLE IF NOT EXISTS insights (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    short_id TEXT NOT NULL UNIQUE,
    fields TEXT NOT NULL,           -- JSON: name, description, query, tags, …
    deleted INTEGER NOT NULL DEFAULT 0,
    result TEXT,                    -- JSON of the last answer, NULL before the first one
    last_refresh TEXT
)
"""
log = logging.getLogger(__name__)
_COLUMNS = "id, short_id, fields, deleted, result, last_refresh"
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class InsightRow:
    """A saved insight: its ``fields`` as clients sent them, and the last result of its query, None before the first.

    ``last_refresh`` is the ISO time of the result, UTC.
    """

    id: int
    short_id: str
    fields: JsonObject
    deleted: bool
    result: JsonObject | None
    last_refresh: str | None


class SavedInsights:
    """The insights of one project."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "insights.sqlite"
        self._set_aside_if_damaged()

    def _set_aside_if_damaged(self) -> None:
        """Keep a damaged file under another name, so that insights can be saved again."""
        try:
            with self._open() as database:
                [(told,)] = database.execute("PRAGMA quick_check(1)")
        except sqlite3.OperationalError:  # locked by another process, or the disk is full: that is no damage
            return
        except sqlite3.DatabaseError as error:
            told = str(error)
        if told != "ok":
            moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            damaged = self._path.with_name(f"{self._path.stem}-damaged-{moment}{self._path.suffix}")
            self._path.rename(damaged)
            log.error("saved insights were damaged (%s): they are kept as %s, and none are listed", told, damaged.name)

    def all(self) -> list[InsightRow]:
        """Every insight that is not deleted, in the order in which they were made."""
        with self._open() as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM insights WHERE NOT deleted ORDER BY id")
            return [_insight(row) for row in rows]

    def find(self, key: str) -> InsightRow | None:
        """The insight with this id or short id, deleted or not: digits are an id before they are a short id."""
        with self._open() as database:
            row = database.execute(
                f"SELECT {_COLUMNS} FROM insights WHERE id = ? OR short_id = ? ORDER BY id = ? DESC LIMIT 1",
                [number := int(key) if key.isdecimal() and len(key) < 18 else None, key, number],
            ).fetchone()
        return _insight(row) if row else None

    def add(self, fields: Mapping[str, object], id_: int | None = None, short_id: str = "") -> InsightRow:
        """Save a new insight; without ids it gets new ones."""
        short_id = short_id or "".join(secrets.choice(_LETTERS) for _ in range(8))
        with self._open() as database:
            cursor = database.execute(
                "INSERT INTO insights (id, short_id, fields) VALUES (?, ?, ?)", [id_, short_id, json.dumps(fields)]
            )
            return InsightRow(int(cursor.lastrowid or 0), short_id, dict(fields), False, None, None)

    def change(self, insight: InsightRow, fields: Mapping[str, Any], *, deleted: bool) -> None:
        """Save new ``fields``; a result of the former query is removed."""
        stale = fields.get("query") != insight.fields.get("query")
        with self._open() as database:
            database.execute(
                "UPDATE insights SET fields = ?, deleted = ?, result = iif(?, NULL, result) WHERE id = ?",
                [json.dumps(fields), deleted, stale, insight.id],
            )

    def save_result(self, insight: InsightRow, result: Mapping[str, object], now: datetime) -> None:
        """Save the result of ``insight`` as of ``now`` (UTC), unless its query has changed meanwhile."""
        with self._open() as database:
            database.execute(
                "UPDATE insights SET result = ?, last_refresh = ? WHERE id = ? AND fields = ?",
                [json.dumps(result), now.isoformat(), insight.id, json.dumps(insight.fields)],
            )

    def fields(self) -> list[JsonObject]:
        """The fields of every insight, deleted or not."""
        with self._open() as database:
            return [json.loads(fields) for (fields,) in database.execute("SELECT fields FROM insights")]

    def reword(self, change: Callable[[JsonObject], JsonObject]) -> None:
        """Replace the fields of all insights by ``change(fields)``, and remove all results, which may name people."""
        with self._open() as database:
            rows = database.execute("SELECT id, fields FROM insights").fetchall()
            changed = [(json.dumps(change(json.loads(fields))), id_) for id_, fields in rows]
            database.executemany("UPDATE insights SET fields = ?, result = NULL WHERE id = ?", changed)
        self._rewrite()

    def forget_results(self, before: datetime) -> None:
        """Remove results that are older than ``before`` (UTC)."""
        with self._open() as database:
            database.execute("UPDATE insights SET result = NULL WHERE last_refresh < ?", [before.isoformat()])
        self._rewrite()

    def _rewrite(self) -> None:
        """Clear the free pages of the file, where SQLite leaves replaced values."""
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as database:
            database.execute("VACUUM")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one request: requests run in several threads."""
        database = sqlite3.connect(self._path, timeout=30)  # seconds that another process's commit may take
        try:
            with database:
                database.execute(_SCHEMA)
                yield database
        finally:
            database.close()


def _insight(row: tuple[Any, ...]) -> InsightRow:
    id_, short_id, fields, deleted, result, last_refresh = row
    last_result = json.loads(result) if result else None
    return InsightRow(id_, short_id, json.loads(fields), bool(deleted), last_result, last_refresh)
