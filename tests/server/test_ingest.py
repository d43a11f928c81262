"""From the acknowledgment to the store: nothing is lost or doubled, readers wait, and erasing reaches what waits."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from capture_fixtures import SETTINGS, TOKEN, AppThread, Client, client, shared_store, store, wait_until  # noqa: F401

from tests.conftest import Cli
from usertrack.server.capture import ingest
from usertrack.server.capture.block import BlockWriter
from usertrack.server.capture.payload import Event
from usertrack.server.database import session
from usertrack.server.database.set_aside import REFUSED, SetAside
from usertrack.server.database.store import Store
from usertrack.server.database.violation_log import ViolationLog
from usertrack.server.expiry import expire
from usertrack.server.forget import forget_email
from usertrack.server.imports.events import ImportOptions
from usertrack.server.imports.load import import_file

KEY = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}
COUNT = {"query": {"kind": "HogQLQuery", "query": "SELECT count() FROM events"}}


def event(name: str = "seen", distinct_id: str = "ann", **properties: object) -> dict[str, Any]:
    return {"event": name, "distinct_id": distinct_id, "properties": properties}


@contextmanager
def serving(store: Store, **settings: Any) -> Iterator[Client]:
    with AppThread(store, replace(SETTINGS, **settings)) as server:
        yield Client(server.url, store)


def count(client: Client) -> httpx.Response:
    return client.http.post("/api/projects/1/query/", json=COUNT, headers=KEY)


def test_a_query_waits_for_what_was_acknowledged_before_it(client: Client) -> None:
    for number in range(1, 6):
        client.send(event())
        assert count(client).json()["results"] == [[number]]


def test_an_answer_without_the_newest_events_says_so(store: Store) -> None:
    with serving(store, catch_up=0.5) as client, store.write_lock:  # as during a long import
        client.send(event())
        late = count(client)
    assert (late.json()["results"], late.headers["x-usertrack-waiting"]) == ([[0]], "1")


def test_nothing_but_a_reader_with_the_key_waits_for_the_store(store: Store) -> None:
    activity = {"apiKey": TOKEN, "userId": "ann", "events": [{"type": "route", "route": "/"}]}
    body = COUNT | {"personal_api_key": "phx_test"}
    with serving(store, catch_up=0.2) as client:
        with store.write_lock:
            client.send(event())
            answers = [
                client.http.post("/api/track/user-activity", json=activity),
                client.http.get("/api/nothing"),
                client.http.post("/api/projects/1/query/", json=COUNT),
                client.http.post("/api/projects/1/query/", json=body),
            ]
        assert [answer.status_code for answer in answers] == [200, 404, 401, 200]
        assert ["x-usertrack-waiting" in answer.headers for answer in answers] == [False, False, False, True]
        store.catch_up(30)
        assert client.http.post("/api/projects/1/query/", json=body).json()["results"] == [[2]]


def test_a_reader_who_has_no_time_stores_nothing(store: Store) -> None:
    with serving(store) as client, store.write_lock:  # which its thread may take again
        client.send(event())
        assert store.catch_up(0) == 1


@pytest.mark.parametrize("fault", [AttributeError, RecursionError, OverflowError, IndexError])
def test_a_request_that_code_stumbles_over_holds_up_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    write = BlockWriter.write

    def stumbling(self: BlockWriter, events: Sequence[Event], now: datetime) -> int:
        if any(event.event == "bad" for event in events):
            raise fault
        return write(self, events, now)

    monkeypatch.setattr(BlockWriter, "write", stumbling)
    with serving(store) as client:
        client.send(event(), event("bad"), event())
        client.send(event())
        assert client.rows("SELECT event, count() FROM posthog.events GROUP BY event") == [["seen", 3]]
        assert [kept.raw["event"] for kept in SetAside(store.path).events()] == ["bad"]
        assert client.http.get("/health").json() == {"status": "ok"}
    (store.path / REFUSED).unlink()


@pytest.mark.slow
def test_others_write_while_a_large_request_is_stored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PART_EVENTS", 10)
    with serving(store) as client:
        client.send(*(event(distinct_id=f"p{number}") for number in range(500)))
        wait_until(lambda: store.rows("SELECT count() FROM posthog.events") != [[0]])
        with store.write_lock:
            [[stored]] = store.rows("SELECT count() FROM posthog.events")
        assert 0 < stored < 500
        assert client.rows("SELECT count(), uniq(person_id) FROM posthog.events") == [[500, 500]]


@contextmanager
def memory_of(store: Store, size: int) -> Iterator[None]:
    """The store has so many bytes for a statement."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(session._SETTINGS, "max_memory_usage", size)  # also after a failure
        store.query(f"SET max_memory_usage = {size}")
        yield
    store.query("SET max_memory_usage = 0")


