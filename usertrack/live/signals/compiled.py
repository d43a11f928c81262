"""Patterns made ready for events: which conditions an event of each name touches, and when a whole pattern holds."""

from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any, Literal, NamedTuple, get_args

from usertrack.live.signals.baselines import Baselines
from usertrack.live.signals.conditions import (
    NEVER,
    NoneWatch,
    SessionWatch,
    Span,
    TimeWatch,
    Watch,
    watch_of,
)
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.patterns import (
    CUSTOM,
    Combined,
    Condition,
    EventMatch,
    Kind,
    Pattern,
    Patterns,
    Per,
    SessionCondition,
    is_gated,
)
from usertrack.live.signals.whereabouts import Whereabouts

ERROR, PROGRESS, FIELDS = "error", "progress", ("fingerprint", "form", "field")


Key = tuple[int, str]
"""A pattern's number, and the value of what it is `per`."""


class Touch(NamedTuple):
    """An event touches the condition ``number`` of a pattern as its ``kind``, if its properties match.

    ``key`` is that of the instance that it is for, where all events have the same. Otherwise its value is at ``place``
    of the occurrence, or, where that is 0, as `Compiled.value_of` says.
    """

    compiled: "Compiled"
    number: int
    kind: int
    watch: Watch[Any]
    key: Key | None
    place: "_Place"
    matches: Callable[[Mapping[str, object]], bool] | None


LEAVES, TELLS_TIME = 1, 2


class Effects(NamedTuple):
    """The conditions that an event of one name touches. ``role`` is 0 for most."""

    role: int
    is_error: bool
    is_progress: bool
    touches: tuple[Touch, ...]


class Compiled:
    """A pattern with its conditions at work.

    ``is_gated``: nothing needs to be remembered of who has not met a certain event. ``listens``: any event may change
    whether it holds. ``is_lazy``: events only put off when it holds, so that it is enough to look when it is due.
    ``needs_memory``: whether it holds depends on events before the last one.
    """

    def __init__(self, number: int, pattern: Pattern, baselines: Baselines) -> None:
        self.number, self.pattern, self.per, self.incident = number, pattern, pattern.per, pattern.incident
        self.watches = [
            watch_of(leaf, baselines, f"{pattern.id} {pattern.digest} {place}", by_tab=pattern.per == "tab")
            for place, leaf in enumerate(pattern.leaves())
        ]
        self.is_gated = is_gated(pattern.when)
        self.is_lazy = not any(watch.gate for watch in self.watches)
        self.needs_memory = any(watch.kinds for watch in self.watches)
        self.listens = any(
            isinstance(watch, TimeWatch | SessionWatch) or (isinstance(watch, NoneWatch) and watch.of_person)
            for watch in self.watches
        )
        self.longest = max(watch.longest for watch in self.watches)
        self.key: Key | None = (number, "") if pattern.per == "person" else None
        self.place: _Place = _PLACES.get(pattern.per, 0)
        self.span = _span_of(pattern.when, enumerate(self.watches))
        """From when until when it holds, as things stand. It does at no time before the first of the two."""
        self.ready = _ready_of(pattern.when, enumerate(self.watches))
        """Whether it may hold, as far as its gates tell: a cheap question before `span`."""
        self._of_first_session = _of_first_session(pattern.when)

    def value_of(self, occurrence: Occurrence) -> str:
        """Which instance of the pattern an event is for, where that is told by a property."""
        return str(occurrence.properties.get(self.per) or "")[:200]

    def hopeless(self, person: Whereabouts) -> bool:
        """Whether it will never hold for ``person`` in the present session."""
        return self._of_first_session and person.session != person.first_session


_Place = Literal[0, 5, 6, 7]
_PLACES: dict[Per, _Place] = {"session": 5, "tab": 6, "route": 7}  # of an `Occurrence`


def _of_first_session(condition: Condition) -> bool:
    if isinstance(condition, Combined):
        return condition.every and any(map(_of_first_session, condition.parts))
    return isinstance(condition, SessionCondition) and condition.state == "first"


