"""Decodes a batch of PostHog's newer capture endpoint into events.

A fault of the request refuses all of it, a fault of an event drops that event. The rules and their names are those of
PostHog's capture service (rust/capture/src/v1).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from usertrack.core.json_types import JsonObject
from usertrack.server.capture import payload
from usertrack.server.capture.payload import (
    DEEPEST,
    Event,
    Refused,
    as_distinct_id,
    check_values,
    inflate,
    parse_json,
    storable,
)

LIMIT = 20 << 20
"""Bytes of a body, as it comes and unpacked."""

_TEXTS = ("event", "uuid", "distinct_id", "timestamp")
_LONGEST = 200  # bytes of an event's name, a distinct_id, or the SDK's header
_FUTURE = timedelta(hours=23)  # PostHog's limit: what is further ahead happened when it arrived
_OPTIONS = {  # as properties
    "cookieless_mode": "$cookieless_mode",
    "disable_skew_correction": "$ignore_sent_at",
    "product_tour_id": "$product_tour_id",
    "process_person_profile": "$process_person_profile",
}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Rejected(Exception):  # noqa: N818
    """The request or one of its events is not accepted; ``tag`` is PostHog's name for the reason."""

    def __init__(self, tag: str, description: str = "", status: int = 400) -> None:
        super().__init__(tag)
        self.tag, self.description, self.status = tag, description, status


@dataclass
class AnsweredBatch(payload.Batch):
    """The same, and the result of every event by its uuid."""

    results: dict[str, dict[str, str]] = field(default_factory=dict)


def read_batch(headers: Mapping[str, str], body: bytes, now: datetime) -> AnsweredBatch:
    """The events of a request received at ``now``; raises Rejected."""
    batch = AnsweredBatch()
    for index, raw in enumerate(_raw_events(_document(body, headers.get("content-encoding", "").lower()))):
        uuid = _uuid(raw["uuid"])
        if uuid in batch.results:
            raise Rejected("duplicate_event_uuid", f"duplicate event uuid: {uuid}")
        try:
            batch.events.append(_event(raw, uuid, headers, now))
            batch.results[uuid] = {"result": "ok"}
        except Rejected as rejected:
            batch.results[uuid] = {"result": "drop", "details": rejected.tag}
            batch.refuse(index, raw, rejected.tag)
    return batch


def _document(body: bytes, encoding: str) -> object:
    if encoding not in ("", "gzip", "deflate"):
        raise Rejected("unsupported_encoding", "use gzip, deflate or none", 415)
    zlib_wrapped = zlib.MAX_WBITS if body.startswith(b"\x78") else -zlib.MAX_WBITS
    try:
        text = inflate(body, 31 if encoding == "gzip" else zlib_wrapped, LIMIT) if encoding else body
    except Refused as refused:
        if refused.status == 413:
            raise too_large() from None
        raise Rejected("request_decoding_error", "Failed to decode request body.") from None
    try:
        return parse_json(text.decode())
    except (Refused, UnicodeDecodeError):
        raise _unparsed() from None


def _raw_events(document: object) -> list[JsonObject]:
    if not isinstance(document, dict) or not isinstance(document.get("created_at"), str):
        raise _unparsed()
    events = document.get("batch")
    if not isinstance(events, list) or not all(map(_is_event, events)):
        raise _unparsed()
    if not events:
        raise Rejected("empty_batch", "request batch is empty")
    if _time(document["created_at"]) is None:
        raise Rejected("invalid_batch", "invalid batch: created_at is not valid RFC 3339")
    return events


def _is_event(raw: object) -> bool:
    return (
        isinstance(raw, dict)
        and all(isinstance(raw.get(name), str) for name in _TEXTS)
        and all(isinstance(raw.get(name), str | None) for name in ("session_id", "window_id"))
    )


def _uuid(text: str) -> str:
    if not text.strip():
        raise Rejected("missing_event_uuid", "event submitted without a uuid")
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise Rejected("invalid_event_uuid", "event submitted with an invalid uuid") from None


def _event(raw: JsonObject, uuid: str, headers: Mapping[str, str], now: datetime) -> Event:
    name, distinct_id, moment = raw["event"], raw["distinct_id"].strip(), _time(raw["timestamp"])
    sent_properties = raw.get("properties", {})
    faults = {
        "dropped_performance_event": name == "$performance_event",
        "missing_event_name": not name,
        "event_name_too_long": len(name.encode()) > _LONGEST,
        "missing_distinct_id": not distinct_id,
        "distinct_id_too_large": len(distinct_id.encode()) > _LONGEST,
        "invalid_event_timestamp": moment is None,
        "malformed_event_properties": not isinstance(sent_properties, dict),
    }
    for tag in (tag for tag, applies in faults.items() if applies):
        raise Rejected(tag)
    properties = sent_properties | _properties(raw, headers)
    try:
        check_values(raw, DEEPEST + 1)
    except Refused:
        raise Rejected("malformed_event_properties") from None
    assert moment
    return Event(uuid, name, as_distinct_id(distinct_id), _corrected(moment, properties, headers, now), properties)


def _properties(raw: Mapping[str, Any], headers: Mapping[str, str]) -> JsonObject:
    """The fields beside the event's ``properties``, its options and the SDK of the header, as properties."""
    beside = {f"${name}": raw[name] for name in ("session_id", "window_id") if raw.get(name) is not None}
    options = raw.get("options") or {}
    if not isinstance(options, dict):
        raise Rejected("invalid_options")
    own = {_OPTIONS[name]: _option(name, options[name]) for name in _OPTIONS if options.get(name) is not None}
    library, _, version = (part.strip() for part in headers["posthog-sdk-info"].rpartition("/"))
    names_library = library and version and len(headers["posthog-sdk-info"]) <= _LONGEST
    return beside | own | ({"$lib": library, "$lib_version": version} if names_library else {})


def _option(name: str, value: object) -> bool | str:
    if name == "product_tour_id":
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
    elif isinstance(value, int | float):
        return bool(value)
    elif isinstance(value, str) and value.strip().lower() in _BOOLEANS:
        return _BOOLEANS[value.strip().lower()]
    raise Rejected("invalid_options")


def _corrected(moment: datetime, properties: JsonObject, headers: Mapping[str, str], now: datetime) -> datetime:
    """``moment`` by our clock."""
    if properties.get("$ignore_sent_at") is True:
        return storable(moment, now)
    try:
        corrected = now - (sent_at(headers) - moment)
    except OverflowError:
        return now
    return now if corrected - now > _FUTURE else storable(corrected, now)


def sent_at(headers: Mapping[str, str]) -> datetime:
    moment = _time(headers["posthog-request-timestamp"])
    if moment is None:
        raise Rejected("invalid_header_value", "PostHog-Request-Timestamp is not valid RFC 3339")
    return moment


def _time(text: str) -> datetime | None:
    """An RFC 3339 text as UTC; None for any other text, such as one without an offset."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def too_large() -> Rejected:
    return Rejected("payload_too_large", f"the request is larger than {LIMIT} bytes", 413)


def _unparsed() -> Rejected:
    return Rejected("request_parsing_error", "Failed to parse request body.")
