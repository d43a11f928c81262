"""Keeps who is active now and where, from the events that pass by. Nothing here reads a clock."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from usertrack.live.signals.occurrence import Occurrence

ACTIVE = timedelta(minutes=5)
"""Who did nothing for longer is not active any more."""

_RATE = 30.0  # seconds over which the rate of events is taken


@dataclass(frozen=True, slots=True)
class ActivePerson:
    """``events`` are those since the person came; ``route`` is the latest, "" where no page is known."""

    person: str
    route: str
    session: str
    since: float
    last: float
    events: int = 1

    def last_at(self) -> datetime:
        return datetime.fromtimestamp(self.last, UTC)


class ActivePeople:
    """Feed it events, each once or several times: an event counts once as long as it is remembered.

    ``events`` counts them all.
    """

    def __init__(self) -> None:
        self.events = 0
        self._people: dict[str, ActivePerson] = {}
        self._times: deque[float] = deque()
        self._uuids: dict[str, float] = {}  # in the order in which they came

    def feed(self, occurrences: Iterable[Occurrence]) -> list[Occurrence]:
        """Returns those that are new."""
        new = []
        for occurrence in occurrences:
            if occurrence.uuid not in self._uuids:
                self._uuids[occurrence.uuid] = occurrence.at
                self._note(occurrence)
                new.append(occurrence)
        self.events += len(new)
        return new

    def _note(self, occurrence: Occurrence) -> None:
        at, person = occurrence.at, occurrence.person or occurrence.distinct_id
        self._times.append(at)
        before = self._people.get(person)
        if before is None:
            self._people[person] = ActivePerson(person, occurrence.route, occurrence.session, at, at)
        elif at >= before.last:
            route = occurrence.route or before.route
            self._people[person] = replace(before, route=route, last=at, events=before.events + 1)
        else:
            self._people[person] = replace(before, events=before.events + 1)

    def at(self, now: datetime) -> list[ActivePerson]:
        """Return active people, the latest first, and forget the others."""
        moment = now.timestamp()
        oldest = moment - ACTIVE.total_seconds()
        self._people = {id_: person for id_, person in self._people.items() if person.last >= oldest}
        for uuid in list(takewhile(lambda uuid: self._uuids[uuid] < oldest, self._uuids)):
            del self._uuids[uuid]
        return sorted(self._people.values(), key=lambda person: (-person.last, person.person))

    def rate(self, now: datetime) -> float:
        """Events a second."""
        since = now.timestamp() - _RATE
        while self._times and self._times[0] <= since:
            self._times.popleft()
        return len(self._times) / _RATE
