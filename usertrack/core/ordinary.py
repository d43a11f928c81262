"""Whether a week is an ordinary one: a process behaviour chart (XmR) of a figure over its own past weeks.

The limits follow Wheeler (Understanding Variation, 2000): the past says how far a figure strays by itself, and a week
changed only where it lies outside. Three things are added, each measured by `benchmarks/false_alarms.py`:

- the chart may slope, since a product that grows by 3 % a week is not news every Monday;
- the spread is at least that of chance (a count is Poisson's, a share is Laney's p′ chart of 2002), and at least that
  of the weeks as a whole where they follow one another (moving ranges alone are too narrow then);
- few weeks make wide limits (Student's t; how far chance goes is known without them), and those of a page of many
  figures are so wide that all of them together leave them in 4 % of quiet weeks (Šidák).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean
from typing import Literal

from usertrack.core.stats import student_point

FEWEST_WEEKS = 8  # with fewer, limits are so wide that half of the people could go unnoticed
MOST_WEEKS = 26  # what was usual more than half a year ago is not what is usual now
QUIET = 0.04  # pages without any change with a figure outside all the same; 5 % is promised, and worlds are not normal
_RARE = 30  # a week: of 5, chance alone would reach to 22 on a log scale, and goes to 14 at the most
_RANGE = 1.128  # mean moving range of two in standard deviations of a normal figure (d2 of control charts)

Scale = Literal["count", "share", "measure"]


@dataclass(frozen=True)
class OrdinaryWeek:
    """The range of a week by its past: between ``low`` and ``high``, both None after fewer than eight ``weeks``."""

    weeks: int
    low: float | None = None
    high: float | None = None

    @property
    def missing(self) -> str:
        """Why there are no limits yet; empty where there are."""
        return f"not enough weeks yet ({self.weeks} of {FEWEST_WEEKS})" if self.low is None else ""

    def side(self, value: float | None) -> Literal["above", "below", "within", ""]:
        """On which side of the limits ``value`` lies; empty where that is not known."""
        if value is None or self.low is None or self.high is None:
            return ""
        return "above" if value > self.high else "below" if value < self.low else "within"


NO_WEEKS = OrdinaryWeek(0)


def ordinary_week(
    past: Sequence[float], scale: Scale, *, figures: int = 1, sizes: Sequence[float] = (), size: float = 0
) -> OrdinaryWeek:
    """The limits of the week that follows ``past``, oldest first, on a page of that many ``figures``.

    Counts are measured on a log scale, and small ones by their square root (Anscombe 1948). Of shares, ``sizes`` has
    the number of things in each week of the past and ``size`` in this one. A measure is anything else, such as a mean.
    """
    past, sizes = past[-MOST_WEEKS:], sizes[-MOST_WEEKS:]
    weeks = len(past)
    if weeks < FEWEST_WEEKS or (scale == "share" and size <= 0):
        return OrdinaryWeek(weeks)
    if scale == "measure":
        return OrdinaryWeek(weeks, *_limits(past, figures=figures))
    if scale == "share":
        share = (sum(p * n for p, n in zip(past, sizes, strict=True)) + 0.5) / (sum(sizes) + 1)
        units = [math.sqrt(share * (1 - share) / max(1.0, n)) for n in (*sizes, size)]
        low, high = _limits(past, figures=figures, chance=1.0, units=units)
        return OrdinaryWeek(weeks, max(0.0, low), min(1.0, high))
    if fmean(past) < _RARE:
        return OrdinaryWeek(weeks, *map(_of_root, _limits([*map(_root, past)], figures=figures, chance=0.5)))
    points = [math.log(value + 0.5) for value in past]
    expected = fmean(points) + _slope(points) * (weeks + 1) / 2
    chance = 1 / math.sqrt(max(0.5, min(fmean(past), math.exp(expected))))
    low, high = _limits(points, figures=figures, chance=chance)
    return OrdinaryWeek(weeks, max(0.0, math.exp(low) - 0.5), math.exp(high) - 0.5)


def ordinary_level(past: Sequence[float], *, figures: int = 1) -> OrdinaryWeek:
    """The limits of a level such as the size of a segment: that of last week, and as much as it changes in a week.

    A level remembers: it strays far from every line through its weeks, by small steps. Steps are those of the square
    root, which chance spreads alike in small and large counts (Anscombe 1948); one person more or less is chance.
    """
    roots = [*map(_root, past[-MOST_WEEKS - 1 :])]
    steps = [later - earlier for earlier, later in pairwise(roots)]
    if len(steps) < FEWEST_WEEKS:
        return OrdinaryWeek(len(steps))
    limits = _limits(steps, figures=figures, chance=1 / (2 * roots[-1]))
    return OrdinaryWeek(len(steps), *(_of_root(roots[-1] + step) for step in limits))


def _root(count: float) -> float:
    """``count`` on the scale of the square root, where chance goes equally far for any count (Anscombe 1948)."""
    return math.sqrt(count + 0.375)


def _of_root(root: float) -> float:
    return max(0.0, max(0.0, root) ** 2 - 0.375)


def _limits(
    points: Sequence[float], *, figures: int, chance: float = 0.0, units: Sequence[float] = ()
) -> tuple[float, float]:
    """The limits of the point after ``points``, each in its ``units``, of which chance alone goes ``chance`` far."""
    weeks = len(points)
    units = units or [1.0] * (weeks + 1)
    middle, slope, next_place = fmean(points), _slope(points), (weeks + 1) / 2
    place = [week - (weeks - 1) / 2 for week in range(weeks)]
    strays = [(y - middle - slope * x) / u for x, y, u in zip(place, points, units, strict=False)]
    ranges = fmean(abs(later - earlier) for earlier, later in pairwise(strays)) / _RANGE
    spread = max(math.sqrt(sum(stray * stray for stray in strays) / (weeks - 2)), ranges)
    certain = (1 - QUIET) ** (1 / figures)
    leverage = math.sqrt(1 + 1 / weeks + next_place**2 / sum(x * x for x in place))
    point = (1 + certain) / 2
    widest = max(student_point(point, weeks - 2) * spread, NormalDist().inv_cdf(point) * chance)
    reach = widest * units[-1] * leverage
    expected = middle + slope * next_place
    return expected - reach, expected + reach


def _slope(points: Sequence[float]) -> float:
    """By how much a point is above the one before it, by least squares."""
    place = [week - (len(points) - 1) / 2 for week in range(len(points))]
    return sum(x * y for x, y in zip(place, points, strict=True)) / sum(x * x for x in place)