@pytest.mark.slow
def test_a_request_that_needs_too_much_memory_is_stored_in_smaller_parts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "RETRY_SECONDS", 0.05)
    with serving(store, most_waiting=1 << 30) as client, memory_of(store, 60 << 20):
        client.send(*(event(text="x" * 400_000, n=number) for number in range(40)))
        wait_until(lambda: store.catch_up() == 0)
        assert client.rows("SELECT count() FROM posthog.events") == [[40]]


@pytest.mark.slow
def test_an_event_that_needs_too_much_memory_holds_up_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(ingest, "GATHER_SECONDS", 0.01)
    with serving(store, most_waiting=1 << 30) as client, memory_of(store, 20 << 20):
        client.send(event("large", text="x" * 7_000_000))
        client.send(event())
        wait_until(lambda: (store.path / REFUSED).exists())
        assert client.rows("SELECT event FROM posthog.events") == [["seen"]]
    (store.path / REFUSED).unlink()


def test_when_too_much_waits_senders_are_told_to_come_back(store: Store) -> None:
    with serving(store, most_waiting=2_000) as client:
        with store.write_lock:
            answers = [client.batch(event(text="x" * 500)) for _ in range(6)]
            assert client.http.get("/health", headers=KEY).json()["problems"]
        refused = [answer for answer in answers if answer.status_code == 503]
        assert 0 < len(refused) < 6
        assert refused[0].headers["retry-after"] == "1"
        assert client.rows("SELECT count() FROM posthog.events") == [[6 - len(refused)]]
        assert client.batch(event()).status_code == 200


def test_erasing_a_person_reaches_the_events_that_wait(store: Store) -> None:
    with serving(store, catch_up=0.1) as client:
        client.send(event(email="ann@x.example"))
        [[person]] = client.rows("SELECT DISTINCT person_id FROM posthog.events")
        with store.write_lock:
            client.send(event(email="ann@x.example"), event("$identify", "ann2", **{"$anon_distinct_id": "ann"}))
            deletion = client.http.delete(f"/api/projects/1/persons/{person}/?delete_events=true", headers=KEY)
            assert deletion.status_code == 202
            assert log_has(store, "ann@x.example")
        statuses = "/api/projects/1/persons/deletion_status/?status=pending"
        wait_until(lambda: client.http.get(statuses, headers=KEY).json()["count"] == 0)
        assert client.rows("SELECT count() FROM posthog.events") == [[0]]
        assert not log_has(store, "ann@x.example")


def test_expiry_and_forgetting_reach_what_was_set_aside(store: Store) -> None:
    aside, violations = SetAside(store.path), ViolationLog(store.path)
    for year, text in ((2020, b'"old"'), (2026, b'"ann@x.example"'), (2026, b'"ben"')):
        aside.add(datetime(year, 1, 1, tzinfo=UTC), [("why", text)])
    (damaged := store.path / "event_log-damaged-1.sqlite").write_bytes(b'\0"ann@x.example"\0')
    expire(store, datetime(2025, 1, 1, tzinfo=UTC), lambda doing, done, total: None, dry_run=False)
    assert [kept.raw for kept in aside.events()] == ["ann@x.example", "ben"]
    forget_email(store, violations, "ann@x.example", [], lambda doing, done, total: None, dry_run=False)
    assert ([kept.raw for kept in aside.events()], damaged.exists()) == (["ben"], False)
    (store.path / REFUSED).unlink()


