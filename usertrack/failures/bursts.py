"""Stretches of hours in which people fail together: incidents, with a stated rate of false alarms.

How often a window without any incident raises one is at most `FALSE_ALARMS`, whatever its length and however busy,
where people fail independently of each other, each more or less often by who they are, by how experienced they are,
and by the hour of the week (`CONDITION`): what recurs is no incident, as far as it was seen before or after.

The test counts people, not runs. Each person alone fails in a stretch with a probability that is known from other times
(`neon/failure_windows`), some nearly always, most hardly ever. Were they independent of each other, the number who fail
would be a sum of unequal coin tosses, whose upper tail never exceeds that of a binomial with the same mean (Hoeffding
1956): that tail is the chance of the stretch. The same hours may always be worse than people are on the whole, by any
unknown factor. Given how many failed in all those hours together, that so many of them did in this one has a chance
which does not depend on the factor (Fisher's exact test, with the odds that were expected). The largest of these
chances counts: a stretch has to stand out from everything that could explain it. It is multiplied by the number of
stretches looked at (Bonferroni, which holds although stretches overlap). What is asked on top, `PEOPLE` people and one
cause for `ONE_CAUSE` of the failures, only makes false alarms rarer.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

FALSE_ALARMS = 0.01  # quiet windows in which an incident is raised nevertheless, at the most
PEOPLE = 5  # who fail of the same cause, at least
ONE_CAUSE = 0.5  # share of the failures in the stretch that have it, at least
CONDITION = (
    "people fail independently of each other, given who they are, their experience and the hour as other weeks show it"
)
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
    tested: bool = True

    @property
    def end(self) -> datetime:
        return self.start + self.hours * _HOUR

    @property
    def key(self) -> tuple[str, datetime, int]:
        return (self.level, self.start, self.hours)

    def groups(self) -> Iterator[tuple[object, ...]]:
        """What it has in common with stretches that overlap no more: any time, the hours of the day, of the week."""
        hour = int(self.start.replace(tzinfo=UTC).timestamp()) // 3600
        yield from ((self.level, self.hours, period, hour % period) for period in (self.hours, 24, 168))


@dataclass(frozen=True)
class Failure:
    """One failure, as far as bursts are concerned."""

    level: str
    at: datetime
    person: str
    cause: str


@dataclass(frozen=True)
class Incident:
    """``failed`` failures of ``cause`` from ``start`` until before ``end``, of ``people``; ``all_failed`` of any cause.

    ``evidence`` is the stretch that gave it away, and ``chance`` the probability of one like it in the whole window;
    ``whole`` is the stretch from ``start`` to ``end``, once it is `measured`.
    """

    level: str
    start: datetime
    end: datetime
    cause: str
    people: tuple[str, ...]
    failed: int
    all_failed: int
    evidence: Stretch
    full_stretch: Stretch
    chance: float

    @property
    def key(self) -> tuple[str, datetime, int]:
        """Level, start and hours of the stretch that is the incident, from its first to its last hour."""
        return (self.level, self.start, (self.end - self.start) // _HOUR)


def incidents(stretches: Sequence[Stretch], failures: Iterable[Failure]) -> list[Incident]:
    """What hit many people at once, oldest first. ``failures`` are all of everybody in the window."""
    at_level: dict[str, list[Failure]] = {}
    for failure in sorted(failures, key=lambda failure: failure.at):
        at_level.setdefault(failure.level, []).append(failure)
    found: list[Incident] = []
    for chance, stretch in unlikely(stretches):
        apart = all(
            stretch.level != incident.level or stretch.end <= incident.start or incident.end <= stretch.start
            for incident in found
        )
        incident = _named(stretch, chance, at_level.get(stretch.level, [])) if apart else None
        found += [incident] if incident else []
    return _joined(sorted(found, key=lambda one: (one.level, one.start)), at_level)


def measured(incidents: Iterable[Incident], stretches: Iterable[Stretch]) -> list[Incident]:
    """``found``, each with the one of ``stretches`` that is the incident itself."""
    by_itself = {stretch.key: stretch for stretch in stretches}
    return [replace(incident, full_stretch=by_itself[incident.key]) for incident in incidents]


def unlikely(stretches: Sequence[Stretch]) -> list[tuple[float, Stretch]]:
    """The stretches too bad for chance, worst first, with the chance of one like it among all that are tested."""
    enough = tested(stretches)
    chances = usual_chances(stretches, [stretch for stretch in enough if stretch.people_failed >= PEOPLE])
    likely = [(min(1.0, chance * len(enough)), stretch) for chance, stretch in chances]
    bad = (pair for pair in likely if pair[0] < FALSE_ALARMS)
    return sorted(bad, key=lambda pair: (pair[0], pair[1].hours, pair[1].start))


def tested(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Those of the window itself that have people enough."""
    return [stretch for stretch in stretches if stretch.tested and stretch.people >= PEOPLE]


