"""Journeys over time: how many sessions began in each period, and which share of them got to the goal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from usertrack.core.document import Chart
from usertrack.product.journeys.numbers import Count, JourneyGroup, Journeys


@dataclass(frozen=True)
class JourneyBucket:
    """The sessions that began in a bucket. ``complete``: it is over, and the window does not cut it off."""

    start: datetime
    count: Count
    complete: bool

    @property
    def reached(self) -> float | None:
        return self.count.reached / self.count.sessions if self.count.sessions else None


def periods(journeys: Journeys, group: JourneyGroup) -> list[JourneyBucket]:
    """Every bucket of the window, also those without a session; none where no periods were requested."""
    scope = journeys.scope
    return [
        JourneyBucket(start, group.periods.get(at, Count()), not scope.unfinished(start) and start >= scope.since)
        for at, start in enumerate(scope.starts if journeys.query.periods else ())
    ]


def notes(journeys: Journeys) -> Iterator[str]:
    """Notes on a first bucket that is cut off and a last one that is not over."""
    scope, starts = journeys.scope, journeys.scope.starts
    if starts[0] < scope.since:
        yield f"the {scope.interval} of {scope.label(starts[0])} counts from {scope.window.partition(' – ')[0]} on"
    if scope.unfinished(starts[-1]):
        yield f"… the {scope.interval} is not over"


def charts(journeys: Journeys, group: JourneyGroup) -> Iterator[Chart]:
    """Yield charts of the complete periods, where there are three or more."""
    complete = [period for period in periods(journeys, group) if period.complete]
    if len(complete) < 3:
        return
    x = journeys.scope.axis([period.start for period in complete])
    sessions = f"Journeys by {journeys.scope.interval}"
    yield Chart("trend", sessions, x, {sessions: [period.count.sessions for period in complete]})
    if journeys.query.goal:
        goal = "Got to the goal"
        yield Chart("trend", goal, x, {goal: [period.reached for period in complete]}, "percent")
