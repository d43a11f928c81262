"""Which person a distinct_id belongs to. Every event has one person; a merge moves all events of one to another.

The rules are those of PostHog's ingestion: `$identify` and `$create_alias` merge a person that is not yet identified
into another, `$merge_dangerously` merges any person. The properties of the surviving person win.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from usertrack.core.json_types import JsonObject
from usertrack.server.capture.payload import Event, as_dict, as_distinct_id
from usertrack.server.database.literals import listed, literal
from usertrack.server.hogql.sql import clickhouse_time

if TYPE_CHECKING:
    from usertrack.server.database.store import Store

_NAMESPACE = uuid.UUID("6d1a6d8e-52b7-5d0c-9a39-6f0f2c1f7f0e")
_SEEN_EVERY = timedelta(hours=1)  # how often last_seen_at moves: not every event rewrites its person
MERGING = {"$identify": "$anon_distinct_id", "$create_alias": "alias", "$merge_dangerously": "alias"}
"""The events that merge two distinct_ids, and the property with the other one."""
NOBODY = {"anonymous", "guest", "distinctid", "distinct_id", "id", "not_authenticated", "email", "undefined"}
NOBODY |= {"true", "false", "[object object]", "nan", "none", "null", "nil", "0"}
"""Placeholders that clients send for a missing id, in small letters: merging on them would merge unrelated people."""


@dataclass
class PersonRow:
    """A row of ``posthog.persons`` as this commit leaves it; ``changed``: it must be written."""

    id: str
    created_at: datetime
    is_identified: bool = False
    last_seen_at: datetime | None = None
    version: int = 0
    properties: JsonObject = field(default_factory=dict)
    changed: bool = False


def first_person_id(token: str, distinct_id: str) -> str:
    """The person of a distinct_id that was never merged: always the same, so that a lost write heals itself."""
    return str(uuid.uuid5(_NAMESPACE, f"{token}:{distinct_id}"))


def first_person_id_sql(token: str, distinct_id: str) -> str:
    """``first_person_id`` of an SQL expression."""
    digest = f"hex(SHA1(concat(unhex('{_NAMESPACE.hex}'), {literal(f'{token}:')}, {distinct_id})))"
    variant = f"translate(substring({digest}, 17, 1), '0123456789ABCDEF', '89AB89AB89AB89AB')"
    part = f"substring({digest}, {{}}, {{}})".format
    return f"toUUID(concat({part(1, 12)}, '5', {part(14, 3)}, {variant}, {part(18, 15)}))"


class Resolver:
    """Resolves the persons of one commit: reads them, applies the events in order, writes the changes."""

    def __init__(self, store: "Store", token: str, events: Iterable[Event]) -> None:
        self._store = store
        self._token = token
        self._events = list(events)
        self._person_of: dict[str, str] = {}  # distinct_id → person id, before the merges of this commit
        self._persons: dict[str, PersonRow] = {}
        self._moved: dict[str, str] = {}  # merged person id → surviving person id
        self._linked: set[str] = set()  # distinct_ids whose row must be written
        self._merged: set[str] = set()  # ids of persons to delete

    def resolve(self) -> list[str]:
        """The person_id of every event, with all merges of this commit done. Writes all but the events."""
        self._load()
        person_ids = [self._apply(event) for event in self._events]
        resolved = [self._surviving(person_id) for person_id in person_ids]
        self._write()
        return resolved

    def _apply(self, event: Event) -> str:
        if not event.has_profile:
            return self._person_of.get(event.distinct_id) or first_person_id(self._token, event.distinct_id)
        if other := merged_id(event):
            self._merge(event.distinct_id, other, event)
        person = self._person(event.distinct_id, event.timestamp)
        if event.event == "$identify" and not person.is_identified:
            person.is_identified = person.changed = True
        person.changed |= update_properties(person.properties, event.properties)
        if person.last_seen_at is None or event.timestamp - person.last_seen_at >= _SEEN_EVERY:
            person.last_seen_at, person.changed = event.timestamp, True
        return person.id

    def _person(self, distinct_id: str, at: datetime) -> PersonRow:
        """The person of ``distinct_id``, created if it has none."""
        person_id = self._person_of.get(distinct_id)
        if person_id is None:
            person_id = first_person_id(self._token, distinct_id)
            self._link(distinct_id, person_id)
        person_id = self._surviving(person_id)
        if person_id not in self._persons:
            self._persons[person_id] = PersonRow(person_id, created_at=at, changed=True)
        return self._persons[person_id]

    def _link(self, distinct_id: str, person_id: str) -> None:
        self._person_of[distinct_id] = person_id
        self._linked.add(distinct_id)

    def _merge(self, into: str, other: str, event: Event) -> None:
        if other == into or other.lower() in NOBODY or into.lower() in NOBODY:
            return
        if into not in self._person_of and other in self._person_of:
            self._adopt(into, self._person_of[other])
        survivor = self._person(into, event.timestamp)
        if other not in self._person_of:
            self._adopt(other, survivor.id)
        merged = self._person(other, event.timestamp)
        if merged is not survivor:
            if merged.is_identified and event.event != "$merge_dangerously":
                return
            self._absorb(survivor, merged)
        survivor.is_identified = survivor.changed = True

    def _adopt(self, distinct_id: str, person_id: str) -> None:
        """Links a distinct_id without a person to one; its events without a profile move there."""
        self._link(distinct_id, person_id)
        if (former := first_person_id(self._token, distinct_id)) != person_id:
            self._moved[former] = person_id

    def _absorb(self, survivor: PersonRow, merged: PersonRow) -> None:
        survivor.properties = {**merged.properties, **survivor.properties}
        survivor.created_at = min(survivor.created_at, merged.created_at)
        survivor.last_seen_at = max(filter(None, (survivor.last_seen_at, merged.last_seen_at)), default=None)
        self._moved[merged.id] = survivor.id
        self._merged.add(merged.id)

    def _surviving(self, person_id: str) -> str:
        while person_id in self._moved:
            person_id = self._moved[person_id]
        return person_id

    # reading

    def _load(self) -> None:
        touched = {event.distinct_id for event in self._events if event.has_profile and _touches_person(event)}
        merged_ids = {other for event in self._events if event.has_profile and (other := merged_id(event))}
        distinct_ids = {event.distinct_id for event in self._events} | merged_ids
        for distinct_id, person_id in self._store.rows(
            "SELECT distinct_id, person_id FROM posthog.person_distinct_ids FINAL"
            f" WHERE distinct_id IN {listed(distinct_ids)}"
        ):
            self._person_of[distinct_id] = person_id
        self._load_persons()
        stale = self._stale()
        self._load_properties(stale | {self._person_of[id_] for id_ in touched | merged_ids if id_ in self._person_of})

    def _load_persons(self) -> None:
        if not self._person_of:
            return
        for id_, created_at, identified, seen, version in self._store.rows(
            "SELECT id, toUnixTimestamp64Micro(created_at), is_identified,"
            " toUnixTimestamp64Micro(last_seen_at), version"
            f" FROM posthog.persons FINAL WHERE id IN {listed(set(self._person_of.values()), 'UUID')}"
        ):
            last_seen = _moment(seen) if seen is not None else None
            self._persons[id_] = PersonRow(id_, _moment(created_at), bool(identified), last_seen, version)

    def _stale(self) -> set[str]:
        """Persons whose last_seen_at these events will move, so that their row is written."""
        latest: dict[str, datetime] = {}
        for event in self._events:
            person_id = self._person_of.get(event.distinct_id)
            if person_id in self._persons and event.has_profile:
                latest[person_id] = max(event.timestamp, latest.get(person_id, event.timestamp))
        return {
            id_
            for id_, at in latest.items()
            if (seen := self._persons[id_].last_seen_at) is None or at - seen >= _SEEN_EVERY
        }

    def _load_properties(self, person_ids: set[str]) -> None:
        if not person_ids:
            return
        for id_, properties in self._store.rows(
            f"SELECT id, properties FROM posthog.persons FINAL WHERE id IN {listed(person_ids, 'UUID')}"
        ):
            self._persons[id_].properties = properties

    # writing

    def _write(self) -> None:
        moves = {former: self._surviving(former) for former in self._moved}
        self._store.journal.commit(moves, list(self._person_rows()), list(self._distinct_id_rows()))

    def _person_rows(self) -> Iterable[JsonObject]:
        clock = self._store.next_version()
        for person in self._persons.values():
            if person.id in self._merged or person.changed:
                yield {
                    "id": person.id,
                    "created_at": clickhouse_time(person.created_at),
                    "properties": {} if person.id in self._merged else person.properties,
                    "is_identified": person.is_identified,
                    "last_seen_at": person.last_seen_at and clickhouse_time(person.last_seen_at),
                    "version": max(person.version + 1, clock),
                    "is_deleted": int(person.id in self._merged),
                }

    def _distinct_id_rows(self) -> Iterable[JsonObject]:
        clock = self._store.next_version()
        links = {distinct_id: self._surviving(self._person_of[distinct_id]) for distinct_id in self._linked}
        if self._merged:  # all their ids, also those that no event of this commit names
            for distinct_id, person_id in self._store.rows(
                "SELECT distinct_id, person_id FROM posthog.person_distinct_ids FINAL"
                f" WHERE person_id IN {listed(self._merged, 'UUID')}"
            ):
                links.setdefault(distinct_id, self._surviving(person_id))
        for distinct_id, person_id in links.items():
            yield {"distinct_id": distinct_id, "person_id": person_id, "version": clock}


def update_properties(properties: JsonObject, event: Mapping[str, object]) -> bool:
    """Apply an event's `$set_once`, `$set` and `$unset` to a person's ``properties``; says whether they changed."""
    before = dict(properties)
    for name, value in as_dict(event.get("$set_once")).items():
        properties.setdefault(name, value)
    properties.update(as_dict(event.get("$set")))
    unset = event.get("$unset")
    for name in unset if isinstance(unset, list | dict) else ():
        if isinstance(name, str):
            properties.pop(name, None)
    return properties != before


def merged_id(event: Event) -> str | None:
    """The distinct_id that this event merges with its own, if any."""
    key = MERGING.get(event.event)
    other = event.properties.get(key) if key else None
    return as_distinct_id(other) if other not in (None, "") else None


def _touches_person(event: Event) -> bool:
    if merged_id(event) or event.event == "$identify":
        return True
    return any(event.properties.get(name) for name in ("$set", "$set_once", "$unset"))


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
