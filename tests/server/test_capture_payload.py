"""How requests come in: encodings, shapes, tokens, ids and times (posthog-facts §7.2)."""

import base64
import gzip
import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from usertrack.server.capture.ip_addresses import means_address
from usertrack.server.capture.payload import Event, Payload, Refused, read_events

TOKEN = "phc_test"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {"event": "hi", "distinct_id": "d", "api_key": TOKEN}


def read(document: Any, **payload: Any) -> list[Event]:
    return read_events(Payload(json.dumps(document).encode(), **payload), TOKEN, NOW).events


def refusal(document: Any, **payload: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        raise read_events(Payload(json.dumps(document).encode(), **payload), TOKEN, NOW).refusal()
    return caught.value.status, caught.value.text


PLAIN = json.dumps(EVENT).encode()
B64 = base64.b64encode(PLAIN)
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize(
    "payload",
    [
        Payload(PLAIN),
        Payload(PLAIN, content_type="text/plain"),
        Payload(gzip.compress(PLAIN)),
        Payload(gzip.compress(PLAIN), content_encoding="gzip"),
        Payload(gzip.compress(PLAIN), {"compression": "gzip-js"}, content_type="text/plain"),
        Payload(gzip.compress(PLAIN), {"compression": "base64"}),
        Payload(B64, {"compression": "base64"}),
        Payload(B64),
        Payload(base64.b64encode(gzip.compress(PLAIN)), legacy=False),
        Payload(gzip.compress(B64)),
        Payload(b"data=" + quote(PLAIN).encode(), content_type=FORM),
        Payload(b"data=" + B64, content_type=FORM),
        Payload(b"compression=base64&data=" + quote(B64).encode(), content_type=FORM, legacy=False),
        Payload(b"ver=1&data=" + B64, {"compression": "base64"}, content_type=FORM, legacy=False),
        Payload(b"", {"data": PLAIN.decode()}),
        Payload(b"", {"data": B64.decode().replace("+", " ")}),
    ],
)
def test_every_encoding_gives_the_event(payload: Payload) -> None:
    assert [event.event for event in read_events(payload, TOKEN, NOW).events] == ["hi"]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (Payload(b""), "empty payload"),
        (Payload(b"{"), "failed to parse"),
        (Payload(b"12345"), "expected an event"),
        (Payload(b"\xff\xfe{}"), "invalid UTF-8"),
        (Payload(b"\x1f\x8b\x08junk"), "GZIP"),
        (Payload(gzip.compress(PLAIN)[:-9]), "incomplete GZIP"),
        (Payload(PLAIN, content_encoding="gzip"), "GZIP"),
        (Payload(PLAIN, {"compression": "lz64"}), "lz64"),
        (Payload(PLAIN, content_type=FORM), "expected form data"),
        (Payload(gzip.compress(B64), legacy=False), "failed to parse"),
        (Payload(b"[" * 100_000), "recursion"),
    ],
)
def test_undecodable(payload: Payload, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        read_events(payload, TOKEN, NOW)
    assert caught.value.status == 400


def test_a_gzip_bomb_is_refused_before_it_fills_memory() -> None:
    with pytest.raises(Refused, match="size exceeded"):
        read_events(Payload(gzip.compress(b" " * 5_000_000), limit=1_000_000), TOKEN, NOW)


def test_shapes() -> None:
    bare = {"event": "hi", "distinct_id": "d"}
    assert len(read([EVENT, EVENT])) == 2
    assert len(read({"token": TOKEN, "batch": [bare, bare]})) == 2
    assert len(read({"api_key": TOKEN, "batch": [{**bare, "api_key": "other"}]})) == 1
    assert len(read({"batch": [EVENT]})) == 1
    assert len(read({**bare, "properties": {"token": TOKEN}})) == 1
    assert len(read({**bare, "$token": TOKEN})) == 1
    assert refusal([]) == (400, "request holds no event")
    assert refusal({"api_key": TOKEN, "batch": []}) == (400, "request holds no event")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"event": "hi", "distinct_id": "d"}, "event submitted without an api_key"),
        ([EVENT, {**EVENT, "api_key": "phc_b"}], "batch submitted with inconsistent api_key values"),
        ({**EVENT, "api_key": "phx_secret"}, "API key is not valid: personal_api_key"),
        ({**EVENT, "api_key": "phc_other"}, "API key is not valid: unknown"),
        ({"api_key": "", "batch": [EVENT]}, "API key is not valid: empty"),
    ],
)
def test_wrong_tokens(document: Any, says: str) -> None:
    assert refusal(document) == (401, says)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"event": ""}, "event submitted with an empty event name"),
        ({"event": None}, "event submitted with an empty event name"),
        ({"event": 1}, "failed to parse request: event must be a string"),
        ({"distinct_id": None}, "event submitted without a distinct_id"),
        ({"distinct_id": ""}, "event submitted with an empty distinct_id"),
        ({"uuid": "no"}, "failed to parse request: uuid is malformed"),
        ({"uuid": 7}, "failed to parse request: uuid is malformed"),
        ({"properties": []}, "failed to parse request: properties must be an object"),
        ({"timestamp": float("nan")}, "failed to parse request: number out of range"),
    ],
)
def test_a_bad_event_refuses_no_other(changes: dict[str, Any], says: str) -> None:
    assert refusal({**EVENT, **changes}) == (400, says)
    assert refusal([EVENT, {**EVENT, **changes}]) == (400, f"1 of 2 events refused: batch[1]: {says}")
    assert len(read([EVENT, {**EVENT, **changes}])) == 1


