"""Survival curves: the estimate of Kaplan and Meier, its median and its mean, with 95 % intervals."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from usertrack.core.stats import UNKNOWN, ConfidenceInterval, Z


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
        return self.quantile(0.5)

    def quantile(self, ended: float) -> float | None:
        """The time at which the share ``ended`` has ended; None where less than that is known to have."""
        return self._first((point.share for point in self.points), 1 - ended)

    @property
    def median_interval(self) -> ConfidenceInterval:
        """The times at which the interval of the share contains a half (Brookmeyer & Crowley 1982)."""
        bounds = [point.interval for point in self.points]
        low = self._first(1.0 if bound.low is None else bound.low for bound in bounds)
        return ConfidenceInterval(low, self._first(1.0 if bound.high is None else bound.high for bound in bounds))

    def _first(self, shares: Iterable[float], most: float = 0.5) -> float | None:
        """The first time with a share of at most ``most``, with a tolerance for rounding."""
        return next((point.time for point, share in zip(self.points, shares, strict=True) if share < most + 1e-9), None)

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
