"""Days of one person: failures that sit on few days, beside days on which everything worked, are likely not user code."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

SURE = 0.05  # at most so many of those who are named would be by chance alone, in a whole investigation, on average


@dataclass(frozen=True)
class Day:
    """Finished and failed runs of a person on a day."""

    day: date
    finished: int
    failed: int


@dataclass(frozen=True)
class Contrast:
    """Somebody with ``clean`` days (``clean_runs`` finished, none failed) whose failures crowd on the day ``worst``.

    ``chance`` is that of a day like it, had the person's failures fallen on any of the runs alike.
    """

    person: str
    worst: Day
    clean: int
    clean_runs: int
    chance: float


def contrasts(days: Iterable[tuple[str, Day]]) -> list[Contrast]:
    """Everybody whose failures crowd on a day while other days had none, the least likely by chance first."""
    people: dict[str, list[Day]] = {}
    for person, day in days:
        people.setdefault(person, []).append(day)
    found = [contrast for person, own in people.items() if (contrast := _contrast(person, own, len(people)))]
    return sorted(found, key=lambda contrast: (contrast.chance, contrast.person))


def _contrast(person: str, days: Sequence[Day], people: int) -> Contrast | None:
    finished, failed = sum(day.finished for day in days), sum(day.failed for day in days)
    clean = [day for day in days if not day.failed]
    bad = [day for day in days if day.failed > 1]
    if not clean or not bad:
        return None
    chance, worst = min(((crowded(day, finished, failed), day) for day in bad), key=lambda pair: (pair[0], pair[1].day))
    if chance * len(days) * people >= SURE:
        return None
    return Contrast(person, worst, len(clean), sum(day.finished for day in clean), chance * len(days))


def crowded(day: Day, finished: int, failed: int) -> float:
    """The probability that ``day.failed`` or more of all ``failed`` fall on ``day.finished`` of all ``finished``."""
    most = min(day.finished, failed)
    ways = (
        _choose(day.finished, n) + _choose(finished - day.finished, failed - n)
        for n in range(day.failed, most + 1)
        if failed - n <= finished - day.finished
    )
    return min(1.0, sum(math.exp(way - _choose(finished, failed)) for way in ways))


def _choose(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)
