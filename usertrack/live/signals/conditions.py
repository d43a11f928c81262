"""Conditions at work: what each remembers of a person, O(1) per event, and when it holds.

A condition says from when until when it holds as things stand: [since, until). One that begins to hold later needs no
further event, such as that somebody was not here for a quarter of an hour: so one knows what does *not* happen.
"""

from bisect import insort
from collections.abc import Callable
from math import inf
from typing import Any, Generic, TypedDict, TypeVar, cast

from usertrack.live.signals.baselines import Baselines, own_name
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.patterns import (
    ANY,
    Count,
    Kind,
    Leaf,
    NoneOf,
    Sequence,
    SessionCondition,
    ShareCondition,
    TimeOnRoute,
    Unfinished,
)
from usertrack.live.signals.whereabouts import IDLE_SECONDS, SESSION_SECONDS, TabVisit, Whereabouts

Memory = TypeVar("Memory")
Event = TypeVar("Event", bound=tuple[Any, ...])
Moment = tuple[float, str]
"""When an event was, and its uuid; what decides beside them follows."""

Span = tuple[float, float]
NEVER: Span = (inf, inf)
ALWAYS: Span = (-inf, inf)

_MOST_IN_SHARE = 256  # events of a window that a share looks at


class Watch(Generic[Memory]):
    """One condition of a pattern. ``kinds`` are the events that touch it; none: it looks at the person alone.

    ``gate``: it cannot hold before an event has touched it, so that before, nothing needs to be remembered.
    """

    kinds: tuple[Kind, ...] = ()
    gate = False
    hit = True  # after the last `touch`: whether it may hold now, as cheaply as that can be told
    counts = False  # an incident counts the people whose events touch it
    longest = 0.0

    def touch(self, memory: Memory | None, occurrence: Occurrence, kind: int, person: Whereabouts) -> Memory | None:
        """Return the memory after an event of ``kinds[kind]``."""
        return memory

    def ready(self, memory: Memory | None, now: float) -> bool:
        """Whether a gate may hold, as cheaply as that can be told."""
        return True

    def span(self, memory: Memory | None, person: Whereabouts, value: str, now: float) -> Span:
        """From when until when it holds for the ``value`` of what the pattern is `per`.

        Where the first is not before the second, it holds at no time before that.
        """
        raise NotImplementedError

    def merged(self, one: Memory | None, other: Memory | None) -> Memory | None:
        """Return the merged memory of two persons that are one."""
        return one if other is None else other

    def loaded(self, memory: Memory | None) -> Memory | None:
        """Return the memory as it was before JSON turned its tuples into lists."""
        return memory

    def evidence(self, memory: Memory | None) -> list[str]:
        """The uuids of the events that it remembers."""
        return []

    def facts(self, memory: Memory | None, person: Whereabouts, value: str) -> dict[str, object]:
        return {}


class OneEventWatch(Watch[Event]):
    """A condition that remembers one event: its time, its uuid, and more."""

    def merged(self, one: Event | None, other: Event | None) -> Event | None:
        return one if other is None else other if one is None else max(one, other)

    def loaded(self, memory: Event | None) -> Event | None:
        return cast("Event", tuple(memory)) if memory else None

    def evidence(self, memory: Event | None) -> list[str]:
        return [memory[1]] if memory else []


class LastEventsWatch(Watch[list[Event]]):
    """A condition that remembers the ``most`` last events that decide, oldest first: time, uuid, and more."""

    most: int
    within: float

    def ready(self, memory: list[Event] | None, now: float) -> bool:
        return memory is not None and len(memory) == self.most and memory[0][0] + self.within > now

    def merged(self, one: list[Event] | None, other: list[Event] | None) -> list[Event] | None:
        return sorted([*(one or []), *(other or [])])[-self.most :] or None

    def loaded(self, memory: list[Event] | None) -> list[Event] | None:
        return [cast("Event", tuple(event)) for event in memory] if memory else None

    def evidence(self, memory: list[Event] | None) -> list[str]:
        return [event[1] for event in memory or []]


