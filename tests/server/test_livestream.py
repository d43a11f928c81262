"""What listeners of ``/events`` hear, over real connections."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
from capture_fixtures import SETTINGS, AppThread, Client, client, shared_store, store, wait_until  # noqa: F401

from usertrack.server.capture import broadcast
from usertrack.server.capture.broadcast import Broadcast, Listener
from usertrack.server.capture.payload import Event
from usertrack.server.database.store import Store

KEY = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}


def event(name: str, distinct_id: str = "ann", **properties: object) -> dict[str, Any]:
    return {"event": name, "distinct_id": distinct_id, "properties": properties}


@contextmanager
def listening(client: Client, query: str = "") -> Iterator[Iterator[dict[str, Any]]]:
    """The events that come, from now on."""
    with client.http.stream("GET", f"/events{query}", headers=KEY, timeout=10) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(lines).startswith(":")
        yield (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))


def test_an_event_is_heard_once_with_its_person_and_the_columns_asked_for(client: Client) -> None:
    with listening(client, "?columns=$pathname") as heard:
        seen = event("seen", **{"$pathname": "/a", "secret": 1}) | {"uuid": "0198c5d0-0000-7000-8000-000000000001"}
        client.send(seen)
        client.send(seen)  # as after a lost answer
        client.send(event("$identify", "ann@acme.example", **{"$anon_distinct_id": "ann"}))
        first, second = next(heard), next(heard)
    assert (first["event"], first["distinct_id"], first["properties"]) == ("seen", "ann", {"$pathname": "/a"})
    assert second["event"] == "$identify"
    [[person]] = client.rows("SELECT DISTINCT person_id FROM posthog.person_distinct_ids FINAL")
    assert second["person_id"] == person


def test_names_and_a_distinct_id_are_heard_alone(client: Client) -> None:
    with listening(client, "?eventType=paid,left&distinctId=ann") as heard:
        client.send(event("seen"), event("paid", "bob"), event("paid"), event("left"))
        assert [next(heard)["event"] for _ in range(2)] == ["paid", "left"]


def test_a_stream_needs_the_key_and_its_scope(store: Store) -> None:
    with AppThread(store, replace(SETTINGS, scopes=("person:read",))) as server:
        assert httpx.get(f"{server.url}/events").status_code == 401
        assert httpx.get(f"{server.url}/events", headers=KEY).status_code == 403


def test_a_slow_listener_is_told_how_much_it_missed(monkeypatch: Any) -> None:
    monkeypatch.setattr(broadcast, "MOST_WAITING_BYTES", 1000)
    now = datetime.now(UTC)

    async def heard() -> bytes:
        listener, tells = Listener(), Broadcast()
        with tells.heard_by(listener):
            for number in range(100):
                tells.publish([(Event(str(number), "seen", "ann", now, {}), "p")], now)
            listener.close()
            stream = listener.stream()
            await anext(stream)
            return b"".join([frames async for frames in stream])

    text = asyncio.run(heard()).decode()
    arrived = text.count("data: {")
    assert 0 < arrived < 100
    assert f"event: missed\ndata: {100 - arrived}\n" in text


def test_who_hangs_up_is_told_nothing_any_more(store: Store) -> None:
    with AppThread(store) as server:
        client, tells = Client(server.url, store), server.app.state.broadcast
        for _ in range(3):
            with listening(client) as heard:
                client.send(event("seen"))
                assert next(heard)["event"] == "seen"
        wait_until(lambda: not tells.is_heard)
