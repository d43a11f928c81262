"""Lifecycle and stickiness as documents."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from usertrack.core.document import Block, Document, Field, Listing, Section, Spark
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number, plural
from usertrack.product.ask import rest_note
from usertrack.product.lifecycle.numbers import STATES, Lifecycle, LifecycleBucket, Stickiness
from usertrack.product.scope import GroupName, Scope

_STICKINESS = (
    Column("breakdown"),
    Column("group"),
    Column("periods", "BIGINT"),
    Column("people", "BIGINT"),
    Column("share", "DOUBLE"),
    Column("at_least", "BIGINT"),
)


def lifecycle_document(lifecycle: Lifecycle) -> Document:
    """Per period who was new, came back or went; files hold a row per group and period.

    Until a period is over, nobody is known to be dormant in it: that is None.
    """
    scope = lifecycle.scope
    columns = _columns(scope)
    rows: list[Row] = [
        (*name.columns.values(), scope.stored(period.start), *_people(period), period.active, not period.unfinished)
        for name, periods in lifecycle.groups.items()
        for period in periods
    ]
    unfinished = any(period.unfinished for periods in lifecycle.groups.values() for period in periods)
    notes = (
        *(["nobody was active in this time"] if not len(lifecycle.table.rows) else []),
        *([f"the last {scope.interval} is not over: nobody counts as dormant in it yet"] if unfinished else []),
        *rest_note(lifecycle.table, scope),
    )
    return Document(
        title=f"Lifecycle by {scope.interval}",
        subtitle=_subtitle(lifecycle.event, scope),
        blocks=tuple(_blocks(lifecycle)),
        notes=notes,
        data=lambda: _json(lifecycle.event, scope, columns, rows, notes),
        table=_table(lifecycle.table, scope, "lifecycle", columns, rows),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _columns(scope: Scope) -> tuple[Column, ...]:
    states = (Column(name, "BIGINT") for name in (*STATES, "active"))
    return (Column("breakdown"), Column("group"), scope.column(), *states, Column("complete", "BOOLEAN"))


def stickiness_document(stickiness: Stickiness) -> Document:
    """How many were active in how many periods; files hold a row per group and number of periods."""
    scope = stickiness.scope
    rows = [row for name, counts in stickiness.groups.items() for row in _stickiness_rows(name, counts)]
    quiet = () if any(row[3] for row in rows) else ("nobody was active in this time",)
    last = (f"the last {scope.interval} is not over",) if scope.unfinished(scope.starts[-1]) else ()
    notes = (*quiet, *last, *rest_note(stickiness.table, scope))
    return Document(
        title=f"Stickiness: active on how many of {plural(stickiness.total, scope.interval)}",
        subtitle=_subtitle(stickiness.event, scope),
        blocks=tuple(_stickiness(name, counts, scope) for name, counts in stickiness.groups.items()),
        notes=notes,
        data=lambda: _json(stickiness.event, scope, _STICKINESS, rows, notes),
        table=_table(stickiness.table, scope, "stickiness", _STICKINESS, rows),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _subtitle(event: str, scope: Scope) -> str:
    return " · ".join([scope.window, f"active: {event or 'any event'}", *scope.conditions, *scope.weeks])


def _people(period: LifecycleBucket) -> list[int | None]:
    return [None if state == "dormant" and period.unfinished else people for state, people in period.people.items()]


def _blocks(lifecycle: Lifecycle) -> Iterator[Block]:
    for name, periods in lifecycle.groups.items():
        blocks = tuple(_lifecycle(periods, lifecycle.scope))
        yield from (Section(lifecycle.scope.heading(name), blocks),) if lifecycle.scope.breakdown else blocks


def _lifecycle(periods: Sequence[LifecycleBucket], scope: Scope) -> Iterator[Block]:
    finished = [period for period in periods if not period.unfinished]
    if len(finished) > 2:
        for state in STATES:
            yield Spark(f"{state:<12}", [period.people[state] for period in finished])
    rows: list[Row] = []
    for period in periods:
        *active, dormant = _people(period)
        rows.append((scope.label(period.start), period.active, *active, None if dormant is None else -dormant))
    fields = {
        "period": Field(scope.of_bucket),
        "active": Field("Active", "bar"),
        **{state: Field(state.capitalize(), "number") for state in STATES},
    }
    columns = tuple(Column(key, "VARCHAR" if key == "period" else "BIGINT") for key in fields)
    yield Listing(Table(columns, rows, as_of=scope.as_of), "", fields)


def _stickiness_rows(name: GroupName, counts: Sequence[int]) -> Iterator[Row]:
    total = sum(counts)
    for at, people in enumerate(counts):
        yield *name.columns.values(), at + 1, people, people / total if total else None, sum(counts[at:])


def _stickiness(name: GroupName, counts: Sequence[int], scope: Scope) -> Listing:
    rows: list[Row] = [
        (plural(periods, scope.interval), number(people), share, number(at_least))
        for _, _, periods, people, share, at_least in _stickiness_rows(name, counts)
    ]
    fields = {
        "periods": Field("Active on"),
        "people": Field("People", align="right"),
        "share": Field("Share", "bar"),
        "at_least": Field("As many or more", align="right"),
    }
    columns = tuple(Column(key, "DOUBLE" if key == "share" else "VARCHAR") for key in fields)
    return Listing(Table(columns, rows, as_of=scope.as_of), scope.heading(name), fields)


def _table(table: Table, scope: Scope, name: str, columns: tuple[Column, ...], rows: list[Row]) -> Table:
    return replace(table, columns=columns, rows=rows, name=name, timezone=scope.timezone, as_of=scope.as_of)


def _json(
    event: str, scope: Scope, columns: tuple[Column, ...], rows: Sequence[Row], notes: Sequence[str]
) -> dict[str, Any]:
    return {
        **scope.as_dict(),
        "event": event or None,
        "rows": Table(columns, rows).dicts(),
        "notes": list(notes),
    }