class CountWatch(LastEventsWatch[Moment]):
    """Remembers the times and uuids of as many events as decide, oldest first."""

    counts = True

    def __init__(self, leaf: Count) -> None:
        self.kinds = (leaf.kind,)
        self.longest = self.within = leaf.within
        self.gate = leaf.more_than is not None
        self.most = leaf.more_than + 1 if leaf.more_than is not None else leaf.fewer_than or 1

    def touch(
        self, memory: list[Moment] | None, occurrence: Occurrence, kind: int, person: Whereabouts
    ) -> list[Moment] | None:
        if memory is None:
            memory = [occurrence[:2]]
        elif occurrence[0] >= memory[-1][0]:
            memory.append(occurrence[:2])
        else:
            insort(memory, occurrence[:2])
        if len(memory) > self.most:
            del memory[0]
        self.hit = len(memory) == self.most
        return memory

    def span(self, memory: list[Moment] | None, person: Whereabouts, value: str, now: float) -> Span:
        oldest = memory[0][0] if memory and len(memory) == self.most else None
        if self.gate:
            return NEVER if oldest is None else (-inf, oldest + self.within)
        return (person.first_at if oldest is None else oldest) + self.within, inf

    def facts(self, memory: list[Moment] | None, person: Whereabouts, value: str) -> dict[str, object]:
        return {"count": len(memory or []) if self.gate else min(len(memory or []), self.most - 1)}


class NoneWatch(OneEventWatch[Moment]):
    """Remembers the last event: the person's own where any counts."""

    def __init__(self, leaf: NoneOf) -> None:
        self.of_person = any(match.name == ANY and not match.properties for match in leaf.kind.matches)
        self.kinds = () if self.of_person else (leaf.kind,)
        self.longest = self.within = leaf.within
        self.at_most = leaf.at_most

    def touch(self, memory: Moment | None, occurrence: Occurrence, kind: int, person: Whereabouts) -> Moment | None:
        return max(memory, occurrence[:2]) if memory else occurrence[:2]

    def span(self, memory: Moment | None, person: Whereabouts, value: str, now: float) -> Span:
        last = person.last_at if self.of_person else memory[0] if memory else person.first_at
        return last + self.within, last + self.at_most


class TimeWatch(Watch[None]):
    """Looks at the visit in the tab ``value``, or of a pattern that is not `per: tab` at the latest one."""

    def __init__(self, leaf: TimeOnRoute, baselines: Baselines, *, by_tab: bool) -> None:
        self.leaf, self.baselines, self.by_tab = leaf, baselines, by_tab

    def visit(self, person: Whereabouts, value: str) -> TabVisit | None:
        return person.tabs.get(value) if self.by_tab else person.visit

    def threshold(self, visit: TabVisit) -> float:
        """Seconds; infinite where it is not known yet what is usual on the route."""
        if self.leaf.more_than is not None:
            return max(self.leaf.more_than, self.leaf.at_least)
        usual = self.baselines.of_route(visit.route).p95
        return inf if usual is None else max(usual, self.leaf.at_least)

    def span(self, memory: None, person: Whereabouts, value: str, now: float) -> Span:
        visit = self.visit(person, value)
        if visit is None:
            return NEVER
        threshold = self.threshold(visit)
        if not self.leaf.visible:
            return visit.entered + threshold, inf
        if not visit.open:
            return NEVER
        until = visit.last + IDLE_SECONDS  # after that nobody knows whether they still look
        since = visit.last + max(0.0, threshold - visit.total + visit.progress)
        return (since, until) if since <= until else (visit.entered + threshold, -inf)

    def facts(self, memory: None, person: Whereabouts, value: str) -> dict[str, object]:
        visit = self.visit(person, value)
        usual = self.baselines.of_route(visit.route).p95 if visit else None
        return {"usual_seconds": None if usual is None else round(usual)}


_Step = tuple[float, str, int, str]  # and the number of its kind, and its route


