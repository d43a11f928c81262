"""Reads a file of events: its progress, how it is stopped, and what is wrong with which rows, in the user's terms."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from usertrack.core.errors import UsageError, UsertrackError
from usertrack.core.words import number, plural
from usertrack.server.database.execute import cancel
from usertrack.server.database.execute import progress as progress_of
from usertrack.server.imports.event_file import CONVERT, unreadable
from usertrack.server.imports.events import BAD, PROBLEMS, Events

if TYPE_CHECKING:
    from usertrack.server.database.session import ClickHouseSession

_EXAMPLES = 3  # rows that a message names
_PREVIEW = 10  # rows of a dry run
_INTERVAL = 0.3  # seconds between two figures of progress, which somebody reads
IN_ORDER = "max_threads = 1, input_format_parallel_parsing = 0, input_format_parquet_preserve_order = 1"


@dataclass(frozen=True)
class Problem:
    """``count`` rows have ``description``, the first ones at ``places``; ``example`` is an unreadable timestamp."""

    description: str
    count: int
    places: tuple[int, ...]
    example: str


def run_insert(session: "ClickHouseSession", statement: str, progress: Callable[[str], None]) -> None:
    """Run an INSERT that ends with SETTINGS, and report its progress; an exception in ``progress`` stops it."""
    tag = f"import-{uuid4()}"
    failures: list[BaseException] = []

    def work() -> None:
        try:
            session.query(f"{statement}, log_comment = '{tag}'")
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_INTERVAL)
            if thread.is_alive() and (progress_row := progress_of(session, tag)) and progress_row["rows_read"]:
                progress(_progress_text(progress_row["rows_read"], progress_row["estimated_rows_total"]))
    except BaseException:
        cancel(session, tag)
        thread.join()
        raise
    if failures:
        raise failures[0]


def _progress_text(rows: int, total: int) -> str:
    of_total = f" of {number(total)}" if total >= rows else ""
    return f"{number(rows)}{of_total} rows read"


def first_rows(session: "ClickHouseSession", events: Events) -> list[list[Any]]:
    """The first rows of the file as (timestamp, UTC, distinct_id, event, properties as JSON); None: unreadable."""
    rows = session.rows(
        f"SELECT toTimeZone(timestamp, 'UTC'), distinct_id, event, properties FROM ({events.rows()}) LIMIT {_PREVIEW}"
        f" SETTINGS {events.file.settings}, {IN_ORDER}"
    )
    return [[at and datetime.fromisoformat(at), *rest] for at, *rest in rows]


def bad_rows(session: "ClickHouseSession", events: Events) -> list[Problem]:
    """Return what is wrong with the rows of the file, most frequent first. Reads the whole file, on one core."""
    conditions = ", ".join(f"{condition}, '{description}'" for description, condition in PROBLEMS.items())
    rows = events.rows(row="rowNumberInAllBlocks()", as_text=events.timestamp_text)
    rows_of_problems = session.rows(
        f"SELECT multiIf({conditions}, '') AS problem, toUInt32(count()), groupArray({_EXAMPLES})(toUInt32(row)),"
        f" any(substringUTF8(as_text, 1, 40)) FROM ({rows}) WHERE problem != '' GROUP BY problem ORDER BY count() DESC"
        f" SETTINGS {events.file.settings}, {IN_ORDER}"
    )
    return [
        Problem(description, count, _places(session, events, rows), example)
        for description, count, rows, example in rows_of_problems
    ]


def clock_notes(session: "ClickHouseSession", events: Events) -> tuple[str, ...]:
    """Note how many rows have a time that their timezone skipped, or had twice, when its clocks were changed."""
    if not (wall := events.wall()):
        return ()
    rows = events.rows(skipped=wall.skipped, twice=wall.twice, as_text=events.timestamp_text)
    ((skipped, unreal, twice, double),) = session.rows(
        "SELECT toUInt32(countIf(skipped)), minIf(as_text, skipped), toUInt32(countIf(twice)), minIf(as_text, twice)"
        f" FROM ({rows}) WHERE NOT {BAD} SETTINGS {events.file.settings}"
    )
    notes = (
        (skipped, unreal, f"{events.zone} skipped, read as if its clocks had not been changed yet"),
        (twice, double, f"{events.zone} had twice, read as the first time"),
    )
    return tuple(
        f"{plural(count, 'row')} with a time that {reading}, such as '{example[:40]}'"
        for count, example, reading in notes
        if count
    )


def _places(session: "ClickHouseSession", events: Events, rows: list[int]) -> tuple[int, ...]:
    """Row numbers from 0 as row numbers from 1, or as lines of a CSV, whose values may contain line breaks."""
    if not events.file.is_csv:
        return tuple(row + 1 for row in rows)
    breaks = f"countSubstrings(concat('', '', {', '.join(column.sql for column in events.file.columns)}), '\\n')"
    before = ", ".join(f"toUInt32(sumIf(breaks, row < {row}))" for row in rows)
    (breaks_before,) = session.rows(
        f"SELECT {before} FROM (SELECT {breaks} AS breaks, rowNumberInAllBlocks() AS row FROM {events.file.relation}"
        f" LIMIT {max(rows)}) SETTINGS {events.file.settings}, {IN_ORDER}"
    )
    return tuple(row + 1 + events.file.header_lines + more for row, more in zip(rows, breaks_before, strict=True))


def refused(events: Events, problems: list[Problem]) -> UsageError:
    """The error with every problem and its first places."""
    count = sum(problem.count for problem in problems)
    garbled = any("UTF-8" in problem.description for problem in problems)
    remedy = "correct them, leave them out with --skip-bad, or choose other columns with --map"
    return UsageError(
        f"{count} row{'s' * (count != 1)} of '{events.file.path}' cannot be imported: "
        + "; ".join(described(events, problem) for problem in problems),
        f"nothing was written; {CONVERT if garbled else remedy}",
    )


def described(events: Events, problem: Problem) -> str:
    """Such as: 12 have no readable timestamp (lines 5, 9, 14, …; such as 'yesterday')."""
    unit = "line" if events.file.is_csv or events.file.has_lines else "row"
    places = ", ".join(str(place) for place in problem.places) + ", …" * (problem.count > len(problem.places))
    example = f"; such as '{problem.example}'" if "timestamp" in problem.description and problem.example else ""
    verb = "has" if problem.count == 1 else "have"
    return f"{problem.count} {verb} {problem.description} ({unit}{'s' * (problem.count > 1)} {places}{example})"


def failure(session: "ClickHouseSession", events: Events, error: Exception) -> UsertrackError:
    """A ClickHouse error of an import in the user's terms."""
    if "FUNCTION_THROW_IF" in str(error) and (problems := bad_rows(session, events)):
        return refused(events, problems)
    return unreadable(session, events.file.path, error)
