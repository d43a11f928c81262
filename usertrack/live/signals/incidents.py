"""Bursts: the same met by many people within a short time is one incident, and not one alert for each of them."""

from collections import OrderedDict
from itertools import islice
from math import inf

from usertrack.core.json_types import JsonObject
from usertrack.live.signals.patterns import IncidentRule


class Burst:
    """The people who met the same problem, by when they last did. ``since``: when it became an incident, or None."""

    __slots__ = ("due", "people", "properties", "route", "since")

    def __init__(self) -> None:
        self.people: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self.since: float | None = None
        self.due = inf
        self.route = ""
        self.properties: dict[str, object] = {}

    def add(self, person: str, at: float, uuid: str, incident: IncidentRule) -> None:
        """Count ``person``, and forget who met it longer ago than the incident's window."""
        before = self.people.get(person)
        if before and before[0] >= at:
            return
        self.people[person] = (at, uuid)
        self.people.move_to_end(person)
        self.forget(at - incident.within)

    def forget(self, before: float) -> None:
        while self.people and next(iter(self.people.values()))[0] <= before:
            self.people.popitem(last=False)

    def ends(self, incident: IncidentRule) -> float:
        """When it is no incident any more, if nobody else meets it."""
        if len(self.people) < incident.people:
            return -inf
        at, _ = next(islice(self.people.values(), len(self.people) - incident.people, None))
        return at + incident.within

    def evidence(self) -> tuple[str, ...]:
        return tuple(uuid for _, uuid in islice(reversed(self.people.values()), 20))

    def dump(self) -> dict[str, object]:
        return {
            "people": [[person, *seen] for person, seen in self.people.items()],
            "since": self.since,
            "due": None if self.due == inf else self.due,
            "route": self.route,
            "properties": self.properties,
        }

    @classmethod
    def load(cls, values: JsonObject) -> "Burst":
        burst = cls()
        burst.people = OrderedDict((person, (at, uuid)) for person, at, uuid in values["people"])
        burst.since, burst.route, burst.properties = values["since"], values["route"], values["properties"]
        burst.due = inf if values["due"] is None else values["due"]
        return burst