class SequenceWatch(LastEventsWatch[_Step]):
    """Remembers the last events of its kinds, with their routes."""

    gate = True

    def __init__(self, leaf: Sequence) -> None:
        self.steps = leaf.steps
        self.kinds = tuple(dict.fromkeys(step.kind for step in leaf.steps))
        self.numbers = [self.kinds.index(step.kind) for step in leaf.steps]
        self.longest = self.within = leaf.within
        self.most = len(leaf.steps)
        letters = [step.letter for step in leaf.steps]
        self.placed = any(letters)
        last = len(letters) - 1  # and the step before it on the same route: most sequences differ there
        self.same = next(
            (place for place in range(last - 1, -1, -1) if letters[last] and letters[place] == letters[last]), last
        )

    def touch(
        self, memory: list[_Step] | None, occurrence: Occurrence, kind: int, person: Whereabouts
    ) -> list[_Step] | None:
        at, uuid, route = occurrence[0], occurrence[1], occurrence[7]
        self.hit = False
        if memory is None:
            return [(at, uuid, kind, route)]
        last = memory[-1]
        if self.placed and last[3] == route and last[2] == kind:
            return memory  # a reload
        if at >= last[0]:
            memory.append((at, uuid, kind, route))
        else:
            insort(memory, (at, uuid, kind, route))
        surplus = len(memory) - self.most
        if surplus < 0:
            return memory
        if surplus:
            del memory[0]
        if memory[self.same][3] == route:
            self.hit = self._is_whole(memory)
        return memory

    def _is_whole(self, memory: list[_Step]) -> bool:
        """Whether the last events are the steps, on the routes that their letters ask for."""
        if [entry[2] for entry in memory] != self.numbers:
            return False
        routes: dict[str, str] = {}
        for step, (_, _, _, route) in zip(self.steps, memory, strict=True):
            if step.letter and routes.setdefault(step.letter, route) != route:
                return False
        return len(set(routes.values())) == len(routes)

    def span(self, memory: list[_Step] | None, person: Whereabouts, value: str, now: float) -> Span:
        if memory and len(memory) == self.most and self._is_whole(memory):
            return -inf, memory[0][0] + self.within
        return NEVER

    def facts(self, memory: list[_Step] | None, person: Whereabouts, value: str) -> dict[str, object]:
        return {"routes": " and ".join(dict.fromkeys(entry[3] for entry in memory or [] if entry[3]))}


class _Window(TypedDict):
    """The events of a share's window, the latest route, and since when the window is full of them."""

    events: list[tuple[float, str, bool]]
    begun: float
    route: str
    uuid: str


