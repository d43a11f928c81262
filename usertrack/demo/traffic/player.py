"""Sends the visits of the demo's people to a running server, each event when it happens. One thread."""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import httpx

from usertrack.core.json_types import JsonObject
from usertrack.demo.traffic.visits import BrowserSession, VisitEvent, Visitor, visits

_VISITS_PER_HOUR = 17  # of the demo, on average
_TICK = 1.0  # seconds between two requests
_BATCH = 50  # events a request at most, as the tracker
_MOST = 200  # events a second at most; what is more waits
_WAITING = 5_000  # events that wait at most for a server that does not answer; then the oldest are given up
_VISITORS = """
    SELECT distinct_id, any(person.properties.email), any(person.properties.name), any(person.properties.plan),
        countIf(event IN ('$exception', '$rageclick') AND timestamp > now() - INTERVAL 7 DAY) > 2, max($group_0)
    FROM events WHERE timestamp > now() - INTERVAL 60 DAY GROUP BY distinct_id ORDER BY distinct_id LIMIT 20000
"""


@dataclass(frozen=True)
class Server:
    """A running embedded PostHog, and its keys."""

    url: str
    token: str
    key: str
    project: int = 1


class Player:
    """Plays until ``stop``. ``speed``: how many hours of visits begin within an hour."""

    def __init__(self, server: Server, clock: Callable[[], datetime], *, speed: float, seed: int) -> None:
        self._server, self._clock, self._speed, self._seed = server, clock, speed, seed
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-traffic", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more; returns when the last request has been answered, or after five seconds."""
        self._end.set()
        self._thread.join(5)

    def _run(self) -> None:
        with httpx.Client(base_url=self._server.url, timeout=10, trust_env=False) as client:
            visitors = self._visitors(client)
            start = self._clock()
            if visitors:
                self._play(client, events(visitors, self._seed, self._speed), start)

    def _play(self, client: httpx.Client, upcoming: Iterator[VisitEvent], start: datetime) -> None:
        waiting: list[JsonObject] = []
        numbers = itertools.count()
        following = next(upcoming)
        while not self._end.is_set():
            elapsed = (self._clock() - start).total_seconds()
            while following.at <= elapsed:
                waiting.append(message(following, start, next(numbers)))
                following = next(upcoming)
            del waiting[:-_WAITING]
            sent = 0
            while waiting and sent < _MOST and self._send(client, waiting[:_BATCH]):
                sent += len(waiting[:_BATCH])
                del waiting[:_BATCH]
            self._end.wait(_TICK)

    def _send(self, client: httpx.Client, batch: list[JsonObject]) -> bool:
        """Whether the server has them; it recognizes those that it already has."""
        if self._end.is_set():
            return False
        try:
            body = {"api_key": self._server.token, "sent_at": self._clock().isoformat(), "batch": batch}
            return client.post("/batch/", json=body).is_success
        except httpx.HTTPError:
            return False

    def _visitors(self, client: httpx.Client) -> list[Visitor]:
        """Return whom the server knows; empty when it has ended before it answered."""
        body = {"query": {"kind": "HogQLQuery", "query": _VISITORS}}
        headers = {"Authorization": f"Bearer {self._server.key}"}
        while not self._end.is_set():
            try:
                answer = client.post(f"/api/projects/{self._server.project}/query/", json=body, headers=headers)
                answer.raise_for_status()
                return [_visitor(*row) for row in answer.json()["results"]]
            except httpx.HTTPError:
                self._end.wait(_TICK)
        return []


def events(visitors: list[Visitor], seed: int, speed: float) -> Iterator[VisitEvent]:
    """The events of all visits, by time, without end. Memory holds the visits that are under way."""
    numbers = itertools.count()
    upcoming: list[tuple[float, int, VisitEvent]] = []
    for begin, visit in visits(visitors, seed, speed * _VISITS_PER_HOUR / 3600):
        while upcoming and upcoming[0][0] <= begin:
            yield heapq.heappop(upcoming)[2]
        for event in visit:
            heapq.heappush(upcoming, (event.at, next(numbers), event))


def message(event: VisitEvent, start: datetime, number: int) -> JsonObject:
    """The ``number``-th event as PostHog's capture endpoint takes it; ``start`` is its moment 0."""
    moment = start + timedelta(seconds=event.at)
    session = _session_id(start, event.session)
    properties = {"$lib": "usertrack-js", "$session_id": session, "$window_id": session, **event.properties}
    if event.visitor.organization:
        properties["$groups"] = {"organization": event.visitor.organization}
    return {
        "event": event.name,
        "uuid": str(uuid5(UUID(session), f"{event.name}:{number}")),
        "distinct_id": event.visitor.distinct_id,
        "timestamp": moment.isoformat(),
        "properties": properties,
    }


def _visitor(
    distinct_id: str, email: str | None, name: str | None, plan: str | None, trouble: int, organization: str
) -> Visitor:
    return Visitor(distinct_id, email or "", name or "", plan or "", bool(trouble), organization)


def _session_id(start: datetime, session: BrowserSession) -> str:
    """A UUIDv7, as browsers make them: 48 bits of time in milliseconds, then noise."""
    clock = f"{int((start.timestamp() + session.began) * 1000):012x}"
    noise = session.noise
    return f"{clock[:8]}-{clock[8:]}-7{noise[:3]}-8{noise[3:6]}-{noise[6:]}"
