"""Counts what patterns would have done in a past period: alerts, messages, and people they were about."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations, islice

from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.signals.audience import Audience
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.garbage import uncollected
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.simulation.deliveries import Deliveries, SentMessage
from usertrack.live.signals.simulation.presence import Presence
from usertrack.live.signals.simulation.variants import FACTORS, VariantAudience, factor_of, name_of, variants

WARM_UP = timedelta(days=7)
"""Before the time in question: so long the engine learns what is usual, and nothing is sent."""

_BATCH = 10_000  # events whose signals are handed on together; each has its own time


@dataclass(frozen=True)
class Fired:
    """An alert that fired: the first signal of it, and ``again`` where it had fired before."""

    pattern: str
    person: str
    at: datetime
    name: str
    because: str


@dataclass(frozen=True)
class PersonPinged:
    """Somebody whom messages were about."""

    person: str
    name: str
    messages: int
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Curve:
    """Messages a day of each pattern, and of all in one, where every threshold is so many times what it is."""

    factors: tuple[float, ...]
    by_pattern: dict[str, tuple[float, ...]]
    total: tuple[float, ...]


@dataclass(frozen=True)
class Simulation:
    """``presence`` knows who was active when. ``troubled`` are the people with an error or a rage click.

    ``undecided`` counts by pattern what was not said because it is unknown whether somebody is in its audience.
    """

    since: datetime
    until: datetime
    names: dict[str, str]
    presence: Presence
    fired: tuple[Fired, ...]
    messages: tuple[SentMessage, ...]
    troubled: frozenset[str]
    undecided: dict[str, int] = field(default_factory=dict)
    curve: Curve | None = None

    @property
    def days(self) -> float:
        return (self.until - self.since) / timedelta(days=1)

    @property
    def pinged(self) -> list[PersonPinged]:
        """Return the people whom messages were about, by number of messages."""
        counts = Counter(person for message in self.messages for person in message.people)
        labels = {alert.person: alert.name for alert in self.fired if alert.name}
        patterns: dict[str, dict[str, None]] = {}
        for alert in self.fired:
            patterns.setdefault(alert.person, {})[alert.pattern] = None
        return [
            PersonPinged(person, labels.get(person, ""), count, tuple(patterns.get(person, ())))
            for person, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        ]

    def people_of(self, pattern: str) -> frozenset[str]:
        return frozenset(alert.person for alert in self.fired if alert.pattern == pattern and alert.person)

    def messages_of(self, pattern: str) -> int:
        return sum(pattern in message.patterns for message in self.messages)

    @property
    def by_day(self) -> list[int]:
        """Count the messages of each day, in days from ``since``."""
        days = Counter(int((message.at - self.since) / timedelta(days=1)) for message in self.messages)
        return [days[day] for day in range(max(1, round(self.days)))]

    @property
    def by_channel(self) -> dict[str, int]:
        return dict(Counter(message.channel for message in self.messages))

    @property
    def overlap(self) -> dict[tuple[str, str], int]:
        """Count the people whom two patterns have in common."""
        people = {pattern: self.people_of(pattern) for pattern in self.names}
        return {pair: len(people[pair[0]] & people[pair[1]]) for pair in combinations(self.names, 2)}


def simulate(  # noqa: PLR0913
    patterns: Patterns,
    audience: Audience,
    settings: Notifications,
    occurrences: Iterable[Occurrence],
    since: datetime,
    until: datetime,
    *,
    noted: Iterable[str] = (),
    with_curve: bool = False,
) -> Simulation:
    """Run ``patterns`` over ``occurrences``, which are in the order of their times and may begin before ``since``.

    The times of ``noted`` events are kept, for outcomes.
    """
    engine = (
        Engine(variants(patterns), VariantAudience(audience, patterns)) if with_curve else Engine(patterns, audience)
    )
    presence = Presence(patterns, since, noted)
    deliveries = Deliveries(settings, since)
    others = {factor: Deliveries(settings, since) for factor in FACTORS if factor != 1} if with_curve else {}
    fired: list[Fired] = []
    for signals in _signals(engine, presence, iter(occurrences), until):
        own = [signal for signal in signals if factor_of(signal) == 1]
        fired += [_fired(signal) for signal in own if signal.state is SignalState.FIRING and signal.at >= since]
        deliveries.receive(own)
        for factor, deliveries_at in others.items():
            deliveries_at.receive(name_of(signal) for signal in signals if factor_of(signal) == factor)
    for replayed in (deliveries, *others.values()):
        replayed.advance(until)
    return Simulation(
        since,
        until,
        {pattern.id: pattern.name for pattern in patterns.patterns},
        presence,
        tuple(fired),
        tuple(deliveries.messages),
        frozenset(presence.troubled),
        {id_: count for id_, count in engine.undecided.items() if id_ in {pattern.id for pattern in patterns.patterns}},
        _curve(patterns, deliveries, others, (until - since) / timedelta(days=1)) if with_curve else None,
    )


def _signals(
    engine: Engine, presence: Presence, occurrences: Iterator[Occurrence], until: datetime
) -> Iterator[Sequence[Signal]]:
    with uncollected():
        while batch := list(islice(occurrences, _BATCH)):
            presence.note(batch)
            engine.feed_all(batch)
            yield engine.taken()
    engine.advance(until.timestamp())
    yield engine.taken()


def _fired(signal: Signal) -> Fired:
    name = str(signal.facts.get("email") or signal.facts.get("name") or "")
    return Fired(signal.pattern, signal.person, signal.at, name, signal.because)


def _curve(patterns: Patterns, own: Deliveries, others: dict[float, Deliveries], days: float) -> Curve:
    by_factor = dict(sorted({1.0: own, **others}.items()))
    ids = [pattern.id for pattern in patterns.patterns]
    by_pattern = {
        id_: tuple(
            sum(id_ in message.patterns for message in replayed.messages) / days for replayed in by_factor.values()
        )
        for id_ in ids
    }
    return Curve(tuple(by_factor), by_pattern, tuple(len(replayed.messages) / days for replayed in by_factor.values()))
