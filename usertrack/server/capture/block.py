"""Writes a block of captured events to the store: each uuid once, and persons before events.

A stored event is complete. A block that was cut short by a crash can be written again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from usertrack.core.json_types import JsonObject
from usertrack.server.capture.broadcast import Broadcast
from usertrack.server.capture.groups import Groups
from usertrack.server.capture.live_check import LiveCheck
from usertrack.server.capture.payload import Event, as_dict
from usertrack.server.capture.persons import Resolver
from usertrack.server.database.literals import listed
from usertrack.server.database.store import Store
from usertrack.server.hogql.sql import clickhouse_time


class BlockWriter:
    """Writes events of the project ``token`` to ``store``; a ``live_check`` counts what is stored for the first time.

    ``broadcast`` tells that to who listens. Callers hold ``store.write_lock``.
    """

    def __init__(
        self, store: Store, token: str, live_check: LiveCheck | None = None, broadcast: Broadcast | None = None
    ) -> None:
        self._store = store
        self._token = token
        self._live_check = live_check
        self._broadcast = broadcast or Broadcast()
        self._groups = Groups(store)

    def write(self, events: Sequence[Event], now: datetime) -> int:
        """Store those of ``events`` that are new, in their order; returns how many these are."""
        self._store.journal.complete()  # of a block that failed
        new = self._unseen(events)
        person_ids = Resolver(self._store, self._token, new).resolve()
        self._groups.identify(new, now)
        self._store.definitions.learn(_seen_properties(new), now)
        moment = clickhouse_time(now)
        self._store.insert("events", (self._row(*pair, moment) for pair in zip(new, person_ids, strict=True)))
        self._broadcast.publish(zip(new, person_ids, strict=True), now)
        if self._live_check:
            self._live_check.record(new, now)
        return len(new)

    def _unseen(self, events: Iterable[Event]) -> list[Event]:
        """The first event of every uuid that is not stored yet."""
        first: dict[str, Event] = {}
        for event in events:
            first.setdefault(event.uuid, event)
        stored = self._store.rows(f"SELECT uuid FROM posthog.events WHERE uuid IN {listed(first, 'UUID')}")
        for (uuid,) in stored:
            first.pop(uuid, None)
        return list(first.values())

    def _row(self, event: Event, person_id: str, now: str) -> JsonObject:
        properties = event.properties
        if not event.has_profile:
            properties = {
                name: value for name, value in properties.items() if name not in ("$set", "$set_once", "$unset")
            }
        return {
            "uuid": event.uuid,
            "event": event.event,
            "properties": properties,
            "timestamp": clickhouse_time(event.timestamp),
            "distinct_id": event.distinct_id,
            "person_id": person_id,
            "created_at": now,
            "elements_chain": _text(properties.get("$elements_chain")),
            "person_mode": "full" if event.has_profile else "propertyless",
            "$session_id": _text(properties.get("$session_id")),
            "$window_id": _text(properties.get("$window_id")),
            **self._groups.columns(properties.get("$groups")),
        }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seen_properties(events: Iterable[Event]) -> Iterable[tuple[str, JsonObject]]:
    for event in events:
        yield "event", event.properties
        if event.has_profile:
            yield "person", as_dict(event.properties.get("$set"))
            yield "person", as_dict(event.properties.get("$set_once"))
        if event.event == "$groupidentify":
            yield "group", as_dict(event.properties.get("$group_set"))
