"""Reading a file: how far it is, how it is stopped, and in the user's terms what is wrong with it and where."""

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

_EXAMPLES = 3
_SHOWN = 10  # rows of a dry run
_LOOK_EVERY = 0.3  # seconds
IN_ORDER = "max_threads = 1, input_format_parallel_parsing = 0, input_format_parquet_preserve_order = 1"


@dataclass(frozen=True)
class Problem:
    """``count`` rows have ``what``, the first of them at ``places``; ``example`` is a timestamp that was not read."""

    what: str
    count: int
    places: tuple[int, ...]
    example: str


def running(session: "ClickHouseSession", statement: str, progress: Callable[[str], None]) -> None:
    """Run an INSERT that ends with SETTINGS, telling how many rows are read; an exception here stops it."""
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
            thread.join(_LOOK_EVERY)
            if thread.is_alive() and (found := progress_of(session, tag)) and found["rows_read"]:
                progress(_how_far(found["rows_read"], found["estimated_rows_total"]))
    except BaseException:
        cancel(session, tag)
        thread.join()
        raise
    if failures:
        raise failures[0]


def _how_far(rows: int, total: int) -> str:
    of_total = f" of {number(total)}" if total >= rows else ""
    return f"{number(rows)}{of_total} rows read"


def first_rows(session: "ClickHouseSession", events: Events) -> list[list[Any]]:
    """The first rows of the file as (timestamp, UTC, distinct_id, event, properties as JSON); None: unreadable."""
    rows = session.rows(
        f"SELECT toTimeZone(timestamp, 'UTC'), distinct_id, event, properties FROM ({events.rows()}) LIMIT {_SHOWN}"
        f" SETTINGS {events.file.settings}, {IN_ORDER}"
    )
    return [[at and datetime.fromisoformat(at), *rest] for at, *rest in rows]


def bad_rows(session: "ClickHouseSession", events: Events) -> list[Problem]:
    """What is wrong with the rows of the file, most frequent first. Reads the whole file, on one core."""
    which = ", ".join(f"{condition}, '{what}'" for what, condition in PROBLEMS.items())
    rows = events.rows(row="rowNumberInAllBlocks()", said=events.said)
    found = session.rows(
        f"SELECT multiIf({which}, '') AS problem, toUInt32(count()), groupArray({_EXAMPLES})(toUInt32(row)),"
        f" any(substringUTF8(said, 1, 40)) FROM ({rows}) WHERE problem != '' GROUP BY problem ORDER BY count() DESC"
        f" SETTINGS {events.file.settings}, {IN_ORDER}"
    )
    return [Problem(what, count, _places(session, events, rows), said) for what, count, rows, said in found]


def clock_notes(session: "ClickHouseSession", events: Events) -> tuple[str, ...]:
    """How many rows have a time that their timezone skipped, or had twice, when its clocks were changed."""
    if not (wall := events.wall()):
        return ()
    rows = events.rows(skipped=wall.skipped, twice=wall.twice, said=events.said)
    ((skipped, unreal, twice, double),) = session.rows(
        "SELECT toUInt32(countIf(skipped)), minIf(said, skipped), toUInt32(countIf(twice)), minIf(said, twice)"
        f" FROM ({rows}) WHERE NOT {BAD} SETTINGS {events.file.settings}"
    )
    found = (
        (skipped, unreal, f"{events.zone} skipped, read as if its clocks had not been changed yet"),
        (twice, double, f"{events.zone} had twice, read as the first time"),
    )
    return tuple(
        f"{plural(count, 'row')} with a time that {what}, such as '{said[:40]}'" for count, said, what in found if count
    )


def _places(session: "ClickHouseSession", events: Events, rows: list[int]) -> tuple[int, ...]:
    """Rows, counted from 0, as people find them: lines of a CSV, whose values may have lines of their own."""
    if not events.file.is_csv:
        return tuple(row + 1 for row in rows)
    breaks = f"countSubstrings(concat('', '', {', '.join(column.sql for column in events.file.columns)}), '\\n')"
    before = ", ".join(f"toUInt32(sumIf(breaks, row < {row}))" for row in rows)
    (found,) = session.rows(
        f"SELECT {before} FROM (SELECT {breaks} AS breaks, rowNumberInAllBlocks() AS row FROM {events.file.relation}"
        f" LIMIT {max(rows)}) SETTINGS {events.file.settings}, {IN_ORDER}"
    )
    return tuple(row + 1 + events.file.header_lines + more for row, more in zip(rows, found, strict=True))


def refused(events: Events, problems: list[Problem]) -> UsageError:
    """The error that names every problem with its first places."""
    count = sum(problem.count for problem in problems)
    garbled = any("UTF-8" in problem.what for problem in problems)
    remedy = "correct them, leave them out with --skip-bad, or choose other columns with --map"
    return UsageError(
        f"{count} row{'s' * (count != 1)} of '{events.file.path}' cannot be imported: "
        + "; ".join(described(events, problem) for problem in problems),
        f"nothing was written; {CONVERT if garbled else remedy}",
    )


def described(events: Events, problem: Problem) -> str:
    """Such as: 12 have no readable timestamp (lines 5, 9, 14, …; such as 'yesterday')."""
    unit = "line" if events.file.is_csv else "row"
    places = ", ".join(str(place) for place in problem.places) + ", …" * (problem.count > len(problem.places))
    example = f"; such as '{problem.example}'" if "timestamp" in problem.what and problem.example else ""
    verb = "has" if problem.count == 1 else "have"
    return f"{problem.count} {verb} {problem.what} ({unit}{'s' * (problem.count > 1)} {places}{example})"


def failure(session: "ClickHouseSession", events: Events, error: Exception) -> UsertrackError:
    """What ClickHouse said while it imported ``events``, as the user's problem."""
    if "FUNCTION_THROW_IF" in str(error) and (problems := bad_rows(session, events)):
        return refused(events, problems)
    return unreadable(session, events.file.path, error)
