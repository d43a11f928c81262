"""Trends as a document: the lines as a chart, and a row per line; files hold a row per line and period."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Change, Chart, Document, Field, Listing
from usertrack.core.table import Column, Table
from usertrack.core.words import growth, number
from usertrack.library.trend_math import MATHS
from usertrack.product.ask import all_others_note
from usertrack.product.attributes import bucket_attribute, group_attributes
from usertrack.product.compare import change
from usertrack.product.people import people_document
from usertrack.product.scope import GroupName, Scope
from usertrack.product.trends.numbers import Series, TrendLine, Trends

Display = Literal["line", "bar", "table", "number"]
_DRAWN = 6  # lines of one chart: the five values of a breakdown and all others; more are no longer told apart


@dataclass(frozen=True)
class _Point:
    """A period of one line: a row of files and of JSON."""

    line: TrendLine
    at: int
    start: datetime
    complete: bool

    @property
    def group(self) -> GroupName:
        return self.line.group

    @property
    def value(self) -> float | None:
        return self.line.values[self.at]

    @property
    def before(self) -> float | None:
        return self.line.before[self.at] if self.line.before else None


def trends_document(trends: Trends, display: Display = "line") -> Document:
    """The lines as ``display`` shows them. A period that is not over is a gap in charts."""
    scope, query = trends.scope, trends.query
    points = [
        _Point(line, at, start, not scope.unfinished(start))
        for line in trends.lines
        for at, start in enumerate(scope.starts)
    ]
    columns: Columns[_Point] = Columns(
        Attribute("series", "VARCHAR", "line.series"),
        *group_attributes(lambda point: point.group),
        bucket_attribute(scope, lambda point: point.start),
        Attribute("value", "DOUBLE"),
        *([Attribute[_Point]("before", "DOUBLE")] if trends.scope_before else []),
        Attribute("complete", "BOOLEAN"),
    )
    notes = tuple(_notes(trends))
    compared = [f"beside {trends.scope_before.window}"] if trends.scope_before else []
    return Document(
        title=f"Trends by {scope.interval}",
        subtitle=" · ".join([scope.window, *compared, *_ways(trends), *scope.conditions, *scope.weeks]),
        blocks=tuple(_blocks(trends, display)),
        notes=notes,
        data=lambda: {
            **scope.as_dict(),
            "series": [
                {
                    "events": list(one.step.events),
                    "where": one.step.condition or None,
                    "math": one.math,
                    "of": one.of or None,
                }
                for one in query.series
            ],
            "formula": query.formula and query.formula.text,
            "before_since": trends.scope_before and trends.scope_before.since,
            "lines": _line_columns(trends).dicts(trends.lines),
            "rows": columns.dicts(points),
            "notes": list(notes),
        },
        table=columns.table(points, "trends", source=trends.table, timezone=scope.timezone, as_of=scope.as_of),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def series_people_document(series: Series, scope: Scope, people: Table) -> Document:
    """The people behind one series; files hold a row per person."""
    fields = {
        "email": Field("Person", "person"),
        "person_id": Field("PostHog person", spare=True),
        "times": Field("Times", "number"),
        **({"figure": Field(f"{series.math.capitalize()} of {series.of}", "number")} if series.of else {}),
        "first_at": Field("First", "when", spare=True),
        "last_at": Field("Last", "when"),
    }
    table = replace(people, name="trend_people")
    document = people_document(f"People behind {series.label}", scope, table, fields)
    rows, notes = people.dicts, list(document.notes)
    return replace(document, data=lambda: {**scope.as_dict(), "series": series.label, "people": rows(), "notes": notes})


def _blocks(trends: Trends, display: Display) -> Iterator[Block]:
    scope = trends.scope
    named = {_name(trends, line): line for line in trends.lines}
    if display == "table":
        yield _by_period(trends)
    elif display == "bar":
        totals = [line.total for line in trends.lines]
        yield Chart("bars", "Whole time", list(named), {_unit(trends) or "value": totals}, unit=_unit(trends))
    elif display == "line" and len(scope.starts) > 1:
        series = {}
        for name, line in list(named.items())[:_DRAWN]:
            series[name] = [value if scope.finished[at] else None for at, value in enumerate(line.values)]
            if line.before and len(named) == 1:
                series["before"] = list(line.before)
        yield Chart("trend", f"By {scope.interval}", scope.axis(scope.starts), series, unit=_unit(trends))
    if display != "table":
        listing = _line_columns(trends).listing(trends.lines, as_of=scope.as_of)
        yield replace(listing, tiles=display == "number")


def _line_columns(trends: Trends) -> Columns[TrendLine]:
    """A line with the number of the whole time, and its course over the periods that are over."""
    scope = trends.scope
    one_series = len({line.series for line in trends.lines}) == 1

    def finished(values: Sequence[float | None]) -> list[float | None]:
        return [value for at, value in enumerate(values) if scope.finished[at]]

    def mean(line: TrendLine) -> float | None:
        known = [value for value in finished(line.values) if value is not None]
        return sum(known) / len(known) if known else None

    def changed(line: TrendLine) -> Change | None:
        if line.total is None or line.total_before is None:
            return None
        return Change(growth(line.total, line.total_before) if line.total_before else "new")

    return Columns(
        Attribute("series", "VARCHAR", "series", Field("Series", hidden=one_series and bool(scope.breakdown))),
        *group_attributes(lambda line: line.group),
        *(
            [
                Attribute[TrendLine](
                    "name", "VARCHAR", lambda line: line.group.written, Field(scope.breakdown, grows=True)
                )
            ]
            if scope.breakdown
            else []
        ),
        Attribute("total", "DOUBLE", "total", Field("Whole time", "bar" if one_series else "number")),
        Attribute("mean", "DOUBLE", mean, Field(f"Average {scope.interval}", "number")),
        Attribute(
            "last",
            "DOUBLE",
            lambda line: (finished(line.values) or [None])[-1],
            Field(f"Last full {scope.interval}", "number", spare=True),
        ),
        *(
            [
                Attribute[TrendLine]("total_before", "DOUBLE", "total_before", Field("Before", "number")),
                Attribute[TrendLine](
                    "change",
                    "DOUBLE",
                    lambda line: change(line.total, line.total_before),
                    Field("Change", "change"),
                    changed,
                ),
            ]
            if trends.scope_before
            else []
        ),
        Attribute("course", "DOUBLE[]", lambda line: finished(line.values), Field("Course", "spark")),
    )


def _by_period(trends: Trends) -> Listing:
    """A row per period, a column per line."""
    scope = trends.scope
    names = [_name(trends, line) for line in trends.lines]
    columns = (Column(scope.of_bucket), *(Column(name, "DOUBLE") for name in names))
    rows = [
        (scope.label(start) + "…" * scope.unfinished(start), *(line.values[at] for line in trends.lines))
        for at, start in enumerate(scope.starts)
    ]
    table = Table(columns, rows, timezone=scope.timezone, as_of=scope.as_of)
    return Listing(table, fields={name: Field(name, "number") for name in names})


def _name(trends: Trends, line: TrendLine) -> str:
    """A line's name in a chart: its series, its group, or both."""
    several = len({one.series for one in trends.lines}) > 1
    parts = [*([line.series] if several or not trends.scope.breakdown else []), line.group.written]
    return " · ".join(filter(None, parts))