def test_deep_nesting_is_refused() -> None:
    nested: Any = 1
    for _ in range(200):
        nested = [nested]
    assert refusal({**EVENT, "properties": {"x": nested}}) == (400, "failed to parse request: recursion limit exceeded")


@pytest.mark.parametrize(
    ("given_id", "stored"),
    [(23, "23"), (1.5, "1.5"), (True, "true"), (["a", "b"], '["a","b"]'), ("é" * 300, "é" * 200), ("a\0b", "a\ufffdb")],
)
def test_distinct_id_becomes_text(given_id: Any, stored: str) -> None:
    assert read({**EVENT, "distinct_id": given_id})[0].distinct_id == stored


def test_distinct_id_of_the_event_wins_over_its_properties() -> None:
    assert read({**EVENT, "properties": {"distinct_id": "p"}})[0].distinct_id == "d"
    assert read({"event": "e", "token": TOKEN, "properties": {"distinct_id": "p"}})[0].distinct_id == "p"
    assert read({"event": "e", "token": TOKEN, "$distinct_id": "q"})[0].distinct_id == "q"


def test_person_updates_move_into_properties_and_the_address_goes() -> None:
    (event,) = read(
        {**EVENT, "$set": {"a": 1}, "$set_once": {"b": 2}, "properties": {"$set": {"a": 0, "c": 3}, "$ip": "1.2.3.4"}}
    )
    assert event.properties == {"$set": {"a": 1, "c": 3}, "$set_once": {"b": 2}}


def test_addresses_go_wherever_they_are_sent() -> None:
    addresses = {"ip_address": "10.0.0.1", "context": {"clientIp": "x", "list": ["::1", "a"]}, "$set": {"ipv6": "y"}}
    unchanged = {"$lib_version": "10.0.0.1", "$host": "127.0.0.1", "trip": "x", "at": "10:20:30", "is_ip": True}
    (event,) = read({**EVENT, "properties": {**addresses, **unchanged, "seen": " 10.0.0.1, fe80::1%eth0"}})
    assert event.properties == {"context": {"list": [None, "a"]}, "$set": {}, **unchanged}


@pytest.mark.parametrize(
    "name",
    [
        "ip",
        "$ip",
        "userIP",
        "client-ip",
        "X-Forwarded-For",
        "HTTP_X_REAL_IP",
        "REMOTE_ADDR",
        "http.client_ip",
        "ipAddresses",
        "lastip",
    ],
)
def test_names_that_mean_an_address(name: str) -> None:
    assert means_address(name)


@pytest.mark.parametrize(
    "name", ["zip", "trip", "vip", "isVIP", "ship", "address", "ip_count", "$geoip_city_name", "forwarded_at", "clip"]
)
def test_names_that_mean_none(name: str) -> None:
    assert not means_address(name)


