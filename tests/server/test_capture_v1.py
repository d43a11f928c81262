"""PostHog's newer capture: what becomes of each event of a batch, and which requests are refused."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from capture_fixtures import TOKEN, Client, client, running, shared_store, store  # noqa: F401

NOW = "2026-03-01T12:00:00+00:00"
HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "PostHog-Sdk-Info": "posthog-go/1.2.3",
    "PostHog-Attempt": "1",
    "PostHog-Request-Id": str(UUID(int=1)),
}


def event(number: int = 1, **fields: Any) -> dict[str, Any]:
    own = {"event": "hi", "uuid": str(UUID(int=number)), "distinct_id": "d", "timestamp": NOW, "properties": {}}
    return own | fields


def send(client: Client, *events: Any, headers: dict[str, str] | None = None, **batch: Any) -> httpx.Response:
    now = {"PostHog-Request-Timestamp": datetime.now(UTC).isoformat()}
    body = json.dumps({"created_at": NOW, "batch": list(events)} | batch).encode()
    return client.http.post("/i/v1/analytics/events", content=body, headers=HEADERS | now | (headers or {}))


def test_an_event_is_stored_once_with_what_stands_beside_it(client: Client) -> None:
    options = {"disable_skew_correction": "true", "process_person_profile": 0, "product_tour_id": 7}
    sent = event(session_id="s", window_id="w", options=options, properties={"$lib": "mine", "a": 1})
    answers = [send(client, sent), send(client, sent)]
    assert [answer.json() for answer in answers] == [{"results": {sent["uuid"]: {"result": "ok"}}}] * 2
    assert "retry-after" not in answers[0].headers
    columns = "toString(timestamp), distinct_id, person_mode, $session_id, $window_id, properties"
    assert client.rows(f"SELECT {columns} FROM posthog.events") == [
        [
            "2026-03-01 12:00:00.000000", "d", "propertyless", "s", "w",
            {
                "$session_id": "s", "$window_id": "w", "$ignore_sent_at": True, "$process_person_profile": False,
                "$product_tour_id": "7", "$lib": "posthog-go", "$lib_version": "1.2.3", "a": 1,
            },
        ]
    ]  # fmt: skip


def test_times_are_those_of_our_clock(client: Client) -> None:
    client_clock = datetime.now(UTC) + timedelta(hours=5)  # their clock is five hours fast
    headers = {"PostHog-Request-Timestamp": client_clock.isoformat()}
    happened = client_clock - timedelta(days=2)
    send(client, event(1, timestamp=happened.isoformat()), event(2, timestamp="2300-01-01T00:00:00Z"), headers=headers)
    shift = "round(dateDiff('second', timestamp, created_at) / 3600)"
    assert client.rows(f"SELECT {shift} FROM posthog.events ORDER BY uuid") == [[48], [0]]


UNFIT = {
    "missing_event_name": {"event": ""},
    "event_name_too_long": {"event": "é" * 101},
    "dropped_performance_event": {"event": "$performance_event"},
    "missing_distinct_id": {"distinct_id": "  "},
    "distinct_id_too_large": {"distinct_id": "x" * 201},
    "invalid_event_timestamp": {"timestamp": "2026-03-01T12:00:00"},
    "malformed_event_properties": {"properties": [1]},
    "invalid_options": {"options": {"process_person_profile": "maybe"}},
}


def test_an_event_that_is_unfit_is_dropped_alone(client: Client) -> None:
    unfit = [event(number, **fields) for number, fields in enumerate(UNFIT.values())]
    results = send(client, *unfit, event(99)).json()["results"]
    assert list(results.values()) == [*({"result": "drop", "details": tag} for tag in UNFIT), {"result": "ok"}]
    assert client.rows("SELECT uuid FROM posthog.events") == [[str(UUID(int=99))]]


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"Authorization": "Bearer phx_test"}, 401, "invalid_api_token"),
        ({"Authorization": f"Basic {TOKEN}"}, 400, "invalid_header_value"),
        ({"PostHog-Request-Timestamp": "now"}, 400, "invalid_header_value"),
        ({"Content-Type": "text/plain"}, 415, "unsupported_content_type"),
        ({"Content-Encoding": "zstd"}, 415, "unsupported_encoding"),
        ({"Content-Encoding": "gzip"}, 400, "request_decoding_error"),
    ],
)
def test_headers(client: Client, headers: dict[str, str], status: int, error: str) -> None:
    refused = send(client, event(), headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert client.rows("SELECT count() FROM posthog.events") == [[0]]


def test_headers_that_are_missing(client: Client) -> None:
    bare = client.http.post("/i/v1/analytics/events", json={})
    assert (bare.status_code, bare.json()["error"]) == (401, "missing_authorization")
    few = client.http.post("/i/v1/analytics/events", json={}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (few.status_code, few.json()["error"]) == (400, "missing_required_headers")
    assert "posthog-attempt" in few.json()["error_description"]


@pytest.mark.parametrize(
    ("batch", "error"),
    [
        ({"batch": []}, "empty_batch"),
        ({"created_at": "today"}, "invalid_batch"),
        ({"created_at": 5}, "request_parsing_error"),
        ({"batch": {}}, "request_parsing_error"),
        ({"batch": [event(), 1]}, "request_parsing_error"),
        ({"batch": [event(distinct_id=5)]}, "request_parsing_error"),
        ({"batch": [event(uuid=" ")]}, "missing_event_uuid"),
        ({"batch": [event(uuid="x")]}, "invalid_event_uuid"),
        ({"batch": [event(), event()]}, "duplicate_event_uuid"),
    ],
)
def test_batches_that_are_refused_as_a_whole(client: Client, batch: dict[str, Any], error: str) -> None:
    refused = send(client, event(), **batch)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert client.rows("SELECT count() FROM posthog.events") == [[0]]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)]
)
def test_encodings(client: Client, encoding: str, pack: Any) -> None:
    headers = HEADERS | {"PostHog-Request-Timestamp": NOW, "Content-Encoding": encoding}
    body = pack(json.dumps({"created_at": NOW, "batch": [event()]}).encode())
    path = "/i/v1/analytics/events/"
    assert client.http.post(path, content=body, headers=headers).json()["results"] == {
        event()["uuid"]: {"result": "ok"}
    }
    too_large = client.http.post(path, content=pack(b" " * (21 << 20)), headers=headers)
    assert (too_large.status_code, too_large.json()["error"]) == (413, "payload_too_large")


def test_a_page_of_another_site_may_send(client: Client) -> None:
    preflight_headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = client.http.options(
        "/i/v1/analytics/events",
        headers=preflight_headers | {"Access-Control-Request-Headers": "authorization,posthog-attempt"},
    )
    assert preflight.status_code == 200
    assert "posthog-attempt" in preflight.headers["access-control-allow-headers"]
