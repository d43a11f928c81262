"""Days of one person: failures on one bad day or in an incident, beside days without any, are hardly user code."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from usertrack.failures.bursts import log_ways

SURE = 0.05  # of investigations without any such person, the share that names one for a crowded day, at the most


@dataclass(frozen=True)
class RunDay:
    """Finished and failed runs of a person on a day."""

    day: date
    finished: int
    failed: int


@dataclass(frozen=True)
class Contrast:
    """Somebody who has ``clean`` days (``clean_runs`` finished, none failed), and why failures are not likely theirs.

    Either half of the ``failed`` runs or more are ``struck`` by incidents, or failures crowd on the day ``worst``:
    ``chance`` is that of such a day had they fallen on any of the runs alike.
    """

    person: str
    worst: RunDay
    clean: int
    clean_runs: int
    failed: int
    struck: int
    chance: float


def contrasts(days: Iterable[tuple[str, RunDay]], struck: Mapping[str, int]) -> list[Contrast]:
    """Everybody of whom that can be said, those with most failed runs first.

    ``struck`` is how many failed runs of a person are part of an incident.
    """
    people: dict[str, list[RunDay]] = {}
    for person, day in days:
        people.setdefault(person, []).append(day)
    found = [_contrast(person, own, struck.get(person, 0)) for person, own in people.items()]
    sure = [one for one in found if one and (2 * one.struck >= one.failed or one.chance * len(people) < SURE)]
    return sorted(sure, key=lambda one: (-one.failed, one.person))


def _contrast(person: str, days: Sequence[RunDay], struck: int) -> Contrast | None:
    finished, failed = sum(day.finished for day in days), sum(day.failed for day in days)
    clean = [day for day in days if not day.failed]
    bad = [(min(1.0, crowded(day, finished, failed) * len(days)), day) for day in days if day.failed]
    if not clean or not bad:
        return None
    chance, worst = min(bad, key=lambda pair: (pair[0], pair[1].day))
    return Contrast(person, worst, len(clean), sum(day.finished for day in clean), failed, struck, chance)


def crowded(day: RunDay, finished: int, failed: int) -> float:
    """The probability that ``day.failed`` or more of all ``failed`` fall on ``day.finished`` of all ``finished``."""
    elsewhere = finished - day.finished
    ways = (
        log_ways(day.finished, here) + log_ways(elsewhere, failed - here)
        for here in range(day.failed, min(day.finished, failed) + 1)
        if failed - here <= elsewhere
    )
    return min(1.0, sum(math.exp(way - log_ways(finished, failed)) for way in ways))
