"""JSON lines: exports of four services by their own field names, and logs of one's own."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Events, Import, imported

Rows = Callable[[str], list[list[Any]]]
PEOPLE = "SELECT properties FROM posthog.persons FINAL WHERE properties != '{}'"

AMPLITUDE: list[dict[str, Any]] = [
    {
        "event_type": "view", "event_time": "2026-03-01 09:00:00.000000", "user_id": None, "device_id": "D1",
        "amplitude_id": 7001, "uuid": "0e1de5a4-3a77-11f0-8de9-0242ac120002", "$insert_id": "i1", "session_id": 17,
        "event_properties": {"page": "/pricing", "n": 3}, "user_properties": {}, "ip_address": "192.0.2.7",
    },
    {
        "event_type": "buy", "event_time": "2026-03-01 09:05:00.000000", "user_id": "ann", "device_id": "D1",
        "amplitude_id": 7001, "uuid": "0e1de5a4-3a77-11f0-8de9-0242ac120003", "$insert_id": "i2", "session_id": -1,
        "event_properties": {"price": 9.5}, "user_properties": {"email": "ann@shop.example"}, "ip_address": None,
    },
]  # fmt: skip
MIXPANEL: list[dict[str, Any]] = [
    {"event": "Signed up", "properties": {"time": 1772355600, "distinct_id": "ann", "$insert_id": "X", "plan": "pro"}},
    {"event": "Signed up", "properties": {"time": 1772355900, "distinct_id": "bob", "$insert_id": "X", "ip": "::1"}},
]
SEGMENT = [
    {
        "type": "page", "messageId": "m1", "anonymousId": "a1", "userId": None, "timestamp": "2026-03-01T09:00:00.000Z",
        "receivedAt": "2026-03-01T09:00:02.000Z", "name": "Pricing", "properties": {"url": "https://shop.example/p"},
        "context": {"ip": "192.0.2.7", "locale": "en"},
    },
    {
        "type": "identify", "messageId": "m2", "anonymousId": "a1", "userId": "ann",
        "timestamp": "2026-03-01T09:01:00.000Z", "traits": {"email": "ann@shop.example"},
    },
    {
        "type": "group", "messageId": "m3", "userId": "ann", "timestamp": "2026-03-01T09:01:30.000Z",
        "groupId": "g", "traits": {"email": "office@shop.example"},
    },
    {
        "type": "track", "event": "Bought", "messageId": "m4", "userId": "ann",
        "timestamp": "2026-03-01T09:02:00.000Z", "properties": {"price": 9.5},
    },
]  # fmt: skip
POSTHOG = [
    {
        "uuid": "0196b3a0-0000-7000-8000-000000000001", "event": "$identify", "distinct_id": "ann",
        "timestamp": "2026-03-01T09:00:00Z", "person_properties": {"email": "old@shop.example"},
        "properties": {"$anon_distinct_id": "a1", "$set": {"email": "ann@shop.example"}, "$session_id": "s"},
    },
    {
        "uuid": "0196b3a0-0000-7000-8000-000000000002", "event": "view", "distinct_id": "a1",
        "timestamp": "2026-03-01T08:00:00Z", "person_properties": {}, "properties": "{\"page\": \"/\"}",
    },
]  # fmt: skip


def lines(path: Path, rows: list[Any]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def short(events: Events) -> list[tuple[str, str, str]]:
    return [(at[11:16], who, event) for at, who, event, _ in events()]


@pytest.mark.slow
def test_an_export_of_amplitude(load: Import, events: Events, stored: Rows, tmp_path: Path) -> None:
    """The device before the sign-in is the same person, by Amplitude's own id, and an address is kept nowhere."""
    done = imported(load(lines(tmp_path / "7_2026-03-01_9#0.json.gz", AMPLITUDE), "-f", "json"))
    assert (done["events"], done["people"]) == (2, 1)
    assert short(events) == [("09:00", "D1", "view"), ("09:05", "ann", "buy")]
    viewed = events()[0][3]
    assert (viewed["page"], viewed["n"], viewed["$session_id"]) == ("/pricing", 3, '"D1"17')
    assert "192.0.2.7" not in str(events())
    assert stored("SELECT $session_id FROM posthog.events ORDER BY timestamp") == [['"D1"17'], [""]]
    assert stored(PEOPLE) == [[{"email": "ann@shop.example"}]]
    assert stored("SELECT DISTINCT toString(uuid) FROM posthog.events ORDER BY 1") == [
        [row["uuid"]] for row in AMPLITUDE
    ]


