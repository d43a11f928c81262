"""Decodes a capture request into events and checks them, one by one: a bad event refuses no other.

The order of decoding and every rule of validation are those of PostHog's capture service, which refuses the whole
request for a bad event.
"""

import base64
import json
import re
import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs

from usertrack.core.json_types import JsonObject
from usertrack.server.capture.ip_addresses import hide_addresses
from usertrack.server.http import json_text

DISTINCT_ID_LENGTH = 200  # characters: PostHog cuts it there
_FORM = re.compile(rb"(?:^|&)(?:data|compression|ver|ip|_)=")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
DEEPEST = 128  # serde_json's limit, so PostHog's
_PLAIN = ("uuid", "event", "distinct_id", "timestamp")
_NAMED = 20  # refused events that an answer names
_EARLIEST, _LATEST = datetime(1900, 1, 2, tzinfo=UTC), datetime(2299, 12, 31, tzinfo=UTC)  # what DateTime64 can hold
_SENT_AT_AFTER = datetime(2021, 1, 1, tzinfo=UTC)  # seconds that are read as milliseconds lie in January 1970


class Refused(Exception):  # noqa: N818
    """The request is refused as a whole: ``status`` is the HTTP status, ``text`` the plain body."""

    def __init__(self, text: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.headers = headers


@dataclass(frozen=True)
class Payload:
    """One HTTP request as it came in from the address ``remote``.

    ``legacy`` endpoints accept base64 twice; ``limit`` is in bytes.
    """

    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    content_encoding: str = ""
    legacy: bool = True
    limit: int = 20 << 20
    remote: str = ""


@dataclass
class Event:
    """One event as it will be stored; ``timestamp`` is UTC and already corrected for the client's clock."""

    uuid: str
    event: str
    distinct_id: str
    timestamp: datetime
    properties: JsonObject

    @property
    def has_profile(self) -> bool:
        """False for events that must leave no person behind (``person_mode`` propertyless)."""
        return self.properties.get("$process_person_profile") is not False


@dataclass(frozen=True)
class RefusedEvent:
    """An event that was refused: its ``index`` in the request, its JSON without IP addresses, and the reason."""

    index: int
    json: bytes
    reason: str


@dataclass
class Batch:
    """The events of a request that can be stored, and the others."""

    events: list[Event] = field(default_factory=list)
    refused: list[RefusedEvent] = field(default_factory=list)

    def refuse(self, index: int, raw: object, reason: str) -> None:
        event = raw if isinstance(raw, dict) else {"sent": raw}
        event.setdefault("uuid", str(uuid.uuid4()))  # known again when it is replayed
        try:
            hide_addresses(event)
            text = json_text.dump(event)
        except (RecursionError, TypeError):  # nested too deeply to be written
            text = json_text.dump({name: event[name] for name in _PLAIN if isinstance(event.get(name), str)})
        self.refused.append(RefusedEvent(index, text, reason))

    def refusal(self) -> Refused:
        """The answer for ``refused``, which holds at least one event."""
        count = len(self.events) + len(self.refused)
        if count == 1:
            return Refused(self.refused[0].reason)
        reasons = [f"batch[{event.index}]: {event.reason}" for event in self.refused[:_NAMED]]
        return Refused(f"{len(self.refused)} of {count} events refused: {'; '.join(reasons)}")


def read_events(payload: Payload, token: str, now: datetime, hashed_ip: Callable[[str], str] | None = None) -> Batch:
    """Return the events of one request; raises ``Refused`` (400, or 401 when its token is not ``token``).

    The visitor's IP address is stored as ``hashed_ip`` of it; without that function, not at all.
    """
    text = decode(payload)
    document = parse_json(text)
    batch, sent_at = _union(document, payload.query)
    if not batch:
        raise Refused("request holds no event")
    _check_token(document, batch, token)
    read = Batch()
    for index, raw in enumerate(batch):
        try:
            event = read_event(raw, now, sent_at)
            hide_address(event, payload.remote, hashed_ip)
            read.events.append(event)
        except Refused as refused:
            read.refuse(index, raw, refused.text)
    return read


def decode(payload: Payload) -> str:
    """The JSON text of a request: unpacked from form, base64 and gzip in PostHog's order."""
    data = payload.query.get("data", "").encode()
    if data and _is_base64(data.replace(b" ", b"+")):
        data = data.replace(b" ", b"+")  # a plus is a space in a query string
    data = data or payload.body
    if not data:
        raise Refused("failed to decode request: empty payload")
    if not _FORM.search(data[:512]) and _is_base64(data):
        data = base64.b64decode(data)
    hint = payload.query.get("compression") or payload.content_encoding
    if payload.content_type.split(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        data, form_hint = _form(data)
        hint = form_hint or hint
    data = _decompress(data, hint.lower(), payload.limit)
    if payload.legacy and _is_base64(data):
        data = base64.b64decode(data)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused("failed to decode request: invalid UTF-8") from None


def _is_base64(data: bytes) -> bool:
    return len(data) % 4 == 0 and _BASE64.fullmatch(data) is not None


def _form(data: bytes) -> tuple[bytes, str]:
    try:
        # of which SDKs send five: data, compression, ver, ip and _
        fields = parse_qs(data.decode("latin-1"), encoding="latin-1", max_num_fields=100)
    except ValueError:
        fields = {}
    if "data" not in fields:
        raise Refused("failed to decode request: expected form data in POST request payload")
    value = fields["data"][0].encode("latin-1")
    if _is_base64(value.replace(b" ", b"+")):
        value = value.replace(b" ", b"+")
    return value, fields.get("compression", [""])[0]


def _decompress(data: bytes, hint: str, limit: int) -> bytes:
    if hint in ("lz64", "lz-string"):
        raise Refused("failed to decode request: lz64 compression is not supported, use gzip-js")
    if hint in ("base64", "b64") and _is_base64(data):
        data = base64.b64decode(data)
    if hint not in ("gzip", "gzip-js") and not data.startswith(b"\x1f\x8b\x08"):
        return data
    return inflate(data, 31, limit)  # 31: zlib's number for gzip with its header


def inflate(data: bytes, wbits: int, limit: int) -> bytes:
    """``data`` unpacked by zlib; raises ``Refused``, with 413 for more than ``limit`` bytes."""
    unpack = zlib.decompressobj(wbits)
    try:
        plain = unpack.decompress(data, limit + 1)
    except zlib.error:
        raise Refused("failed to decode request: invalid GZIP data") from None
    if len(plain) > limit:
        raise Refused("maximum event size exceeded", 413)
    if not unpack.eof:
        raise Refused("failed to decode request: incomplete GZIP data")
    return plain


def parse_json(text: str) -> object:
    """Return the JSON document of ``text``; raises ``Refused``."""
    try:
        return json_text.parse(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"failed to parse request: {error}") from None


def check_values(container: JsonObject | list[Any], allowed: int = DEEPEST) -> None:
    """Raise Refused for what cannot be stored: deeper nesting than ``allowed``, and numbers out of range."""
    if allowed == 0:
        raise Refused("failed to parse request: recursion limit exceeded")
    for item in container.values() if isinstance(container, dict) else container:
        if isinstance(item, dict | list):
            check_values(item, allowed - 1)
        elif type(item) is json_text.OutOfRange:
            raise Refused("failed to parse request: number out of range")


def _union(document: Any, query: Mapping[str, str]) -> tuple[list[Any], datetime | None]:  # noqa: ANN401
    """An array of events, a batch object or a single event, and when the client sent it."""
    sent_at = document.get("sent_at") if isinstance(document, dict) else None
    batch = document
    if isinstance(document, dict):
        batch = document["batch"] if isinstance(document.get("batch"), list) else [document]
    if not isinstance(batch, list):
        raise Refused("failed to parse request: expected an event, an array of events or a batch")
    return batch, parse_time(sent_at) or _milliseconds(query.get("_") or query.get("sent_at") or "")


def _milliseconds(text: str) -> datetime | None:
    """``?_=`` is in milliseconds; a value in seconds would be long ago and is ignored."""
    try:
        moment = datetime.fromtimestamp(int(text) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment >= _SENT_AT_AFTER else None


def _check_token(document: Any, batch: list[Any], project_token: str) -> None:  # noqa: ANN401
    outer = _first(document, "api_key", "token") if isinstance(document, dict) and "batch" in document else None
    tokens = {outer} if outer is not None else {token for raw in batch if (token := _token(raw)) is not None}
    if not tokens:
        raise Refused("event submitted without an api_key", 401)
    if len(tokens) > 1:
        raise Refused("batch submitted with inconsistent api_key values", 401)
    sent_token = tokens.pop()
    if sent_token != project_token:
        personal = sent_token.startswith("phx_")
        reason = "personal_api_key" if personal else "empty" if not sent_token else "unknown"
        raise Refused(f"API key is not valid: {reason}", 401)


def _token(raw: object) -> str | None:
    event = as_dict(raw)
    return _first(event, "token", "$token", "api_key") or _first(as_dict(event.get("properties")), "token")


def _first(mapping: Mapping[str, object], *keys: str) -> str | None:
    return next((str(mapping[key]) for key in keys if mapping.get(key) is not None), None)


def _properties(raw: Mapping[str, Any]) -> JsonObject:
    properties = raw.get("properties")
    if properties is None:
        return {}
    if not isinstance(properties, dict):
        raise Refused("failed to parse request: properties must be an object")
    return properties


def read_event(raw: object, now: datetime, sent_at: datetime | None = None) -> Event:
    """Return the event that ``raw`` of a request at ``now`` is; raises ``Refused``."""
    if not isinstance(raw, dict):
        raise Refused("failed to parse request: expected an event, an array of events or a batch")
    check_values(raw, DEEPEST + 1)
    name = raw.get("event")
    if not isinstance(name, str | None):
        raise Refused("failed to parse request: event must be a string")
    if not name:
        raise Refused("event submitted with an empty event name")
    properties = dict(_properties(raw))
    for key in ("$set", "$set_once"):
        if isinstance(raw.get(key), dict):
            properties[key] = {**as_dict(properties.get(key)), **raw[key]}
    if isinstance(raw.get("$unset"), list):
        properties["$unset"] = raw["$unset"]
    return Event(
        uuid=_uuid(raw.get("uuid")),
        event=name,
        distinct_id=_distinct_id(raw, properties),
        timestamp=_timestamp(raw, properties, sent_at, now),
        properties=properties,
    )


def hide_address(event: Event, remote: str, hashed_ip: Callable[[str], str] | None) -> None:
    """Removes IP addresses from the event's properties; with ``hashed_ip``, ``$ip`` becomes a hash."""
    sent_ip = event.properties.get("$ip")
    hide_addresses(event.properties)
    address = sent_ip if isinstance(sent_ip, str) and sent_ip else remote
    if hashed_ip and address:
        event.properties["$ip"] = hashed_ip(address)


def as_dict(value: Any) -> JsonObject:  # noqa: ANN401
    return value if isinstance(value, dict) else {}


def _uuid(value: Any) -> str:  # noqa: ANN401
    if value in (None, ""):
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise Refused("failed to parse request: uuid is malformed") from None


def _distinct_id(raw: Mapping[str, object], properties: Mapping[str, object]) -> str:
    candidates = (raw.get("distinct_id"), raw.get("$distinct_id"), properties.get("distinct_id"))
    value = next((value for value in candidates if value is not None), None)
    if value is None:
        raise Refused("event submitted without a distinct_id")
    text = as_distinct_id(value)
    if not text:
        raise Refused("event submitted with an empty distinct_id")
    return text


def as_distinct_id(value: object) -> str:
    """Any JSON value as a distinct_id: numbers and containers become their JSON text, cut at 200 characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\0", "\ufffd")[:DISTINCT_ID_LENGTH]


def _timestamp(
    raw: Mapping[str, Any], properties: Mapping[str, Any], sent_at: datetime | None, now: datetime
) -> datetime:
    """The event's time by the server's clock: corrected by the client's skew, ``offset`` ms ago, else now."""
    moment = parse_time(raw.get("timestamp"))
    try:
        if moment and sent_at and not properties.get("$ignore_sent_at"):
            moment = now - (sent_at - moment)
        elif moment is None and isinstance(raw.get("offset"), int | float):
            moment = now - timedelta(milliseconds=raw["offset"])
    except OverflowError:
        moment = None
    return storable(moment, now) if moment else now


def storable(moment: datetime, now: datetime) -> datetime:
    """``moment``, or ``now`` when it is out of the range of what can be stored."""
    return moment if _EARLIEST <= moment <= _LATEST else now


def parse_time(value: object) -> datetime | None:
    """An ISO 8601 or RFC 2822 text as UTC; naive means UTC; None when it is neither."""
    if not isinstance(value, str):
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(value.strip())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
