"""People whose failures are likely the platform's: they crowd on one day or in incidents, and other days are clean."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from usertrack.failures.bursts import log_combinations

SIGNIFICANCE = 0.05  # at most this share of investigations names somebody for a crowded day by chance


@dataclass(frozen=True)
class RunDay:
    """Finished and failed runs of a person on a day, in the workspace's timezone."""

    day: date
    finished: int
    failed: int


@dataclass(frozen=True)
class Contrast:
    """A person with ``clean`` days (``clean_runs`` finished, none failed) whose failures are likely the platform's.

    Either at least half of the ``failed`` runs are ``in_incidents``, or failures crowd on the day ``worst``;
    ``chance`` is the probability of such a day if each run were equally likely to fail.
    """

    person: str
    worst: RunDay
    clean: int
    clean_runs: int
    failed: int
    in_incidents: int
    chance: float


def contrasts(days: Iterable[tuple[str, RunDay]], in_incidents: Mapping[str, int]) -> list[Contrast]:
    """The people with such a contrast, those with most failed runs first.

    ``in_incidents`` is how many failed runs of a person are part of an incident. Days of nobody, "", are no person's.
    """
    people: dict[str, list[RunDay]] = {}
    for person, day in ((person, day) for person, day in days if person):
        people.setdefault(person, []).append(day)
    candidates = [_contrast(person, own, in_incidents.get(person, 0)) for person, own in people.items()]
    significant = [
        contrast
        for contrast in candidates
        if contrast and (2 * contrast.in_incidents >= contrast.failed or contrast.chance * len(people) < SIGNIFICANCE)
    ]
    return sorted(significant, key=lambda contrast: (-contrast.failed, contrast.person))


def _contrast(person: str, days: Sequence[RunDay], in_incidents: int) -> Contrast | None:
    finished, failed = sum(day.finished for day in days), sum(day.failed for day in days)
    clean = [day for day in days if not day.failed]
    bad = [(min(1.0, crowding_chance(day, finished, failed) * len(days)), day) for day in days if day.failed]
    if not clean or not bad:
        return None
    chance, worst = min(bad, key=lambda pair: (pair[0], pair[1].day))
    return Contrast(person, worst, len(clean), sum(day.finished for day in clean), failed, in_incidents, chance)


def crowding_chance(day: RunDay, finished: int, failed: int) -> float:
    """The probability that ``day.failed`` or more of all ``failed`` fall on ``day.finished`` of all ``finished``."""
    other_finished = finished - day.finished
    ways = (
        log_combinations(day.finished, count) + log_combinations(other_finished, failed - count)
        for count in range(day.failed, min(day.finished, failed) + 1)
        if failed - count <= other_finished
    )
    return min(1.0, sum(math.exp(way - log_combinations(finished, failed)) for way in ways))
