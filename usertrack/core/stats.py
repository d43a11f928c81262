"""Statistics: 95 % intervals of shares, means and differences, trends, and survival. An unknown bound is None.

Which interval goes with which metric is in `usertrack.product.scorecard.numbers`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class ConfidenceInterval:
    low: float | None = None
    high: float | None = None


UNKNOWN = ConfidenceInterval()


def wilson(hits: float, n: float) -> ConfidenceInterval:
    """The interval of a share of ``n`` independent observations (Wilson 1927; Brown, Cai & DasGupta 2001)."""
    if n <= 0:
        return UNKNOWN
    share, spread = hits / n, Z * Z / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return ConfidenceInterval(max(0.0, centre - half), min(1.0, centre + half))


def poisson(count: float) -> ConfidenceInterval:
    """The interval of a count of independent events (Byar's approximation; Breslow & Day 1987, p. 69)."""
    low = count * (1 - 1 / (9 * count) - Z / (3 * math.sqrt(count))) ** 3 if count > 0 else 0.0
    more = count + 1
    return ConfidenceInterval(low, more * (1 - 1 / (9 * more) + Z / (3 * math.sqrt(more))) ** 3)


def student(mean: float, deviation: float, n: float) -> ConfidenceInterval:
    """The interval of the mean of ``n`` values with this sample deviation; unknown for fewer than two."""
    if n < 2:
        return UNKNOWN
    half = _t(n - 1) * deviation / math.sqrt(n)
    return ConfidenceInterval(mean - half, mean + half)


def _t(freedom: float) -> float:
    """The 97.5 % point of Student's t (Abramowitz & Stegun 26.7.5; from 3 on it is off by under 0.3 %)."""
    if freedom in (1, 2):
        return {1: 12.7062, 2: 4.30265}[int(freedom)]
    terms = (
        Z,
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def difference(
    now: float, of_now: ConfidenceInterval, before: float, of_before: ConfidenceInterval
) -> ConfidenceInterval:
    """The interval of ``now - before``, from the intervals of both, which are independent.

    With Wilson's this is Newcombe's method 10 (1998); for any others, MOVER (Zou & Donner 2008).
    """
    return ConfidenceInterval(
        _moved(now - before, now, of_now.low, before, of_before.high, -1),
        _moved(now - before, now, of_now.high, before, of_before.low, 1),
    )


def _moved(
    change: float, now: float, of_now: float | None, before: float, of_before: float | None, sign: int
) -> float | None:
    if of_now is None or of_before is None:
        return None
    return change + sign * math.hypot(now - of_now, before - of_before)


@dataclass(frozen=True)
class Point:
    """``share`` lasts longer than ``time``; ``at_risk`` lasted up to it, of which ``ended`` ended at it."""

    time: float
    at_risk: int
    ended: int
    share: float
    error: float

    @property
    def interval(self) -> ConfidenceInterval:
        """The interval of ``share``, over log(−log); unknown where nothing or everything has ended."""
        if not 0 < self.share < 1:
            return UNKNOWN
        width = Z * self.error / (self.share * -math.log(self.share))
        return ConfidenceInterval(self.share ** math.exp(width), self.share ** math.exp(-width))


@dataclass(frozen=True)
class Survival:
    """A survival curve: a point per time at which something ended or was last seen. Times have the lifetimes' unit."""

    points: tuple[Point, ...]

    @property
    def n(self) -> int:
        return self.points[0].at_risk if self.points else 0

    @property
    def ended(self) -> int:
        return sum(point.ended for point in self.points)

    @property
    def horizon(self) -> float:
        """The longest time that anything was observed."""
        return self.points[-1].time if self.points else 0.0

    def at(self, time: float) -> Point | None:
        """The estimate at ``time``; None where nothing was observed for so long."""
        if not self.points or (time > self.horizon and self.points[-1].share > 0):
            return None
        earlier = [point for point in self.points if point.time <= time]
        return earlier[-1] if earlier else Point(time, self.n, 0, 1.0, 0.0)

    @property
    def median(self) -> float | None:
        """The time at which half has ended; None where less than half is known to have ended."""
        return self._first(point.share for point in self.points)

    @property
    def median_interval(self) -> ConfidenceInterval:
        """The times at which the interval of the share contains a half (Brookmeyer & Crowley 1982)."""
        bounds = [point.interval for point in self.points]
        low = self._first(1.0 if bound.low is None else bound.low for bound in bounds)
        return ConfidenceInterval(low, self._first(1.0 if bound.high is None else bound.high for bound in bounds))

    def _first(self, shares: Iterable[float]) -> float | None:
        """The first time with a share of at most a half, with a tolerance for rounding."""
        return next((point.time for point, share in zip(self.points, shares, strict=True) if share < 0.5 + 1e-9), None)

    @property
    def mean(self) -> float | None:
        """The mean time up to the horizon: the area below the curve. Longer lifetimes count up to the horizon."""
        if not self.points:
            return None
        return sum(point.share * (end - point.time) for point, end in self._steps())

    @property
    def mean_interval(self) -> ConfidenceInterval:
        """The interval of `mean` (Klein & Moeschberger 2003, section 4.5)."""
        if self.mean is None:
            return UNKNOWN
        left, variance = 0.0, 0.0
        for point, end in reversed(list(self._steps())):
            left += point.share * (end - point.time)
            if point.ended and point.at_risk > point.ended:
                variance += left**2 * point.ended / (point.at_risk * (point.at_risk - point.ended))
        half = Z * math.sqrt(variance)
        return ConfidenceInterval(max(0.0, self.mean - half), min(self.horizon, self.mean + half))

    def _steps(self) -> Iterable[tuple[Point, float]]:
        """Each point with the time up to which its share holds, from time 0 on."""
        points = [Point(0.0, self.n, 0, 1.0, 0.0), *self.points]
        return zip(points, [*(point.time for point in self.points), self.horizon], strict=True)


def kaplan_meier(lifetimes: Sequence[tuple[float, int, int]]) -> Survival:
    """The estimate of Kaplan and Meier (1958) with Greenwood's error (1926).

    ``lifetimes`` are (time, how many ended then, how many were last seen then and had not ended). The latter count as
    at risk at that time.
    """
    at_risk = sum(ended + censored for _, ended, censored in lifetimes)
    share, terms, points = 1.0, 0.0, []
    for time, ended, censored in sorted(lifetimes):
        share *= 1 - ended / at_risk
        if ended < at_risk:
            terms += ended / (at_risk * (at_risk - ended))
        points.append(Point(time, at_risk, ended, share, share * math.sqrt(terms)))
        at_risk -= ended + censored
    return Survival(tuple(points))


METHOD = "seasonal Mann-Kendall by weekday, two-sided at 5 %"
FEWEST_DAYS = 14
"""With fewer days, no weekday occurs twice, and there is no trend to test."""


@dataclass(frozen=True)
class Trend:
    """``score`` is Kendall's S, how many more pairs of values rise than fall; ``p`` is two-sided."""

    score: int
    p: float

    @property
    def word(self) -> str:
        """``increasing``, ``decreasing``, or ``stable``: no significant trend at 5 %."""
        if self.p >= 0.05:
            return "stable"
        return "increasing" if self.score > 0 else "decreasing"


def by_weekday(days: Sequence[float | None]) -> Trend | None:
    """The trend of one value per day, without gaps; None for fewer than two weeks. A value may be unknown."""
    if len(days) < FEWEST_DAYS:
        return None
    return mann_kendall([[value for value in days[weekday::7] if value is not None] for weekday in range(7)])


def mann_kendall(seasons: Sequence[Sequence[float]]) -> Trend:
    """The trend within seasons, each compared with itself (Hirsch, Slack & Smith 1982); one season is Mann's test.

    Normal approximation with corrections for ties and for continuity (Kendall 1975; Gilbert 1987, eq. 16.1 to 16.5).
    """
    score = sum(_score(values) for values in seasons)
    variance = sum(_variance(values) for values in seasons)
    z = max(0, abs(score) - 1) / math.sqrt(variance) if variance else 0.0
    return Trend(score, 2 * NormalDist().cdf(-z))


def _score(values: Sequence[float]) -> int:
    return sum((later > earlier) - (later < earlier) for at, earlier in enumerate(values) for later in values[at + 1 :])


def _variance(values: Sequence[float]) -> float:
    ties = (values.count(value) for value in set(values))
    return (_pairs(len(values)) - sum(map(_pairs, ties))) / 18


def _pairs(n: int) -> int:
    return n * (n - 1) * (2 * n + 5)
