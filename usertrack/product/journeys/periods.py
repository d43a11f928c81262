"""Journeys over time: how many sessions began in each period, and which share of them got to the goal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from usertrack.core.document import Block, Chart, Field, Listing
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number
from usertrack.product.journeys.numbers import Count, JourneyGroup, Journeys


@dataclass(frozen=True)
class JourneyBucket:
    """A session belongs to where it began. ``complete``: neither cut off by the window's begin, nor yet to be over."""

    start: datetime
    count: Count
    complete: bool

    @property
    def reached(self) -> float | None:
        return self.count.reached / self.count.sessions if self.count.sessions else None


def periods(journeys: Journeys, group: JourneyGroup) -> list[JourneyBucket]:
    """Every bucket of the window, also those without a session; none where they were not asked for."""
    scope = journeys.scope
    return [
        JourneyBucket(start, group.periods.get(at, Count()), not scope.unfinished(start) and start >= scope.since)
        for at, start in enumerate(scope.starts if journeys.query.periods else ())
    ]


def notes(journeys: Journeys) -> Iterator[str]:
    """What is to be known of the first and of the last bucket."""
    scope, starts = journeys.scope, journeys.scope.starts
    if starts[0] < scope.since:
        yield f"the {scope.interval} of {scope.label(starts[0])} counts from {scope.window.partition(' – ')[0]} on"
    if scope.unfinished(starts[-1]):
        yield f"… the {scope.interval} is not over"


def blocks(journeys: Journeys, group: JourneyGroup) -> Iterator[Block]:
    """A chart of the periods that are whole, and a row for each."""
    scope, goal, known = journeys.scope, bool(journeys.query.goal), periods(journeys, group)
    complete = [period for period in known if period.complete]
    if len(complete) > 2:
        yield _chart(
            journeys, complete, f"Sessions by {scope.interval}", [float(period.count.sessions) for period in complete]
        )
        if goal:
            yield _chart(journeys, complete, "Got to the goal", [period.reached for period in complete], "percent")
    rows: list[Row] = [
        (
            scope.label(period.start) + "…" * (not period.complete and period is known[-1]),
            period.count.sessions,
            number(period.count.persons),
            period.reached,
        )
        for period in known
    ]
    fields = {
        "period": Field(scope.of_bucket),
        "sessions": Field("Sessions", "bar"),
        "people": Field("People", align="right"),
        "reached": Field("Got to the goal", "percent", hidden=not goal),
    }
    kinds = ("VARCHAR", "BIGINT", "VARCHAR", "DOUBLE")
    yield Listing(Table(tuple(map(Column, fields, kinds)), rows, as_of=scope.as_of), "", fields)


def _chart(
    journeys: Journeys, buckets: list[JourneyBucket], label: str, values: Sequence[float | None], unit: str = ""
) -> Chart:
    return Chart("trend", label, journeys.scope.axis([bucket.start for bucket in buckets]), {label: values}, unit)
