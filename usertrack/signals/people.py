"""What the engine remembers of a person: the routes they are on, and how far each pattern has come."""

from collections.abc import Mapping
from enum import IntEnum
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usertrack.signals.compiled import Compiled

IDLE_SECONDS = 60.0
"""For how long after a sign of life somebody counts as looking at the page."""

SESSION_SECONDS = 1800.0
"""After how long without an event a session is over, as PostHog has it."""

_MOST_TABS = 8


class Phase(IntEnum):
    """How far an instance of a pattern is."""

    IDLE = 0
    PENDING = 1
    FIRING = 2
    RECOVERING = 3


class Visit:
    """One tab on one route since ``entered``. ``total``: visible seconds, and ``progress`` how many they were then.

    ``open``: nobody has left the page.
    """

    __slots__ = ("entered", "last", "open", "progress", "route", "session", "tab", "total")

    def __init__(self, tab: str, session: str, route: str, at: float) -> None:
        self.tab, self.session, self.route = tab, session, route
        self.entered = self.last = at
        self.total = self.progress = 0.0
        self.open = True

    def see(self, seconds: Any) -> None:
        """The tracker says for how many seconds the page has been visible; it may say anything."""
        try:
            more = float(seconds) - self.total
        except (TypeError, ValueError):
            return
        if 0 < more <= self.last - self.entered:
            self.total += more
        self.open = True

    def dump(self) -> list[Any]:
        return [self.tab, self.session, self.route, self.entered, self.last, self.total, self.progress, self.open]

    @classmethod
    def load(cls, values: list[Any]) -> "Visit":
        visit = cls(values[0], values[1], values[2], values[3])
        visit.last, visit.total, visit.progress, visit.open = values[4:]
        return visit


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

    def __init__(self, compiled: "Compiled", value: str) -> None:
        self.compiled, self.value = compiled, value
        self.key = (compiled.number, value)
        self.memories: list[Any] = [None] * len(compiled.watches)
        self.phase = Phase.IDLE
        self.since = self.touched = 0.0
        self.due = inf
        self.quiet_until = -inf
        self.session = self.page = ""
        self.properties: Mapping[str, Any] = {}

    def take(self, other: "Instance") -> None:
        """Remember what ``other`` does: it is of the same person."""
        pairs = zip(self.compiled.watches, self.memories, other.memories, strict=True)
        self.memories = [watch.merged(mine, theirs) for watch, mine, theirs in pairs]
        if other.touched > self.touched:
            self.touched, self.session, self.page = other.touched, other.session, other.page
            self.properties = other.properties
        self.quiet_until = max(self.quiet_until, other.quiet_until)

    def dump(self) -> list[Any]:
        times = [
            self.since,
            self.touched,
            *(None if abs(each) == inf else each for each in (self.due, self.quiet_until)),
        ]
        return [self.value, self.memories, int(self.phase), *times, self.session, self.page, dict(self.properties)]

    @classmethod
    def load(cls, compiled: "Compiled", values: list[Any]) -> "Instance":
        value, memories, phase, since, touched, due, quiet_until, session, page, properties = values
        instance = cls(compiled, value)
        instance.memories, instance.phase = memories, Phase(phase)
        instance.since, instance.touched = since, touched
        instance.due = inf if due is None else due
        instance.quiet_until = -inf if quiet_until is None else quiet_until
        instance.session, instance.page, instance.properties = session, page, properties
        return instance


_key = attrgetter("key")


class Person:
    """``events`` and ``errors`` are those of the present session; ``distinct_ids`` all that they were seen under.

    ``changed``: since they were saved. ``listening`` are the instances that any event may concern.
    """

    __slots__ = (
        *("changed", "distinct_ids", "errors", "events", "first_at", "first_session", "id", "instances", "last_at"),
        *("last_uuid", "listening", "session", "tabs", "visit"),
    )

    def __init__(self, id_: str, at: float) -> None:
        self.id = id_
        self.first_at = self.last_at = at
        self.last_uuid = self.session = self.first_session = ""
        self.events = self.errors = 0
        self.distinct_ids: set[str] = set()
        self.tabs: dict[str, Visit] = {}
        self.visit: Visit | None = None
        self.instances: dict[tuple[int, str], Instance] = {}
        self.listening: list[Instance] = []
        self.changed = False

    def listen(self, instance: Instance) -> None:
        """Look at ``instance`` with every event; always in the same order."""
        if instance not in self.listening:
            self.listening.append(instance)
            self.listening.sort(key=_key)

    def in_order(self) -> list[Instance]:
        return sorted(self.instances.values(), key=_key)

    def drop(self, instance: Instance) -> None:
        del self.instances[instance.key]
        if instance in self.listening:
            self.listening.remove(instance)

    def take(self, other: "Person") -> None:
        """Be ``other``, too, but for what patterns remember of it."""
        self.distinct_ids |= other.distinct_ids
        if other.first_at < self.first_at or not self.first_session:
            self.first_session = other.first_session or self.first_session
        self.first_at = min(self.first_at, other.first_at)
        if other.last_at > self.last_at or not self.last_uuid:
            self.last_at, self.last_uuid = max(self.last_at, other.last_at), other.last_uuid
            self.session, self.events, self.errors = other.session, other.events, other.errors
        self.tabs = {**other.tabs, **self.tabs}
        self.visit = self.visit or other.visit

    def visit_in(self, tab: str, session: str, route: str, at: float) -> Visit:
        """The visit of ``tab``, a new one where it has none."""
        visit = self.tabs.get(tab)
        if visit is None:
            if len(self.tabs) >= _MOST_TABS:
                del self.tabs[min(self.tabs, key=lambda each: (self.tabs[each].last, each))]
            visit = self.tabs[tab] = Visit(tab, session, route, at)
        self.visit = visit
        return visit

    def dump(self) -> dict[str, Any]:
        """The person as JSON."""
        instances: dict[str, list[Any]] = {}
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
    def load(cls, id_: str, values: Mapping[str, Any], compiled: Mapping[str, "Compiled"]) -> "Person":
        """The person as it was dumped, with the instances of ``compiled`` patterns alone."""
        person = cls(id_, values["times"][0])
        person.last_at, person.last_uuid = values["times"][1], values["last"]
        person.first_session, person.session, person.events, person.errors = values["sessions"]
        person.distinct_ids = set(values["distinct_ids"])
        person.tabs = {visit.tab: visit for visit in map(Visit.load, values["tabs"])}
        person.visit = person.tabs.get(values["tab"]) if values["tab"] is not None else None
        for name, dumped in values["instances"].items():
            for each in dumped if name in compiled else ():
                instance = Instance.load(compiled[name], each)
                person.instances[instance.key] = instance
        return person
