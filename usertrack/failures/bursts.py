"""Stretches of hours in which people fail together: incidents, with a stated rate of false alarms.

A window without an incident raises one with a probability of at most `FALSE_ALARMS`, whatever its length and load,
if people fail independently of each other, given who they are, their experience and the hour of the week (`CONDITION`).
Failures that recur at the same hours are therefore no incident.

The test counts people, not runs. Each person fails in a stretch with a probability that is known from other times
(`neon/failure_windows`). If people are independent, the number who fail is a sum of unequal coin tosses. Its upper tail
never exceeds that of a binomial with the same mean (Hoeffding 1956): that tail is the chance of the stretch. The same
hours may always be worse than the average, by an unknown factor. Given how many failed in all such hours together, the
chance that so many of them fall on this one does not depend on the factor (Fisher's exact test, with the expected
odds). The largest of these chances counts, because a stretch has to stand out from every explanation. It is multiplied
by the number of tested stretches (Bonferroni, which holds although stretches overlap). Two more conditions, `PEOPLE`
people and one cause for `ONE_CAUSE` of the failures, only make false alarms rarer.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    """``hours`` from ``start``. ``expected`` is how many of ``people`` would fail, judged by other times."""

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
    def expected_people(self) -> float:
        """``expected``, but no more than there are people."""
        return min(self.expected, self.people)

    @property
    def key(self) -> tuple[str, datetime, int]:
        return (self.level, self.start, self.hours)

    def groups(self) -> Iterator[tuple[object, ...]]:
        """Keys of the groups to compare it with: its length at any time, at its hour of the day, of the week."""
        hour = int(self.start.replace(tzinfo=UTC).timestamp()) // 3600
        yield from ((self.level, self.hours, period, hour % period) for period in (self.hours, 24, 168))


@dataclass(frozen=True)
class Failure:
    """One failed run or call."""

    level: str
    at: datetime
    person: str
    cause: str


@dataclass(frozen=True)
class Incident:
    """``failed`` failures of ``cause`` from ``start`` until before ``end``, of ``people``; ``all_failed`` of any cause.

    ``evidence`` is the stretch that revealed it, and ``chance`` the probability of such a stretch in the window.
    ``full_stretch`` goes from ``start`` to ``end`` after `with_full_stretches`. ``failed_of`` has the failures of
    ``cause`` by person.
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
    failed_of: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> tuple[str, datetime, int]:
        """Level, start and hours of the stretch that is the incident, from its first to its last hour."""
        return (self.level, self.start, (self.end - self.start) // _HOUR)


def incidents(stretches: Sequence[Stretch], failures: Iterable[Failure]) -> list[Incident]:
    """Incidents, oldest first. ``failures`` are all failures of everybody in the window."""
    at_level: dict[str, list[Failure]] = {}
    for failure in sorted(failures, key=lambda failure: failure.at):
        at_level.setdefault(failure.level, []).append(failure)
    separate: list[Incident] = []
    for chance, stretch in unlikely(stretches):
        is_separate = all(
            stretch.level != incident.level or stretch.end <= incident.start or incident.end <= stretch.start
            for incident in separate
        )
        incident = _incident_in(stretch, chance, at_level.get(stretch.level, [])) if is_separate else None
        separate += [incident] if incident else []
    return _merged(sorted(separate, key=lambda incident: (incident.level, incident.start)), at_level)


def with_full_stretches(incidents: Iterable[Incident], stretches: Iterable[Stretch]) -> list[Incident]:
    """``incidents``, each with the one of ``stretches`` that has its start and length."""
    by_key = {stretch.key: stretch for stretch in stretches}
    return [replace(incident, full_stretch=by_key[incident.key]) for incident in incidents]


def unlikely(stretches: Sequence[Stretch]) -> list[tuple[float, Stretch]]:
    """(chance, stretch) of unlikely stretches, worst first; the chance is that of any such stretch."""
    candidates = tested(stretches)
    chances = usual_chances(stretches, [stretch for stretch in candidates if stretch.people_failed >= PEOPLE])
    likely = [(min(1.0, chance * len(candidates)), stretch) for chance, stretch in chances]
    bad = (pair for pair in likely if pair[0] < FALSE_ALARMS)
    return sorted(bad, key=lambda pair: (pair[0], pair[1].hours, pair[1].start))


def tested(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The stretches of the window that have enough people."""
    return [stretch for stretch in stretches if stretch.tested and stretch.people >= PEOPLE]


def usual_chances(stretches: Iterable[Stretch], suspects: Iterable[Stretch]) -> Iterator[tuple[float, Stretch]]:
    """Each of ``suspects`` with its chance: the largest of that of its people and those by its groups."""
    chances = [(chance_of(stretch), stretch) for stretch in suspects]
    compared = {(stretch.level, stretch.hours) for chance, stretch in chances if chance < FALSE_ALARMS}
    totals: dict[tuple[object, ...], list[float]] = {}
    for stretch in stretches:
        if (stretch.level, stretch.hours) not in compared:
            continue
        for group in stretch.groups():
            total = totals.setdefault(group, [0, 0, 0.0])
            total[0] += stretch.people
            total[1] += stretch.people_failed
            total[2] += stretch.expected
    for chance, stretch in chances:
        comparisons = (_without(stretch, *totals[group]) for group in stretch.groups()) if chance < FALSE_ALARMS else ()
        yield max(chance, *(_share_chance(stretch, comparison) for comparison in comparisons), 0.0), stretch


def _without(stretch: Stretch, people: float, failed: float, expected: float) -> Stretch:
    """The totals of a group, without this stretch."""
    return replace(
        stretch,
        people=int(people) - stretch.people,
        people_failed=int(failed) - stretch.people_failed,
        expected=expected - stretch.expected,
    )


def _share_chance(stretch: Stretch, comparison: Stretch) -> float:
    """The probability that so many of all who failed are in ``stretch``; 0 where nobody failed in ``comparison``.

    The odds are at least 1: a person who comes back within a stretch is expected in each hour but fails once, so the
    expected share of a busier stretch is too high.
    """
    if not comparison.people_failed:
        return 0.0
    share, other_share = (min(max(side.expected / side.people, 1e-6), 1 - 1e-6) for side in (stretch, comparison))
    odds = max(1.0, share * (1 - other_share) / (other_share * (1 - share)))
    both = stretch.people_failed + comparison.people_failed
    return drawn_at_least(stretch.people_failed, stretch.people, comparison.people, both, odds)


def chance_of(stretch: Stretch) -> float:
    """The probability that so many people or more fail independently of each other."""
    return at_least(stretch.people_failed, stretch.people, min(1.0, stretch.expected / stretch.people))


def at_least(successes: int, trials: int, share: float) -> float:
    """The binomial P(X ≥ successes); 1 where ``successes`` is less than the mean plus one."""
    if successes < trials * share + 1 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    term = total = math.exp(
        log_combinations(trials, successes) + successes * math.log(share) + (trials - successes) * math.log1p(-share)
    )
    for number in range(successes, trials):
        term *= (trials - number) / (number + 1) * share / (1 - share)
        total += term
        if term < total * 1e-12:
            break
    return min(1.0, total)


def drawn_at_least(successes: int, size: int, other_size: int, drawn: int, odds: float) -> float:
    """Fisher's P(X ≥ successes): ``drawn`` from ``size`` and ``other_size`` things, the first at these odds."""
    logs = [
        log_combinations(size, number) + log_combinations(other_size, drawn - number) + number * math.log(odds)
        for number in range(max(0, drawn - other_size), min(size, drawn) + 1)
    ]
    most = max(logs)
    weights = [math.exp(log - most) for log in logs]
    return sum(weights[successes - max(0, drawn - other_size) :]) / sum(weights)


def log_combinations(total: int, size: int) -> float:
    """The logarithm of the number of ways to choose ``size`` of ``total``."""
    return math.lgamma(total + 1) - math.lgamma(size + 1) - math.lgamma(total - size + 1)


def _between(failures: Sequence[Failure], start: datetime, end: datetime) -> Sequence[Failure]:
    low, high = (bisect_left(failures, moment, key=lambda failure: failure.at) for moment in (start, end))
    return failures[low:high]


def _incident_in(stretch: Stretch, chance: float, failures: Sequence[Failure]) -> Incident | None:
    """The incident in ``stretch``, from the first to the last hour of its main cause; None without a main cause."""
    inside = _between(failures, stretch.start, stretch.end)
    causes = Counter(failure.cause for failure in inside)
    cause = min(causes, key=lambda name: (-causes[name], name), default="")
    same_cause = [failure for failure in inside if failure.cause == cause]
    if len(same_cause) < ONE_CAUSE * len(inside) or len({failure.person for failure in same_cause}) < PEOPLE:
        return None
    start, end = _hour(same_cause[0].at), _hour(same_cause[-1].at) + _HOUR
    return _with_counts(Incident(stretch.level, start, end, cause, (), 0, 0, stretch, stretch, chance), failures)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _with_counts(incident: Incident, failures: Sequence[Failure]) -> Incident:
    inside = _between(failures, incident.start, incident.end)
    same_cause = [failure for failure in inside if failure.cause == incident.cause]
    failed_of = Counter(failure.person for failure in same_cause)
    people = tuple(sorted(failed_of))
    return replace(incident, people=people, failed=len(same_cause), all_failed=len(inside), failed_of=failed_of)


def _merged(incidents: Sequence[Incident], at_level: dict[str, list[Failure]]) -> list[Incident]:
    """``incidents``, where neighbours with the same cause are one incident."""
    merged: list[Incident] = []
    for incident in incidents:
        last = merged[-1] if merged else None
        if last and (last.level, last.cause) == (incident.level, incident.cause) and incident.start <= last.end + _HOUR:
            worse = min(last, incident, key=lambda neighbour: neighbour.chance)
            both = replace(worse, start=last.start, end=max(last.end, incident.end))
            merged[-1] = _with_counts(both, at_level[incident.level])
        else:
            merged.append(incident)
    return sorted(merged, key=lambda incident: (incident.start, incident.level))