def usual_chances(stretches: Iterable[Stretch], suspects: Iterable[Stretch]) -> Iterator[tuple[float, Stretch]]:
    """Each of ``suspects`` with its chance, the largest of those by people and by all other stretches alike."""
    totals: dict[tuple[object, ...], list[float]] = {}
    for stretch in stretches:
        for alike in stretch.groups():
            total = totals.setdefault(alike, [0, 0, 0.0])
            total[0] += stretch.people
            total[1] += stretch.people_failed
            total[2] += stretch.expected
    for stretch in suspects:
        chance = chance_of(stretch)
        others = (_without(stretch, *totals[alike]) for alike in stretch.groups()) if chance < FALSE_ALARMS else ()
        yield max(chance, *(_share_chance(stretch, other) for other in others), 0.0), stretch


def _without(stretch: Stretch, people: float, failed: float, expected: float) -> Stretch:
    """What is left of the totals of a kind of stretches without this one."""
    return replace(
        stretch,
        people=int(people) - stretch.people,
        people_failed=int(failed) - stretch.people_failed,
        expected=expected - stretch.expected,
    )


def _share_chance(stretch: Stretch, others: Stretch) -> float:
    """The probability that so many of all who failed are of ``stretch``; 0 where ``others`` have none.

    That its people were expected to fail less than those of ``others`` does not count: who comes back within a stretch
    is expected in each hour, but fails in it once, so that of busier ones too much is expected.
    """
    if not others.people_failed:
        return 0.0
    here, there = (min(max(one.expected / one.people, 1e-6), 1 - 1e-6) for one in (stretch, others))
    odds = max(1.0, here * (1 - there) / (there * (1 - here)))
    both = stretch.people_failed + others.people_failed
    return drawn_at_least(stretch.people_failed, stretch.people, others.people, both, odds)


def chance_of(stretch: Stretch) -> float:
    """The probability that so many people fail, or more, when each fails for reasons of their own."""
    return at_least(stretch.people_failed, stretch.people, min(1.0, stretch.expected / stretch.people))


def at_least(successes: int, trials: int, share: float) -> float:
    """The binomial P(X ≥ successes); 1 where that is no more than the mean and one."""
    if successes < trials * share + 1 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    term = total = math.exp(
        log_ways(trials, successes) + successes * math.log(share) + (trials - successes) * math.log1p(-share)
    )
    for number in range(successes, trials):
        term *= (trials - number) / (number + 1) * share / (1 - share)
        total += term
        if term < total * 1e-12:
            break
    return min(1.0, total)


def drawn_at_least(successes: int, here: int, there: int, drawn: int, odds: float) -> float:
    """Fisher's P(X ≥ successes): of ``here`` and ``there`` things ``drawn`` are drawn, those of here at these odds."""
    logs = [
        log_ways(here, number) + log_ways(there, drawn - number) + number * math.log(odds)
        for number in range(max(0, drawn - there), min(here, drawn) + 1)
    ]
    most = max(logs)
    weights = [math.exp(log - most) for log in logs]
    return sum(weights[successes - max(0, drawn - there) :]) / sum(weights)


def log_ways(of: int, chosen: int) -> float:
    """The logarithm of in how many ways ``chosen`` are taken out of ``of``."""
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)


def _between(failures: Sequence[Failure], start: datetime, end: datetime) -> Sequence[Failure]:
    low, high = (bisect_left(failures, moment, key=lambda failure: failure.at) for moment in (start, end))
    return failures[low:high]


def _named(stretch: Stretch, chance: float, failures: Sequence[Failure]) -> Incident | None:
    """The incident in ``stretch``, from the first to the last hour with its cause; None where no cause stands out."""
    inside = _between(failures, stretch.start, stretch.end)
    causes = Counter(failure.cause for failure in inside)
    cause = min(causes, key=lambda name: (-causes[name], name), default="")
    struck = [failure for failure in inside if failure.cause == cause]
    if len(struck) < ONE_CAUSE * len(inside) or len({failure.person for failure in struck}) < PEOPLE:
        return None
    start, end = _hour(struck[0].at), _hour(struck[-1].at) + _HOUR
    return _counted(Incident(stretch.level, start, end, cause, (), 0, 0, stretch, stretch, chance), failures)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _counted(incident: Incident, failures: Sequence[Failure]) -> Incident:
    inside = _between(failures, incident.start, incident.end)
    struck = [failure for failure in inside if failure.cause == incident.cause]
    people = tuple(sorted({failure.person for failure in struck}))
    return replace(incident, people=people, failed=len(struck), all_failed=len(inside))


def _joined(incidents: Sequence[Incident], at_level: dict[str, list[Failure]]) -> list[Incident]:
    """Neighbours of one cause as the one incident that they are."""
    joined: list[Incident] = []
    for incident in incidents:
        last = joined[-1] if joined else None
        if last and (last.level, last.cause) == (incident.level, incident.cause) and incident.start <= last.end + _HOUR:
            worse = min(last, incident, key=lambda one: one.chance)
            both = replace(worse, start=last.start, end=max(last.end, incident.end))
            joined[-1] = _counted(both, at_level[incident.level])
        else:
            joined.append(incident)
    return sorted(joined, key=lambda one: (one.start, one.level))
