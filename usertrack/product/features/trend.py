"""Trends of a value per day: a seasonal Mann-Kendall test."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

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
