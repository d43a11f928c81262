"""Journeys over time: how many sessions began in each period, and which share of them got to the goal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from usertrack.core.document import Block, Chart, Listing, Shown
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number
from usertrack.product.journeys.numbers import Count, Group, Journeys


@dataclass(frozen=True)
class Period:
    """A session belongs to where it began. ``complete``: neither cut off by the window's begin, nor yet to be over."""

    start: datetime
    count: Count
    complete: bool

    @property
    def reached(self) -> float | None:
        return self.count.reached / self.count.sessions if self.count.sessions else None


def periods(found: Journeys, group: Group) -> list[Period]:
    """Every bucket of the window, also those without a session; none where they were not asked for."""
    frame = found.frame
    return [
        Period(start, group.periods.get(at, Count()), not frame.unfinished(start) and start >= frame.since)
        for at, start in enumerate(frame.starts if found.asked.periods else ())
    ]


def notes(found: Journeys) -> Iterator[str]:
    """What is to be known of the first and of the last bucket."""
    frame, starts = found.frame, found.frame.starts
    if starts[0] < frame.since:
        yield f"the {frame.interval} of {frame.label(starts[0])} counts from {frame.said.partition(' – ')[0]} on"
    if frame.unfinished(starts[-1]):
        yield f"… the {frame.interval} is not over"


def blocks(found: Journeys, group: Group) -> Iterator[Block]:
    """A chart of the periods that are whole, and a row for each."""
    frame, goal, known = found.frame, bool(found.asked.goal), periods(found, group)
    whole = [period for period in known if period.complete]
    if len(whole) > 2:
        yield _chart(found, whole, f"Sessions by {frame.interval}", [float(one.count.sessions) for one in whole])
        if goal:
            yield _chart(found, whole, "Got to the goal", [one.reached for one in whole], "percent")
    rows: list[Row] = [
        (
            frame.label(period.start) + "…" * (not period.complete and period is known[-1]),
            period.count.sessions,
            number(period.count.persons),
            period.reached,
        )
        for period in known
    ]
    shown = {
        "period": Shown(frame.of_bucket),
        "sessions": Shown("Sessions", "bar"),
        "people": Shown("People", align="right"),
        "reached": Shown("Got to the goal", "percent", hidden=not goal),
    }
    kinds = ("VARCHAR", "BIGINT", "VARCHAR", "DOUBLE")
    yield Listing(Table(tuple(map(Column, shown, kinds)), rows, as_of=frame.as_of), "", shown)


def _chart(found: Journeys, whole: list[Period], label: str, values: Sequence[float | None], unit: str = "") -> Chart:
    return Chart("trend", label, found.frame.axis([one.start for one in whole]), {label: values}, unit)