@given(st.ip_addresses() | st.just(ip_address("::")) | st.just(ip_address("::ffff:1.2.3.4")))
@settings(max_examples=300)
def test_every_address_is_known(address: IPv4Address | IPv6Address) -> None:
    for text in {str(address), address.exploded, address.compressed.upper()}:
        assert read({**EVENT, "properties": {"a": text}})[0].properties == {}


@given(st.text("0123456789abf:.", max_size=20))
@example("1.1.1.1:80")
@example(":::.")
@settings(max_examples=500)
def test_what_is_taken_for_an_address_is_one(text: str) -> None:
    hidden = not read({**EVENT, "properties": {"a": text}})[0].properties
    host, _, port = text.rpartition(":")
    with_port = ":" not in host and parses(host) and re.fullmatch("[0-9]{1,5}", port) is not None
    assert hidden == (parses(text) or with_port)


def parses(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text))
    return False


def when(changes: dict[str, Any], sent_at: str | None = None, **payload: Any) -> str:
    document = {"api_key": TOKEN, "batch": [{**EVENT, **changes}], **({"sent_at": sent_at} if sent_at else {})}
    return read(document, **payload)[0].timestamp.isoformat()


@pytest.mark.parametrize(
    ("stamp", "stored"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.123456+02:00", "2026-01-02T01:04:05.123456+00:00"),
        ("2026-01-02 03:04:05", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02", "2026-01-02T00:00:00+00:00"),
        ("Fri, 02 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05+00:00"),
        ("yesterday", NOW.isoformat()),
        ("0001-01-01T00:00:00Z", NOW.isoformat()),
        ("9999-01-01T00:00:00Z", NOW.isoformat()),
        (1767322800, NOW.isoformat()),
        (None, NOW.isoformat()),
    ],
)
def test_timestamps(stamp: Any, stored: str) -> None:
    assert when({"timestamp": stamp}) == stored


def test_the_clock_of_the_client_is_corrected() -> None:
    ten_minutes_slow = "2026-03-01T11:50:00Z"
    assert when({"timestamp": "2026-03-01T11:49:00Z"}, ten_minutes_slow) == "2026-03-01T11:59:00+00:00"
    uncorrected = {"timestamp": "2026-03-01T11:49:00Z", "properties": {"$ignore_sent_at": True}}
    assert when(uncorrected, ten_minutes_slow) == "2026-03-01T11:49:00+00:00"
    milliseconds = str(int(datetime(2026, 3, 1, 11, 50, tzinfo=UTC).timestamp() * 1000))
    assert when({"timestamp": "2026-03-01T11:49:00Z"}, query={"_": milliseconds}) == "2026-03-01T11:59:00+00:00"
    seconds = milliseconds[:-3]
    assert when({"timestamp": "2026-03-01T11:49:00Z"}, query={"_": seconds}) == "2026-03-01T11:49:00+00:00"
    assert when({"offset": 60_000}) == "2026-03-01T11:59:00+00:00"
    assert when({"offset": 1e300}) == NOW.isoformat()


@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "base64", "lz64", "br"]), st.sampled_from(["", FORM]))
@example(b"\x1f\x8b\x08" + b"\0" * 20, "", "")
@example(b'[{"event":"a","distinct_id":"\\ud800","api_key":"phc_test"}]', "", "")
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_bytes_are_read_or_refused(body: bytes, hint: str, content_type: str) -> None:
    with suppress(Refused):
        read_events(Payload(body, {"compression": hint}, content_type), TOKEN, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EVENT_KEYS = st.sampled_from(
    ["event", "distinct_id", "properties", "uuid", "timestamp", "offset", "$set", "$unset", "sent_at", "token", "batch"]
)


@pytest.mark.slow
@given(st.dictionaries(EVENT_KEYS, JSON))
@settings(max_examples=300, deadline=None)
def test_any_json_is_read_or_refused(document: Any) -> None:
    with suppress(Refused):
        read({"api_key": TOKEN, "event": "e", "distinct_id": "d", **document})
