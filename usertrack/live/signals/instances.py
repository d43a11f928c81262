"""The engine's memory of a person: the progress of every pattern, and where the person is."""

from collections.abc import Mapping
from enum import IntEnum
from math import inf
from operator import attrgetter
from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.live.signals.compiled import Compiled
from usertrack.live.signals.whereabouts import TabVisit, Whereabouts


class Phase(IntEnum):
    """The progress of an instance of a pattern."""

    IDLE = 0
    PENDING = 1
    FIRING = 2
    RECOVERING = 3


IDLE, PENDING, FIRING, RECOVERING = Phase


class Instance:
    """A pattern for one person and one ``value`` of what it is `per`. Times are seconds since 1970.

    ``memories`` has what each condition remembers. ``since`` is when the phase began, ``due`` when to look again at the
    latest, ``quiet_until`` the end of the cooldown, ``touched`` when an event last counted, which had this ``session``,
    ``page`` and ``properties``.
    """

    __slots__ = (
        *("compiled", "due", "key", "memories", "page", "phase", "properties", "quiet_until", "session", "since"),
        *("touched", "value"),
    )

    def __init__(self, compiled: Compiled, value: str) -> None:
        self.compiled, self.value = compiled, value
        self.key = (compiled.number, value)
        self.memories: list[Any] = [None] * len(compiled.watches)
        self.phase = IDLE
        self.since = self.touched = 0.0
        self.due = inf
        self.quiet_until = -inf
        self.session = self.page = ""
        self.properties: Mapping[str, object] = {}

    def take(self, other: "Instance") -> None:
        """Remember what ``other`` does: it is of the same person."""
        pairs = zip(self.compiled.watches, self.memories, other.memories, strict=True)
        self.memories = [watch.merged(mine, theirs) for watch, mine, theirs in pairs]
        if other.touched > self.touched:
            self.touched, self.session, self.page = other.touched, other.session, other.page
            self.properties = other.properties
        self.quiet_until = max(self.quiet_until, other.quiet_until)

    def is_over(self, person: Whereabouts) -> bool:
        """Whether its tab or its session is a past one."""
        if self.compiled.per == "tab":
            return self.value not in person.tabs
        return self.compiled.per == "session" and self.value != person.session

    def evidence(self) -> tuple[str, ...]:
        """The uuids of the events that decided."""
        if len(self.memories) == 1:
            return tuple(self.compiled.watches[0].evidence(self.memories[0]))
        pairs = zip(self.compiled.watches, self.memories, strict=True)
        return tuple(dict.fromkeys(uuid for watch, memory in pairs for uuid in watch.evidence(memory)))

    def add_facts(self, facts: dict[str, object], person: Whereabouts) -> None:
        """Put what the conditions know into ``facts``; where several know one fact, the first of them tells it."""
        for number in range(len(self.memories) - 1, -1, -1):
            facts.update(self.compiled.watches[number].facts(self.memories[number], person, self.value))

    def dump(self) -> list[object]:
        times = [
            self.since,
            self.touched,
            *(None if abs(moment) == inf else moment for moment in (self.due, self.quiet_until)),
        ]
        return [self.value, self.memories, int(self.phase), *times, self.session, self.page, dict(self.properties)]

    @classmethod
    def load(cls, compiled: Compiled, values: list[Any]) -> "Instance":
        value, memories, phase, since, touched, due, quiet_until, session, page, properties = values
        instance = cls(compiled, value)
        pairs = zip(compiled.watches, memories, strict=True)
        instance.memories, instance.phase = [watch.loaded(memory) for watch, memory in pairs], Phase(phase)
        instance.since, instance.touched = since, touched
        instance.due = inf if due is None else due
        instance.quiet_until = -inf if quiet_until is None else quiet_until
        instance.session, instance.page, instance.properties = session, page, properties
        return instance


_key = attrgetter("key")


class WatchedPerson(Whereabouts):
    """The instances of the patterns, and which of them ``changed`` since they were saved.

    ``listening`` are the instances that any event may concern, and ``is_restless`` says whether the next one has to be
    looked at: one of them fires, or waits for no moment.
    """

    __slots__ = ("changed", "instances", "is_restless", "listening")

    def __init__(self, id_: str, at: float) -> None:
        super().__init__(id_, at)
        self.instances: dict[tuple[int, str], Instance] = {}
        self.listening: list[Instance] = []
        self.changed = self.is_restless = False

    def listen(self, instance: Instance) -> None:
        """Look at ``instance`` with every event; always in the same order."""
        if instance not in self.listening:
            self.listening.append(instance)
            self.listening.sort(key=_key)
            self.is_restless = True

    def settle(self) -> None:
        """Note anew whether the next event has to be looked at."""
        self.is_restless = any(instance.phase or instance.due == inf for instance in self.listening)

    def in_order(self) -> list[Instance]:
        return sorted(self.instances.values(), key=_key)

    def quiet_until(self, instance: Instance) -> float:
        """The end of the cooldown: one for all tabs, as it is of the same person."""
        if instance.compiled.per != "tab":
            return instance.quiet_until
        number = instance.compiled.number
        return max(instance.quiet_until for instance in self.instances.values() if instance.compiled.number == number)

    def drop(self, instance: Instance) -> None:
        del self.instances[instance.key]
        if instance in self.listening:
            self.listening.remove(instance)

    def dump(self) -> dict[str, object]:
        """The person as JSON."""
        instances: dict[str, list[object]] = {}
        for instance in self.instances.values():
            instances.setdefault(instance.compiled.pattern.id, []).append(instance.dump())
        return {
            "times": [self.first_at, self.last_at],
            "last": self.last_uuid,
            "sessions": [self.first_session, self.session, self.events, self.errors],
            "distinct_ids": sorted(self.distinct_ids),
            "tabs": [visit.dump() for visit in self.tabs.values()],
            "tab": self.visit.tab if self.visit else None,
            "instances": instances,
        }

    @classmethod
    def load(cls, id_: str, values: JsonObject, compiled: Mapping[str, Compiled]) -> "WatchedPerson":
        """The person as it was dumped, with the instances of ``compiled`` patterns alone."""
        person = cls(id_, values["times"][0])
        person.last_at, person.last_uuid = values["times"][1], values["last"]
        person.first_session, person.session, person.events, person.errors = values["sessions"]
        person.distinct_ids = set(values["distinct_ids"])
        person.tabs = {visit.tab: visit for visit in map(TabVisit.load, values["tabs"])}
        person.visit = person.tabs.get(values["tab"]) if values["tab"] is not None else None
        for name, dumped in values["instances"].items():
            for state in dumped if name in compiled else ():
                instance = Instance.load(compiled[name], state)
                person.instances[instance.key] = instance
        return person