def test_the_status_of_a_server(client: Client, cli: Cli) -> None:
    client.send(event(), event())
    client.rows("SELECT 1")
    client.store.announce(str(client.http.base_url), SETTINGS.personal_api_key)
    status = cli("serve", "--status", "--data", client.store.path)
    client.store.announce("", "")
    assert (status.code, status.err) == (0, "")
    assert status.out.startswith(
        f"server       {client.http.base_url}, ok; counts are those since it started\nacknowledged 2 events, "
    )
    assert "\nrequests     200: 1; half within" in status.out
    assert "no refused events are kept in" in cli("serve", "--refused", "--data", client.store.path).err
    assert "no server has" in cli("serve", "--status", "--data", client.store.path).err


def log_has(store: Store, text: str) -> bool:
    return any(text.encode() in file.read_bytes() for file in store.path.glob("event_log.sqlite*"))


def test_an_import_does_not_overtake_what_waits(store: Store, tmp_path: Path) -> None:
    """Ann became somebody before; the rows of the file are hers."""
    file = tmp_path / "log.csv"
    file.write_text("event,distinct_id,timestamp\nread,browser,2026-09-01\n")
    with serving(store) as client:
        with store.write_lock:
            client.send(event("$identify", "ann", **{"$anon_distinct_id": "browser"}))
        import_file(store, ImportOptions(file, file), TOKEN, datetime.now(UTC), lambda text, *, passing=False: None)
        assert client.rows("SELECT uniqExact(person_id), count() FROM posthog.events") == [[1, 2]]


def test_what_cannot_be_read_is_set_aside_and_holds_up_nobody(store: Store) -> None:
    with serving(store) as client:
        store.log.append([b"no JSON"])
        client.send(event())
        assert client.rows("SELECT count() FROM posthog.events") == [[1]]
        health = client.http.get("/health", headers=KEY).json()
    assert (health["status"], health["refused_events"]) == ("ok", 1)
    refused = store.path / REFUSED
    assert [kept.raw["sent"] for kept in SetAside(store.path).events()] == ["no JSON"]
    assert refused.stat().st_mode & 0o777 == 0o600
    refused.unlink()


def test_health_is_for_everybody_and_numbers_need_the_key(client: Client) -> None:
    client.send(event(), event())
    assert client.http.get("/health").json() == {"status": "ok"}
    assert client.http.get("/metrics").status_code == 401
    client.rows("SELECT 1")
    health = client.http.get("/health", headers=KEY).json()
    assert (health["acknowledged_events"], health["stored_events"], health["waiting_requests"]) == (2, 2, 0)
    assert health["requests"] == {"200": 1}


def test_metrics_are_in_prometheus_format(client: Client) -> None:
    same = event() | {"uuid": "0190a0b0-0000-7000-8000-000000000001"}
    client.send(same)
    client.send(same)
    client.batch({"event": ""})
    client.rows("SELECT 1")
    answer = client.http.get("/metrics", headers=KEY)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    line = r'(# (HELP|TYPE) usertrack_\w+ .+|usertrack_\w+(\{\w+="[^"]+"\})? [0-9.e+-]+)'
    assert all(re.fullmatch(line, text) for text in answer.text.splitlines())
    samples = dict(text.rsplit(" ", 1) for text in answer.text.splitlines() if not text.startswith("#"))
    assert samples['usertrack_requests_total{status="200"}'] == "2"
    assert samples['usertrack_requests_total{status="400"}'] == "1"
    assert samples["usertrack_events_repeated_total"] == "1"
    assert samples['usertrack_request_seconds_bucket{le="+Inf"}'] == samples["usertrack_request_seconds_count"] == "3"
