"""Retention and cohorts as documents: a heatmap of shares, with the size of each cohort."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Heatmap, Spark
from usertrack.core.period import day as written_day
from usertrack.core.stats import UNKNOWN, ConfidenceInterval
from usertrack.core.table import NamedRow
from usertrack.core.words import number
from usertrack.product.ask import all_others_note
from usertrack.product.attributes import group_attributes
from usertrack.product.retention.numbers import (
    DAYS,
    FEWEST,
    Cohort,
    DayGroup,
    DayRetention,
    Retention,
    RetentionGroup,
    RetentionQuery,
)
from usertrack.product.scope import GroupName, Scope
from usertrack.product.shares import Share, label

_MOST = 40  # cohorts that people see, the latest ones, unless --limit says otherwise


def retention_document(retention: Retention) -> Document:
    """A heatmap per group, a row per cohort; files hold a row per cohort and period."""
    query, scope = retention.query, retention.scope
    columns = _columns(scope)
    cells = [
        cell
        for group in retention.groups
        for cohort in group.cohorts
        for cell in _cells(group.name, cohort, range(len(cohort.people)))
    ]
    kind = "First-time" if query.kind == "first-time" else "Recurring"
    notes = (*_notes(retention.groups), *all_others_note(retention.table, scope))
    return Document(
        title=f"{kind} retention by {scope.interval}",
        subtitle=" · ".join([scope.window, *_semantics(query), *_scope(scope)]),
        blocks=tuple(_heatmap(group, scope) for group in retention.groups),
        notes=notes,
        data=lambda: _json(query, scope, columns.dicts(cells), notes),
        table=columns.table(cells, "retention", source=retention.table, timezone=scope.timezone, as_of=scope.as_of),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def cohorts_document(cohorts: DayRetention) -> Document:
    """Cohorts by week with the days after; the curve over all of them; files hold a row per cohort and day."""
    query, scope = cohorts.query, cohorts.scope
    columns = _columns(scope)
    cells = [
        cell for group in cohorts.groups for cohort in group.cohorts for cell in _cells(group.name, cohort, (0, *DAYS))
    ]
    begin = written_day(query.log_begin, scope.timezone) if query.log_begin else ""
    notes = (
        *([f"the log begins on {begin}: who signed up before is in no cohort"] if begin else []),
        *_notes(cohorts.groups),
        *_curve_notes(cohorts.groups),
        *all_others_note(cohorts.table, scope),
    )
    return Document(
        title=f"Cohorts by {scope.interval} of their first {query.target or 'event'}",
        subtitle=" · ".join(
            [
                scope.window,
                f"% who did {query.returning or 'anything'} on that calendar day after their own",
                *_scope(scope),
            ]
        ),
        blocks=tuple(block for group in cohorts.groups for block in _by_day(group, scope)),
        notes=notes,
        data=lambda: {
            **_json(query, scope, columns.dicts(cells), notes),
            "curve": [row for group in cohorts.groups for row in _curve(group)],
        },
        table=columns.table(cells, "retention", source=cohorts.table, timezone=scope.timezone, as_of=scope.as_of),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _by_day(group: DayGroup, scope: Scope) -> Iterator[Heatmap | Spark]:
    yield _shares(group.cohorts, [f"day {day}" for day in (0, *DAYS)], scope, scope.heading(group.name))
    if group.drawn:
        shares = [100 * people / size for _, people, size in group.drawn]
        yield Spark(f"Day 1 – {group.drawn[-1][0]}", shares, _ends(group))


def _curve(group: DayGroup) -> Iterator[dict[str, object]]:
    for day, (people, size) in enumerate(group.curve):
        share = Share(people, size)
        low, high = (share.interval.low, share.interval.high) if day else (None, None)
        counts = {"day": day, "people": people, "size": size}
        yield {**group.name.columns, **counts, "rate": share.value, "low": low, "high": high}


def _ends(group: DayGroup) -> str:
    """The share on some days, each with its number of people and its interval."""
    shares = {day: Share(people, size) for day, people, size in group.drawn}
    days = dict.fromkeys(day for day in (1, 7, 30, group.drawn[-1][0]) if day in shares)
    return ", ".join(
        f"{100 * (share.value or 0):.0f} % of {number(share.n)} on day {day} ({label(share.interval)})"
        for day, share in ((day, shares[day]) for day in days)
    )


def _semantics(query: RetentionQuery) -> list[str]:
    begin = f"{'first ' if query.kind == 'first-time' else ''}{query.target or 'event'}"
    often = f" {query.minimum} times or more" if query.minimum > 1 else ""
    return [f"began with {begin}, back with {query.returning or 'any event'}{often}"]


def _scope(scope: Scope) -> list[str]:
    return [*scope.conditions, *scope.weeks]


def _heatmap(group: RetentionGroup, scope: Scope) -> Heatmap:
    periods = [str(period) for period in range(len(group.cohorts))]
    mean = Cohort(group.cohorts[0].start, 0, ()) if group.cohorts else None
    block = _shares(group.cohorts, periods, scope, scope.heading(group.name))
    if mean is None:
        return block
    means = [group.mean(period) for period in range(len(periods))]
    total = number(sum(cohort.size for cohort in group.cohorts))
    return replace(block, rows=[*block.rows, f"all  n={total}"], values=[*block.values, means], limit=_MOST + 1)


def _shares(cohorts: Sequence[Cohort], periods: Sequence[str], scope: Scope, heading: str) -> Heatmap:
    values = [[cohort.rate(period) for period in range(len(periods))] for cohort in cohorts]
    labels = [scope.label(cohort.start) for cohort in cohorts]
    width = max(map(len, labels), default=0)
    rows = [f"{label:<{width}}  n={number(cohort.size)}" for label, cohort in zip(labels, cohorts, strict=True)]
    corner = f"{scope.interval} of"
    return Heatmap(heading, rows, periods, values, "percent", corner=corner, base=1, limit=_MOST, latest=True)


@dataclass(frozen=True)
class RetentionCell:
    """The ``people`` of a cohort who came back in ``period``, None where it is not over: a row of files and of JSON.

    ``first``: it is the cohort's own.
    """

    group: GroupName
    cohort: Cohort
    period: int
    people: int | None
    rate: float | None
    first: bool

    @property
    def interval(self) -> ConfidenceInterval:
        """The interval of the ``rate``; unknown where that is 100 % by definition."""
        return UNKNOWN if self.first or self.people is None else Share(self.people, self.cohort.size).interval

    @property
    def complete(self) -> bool:
        return self.people is not None and not (self.first and self.cohort.forming)


def _columns(scope: Scope) -> Columns[RetentionCell]:
    return Columns(
        *group_attributes(lambda cell: cell.group),
        Attribute("cohort", scope.bucket_type, lambda cell: scope.stored(cell.cohort.start)),
        Attribute("size", "BIGINT", "cohort.size"),
        Attribute("period", "BIGINT"),
        Attribute("people", "BIGINT"),
        Attribute("rate", "DOUBLE"),
        Attribute("low", "DOUBLE", "interval.low"),
        Attribute("high", "DOUBLE", "interval.high"),
        Attribute("complete", "BOOLEAN"),
    )


def _cells(group: GroupName, cohort: Cohort, periods: Sequence[int]) -> Iterator[RetentionCell]:
    for at, (period, people) in enumerate(zip(periods, cohort.people, strict=True)):
        yield RetentionCell(group, cohort, period, people, cohort.rate(at), first=at == 0)


def _notes(groups: Sequence[RetentionGroup]) -> tuple[str, ...]:
    cohorts = [cohort for group in groups for cohort in group.cohorts]
    forming = any(cohort.forming for cohort in cohorts)
    blank = any(people is None for cohort in cohorts if cohort.size for people in cohort.people)
    sizes = {bool(cohort.size) for cohort in cohorts}
    return (
        *(["nobody began in this time"] if True not in sizes else []),
        *(["the last cohort is still forming"] if forming else []),
        *(["· is a period that is not over yet"] if blank else []),
        *(["· of n=0 is a cohort without people"] if len(sizes) > 1 else []),
    )


def _curve_notes(groups: Sequence[DayGroup]) -> Iterator[str]:
    if any(day and 0 < size < FEWEST for group in groups for day, (_, size) in enumerate(group.curve)):
        yield f"the curve is of days known of {FEWEST} people or more; `-f json` has all of them, with 95 % intervals"


def _json(query: RetentionQuery, scope: Scope, cells: list[NamedRow], notes: Sequence[str]) -> dict[str, object]:
    return {
        "type": query.kind,
        "target": query.target or None,
        "returning": query.returning or None,
        **scope.as_dict(),
        "cells": cells,
        "notes": list(notes),
    }
