"""The capture endpoints over HTTP: what is acknowledged is stored, once, as it was sent."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import base64
import gzip
import json
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from capture_fixtures import SETTINGS, TOKEN, Client, client, running, shared_store, store, wait_until  # noqa: F401
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usertrack.server.capture.ip_addresses import means_address
from usertrack.server.capture.payload import DISTINCT_ID_LENGTH
from usertrack.server.http import requests

EVENT = {"event": "hi", "distinct_id": "d", "api_key": TOKEN}
PATHS = ["/batch", "/e", "/i/v0/e", "/capture", "/track", "/engage"]


@pytest.mark.parametrize("path", [path + slash for path in PATHS for slash in ("", "/")])
def test_every_endpoint_takes_events(client: Client, path: str) -> None:
    answer = client.http.post(path, json=EVENT)
    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    assert client.http.get(path, params={"data": base64.b64encode(json.dumps(EVENT).encode()).decode()}).is_success
    assert client.rows("SELECT event, count() FROM posthog.events GROUP BY event") == [["hi", 2]]


def test_browser(client: Client) -> None:
    page = {"Origin": "https://shop.example"}
    preflight_headers = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-mine",
    }
    preflight = client.http.options("/e/", headers=page | preflight_headers)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert "x-mine" in preflight.headers["access-control-allow-headers"]
    assert client.http.options("/e/").status_code == 200
    sent = client.http.post(
        "/e/?beacon=1",
        content=gzip.compress(json.dumps([EVENT]).encode()),
        headers=page | {"Content-Type": "text/plain"},
    )
    assert (sent.status_code, sent.content) == (204, b"")
    assert sent.headers["access-control-allow-origin"] == "https://shop.example"


def test_refusals_are_plain_text_and_store_nothing(client: Client) -> None:
    answer = client.http.post("/batch/", json=[{**EVENT, "event": ""}])
    assert (answer.status_code, answer.text) == (400, "event submitted with an empty event name")
    assert answer.headers["content-type"].startswith("text/plain")
    assert client.http.post("/e/", json={**EVENT, "api_key": "phx_mine"}).status_code == 401
    assert client.http.post("/e/", content=b" " * (2 << 20) + b"{}").status_code == 413
    assert client.rows("SELECT count() FROM posthog.events") == [[0]]


def test_no_flags_and_a_small_remote_config(client: Client) -> None:
    for path in ("/flags/?v=2", "/flags?v=4", "/decide/?v=3"):
        answer = client.http.post(path, json={"token": TOKEN, "distinct_id": "d"}).json()
        assert (answer["flags"], answer["featureFlags"], answer["errorsWhileComputingFlags"]) == ({}, {}, False)
    assert client.http.get(f"/array/{TOKEN}/config").json()["hasFeatureFlags"] is False
    assert '"phc_test"' in client.http.get(f"/array/{TOKEN}/config.js").text
    assert client.http.get("/_readiness").is_success
    assert client.http.get("/_liveness").is_success


def test_a_uuid_is_stored_once(client: Client) -> None:
    same = {"event": "once", "distinct_id": "d", "uuid": str(uuid.uuid4())}
    client.send(same, same)
    client.send(same, {"event": "other", "distinct_id": "d"})
    with ThreadPoolExecutor(8) as pool:
        again = [
            {**same, "uuid": same["uuid"].upper()},
            {"event": "many", "distinct_id": "d", "uuid": str(uuid.uuid4())},
        ]
        list(pool.map(lambda _: client.send(*again), range(16)))
    counts = client.rows("SELECT event, count() FROM posthog.events GROUP BY event ORDER BY event")
    assert counts == [["many", 1], ["once", 1], ["other", 1]]


def test_concurrent_requests_all_arrive(client: Client) -> None:
    def send(number: int) -> None:
        client.send(*({"event": "e", "distinct_id": f"d{number % 3}"} for _ in range(10)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(40)))
    assert client.rows("SELECT count(), uniqExact(uuid), uniqExact(person_id) FROM posthog.events") == [[400, 400, 3]]


def test_columns(client: Client) -> None:
    properties = {
        "$session_id": "s",
        "$window_id": "w",
        "$elements_chain": "a:b",
        "$groups": {"company": "acme", "team": 7},
    }
    client.send(
        {"event": "e", "distinct_id": "d", "timestamp": "2026-01-02T03:04:05.123456Z", "properties": properties},
        {"event": "e", "distinct_id": "d", "timestamp": "2026-01-03", "properties": {"$groups": {"team": "x"}}},
    )
    assert client.rows(
        "SELECT toString(timestamp), $session_id, $window_id, elements_chain, $group_0, $group_1, person_mode"
        " FROM posthog.events ORDER BY timestamp"
    ) == [
        ["2026-01-02 03:04:05.123456", "s", "w", "a:b", "acme", "7", "full"],
        ["2026-01-03 00:00:00.000000", "", "", "", "", "x", "full"],
    ]


def test_groups_are_upserted(client: Client) -> None:
    def company(**changes: Any) -> dict[str, Any]:
        properties = {"$group_type": "company", "$group_key": "acme", "$group_set": changes}
        return {"event": "$groupidentify", "distinct_id": "$company_acme", "properties": properties}

    client.send(company(name="Acme", seats=3))
    client.send(company(seats=4), company(plan="pro"))
    assert client.rows("SELECT index, key, properties FROM posthog.groups FINAL") == [
        [0, "acme", {"name": "Acme", "plan": "pro", "seats": 4}]
    ]
    client.send(*({"event": "e", "distinct_id": "d", "properties": {"$groups": {f"t{n}": "k"}}} for n in range(9)))
    assert client.rows("SELECT count() FROM posthog.group_types FINAL") == [[5]]


def test_property_types_are_decided_by_the_first_value(client: Client) -> None:
    first = {
        "n": 1,
        "yes": True,
        "word": "true",
        "day": "2026-01-02T03:04:05Z",
        "code": "42",
        "list": [1],
        "none": None,
    }
    client.send({"event": "e", "distinct_id": "d", "properties": first, "$set": {"email": "a@x.example"}})
    client.send({"event": "e", "distinct_id": "d", "properties": {"n": "one", "code": 42, "list": 2, "word": None}})
    client.send(
        {"event": "e", "distinct_id": "d", "properties": {"utm_term": 7, "signup_time": int(time.time()), "n": 2}}
    )
    records = client.rows(
        "SELECT type, name, property_type, scalar_string FROM posthog.property_definitions FINAL ORDER BY type, name"
    )
    assert records == [
        ["event", "code", "String", 0],
        ["event", "day", "DateTime", 1],
        ["event", "list", "Numeric", 0],
        ["event", "n", "Numeric", 0],
        ["event", "signup_time", "DateTime", 0],
        ["event", "utm_term", "String", 0],
        ["event", "word", "Boolean", 1],
        ["event", "yes", "Boolean", 0],
        ["person", "email", "String", 1],
    ]
    client.store.query("TRUNCATE TABLE posthog.property_definitions")
    client.store.refresh_property_definitions()
    refreshed = client.rows("SELECT name, scalar_string FROM posthog.property_definitions FINAL WHERE type = 'event'")
    assert dict(refreshed) == {name: scalar for kind, name, _, scalar in records if kind == "event"}


def test_names_that_collide_in_storage_are_accepted(client: Client) -> None:
    client.send({"event": "e", "distinct_id": "d", "properties": {"a": {"b": 1}, "a.b": 2, "a%2Eb": 3, "": {"": 1}}})
    assert client.rows("SELECT count() FROM posthog.events") == [[1]]


def test_what_was_captured_can_be_queried_at_once(client: Client) -> None:
    client.send({"event": "paid", "distinct_id": "d", "$set": {"email": "d@x.example"}, "properties": {"price": 9.5}})
    query = "SELECT person.properties.email, sum(properties.price) FROM events WHERE event = 'paid' GROUP BY 1"
    answer = client.http.post(
        "/api/projects/1/query/",
        json={"query": {"kind": "HogQLQuery", "query": query}},
        headers={"Authorization": f"Bearer {SETTINGS.personal_api_key}"},
    )
    assert answer.json()["results"] == [["d@x.example", 9.5]]


KEYS = st.text(max_size=8).filter(lambda key: "%2e" not in key.lower() and not means_address(key))
INTEGERS = st.integers(-(2**63), 2**63 - 1)
# no IP addresses: the server removes them
TEXTS = st.text().filter(lambda text: text.count(":") < 2 and text.count(".") < 3)
SCALARS = st.booleans() | INTEGERS | st.integers(2**63, 2**64 - 1) | st.floats(-1e15, 1e15) | TEXTS
# ClickHouse gives the lists within a list one common type; that changes values only where kinds are mixed
LISTS = st.lists(TEXTS) | st.lists(INTEGERS) | st.lists(st.booleans()) | st.lists(st.lists(TEXTS, min_size=1))
VALUES = SCALARS | LISTS | st.dictionaries(KEYS, SCALARS, min_size=1, max_size=3)
IDS = st.text(min_size=1, max_size=DISTINCT_ID_LENGTH)


@pytest.mark.slow
@given(properties=st.dictionaries(KEYS, VALUES, max_size=5), name=st.text(min_size=1), person=IDS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_properties_come_back_as_sent(running: Client, properties: Any, name: str, person: str) -> None:
    key = str(uuid.uuid4())
    running.send({"event": name, "distinct_id": person, "uuid": key, "properties": properties})
    (stored,) = running.rows(f"SELECT event, distinct_id, properties FROM posthog.events WHERE uuid = '{key}'")
    assert stored == [name, person.replace("\0", "\ufffd"), properties]


@given(
    body=st.binary(max_size=200), path=st.sampled_from(PATHS), kind=st.sampled_from(["application/json", "text/plain"])
)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_answered(running: Client, body: bytes, path: str, kind: str) -> None:
    assert running.http.post(path, content=body, headers={"Content-Type": kind}).status_code in (400, 401)


def test_the_bodies_of_all_clients_together_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_RECEIVED", 100_000)
    body = json.dumps({"api_key": TOKEN, "event": "large", "distinct_id": "ann", "properties": {"a": "x" * 80_000}})
    head = f"POST /e/ HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n"
    url = client.http.base_url
    with closing(socket.create_connection((url.host, url.port or 0))) as slow:
        slow.sendall((head + body[:-1]).encode())
        wait_until(lambda: requests._BODIES.received == len(body) - 1)
        refused = client.http.post("/e/", content=body)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")  # on which SDKs try again
        slow.sendall(body[-1:].encode())
        assert slow.recv(12) == b"HTTP/1.1 200"
    assert client.http.post("/e/", content=body).status_code == 200
