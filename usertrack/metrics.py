"""The scorecard: each metric of the library over whole days, beside the days before. At n = 0 a figure is unknown.

A metric is a query with a `metric:` header (`usertrack.metric`); the same query answers for both windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from usertrack.errors import UsertrackError
from usertrack.intervals import Interval
from usertrack.library import Query
from usertrack.metric import Metric
from usertrack.run import Done, Runner


@dataclass(frozen=True)
class Reading:
    """The figure of one window. Shares are 0…1; ``n`` is what it is made of; ``row`` is the whole row of the query.

    ``value`` is None where it is undefined (nothing was finished) or not reached (a median of people still waiting).
    """

    value: float | None = None
    interval: Interval = Interval()
    n: int | None = None
    row: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """A metric with its figures. ``error`` says why there are none; ``says`` is the metric's own sentence, filled in.

    ``days`` are the dates of both windows in the workspace's timezone, oldest first, and ``series`` has a value for
    each; None is a gap. ``change`` is ``now.value - before.value`` (of a rate: a share, so 0.05 is 5 percentage points).
    """

    query: Query
    metric: Metric
    now: Reading = Reading()
    before: Reading = Reading()
    band: str = ""
    change: float | None = None
    change_interval: Interval = Interval()
    days: tuple[date, ...] = ()
    series: tuple[float | None, ...] = ()
    says: str = ""
    error: UsertrackError | None = None


@dataclass(frozen=True)
class Scorecard:
    """``before`` ≤ time < ``since`` is the window before, ``since`` ≤ time < ``until`` this one (UTC, local midnights)."""

    scores: tuple[Score, ...]
    days: int
    before: datetime
    since: datetime
    until: datetime
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> bool:
        """Whether a source left a metric without its figures."""
        return any(score.error for score in self.scores)


def scorecard(runner: Runner, names: Sequence[str] = (), *, days: int = 30, done: Done | None = None) -> Scorecard:
    """Every metric of the library, or those named, over the ``days`` whole days before ``runner.as_of``.

    Both windows of all metrics run at once. Raises UsageError for a name that is no metric; whatever a source fails
    at is kept in its scores.
    """
    raise NotImplementedError