class ShareWatch(Watch[_Window]):
    """Remembers the events of the window: when, which, and whether it is of the kind whose share is asked for."""

    gate = True

    def __init__(self, leaf: ShareCondition, baselines: Baselines, name: str) -> None:
        self.leaf, self.baselines, self.name = leaf, baselines, name
        self.kinds = (leaf.kind, leaf.among)
        self.longest = leaf.within

    def touch(self, memory: _Window | None, occurrence: Occurrence, kind: int, person: Whereabouts) -> _Window | None:
        memory = memory or {"events": [], "begun": occurrence.at, "route": "", "uuid": ""}
        if memory["events"] and memory["events"][-1][1] == occurrence.uuid:  # of both kinds
            return memory
        insort(memory["events"], (occurrence.at, occurrence.uuid, kind == 0))
        memory["route"] = occurrence.route
        newest = memory["events"][-1][0]
        while memory["events"][0][0] <= newest - self.leaf.within or len(memory["events"]) > _MOST_IN_SHARE:
            del memory["events"][0]
        if self.leaf.baseline and newest - memory["begun"] >= self.leaf.within:  # a window is over: it was usual
            if len(memory["events"]) >= self.leaf.at_least:
                self.baselines.add(self.baseline(memory["route"], person), 1000 * self.value(memory))
            memory["begun"] = newest
        return memory

    def value(self, memory: _Window) -> float:
        events = memory["events"]
        return sum(bool(is_of_kind) for _, _, is_of_kind in events) / len(events)

    def threshold(self, memory: _Window, person: Whereabouts) -> float:
        if self.leaf.more_than is not None:
            return self.leaf.more_than
        usual = self.baselines.of(self.baseline(memory["route"], person)).p95
        return inf if usual is None else usual / 1000

    def baseline(self, route: str, person: Whereabouts) -> str:
        return f"{self.name} {route}" if self.leaf.baseline == "route" else own_name(self.name, person.id)

    def ready(self, memory: _Window | None, now: float) -> bool:
        return memory is not None and len(memory["events"]) >= self.leaf.at_least

    def span(self, memory: _Window | None, person: Whereabouts, value: str, now: float) -> Span:
        if not memory or len(memory["events"]) < self.leaf.at_least:
            return NEVER
        is_more = self.value(memory) > self.threshold(memory, person)
        return (-inf, memory["events"][-1][0] + self.leaf.within) if is_more else NEVER

    def merged(self, one: _Window | None, other: _Window | None) -> _Window | None:
        if one is None or other is None:
            return one or other
        return {**one, "events": sorted([*one["events"], *other["events"]])[-_MOST_IN_SHARE:]}

    def loaded(self, memory: _Window | None) -> _Window | None:
        return {**memory, "events": [(at, uuid, is_it) for at, uuid, is_it in memory["events"]]} if memory else None

    def evidence(self, memory: _Window | None) -> list[str]:
        return [event[1] for event in memory["events"] if event[2]] if memory else []

    def facts(self, memory: _Window | None, person: Whereabouts, value: str) -> dict[str, object]:
        return {"share": f"{100 * self.value(memory):.0f} %"} if memory else {}


class SessionWatch(Watch[None]):
    def __init__(self, leaf: SessionCondition) -> None:
        self.first = leaf.state == "first"

    def span(self, memory: None, person: Whereabouts, value: str, now: float) -> Span:
        if self.first:
            return ALWAYS if person.session and person.session == person.first_session else NEVER
        is_open = any(visit.open and visit.session == person.session for visit in person.tabs.values())
        return (-inf, person.last_at + SESSION_SECONDS) if is_open else NEVER


_Begun = tuple[float, str, str]  # and its name


class UnfinishedWatch(OneEventWatch[_Begun]):
    """Remembers what began, until it ends."""

    gate = True

    def __init__(self, leaf: Unfinished) -> None:
        self.kinds = (leaf.begun, leaf.ended)
        self.longest = self.within = leaf.within

    def touch(self, memory: _Begun | None, occurrence: Occurrence, kind: int, person: Whereabouts) -> _Begun | None:
        begun = occurrence[:3]
        if kind == 0:
            return max(memory, begun) if memory else begun
        return None if memory and memory[0] <= occurrence.at else memory

    def ready(self, memory: _Begun | None, now: float) -> bool:
        return memory is not None and bool(memory[0] + self.within > now)

    def span(self, memory: _Begun | None, person: Whereabouts, value: str, now: float) -> Span:
        return (memory[0], memory[0] + self.within) if memory else NEVER

    def facts(self, memory: _Begun | None, person: Whereabouts, value: str) -> dict[str, object]:
        return {"begun": memory[2]} if memory else {}


def watch_of(leaf: Leaf, baselines: Baselines, name: str, *, by_tab: bool) -> Watch[Any]:
    """The condition at work; ``name`` is that of its baseline. ``by_tab``: its pattern is `per: tab`."""
    if isinstance(leaf, TimeOnRoute):
        return TimeWatch(leaf, baselines, by_tab=by_tab)
    if isinstance(leaf, ShareCondition):
        return ShareWatch(leaf, baselines, name)
    makers: dict[type, Callable[[Any], Watch[Any]]] = {
        Count: CountWatch,
        NoneOf: NoneWatch,
        Sequence: SequenceWatch,
        SessionCondition: SessionWatch,
        Unfinished: UnfinishedWatch,
    }
    return makers[type(leaf)](leaf)