Memories = list[Any]
"""What each condition of a pattern remembers."""

Watches = Iterator[tuple[int, Watch[Any]]]
"""The conditions of a pattern with their numbers, in the order of its leaves."""

_ReadyOf = Callable[[Memories, float], bool]
_SpanOf = Callable[[Memories, Whereabouts, str, float], Span]


def _ready_of(condition: Condition, watches: Watches) -> _ReadyOf:
    if not isinstance(condition, Combined):
        number, watch = next(watches)
        ready = watch.ready
        return lambda memories, now: ready(memories[number], now)
    parts = [_ready_of(part, watches) for part in condition.parts]
    if condition.every:
        return lambda memories, now: all(part(memories, now) for part in parts)
    return lambda memories, now: any(part(memories, now) for part in parts)


def _span_of(condition: Condition, watches: Watches) -> _SpanOf:
    if not isinstance(condition, Combined):
        number, watch = next(watches)
        span = watch.span
        return lambda memories, person, value, now: span(memories[number], person, value, now)
    parts = [_span_of(part, watches) for part in condition.parts]
    return _all_of(parts) if condition.every else _any_of(parts)


def _all_of(parts: list[_SpanOf]) -> _SpanOf:
    def span(memories: Memories, person: Whereabouts, value: str, now: float) -> Span:
        since, until = -inf, inf
        for part in parts:
            begin, end = part(memories, person, value, now)
            if begin > since:
                if begin == inf:
                    return NEVER
                since = begin
            if end < until:
                until = end
        return since, until

    return span


def _any_of(parts: list[_SpanOf]) -> _SpanOf:
    def span(memories: Memories, person: Whereabouts, value: str, now: float) -> Span:
        spans = [part(memories, person, value, now) for part in parts]
        holding = [span for span in spans if span[0] <= now < span[1]]
        if holding:
            return min(begin for begin, _ in holding), max(end for _, end in holding)
        return min((span for span in spans if span[0] > now), default=NEVER)

    return span


class Book:
    """All patterns, and what an event of each name does; made when the first event of that name comes."""

    def __init__(self, patterns: Patterns, baselines: Baselines) -> None:
        self.compiled = [Compiled(number, pattern, baselines) for number, pattern in enumerate(patterns.patterns)]
        self.by_id = {compiled.pattern.id: compiled for compiled in self.compiled}
        self.ungated = {
            per: [compiled for compiled in self.compiled if not compiled.is_gated and compiled.per == per]
            for per in get_args(Per)
        }
        self._error = patterns.kinds.get(ERROR, Kind(ERROR, (EventMatch("$exception"),)))
        self._progress = patterns.kinds.get(PROGRESS, Kind(PROGRESS, (EventMatch(CUSTOM),)))
        self.known: dict[str, Effects] = {}

    def effects(self, event: str) -> Effects:
        effects = self.known.get(event)
        if effects is None:
            if len(self.known) >= 10_000:  # names that somebody makes up for each event
                self.known.clear()
            effects = self.known[event] = Effects(
                {"$pageleave": LEAVES, "page_time": TELLS_TIME}.get(event, 0),
                any(match.names(event) for match in self._error.matches),
                any(match.names(event) for match in self._progress.matches),
                tuple(touch for compiled in self.compiled for touch in _touches(compiled, event)),
            )
        return effects


def _touches(compiled: Compiled, event: str) -> Iterator[Touch]:
    for number, watch in enumerate(compiled.watches):
        for kind, matching in enumerate(watch.kinds):
            matches = [match for match in matching.matches if match.names(event)]
            if matches:
                always = any(not match.properties for match in matches)
                narrower = None if always else _has_one_of(matches)
                yield Touch(compiled, number, kind, watch, compiled.key, compiled.place, narrower)


def _has_one_of(matches: list[EventMatch]) -> Callable[[Mapping[str, object]], bool]:
    if len(matches) == 1 and len(matches[0].properties) == 1:
        ((name, value),) = matches[0].properties
        return lambda properties: properties.get(name) == value
    return lambda properties: any(match.fits(properties) for match in matches)
