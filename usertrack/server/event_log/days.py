"""The events of each day (UTC), in the log's file: what it was given, and the rows that the engine has of them."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS days (
    day TEXT PRIMARY KEY,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    stored INTEGER NOT NULL DEFAULT 0,  -- with those that had come before
    refused INTEGER NOT NULL DEFAULT 0,
    rows INTEGER,                       -- written to the engine; NULL while a deletion or an import changes them
    missing INTEGER NOT NULL DEFAULT 0  -- of these rows
) WITHOUT ROWID;
"""


class DayCounts(NamedTuple):
    """Events of a day; ``rows`` are the new ones of the stored."""

    acknowledged: int = 0
    stored: int = 0
    refused: int = 0
    rows: int = 0


def add(writer: sqlite3.Connection, at: datetime, counts: DayCounts) -> None:
    """Add ``counts`` to the day of ``at`` (UTC); a day that begins while others are changed is changed, too."""
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in DayCounts._fields)
    rows = "CASE WHEN (SELECT rows IS NULL FROM days ORDER BY day DESC LIMIT 1) THEN NULL ELSE ? END"
    sql = f"INSERT INTO days VALUES (?, ?, ?, ?, {rows}, 0) ON CONFLICT DO UPDATE SET {sums}"
    writer.execute(sql, (f"{at:%Y-%m-%d}", *counts))


def expect_changes(writer: sqlite3.Connection, at: datetime) -> None:
    """Mark all days, and that of ``at``: their rows change, and are counted anew at the next comparison."""
    add(writer, at, DayCounts())  # without any day, the next one would not know
    writer.execute("UPDATE days SET rows = NULL")


def compare(writer: sqlite3.Connection, rows: Mapping[str, int]) -> None:
    """Note how many of the ``rows`` of each day are missing; more of them are of a process that was killed."""
    writer.executemany("INSERT INTO days (day, rows) VALUES (?, ?) ON CONFLICT DO NOTHING", rows.items())
    known = writer.execute("SELECT day FROM days").fetchall()
    missing = "coalesce(max(0, rows - ?1), missing)"
    sql = f"UPDATE days SET missing = {missing}, rows = ?1 + {missing} WHERE day = ?2"
    writer.executemany(sql, [(rows.get(day, 0), day) for (day,) in known])


def problems(reader: sqlite3.Connection) -> list[str]:
    """Return a sentence for each run of days of which the engine lacks events; the last says what to do."""
    query = """
        SELECT min(day), max(day), sum(acknowledged), sum(stored), sum(missing),
            coalesce(sum(rows - missing), 'an unknown number')
        FROM (SELECT *, julianday(day) - row_number() OVER (ORDER BY day) AS run FROM days WHERE missing)
        GROUP BY run ORDER BY run
    """
    sentences = [
        f"{first if first == last else f'{first} to {last}'}: {acknowledged} events acknowledged, {stored} stored,"
        f" {rows} in the engine, and {lost} missing"
        for first, last, acknowledged, stored, lost, rows in reader.execute(query)
    ]
    if sentences:
        accept = "run `sqlite3 event_log.sqlite 'DELETE FROM days'` in the folder of the events and start it again"
        sentences[-1] += f": restore a backup, or accept the loss: stop the server, {accept}"
    return sentences
