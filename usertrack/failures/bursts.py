"""Stretches of hours in which people fail together: incidents, with a stated rate of false alarms.

How often a window without any incident raises one is at most `FALSE_ALARMS`, whatever its length and however busy.

The test counts people, not runs. Each person alone fails in a stretch with a probability that is known from the rest
of the window (`neon/failure_windows`), some nearly always, most hardly ever. Were they independent of each other, the
number who fail would be a sum of unequal coin tosses, whose upper tail never exceeds that of a binomial with the same
mean (Hoeffding 1956): that tail is the chance of the stretch. It is multiplied by the number of stretches looked at
(Bonferroni, which holds although stretches overlap). What is asked on top, `PEOPLE` people and one cause for
`ONE_CAUSE` of the failures, only makes false alarms rarer.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FALSE_ALARMS = 0.01  # quiet windows in which an incident is raised nevertheless, at the most
PEOPLE = 5  # who fail of the same cause, at least
ONE_CAUSE = 0.5  # share of the failures in the stretch that have it, at least
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Stretch:
    """Whole hours from ``start``. ``expected`` is how many of ``people`` would fail by what they do at other times."""

    level: str
    start: datetime
    hours: int
    people: int
    people_failed: int
    expected: float
    finished: int = 0
    failed: int = 0

    @property
    def end(self) -> datetime:
        return self.start + self.hours * _HOUR


@dataclass(frozen=True)
class Failed:
    """One failure, as far as bursts are concerned."""

    level: str
    at: datetime
    person: str
    cause: str


@dataclass(frozen=True)
class Incident:
    """``failed`` failures of ``cause`` from ``start`` until before ``end``, of ``people``; ``all_failed`` of any cause.

    ``evidence`` is the stretch that gave it away, and ``chance`` the probability of one like it in the whole window.
    """

    level: str
    start: datetime
    end: datetime
    cause: str
    people: tuple[str, ...]
    failed: int
    all_failed: int
    evidence: Stretch
    chance: float


def incidents(stretches: Sequence[Stretch], failures: Iterable[Failed]) -> list[Incident]:
    """What hit many people at once, oldest first. ``failures`` are all of everybody in the window."""
    at_level: dict[str, list[Failed]] = {}
    for failure in sorted(failures, key=lambda failure: failure.at):
        at_level.setdefault(failure.level, []).append(failure)
    found: list[Incident] = []
    for chance, stretch in unlikely(stretches):
        apart = all(stretch.level != one.level or stretch.end <= one.start or one.end <= stretch.start for one in found)
        incident = _named(stretch, chance, at_level.get(stretch.level, [])) if apart else None
        found += [incident] if incident else []
    return _joined(sorted(found, key=lambda one: (one.level, one.start)), at_level)


def unlikely(stretches: Sequence[Stretch]) -> list[tuple[float, Stretch]]:
    """The stretches too bad for chance, worst first, with the chance of one like it among all of them."""
    tested = [stretch for stretch in stretches if stretch.people >= PEOPLE]
    chances = ((chance_of(stretch) * len(tested), stretch) for stretch in tested if stretch.people_failed >= PEOPLE)
    likely = sorted((pair for pair in chances if pair[0] < FALSE_ALARMS), key=lambda pair: (pair[0], pair[1].hours))
    return [(min(1.0, chance), stretch) for chance, stretch in likely]


def chance_of(stretch: Stretch) -> float:
    """The probability that so many people fail, or more, when each fails for reasons of their own."""
    return at_least(stretch.people_failed, stretch.people, min(1.0, stretch.expected / stretch.people))


def at_least(successes: int, trials: int, share: float) -> float:
    """The binomial P(X ≥ successes); 1 where that is no more than the mean and one."""
    if successes < trials * share + 1 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    ways = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    term = total = math.exp(ways + successes * math.log(share) + (trials - successes) * math.log1p(-share))
    for number in range(successes, trials):
        term *= (trials - number) / (number + 1) * share / (1 - share)
        total += term
        if term < total * 1e-12:
            break
    return min(1.0, total)


def _between(failures: Sequence[Failed], start: datetime, end: datetime) -> Sequence[Failed]:
    low, high = (bisect_left(failures, moment, key=lambda failure: failure.at) for moment in (start, end))
    return failures[low:high]


def _named(stretch: Stretch, chance: float, failures: Sequence[Failed]) -> Incident | None:
    """The incident in ``stretch``, from the first to the last hour with its cause; None where no cause stands out."""
    inside = _between(failures, stretch.start, stretch.end)
    causes = Counter(failure.cause for failure in inside)
    cause = min(causes, key=lambda name: (-causes[name], name), default="")
    struck = [failure for failure in inside if failure.cause == cause]
    if len(struck) < ONE_CAUSE * len(inside) or len({failure.person for failure in struck}) < PEOPLE:
        return None
    start, end = _hour(struck[0].at), _hour(struck[-1].at) + _HOUR
    return _counted(Incident(stretch.level, start, end, cause, (), 0, 0, stretch, chance), failures)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _counted(incident: Incident, failures: Sequence[Failed]) -> Incident:
    inside = _between(failures, incident.start, incident.end)
    struck = [failure for failure in inside if failure.cause == incident.cause]
    people = tuple(sorted({failure.person for failure in struck}))
    return replace(incident, people=people, failed=len(struck), all_failed=len(inside))


def _joined(found: Sequence[Incident], at_level: dict[str, list[Failed]]) -> list[Incident]:
    """Neighbours of one cause as the one incident that they are."""
    joined: list[Incident] = []
    for incident in found:
        last = joined[-1] if joined else None
        if last and (last.level, last.cause) == (incident.level, incident.cause) and incident.start <= last.end + _HOUR:
            worse = min(last, incident, key=lambda one: one.chance)
            both = replace(worse, start=last.start, end=max(last.end, incident.end))
            joined[-1] = _counted(both, at_level[incident.level])
        else:
            joined.append(incident)
    return sorted(joined, key=lambda one: (one.start, one.level))