def test_an_export_of_mixpanel(load: Import, events: Events, tmp_path: Path) -> None:
    """An $insert_id of two people makes two events."""
    done = imported(load(lines(tmp_path / "export.jsonl", MIXPANEL), "-f", "json"))
    assert (done["events"], done["repeated"]) == (2, 0)
    assert short(events) == [("09:00", "ann", "Signed up"), ("09:05", "bob", "Signed up")]
    assert events()[0][3]["plan"] == "pro"
    again = imported(load(lines(tmp_path / "export.jsonl", MIXPANEL), "-f", "json"))
    assert (again["events"], again["known"]) == (0, 2)


@pytest.mark.slow
def test_an_export_of_segment(load: Import, events: Events, stored: Rows, tmp_path: Path) -> None:
    result = load(lines(tmp_path / "segment.jsonl", SEGMENT))
    assert "distinct_id ← userId, else anonymousId (by its name)" in result.err
    assert "left out ← receivedAt" in result.err
    assert short(events) == [
        *[("09:00", "a1", "$pageview"), ("09:01", "ann", "$identify"), ("09:01", "ann", "$groupidentify")],
        ("09:02", "ann", "Bought"),
    ]
    assert events()[0][3] == {
        "$anon_distinct_id": "a1", "$current_url": "https://shop.example/p", "context": {"locale": "en"},
        "name": "Pricing", "type": "page", "url": "https://shop.example/p",
    }  # fmt: skip
    assert stored("SELECT toInt32(uniqExact(person_id)) FROM posthog.events") == [[1]]
    assert stored(PEOPLE) == [[{"email": "ann@shop.example"}]]


def test_an_export_of_posthog(load: Import, events: Events, stored: Rows, tmp_path: Path) -> None:
    assert "left out ← person_properties" in load(lines(tmp_path / "posthog.jsonl", POSTHOG)).err
    assert short(events) == [("08:00", "a1", "view"), ("09:00", "ann", "$identify")]
    assert events()[0][3] == {"page": "/"}
    assert stored("SELECT toInt32(uniqExact(person_id)) FROM posthog.events") == [[1]]
    assert stored(PEOPLE) == [[{"email": "ann@shop.example"}]]


def test_the_columns_of_seed_001(load: Import, events: Events, stored: Rows, tmp_path: Path) -> None:
    """Values keep their types, and a field that only a late line has is a property, too."""
    rows: list[dict[str, Any]] = [
        {"id": "e1", "userId": "u1", "name": "signed_up", "sessionId": "s1", "createdAt": "2026-03-01T09:00:00Z",
         "properties": {"plan": "007"}},
        {"id": "e2", "userId": "u1", "name": "ran", "createdAt": 1772355660000, "n": 5, "ok": True, "tags": ["a", 1]},
    ]  # fmt: skip
    load(lines(tmp_path / "Event.ndjson", rows))
    assert short(events) == [("09:00", "u1", "signed_up"), ("09:01", "u1", "ran")]
    assert [row[3] for row in events()] == [
        {"$session_id": "s1", "id": "e1", "plan": "007"},
        {"id": "e2", "n": 5, "ok": True, "tags": ["a", 1]},
    ]
    assert stored("SELECT $session_id FROM posthog.events ORDER BY timestamp") == [["s1"], [""]]


def test_a_line_that_is_no_object_is_named(load: Import, events: Events, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"user": "a", "event": "x", "time": "2026-03-01T09:00:00Z"}\n\n{"user": "a", \n[1]\n')
    result = load(file)
    assert "2 rows of" in result.err
    assert "2 have no JSON object in the line (lines 3, 4)" in result.err
    assert imported(load(file, "--skip-bad", "-f", "json"))["events"] == 1
    assert short(events) == [("09:00", "a", "x")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.json", b"[]\n", "has no JSON object in its lines"),
        ("7.json.gz", b"PK\3\4....", "is a ZIP archive"),
        ("log.jsonl", b"\n".join(b'{"f%d": 1}' % n for n in range(1001)), "have more than 1000 fields"),
    ],
)
def test_other_json_is_refused(load: Import, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    result = load(tmp_path / name)
    assert (result.code, message in result.err, "hint: " in result.err) == (2, True, True), result.err
