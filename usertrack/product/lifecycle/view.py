"""Lifecycle and stickiness as documents."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from usertrack.core.document import Block, Document, Listing, Section, Shown, Spark
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number, plural
from usertrack.product.ask import others
from usertrack.product.lifecycle.numbers import STATES, Lifecycle, Period, Stickiness
from usertrack.product.scope import Frame, GroupName

_STICKINESS = (
    Column("breakdown"),
    Column("group"),
    Column("periods", "BIGINT"),
    Column("people", "BIGINT"),
    Column("share", "DOUBLE"),
    Column("at_least", "BIGINT"),
)


def lifecycle_document(found: Lifecycle) -> Document:
    """Per period who was new, came back or went; files hold a row per group and period.

    Until a period is over, nobody is known to be dormant in it: that is None.
    """
    frame = found.frame
    columns = _columns(frame)
    rows: list[Row] = [
        (*name.columns.values(), frame.kept(period.start), *_people(period), period.active, not period.unfinished)
        for name, periods in found.groups.items()
        for period in periods
    ]
    unfinished = any(period.unfinished for periods in found.groups.values() for period in periods)
    notes = (
        *(["nobody was active in this time"] if not len(found.table.rows) else []),
        *([f"the last {frame.interval} is not over: nobody counts as dormant in it yet"] if unfinished else []),
        *others(found.table, frame),
    )
    return Document(
        title=f"Lifecycle by {frame.interval}",
        subtitle=_subtitle(found.event, frame),
        blocks=tuple(_blocks(found)),
        notes=notes,
        data=lambda: _json(found.event, frame, columns, rows, notes),
        table=_table(found.table, frame, "lifecycle", columns, rows),
        timezone=frame.timezone,
        as_of=frame.as_of,
    )


def _columns(frame: Frame) -> tuple[Column, ...]:
    states = (Column(name, "BIGINT") for name in (*STATES, "active"))
    return (Column("breakdown"), Column("group"), frame.column(), *states, Column("complete", "BOOLEAN"))


def stickiness_document(found: Stickiness) -> Document:
    """How many were active in how many periods; files hold a row per group and number of periods."""
    frame = found.frame
    rows = [row for name, counts in found.groups.items() for row in _stickiness_rows(name, counts)]
    quiet = () if any(row[3] for row in rows) else ("nobody was active in this time",)
    last = (f"the last {frame.interval} is not over",) if frame.unfinished(frame.starts[-1]) else ()
    notes = (*quiet, *last, *others(found.table, frame))
    return Document(
        title=f"Stickiness: active on how many of {plural(found.total, frame.interval)}",
        subtitle=_subtitle(found.event, frame),
        blocks=tuple(_stickiness(name, counts, frame) for name, counts in found.groups.items()),
        notes=notes,
        data=lambda: _json(found.event, frame, _STICKINESS, rows, notes),
        table=_table(found.table, frame, "stickiness", _STICKINESS, rows),
        timezone=frame.timezone,
        as_of=frame.as_of,
    )


def _subtitle(event: str, frame: Frame) -> str:
    return " · ".join([frame.said, f"active: {event or 'any event'}", *frame.scope, *frame.weeks])


def _people(period: Period) -> list[int | None]:
    return [None if state == "dormant" and period.unfinished else people for state, people in period.people.items()]


def _blocks(found: Lifecycle) -> Iterator[Block]:
    for name, periods in found.groups.items():
        blocks = tuple(_lifecycle(periods, found.frame))
        yield from (Section(found.frame.heading(name), blocks),) if found.frame.breakdown else blocks


def _lifecycle(periods: Sequence[Period], frame: Frame) -> Iterator[Block]:
    over = [period for period in periods if not period.unfinished]
    if len(over) > 2:
        for state in STATES:
            yield Spark(f"{state:<12}", [period.people[state] for period in over])
    rows: list[Row] = []
    for period in periods:
        *active, dormant = _people(period)
        rows.append((frame.label(period.start), period.active, *active, None if dormant is None else -dormant))
    shown = {
        "period": Shown(frame.of_bucket),
        "active": Shown("Active", "bar"),
        **{state: Shown(state.capitalize(), "number") for state in STATES},
    }
    columns = tuple(Column(key, "VARCHAR" if key == "period" else "BIGINT") for key in shown)
    yield Listing(Table(columns, rows, as_of=frame.as_of), "", shown)


def _stickiness_rows(name: GroupName, counts: Sequence[int]) -> Iterator[Row]:
    total = sum(counts)
    for at, people in enumerate(counts):
        yield *name.columns.values(), at + 1, people, people / total if total else None, sum(counts[at:])


def _stickiness(name: GroupName, counts: Sequence[int], frame: Frame) -> Listing:
    rows: list[Row] = [
        (plural(periods, frame.interval), number(people), share, number(at_least))
        for _, _, periods, people, share, at_least in _stickiness_rows(name, counts)
    ]
    shown = {
        "periods": Shown("Active on"),
        "people": Shown("People", align="right"),
        "share": Shown("Share", "bar"),
        "at_least": Shown("As many or more", align="right"),
    }
    columns = tuple(Column(key, "DOUBLE" if key == "share" else "VARCHAR") for key in shown)
    return Listing(Table(columns, rows, as_of=frame.as_of), frame.heading(name), shown)


def _table(table: Table, frame: Frame, name: str, columns: tuple[Column, ...], rows: list[Row]) -> Table:
    return replace(table, columns=columns, rows=rows, name=name, timezone=frame.timezone, as_of=frame.as_of)


def _json(
    event: str, frame: Frame, columns: tuple[Column, ...], rows: Sequence[Row], notes: Sequence[str]
) -> dict[str, Any]:
    return {
        **frame.as_dict(),
        "event": event or None,
        "rows": Table(columns, rows).dicts(),
        "notes": list(notes),
    }
