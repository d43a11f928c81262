"""Patterns made ready for events: which conditions an event of each name touches, and when a whole pattern holds."""

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

from usertrack.signals.conditions import (
    NEVER,
    Baselines,
    CountWatch,
    NoneWatch,
    SessionWatch,
    Span,
    TimeWatch,
    watch_of,
)
from usertrack.signals.occurrence import Occurrence, kind_of_error
from usertrack.signals.patterns import CUSTOM, Combined, Condition, EventMatch, Kind, Pattern, Patterns
from usertrack.signals.people import Instance, Person

ERROR, PROGRESS, FIELDS = "error", "progress", ("fingerprint", "form", "field")


class Touch(NamedTuple):
    """An event touches the condition ``number`` as its ``kind``, if it ``matches``, which None always does."""

    number: int
    kind: int
    matches: Callable[[Occurrence], bool] | None


class Effects(NamedTuple):
    """What an event of one name does: by pattern the conditions that it touches."""

    is_error: bool
    is_progress: bool
    touches: tuple[tuple["Compiled", tuple[Touch, ...]], ...]


class Compiled:
    """A pattern with its conditions at work.

    ``is_gated``: nothing needs to be remembered of who has not met a certain event. ``listens``: any event may change
    whether it holds. ``is_lazy``: events only put off when it holds, so that it is enough to look when it is due.
    """

    def __init__(self, number: int, pattern: Pattern, baselines: Baselines) -> None:
        self.number, self.pattern = number, pattern
        self.watches = [
            watch_of(leaf, baselines, f"{pattern.id} {pattern.digest} {place}")
            for place, leaf in enumerate(pattern.leaves())
        ]
        self.is_gated = _is_gated(pattern.when, iter(self.watches))
        self.is_lazy = not any(watch.gate for watch in self.watches)
        self.listens = any(
            isinstance(watch, TimeWatch | SessionWatch) or (isinstance(watch, NoneWatch) and watch.of_person)
            for watch in self.watches
        )
        self.longest = max(watch.longest for watch in self.watches)
        for watch in self.watches:
            if isinstance(watch, TimeWatch):
                watch.by_tab = pattern.per == "tab"
        self._span = _span_of(pattern.when, iter(enumerate(self.watches)))
        self._ready = _ready_of(pattern.when, iter(enumerate(self.watches)))

    def value(self, occurrence: Occurrence) -> str:
        """What the pattern is `per`, of this event."""
        per = self.pattern.per
        if per == "person":
            return ""
        if per in FIELDS:
            properties = occurrence.properties
            value = properties.get(per) or (
                kind_of_error(properties.get("message") or "") if per == "fingerprint" else ""
            )
            return str(value)[:200]
        return occurrence.session if per == "session" else occurrence.route if per == "route" else occurrence.tab

    def span(self, person: Person, instance: Instance, now: float) -> Span:
        """From when until when it holds, as things stand."""
        return self._span(person, instance, now)

    def ready(self, instance: Instance, now: float) -> bool:
        """Whether it may hold, as far as its gates tell: a cheap question before `span`."""
        return self._ready(instance.memories, now)

    def counts(self, touches: tuple[Touch, ...]) -> bool:
        """Whether an event with these ``touches`` is one that an incident counts."""
        return any(isinstance(self.watches[touch.number], CountWatch) for touch in touches)

    def evidence(self, instance: Instance) -> list[str]:
        """The uuids of the events that decided."""
        pairs = zip(self.watches, instance.memories, strict=True)
        return list(dict.fromkeys(uuid for watch, memory in pairs for uuid in watch.evidence(memory)))

    def facts(self, person: Person, instance: Instance) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for watch, memory in zip(self.watches, instance.memories, strict=True):
            facts = watch.facts(memory, person, instance) | facts
        return facts


def _is_gated(condition: Condition, watches: Any) -> bool:
    if isinstance(condition, Combined):
        gated = [_is_gated(part, watches) for part in condition.parts]
        return any(gated) if condition.every else all(gated)
    return bool(next(watches).gate)


_SpanOf = Callable[[Person, Instance, float], Span]


def _span_of(condition: Condition, watches: Any) -> _SpanOf:
    if not isinstance(condition, Combined):
        number, watch = next(watches)
        return lambda person, instance, now: watch.span(instance.memories[number], person, instance, now)
    parts = [_span_of(part, watches) for part in condition.parts]
    return _all_of(parts) if condition.every else _any_of(parts)


_ReadyOf = Callable[[list[Any], float], bool]


def _ready_of(condition: Condition, watches: Any) -> _ReadyOf:
    if not isinstance(condition, Combined):
        number, watch = next(watches)
        return lambda memories, now: watch.ready(memories[number], now)
    parts = [_ready_of(part, watches) for part in condition.parts]
    if condition.every:
        return lambda memories, now: all(part(memories, now) for part in parts)
    return lambda memories, now: any(part(memories, now) for part in parts)


def _all_of(parts: list[_SpanOf]) -> _SpanOf:
    def span(person: Person, instance: Instance, now: float) -> Span:
        since, until = -inf, inf
        for part in parts:
            begin, end = part(person, instance, now)
            if begin > since:
                since = begin
            if end < until:
                until = end
        return since, until

    return span


def _any_of(parts: list[_SpanOf]) -> _SpanOf:
    def span(person: Person, instance: Instance, now: float) -> Span:
        spans = [part(person, instance, now) for part in parts]
        holding = [each for each in spans if each[0] <= now < each[1]]
        if holding:
            return min(begin for begin, _ in holding), max(end for _, end in holding)
        return min((each for each in spans if each[0] > now), default=NEVER)

    return span


class Book:
    """All patterns, and what an event of each name does; made when the first event of that name comes."""

    def __init__(self, patterns: Patterns, baselines: Baselines) -> None:
        self.compiled = [Compiled(number, pattern, baselines) for number, pattern in enumerate(patterns.patterns)]
        self._error = patterns.kinds.get(ERROR, Kind(ERROR, (EventMatch("$exception"),)))
        self._progress = patterns.kinds.get(PROGRESS, Kind(PROGRESS, (EventMatch(CUSTOM),)))
        self._effects: dict[str, Effects] = {}

    def effects(self, event: str) -> Effects:
        effects = self._effects.get(event)
        if effects is None:
            if len(self._effects) >= 10_000:  # names that somebody makes up for each event
                self._effects.clear()
            touched = ((each, _touches(each, event)) for each in self.compiled)
            effects = self._effects[event] = Effects(
                any(match.names(event) for match in self._error.matches),
                any(match.names(event) for match in self._progress.matches),
                tuple((each, touches) for each, touches in touched if touches),
            )
        return effects


def _touches(compiled: Compiled, event: str) -> tuple[Touch, ...]:
    touches = []
    for number, watch in enumerate(compiled.watches):
        for kind, matching in enumerate(watch.kinds):
            matches = [match for match in matching.matches if match.names(event)]
            if matches:
                always = any(not match.properties for match in matches)
                touches.append(Touch(number, kind, None if always else _has_one_of(matches)))
    return tuple(touches)


def _has_one_of(matches: list[EventMatch]) -> Callable[[Occurrence], bool]:
    return lambda occurrence: any(match.has(occurrence) for match in matches)
