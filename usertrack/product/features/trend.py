"""Trends of a value per day: a seasonal Mann-Kendall test that knows that days are alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

METHOD = "seasonal Mann-Kendall by weekday (Hirsch and Slack), two-sided at 5 %"
FEWEST_DAYS = 28
"""Of three weeks that know of one another, no order is rare enough to be a trend."""


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
    """The trend of one value per day, without gaps; None for fewer than four weeks. A value may be unknown."""
    if len(days) < FEWEST_DAYS:
        return None
    whole = [*days, *[None] * (-len(days) % 7)]
    return mann_kendall([whole[weekday::7] for weekday in range(7)])


def mann_kendall(seasons: Sequence[Sequence[float | None]]) -> Trend:
    """The trend within seasons of the same length, each compared with itself; one season is Mann's test.

    Days are alike: the variance has the covariances of seasons (Hirsch & Slack 1984), without which half of the days
    that remember the day before with 0.8 would have a trend in 13 weeks. Normal approximation with corrections for ties
    and for continuity (Kendall 1975; Gilbert 1987, eq. 16.1 to 16.5).
    """
    known = [[value for value in values if value is not None] for values in seasons]
    score = sum(_score(values) for values in known)
    signs, ranks = [_signs(values) for values in seasons], [_ranks(values) for values in seasons]
    variance = sum(_variance(values) for values in known)
    for g, h in combinations(range(len(seasons)), 2):
        alike = sum(a * b for a, b in zip(signs[g], signs[h], strict=True))
        together = sum(a * b for a, b in zip(ranks[g], ranks[h], strict=True))
        middle = len(ranks[g]) * (len(known[g]) + 1) * (len(known[h]) + 1)
        variance += 2 * (alike + 4 * together - middle) / 3
    z = max(0, abs(score) - 1) / math.sqrt(variance) if variance > 0 else 0.0
    return Trend(score, 2 * NormalDist().cdf(-z))


def _signs(values: Sequence[float | None]) -> list[int]:
    """For each pair of values, whether it rises (1) or falls (−1); 0 where one is unknown."""
    return [
        0 if earlier is None or later is None else (later > earlier) - (later < earlier)
        for earlier, later in combinations(values, 2)
    ]


def _ranks(values: Sequence[float | None]) -> list[float]:
    """The rank of each value among those that are known, from 1; the middle one where it is unknown."""
    known = [value for value in values if value is not None]
    return [
        (len(known) + 1 + (0 if value is None else sum((value > x) - (value < x) for x in known))) / 2
        for value in values
    ]


def _score(values: Sequence[float]) -> int:
    return sum((later > earlier) - (later < earlier) for at, earlier in enumerate(values) for later in values[at + 1 :])


def _variance(values: Sequence[float]) -> float:
    ties = (values.count(value) for value in set(values))
    return (_pairs(len(values)) - sum(map(_pairs, ties))) / 18


def _pairs(n: int) -> int:
    return n * (n - 1) * (2 * n + 5)
