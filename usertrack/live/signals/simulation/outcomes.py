"""Compares how often a foretold outcome followed an alert with people active on the same days.

Each person counts once for a pattern, with the first alert. The time is halved: thresholds may be chosen by the first
half, and the later one, the holdout, says whether they are right. The last days are left out: nobody knows yet what
comes after them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from usertrack.core.stats import ConfidenceInterval, wilson
from usertrack.live.signals.simulation.numbers import Fired, Simulation
from usertrack.live.signals.simulation.presence import Presence

_DAY = 86_400.0

Happens = Callable[[str, float], float | None]
"""After how many seconds it happens to the person, counted from that time; None where it does not."""


@dataclass(frozen=True)
class Outcome:
    """``text`` says what happens in words, such as "then churned"; ``within`` is how long is waited for it."""

    text: str
    explanation: str
    within: timedelta
    happens: Happens
    has_lead_time: bool = True


@dataclass(frozen=True)
class Precision:
    """``hits`` of ``people`` had the outcome; ``base`` is the share of all who were active on the same days."""

    hits: int
    people: int
    base: float | None

    @property
    def share(self) -> float | None:
        return self.hits / self.people if self.people else None

    @property
    def interval(self) -> ConfidenceInterval:
        return wilson(self.hits, self.people)

    @property
    def lift(self) -> float | None:
        return self.share / self.base if self.share is not None and self.base else None

    @property
    def lift_interval(self) -> ConfidenceInterval:
        """Return the interval of the precision divided by the base rate, which rests on many more people."""
        low, high = self.interval.low, self.interval.high
        if not self.base or low is None or high is None:
            return ConfidenceInterval()
        return ConfidenceInterval(low / self.base, high / self.base)


@dataclass(frozen=True)
class BackTest:
    """``lead_days`` is the median time from the alert to the outcome; None where nobody had it."""

    pattern: str
    earlier: Precision
    holdout: Precision
    lead_days: float | None


@dataclass(frozen=True)
class BackTests:
    """``since`` to ``until`` is the time of the alerts that could be followed up; the holdout begins in its middle."""

    outcome: Outcome
    since: datetime
    middle: datetime
    until: datetime
    tests: tuple[BackTest, ...]


def churned(presence: Presence, within: timedelta) -> Outcome:
    """Gone within the first half of the time, and not seen in the second."""
    half = within.total_seconds() / 2

    def happens(person: str, at: float) -> float | None:
        seen = presence.last.get(person, [])
        after = bisect_right(seen, at + half)
        if after < len(seen) and seen[after] <= at + 2 * half:
            return None
        return max(0.0, seen[after - 1] - at) if after else 0.0

    days = within.days // 2
    return Outcome("churned", f"left within {days} days and was not seen in the {days} after", within, happens)


def event_happens(presence: Presence, within: timedelta, text: str, *, first: bool) -> Outcome:
    """Does what `Presence.event` names; with ``first``, whoever has done it before is not counted."""

    def happens(person: str, at: float) -> float | None:
        times = presence.times.get(person, [])
        place = bisect_right(times, at)
        if place == len(times) or (first and place):
            return None
        delay = times[place] - at
        return delay if delay <= within.total_seconds() else None

    return Outcome(text, f"within {within.days} days", within, happens)


def in_segment(people: frozenset[str], name: str) -> Outcome:
    """Is in the segment today; since when, is not asked."""
    happens: Happens = lambda person, at: 0.0 if person in people else None  # noqa: E731
    return Outcome(f"in {name}", f"is in {name} today", timedelta(0), happens, has_lead_time=False)


def back_test(simulation: Simulation, outcome: Outcome) -> BackTests:
    """Return the outcome of the alerts, by pattern."""
    until = max(simulation.since, simulation.until - outcome.within)
    middle = simulation.since + (until - simulation.since) / 2
    base = _Base(simulation.presence, outcome.happens)
    tests = [_back_test(simulation, outcome, base, pattern, middle, until) for pattern in simulation.names]
    return BackTests(outcome, simulation.since, middle, until, tuple(tests))


def _back_test(
    simulation: Simulation, outcome: Outcome, base: "_Base", pattern: str, middle: datetime, until: datetime
) -> BackTest:
    first: dict[str, Fired] = {}
    for alert in simulation.fired:
        if alert.pattern == pattern and alert.person and alert.at < until:
            first.setdefault(alert.person, alert)
    earlier = [alert for alert in first.values() if alert.at < middle]
    holdout = [alert for alert in first.values() if alert.at >= middle]
    leads = [
        lead for alert in first.values() if (lead := outcome.happens(alert.person, alert.at.timestamp())) is not None
    ]
    lead_days = median(leads) / _DAY if leads and outcome.has_lead_time else None
    return BackTest(pattern, _precision(earlier, outcome, base), _precision(holdout, outcome, base), lead_days)


def _precision(alerts: Sequence[Fired], outcome: Outcome, base: "_Base") -> Precision:
    hits = sum(outcome.happens(alert.person, alert.at.timestamp()) is not None for alert in alerts)
    shares = [base.share(alert.at) for alert in alerts]
    known = [share for share in shares if share is not None]
    return Precision(hits, len(alerts), sum(known) / len(known) if known else None)


class _Base:
    """The share of the people of a day who have the outcome after it."""

    def __init__(self, presence: Presence, happens: Happens) -> None:
        self._presence, self._happens = presence, happens
        self._shares: dict[int, float | None] = {}

    def share(self, at: datetime) -> float | None:
        day = int(at.timestamp() // _DAY)
        if day not in self._shares:
            self._shares[day] = self._share(day)
        return self._shares[day]

    def _share(self, day: int) -> float | None:
        people = hits = 0
        for person, seen in self._presence.last.items():
            place = bisect_left(seen, day * _DAY)
            if place < len(seen) and seen[place] < (day + 1) * _DAY:
                people += 1
                hits += self._happens(person, seen[place]) is not None
        return hits / people if people else None
