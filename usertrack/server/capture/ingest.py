"""Writes captured events: one thread at a time, which also writes the requests that wait for it.

An event is acknowledged after its INSERT and stored once per uuid. Events are written after their persons, so a stored
event is complete.
"""

import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from usertrack.server.capture.groups import Groups
from usertrack.server.capture.live_check import LiveCheck
from usertrack.server.capture.payload import Event, Refused, as_dict
from usertrack.server.capture.persons import Resolver
from usertrack.server.database.literals import literals
from usertrack.server.database.store import Store
from usertrack.server.hogql.sql import clickhouse_time

_EVENTS_PER_COMMIT = 10_000
_PATIENCE = 10  # seconds to wait for the store's write_lock


class _Request:
    def __init__(self, events: list[Event], now: datetime) -> None:
        self.events = events
        self.now = now
        self.done = False
        self.failure: Exception | None = None


class Ingestor:
    """Writes events of the project ``token`` to ``store``; the order of requests and of their events is kept.

    A ``live_check`` counts what is stored for the first time.
    """

    def __init__(self, store: Store, token: str, live_check: LiveCheck | None = None) -> None:
        self._store = store
        self._token = token
        self._live_check = live_check
        self._groups = Groups(store)
        self._waiting: deque[_Request] = deque()
        self._writing = threading.Lock()

    def ingest(self, events: list[Event], now: datetime) -> None:
        """Returns when ``events`` are stored; raises what the store raised. Blocks, so call it in a worker thread."""
        request = _Request(events, now)
        self._waiting.append(request)
        with self._writing:  # requests that arrive meanwhile are written together by the next thread
            while not request.done:
                self._commit_together(self._next())
        if request.failure:
            raise request.failure

    def _next(self) -> list[_Request]:
        requests: list[_Request] = []
        size = 0
        while self._waiting and size < _EVENTS_PER_COMMIT:
            requests.append(self._waiting.popleft())
            size += len(requests[-1].events)
        return requests

    def _commit_together(self, requests: list[_Request]) -> None:
        if not self._store.write_lock.acquire(timeout=_PATIENCE):
            for request in requests:
                request.failure, request.done = Refused("transient error, please retry", 503), True
            return
        try:
            self._commit_or_split(requests)
        finally:
            self._store.write_lock.release()

    def _commit_or_split(self, requests: list[_Request]) -> None:
        try:
            self._commit([event for request in requests for event in request.events], requests[-1].now)
        except Exception as failure:
            if len(requests) > 1:  # a request must not fail for a fault of another
                for request in requests:
                    self._commit_or_split([request])
                return
            requests[0].failure = failure
        for request in requests:
            request.done = True

    def _commit(self, events: list[Event], now: datetime) -> None:
        self._store.journal.complete()  # of a commit that failed
        new = self._unseen(events)
        person_ids = Resolver(self._store, self._token, new).resolve()
        self._groups.identify(new, now)
        self._store.definitions.learn(_seen_properties(new), now)
        self._store.insert("events", (self._row(*pair, now) for pair in zip(new, person_ids, strict=True)))
        if self._live_check:
            self._live_check.record(new, now)

    def _unseen(self, events: list[Event]) -> list[Event]:
        """The first event of every uuid that is not stored yet."""
        first: dict[str, Event] = {}
        for event in events:
            first.setdefault(event.uuid, event)
        stored = self._store.rows(f"SELECT uuid FROM posthog.events WHERE uuid IN {literals(first)}")
        for (uuid,) in stored:
            first.pop(uuid, None)
        return list(first.values())

    def _row(self, event: Event, person_id: str, now: datetime) -> dict[str, Any]:
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
            "created_at": clickhouse_time(now),
            "elements_chain": _text(properties.get("$elements_chain")),
            "person_mode": "full" if event.has_profile else "propertyless",
            "$session_id": _text(properties.get("$session_id")),
            "$window_id": _text(properties.get("$window_id")),
            **self._groups.columns(properties.get("$groups")),
        }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _seen_properties(events: Iterable[Event]) -> Iterable[tuple[str, dict[str, Any]]]:
    for event in events:
        yield "event", event.properties
        if event.has_profile:
            yield "person", as_dict(event.properties.get("$set"))
            yield "person", as_dict(event.properties.get("$set_once"))
        if event.event == "$groupidentify":
            yield "group", as_dict(event.properties.get("$group_set"))