def _unit(trends: Trends) -> str:
    units = {MATHS[series.math].unit for series in trends.query.series}
    return next(iter(units)) if len(units) == 1 and not trends.query.formula else ""


def _ways(trends: Trends) -> Iterator[str]:
    query = trends.query
    if query.formula:
        named = zip(query.formula.letters, query.series, strict=True)
        yield ", ".join(f"{letter} = {series.label}" for letter, series in named)
    if query.cumulative:
        yield "cumulative"
    if query.smooth > 1:
        yield f"mean of {number(query.smooth)} {trends.scope.interval}s"


def _notes(trends: Trends) -> Iterator[str]:
    scope, maths = trends.scope, {series.math for series in trends.query.series}
    if not len(trends.table.rows):
        yield "there was none in this time"
    if scope.unfinished(scope.starts[-1]):
        yield f"the last {scope.interval} is not over: it is no part of the chart, nor of the average"
    if apart := [math for math in MATHS if math in maths and not MATHS[math].adds_up and MATHS[math].unit == "people"]:
        yield f"{' and '.join(apart)}: whoever came in several {scope.interval}s counts once in the whole time"
    if trends.query.cumulative and any(not MATHS[math].adds_up for math in maths):
        yield f"cumulative adds up {scope.interval}s: people who came back count again"
    if len(trends.lines) > _DRAWN:
        yield f"the chart has the first {_DRAWN} of {len(trends.lines)} lines"
    yield from all_others_note(trends.table, scope)
