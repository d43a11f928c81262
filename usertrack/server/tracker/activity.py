"""Reads the body of ``POST /api/track/user-activity`` into events: each is taken or refused, with the reason."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.core.routes import route_of
from usertrack.server.capture.identity import CLAIM, SIGNATURE
from usertrack.server.capture.payload import (
    DISTINCT_ID_LENGTH,
    Event,
    Refused,
    as_dict,
    as_distinct_id,
    check_values,
    parse_time,
)
from usertrack.server.capture.persons import NOBODY

MOST_EVENTS = 500  # ten times what the script sends at once
_TEXT = 300
_FIELDS = {"apiKey", "userId", "userEmail", "subscriptionTier", "signature", "sentAt", "events"}
_SECONDS = 100_000_000_000  # a larger timestamp is in milliseconds: as seconds it would be in the year 5138
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(minutes=1)


@dataclass(frozen=True, order=True)
class Rejection:
    """``index`` is the event's place in the body."""

    index: int
    reason: str


@dataclass
class TrackedActivity:
    """The content of a body: ``events`` to store, what was ``rejected``, and the names of ``ignored`` fields.

    ``places`` has the place of each event in the body, by its uuid. ``nameless`` have neither uuid nor timestamp: sent
    again, they are stored again.
    """

    events: list[Event] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    nameless: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


class _Wrong(Exception):  # noqa: N818
    """Why an event is refused."""


def read_activity(body: object, token: str, now: datetime) -> TrackedActivity:
    """The events of a body; raises ``Refused`` (400, 401) for one that is none, or not of the project ``token``."""
    if not isinstance(body, dict):
        raise Refused("the body must be a JSON object")
    if body.get("apiKey") != token:
        raise Refused("apiKey is missing" if not body.get("apiKey") else "apiKey is not that of this project", 401)
    person = _person(body.get("userId"))
    sent = body.get("events")
    if not isinstance(sent, list):
        raise Refused("events must be a list")
    skew = _skew(body.get("sentAt"), now)
    activity = TrackedActivity(ignored=Counter(key[:80] for key in body if key not in _FIELDS))
    alike: Counter[str] = Counter()
    for index, raw in enumerate(sent):
        try:
            if index >= MOST_EVENTS:
                raise _Wrong(f"more than {MOST_EVENTS} events in one request")
            if not isinstance(raw, dict):
                raise _Wrong("an event must be an object")
            kind = raw.get("type")
            read = _KINDS.get(kind) if isinstance(kind, str) else None
            if read is None:
                raise _Wrong(f"type must be one of {', '.join(_KINDS)}")
            name, properties = read(raw)
            _check(properties)
            activity.ignored.update(f"events.{key[:80]}" for key in raw if key not in _EVENT_FIELDS)
            timestamp, claimed = _timestamp(raw.get("timestamp"), now, skew)
            page = {"$pathname": route_of(raw["route"])} if isinstance(raw.get("route"), str) and raw["route"] else {}
            clock = {"client_timestamp": claimed.isoformat()} if claimed else {}
            event = Event(
                uuid=_uuid(raw, person, alike),
                event=name,
                distinct_id=person,
                timestamp=timestamp,
                properties={**properties, **page, **clock, "$lib": "user-activity"},
            )
            activity.events.append(event)
            activity.places[event.uuid] = index
            activity.nameless += raw.get("uuid") is None and raw.get("timestamp") is None
        except _Wrong as wrong:
            activity.rejected.append(Rejection(index, str(wrong)))
    _identify(activity.events, body)
    return activity


def _person(value: object) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise Refused("userId must be a text or a number")
    person = as_distinct_id(value.strip() if isinstance(value, str) else value)
    if not person or person.lower() in NOBODY or len(str(value)) > DISTINCT_ID_LENGTH:
        raise Refused("userId names nobody: the page sent it before it knew who it is, or it is too long")
    return person


def _identify(events: list[Event], body: Mapping[str, object]) -> None:
    """Each event carries the signature of the id, and the first one the claims, with the whole signature."""
    signature = body.get("signature")
    if isinstance(signature, str) and signature:
        for event in events:
            event.properties[SIGNATURE] = signature.partition(".")[0]
        if events:
            events[0].properties[SIGNATURE] = signature
    claims = {"email": body.get("userEmail"), "subscription_tier": body.get("subscriptionTier")}
    texts = {CLAIM + name: text[:_TEXT] for name, text in claims.items() if isinstance(text, str) and text.strip()}
    if events and texts:
        events[0].properties["$set"] = texts


def _skew(sent_at: object, now: datetime) -> timedelta:
    moment = _moment(sent_at) if sent_at is not None else None
    return now - moment if moment and moment >= _SINCE else timedelta()


def _check(properties: JsonObject) -> None:
    try:
        check_values(properties)
    except Refused as refused:
        raise _Wrong(
            "data is nested too deeply" if "recursion" in refused.text else "a number is out of range"
        ) from None


def _timestamp(value: object, now: datetime, skew: timedelta) -> tuple[datetime, datetime | None]:
    """When it was by the server's clock and, where that is a guess, when the browser said that it was."""
    if value is None:
        return now, None
    moment = _moment(value)
    if moment is None or moment < _SINCE:
        raise _Wrong("timestamp must be seconds or milliseconds since 1970, of a time after 1999, or ISO 8601")
    try:
        corrected = moment + skew
    except OverflowError:
        corrected = now
    if _SINCE <= corrected <= now + _AHEAD:
        return corrected, None
    return now, moment


def _moment(value: Any) -> datetime | None:  # noqa: ANN401
    if isinstance(value, str):
        return parse_time(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value if abs(value) < _SECONDS else value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _uuid(raw: Mapping[str, Any], person: str, alike: Counter[str]) -> str:
    """The event's own id, else a hash of what it says and, among those alike, of which one it is.

    So a request that is sent again stores nothing twice. An event without a time of its own is always a new one.
    """
    if raw.get("uuid") is not None:
        try:
            return str(uuid.UUID(raw["uuid"]))
        except (ValueError, AttributeError, TypeError):
            raise _Wrong("uuid is malformed") from None
    if raw.get("timestamp") is None:
        return str(uuid.uuid4())
    text = json.dumps([person, raw], sort_keys=True)
    alike[text] += 1
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{alike[text]}{text}"))


def _text(raw: Mapping[str, object], name: str, *, required: bool = False) -> str:
    value = raw.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise _Wrong(f"{name} must be a text")
    return value.strip()[:_TEXT]


def _route(raw: Mapping[str, object]) -> tuple[str, JsonObject]:
    _text(raw, "route", required=True)
    return "$pageview", {}


def _click(raw: Mapping[str, object]) -> tuple[str, JsonObject]:
    return "$autocapture", {"$event_type": "click", "selector": _text(raw, "element")}


def _form_submit(raw: Mapping[str, object]) -> tuple[str, JsonObject]:
    return "form_submit", {"form_id": _text(raw, "formId") or _text(raw, "element")}


def _page_time(raw: Mapping[str, object]) -> tuple[str, JsonObject]:
    duration = raw.get("duration")
    if not isinstance(duration, int | float) or isinstance(duration, bool) or not 0 <= duration <= 86_400_000:
        raise _Wrong("duration must be milliseconds, of a day at most")
    return "page_time", {"visible_seconds": duration / 1000}


def _error(raw: Mapping[str, object]) -> tuple[str, JsonObject]:
    message = _text(raw, "message", required=True)
    return "$exception", {
        "$exception_type": "Error",
        "$exception_message": message,
        "$exception_list": [{"type": "Error", "value": message, "mechanism": {"handled": False}}],
    }


def _custom(raw: Mapping[str, object]) -> tuple[str, JsonObject]:
    name = _text(raw, "name", required=True)
    if name.startswith("$"):
        raise _Wrong("name must not begin with $: such events are PostHog's own")
    data = raw.get("data")
    if not isinstance(data, dict | None):
        raise _Wrong("data must be an object")
    return name, {key: value for key, value in as_dict(data).items() if not key.startswith("$")}


_Read = Callable[[Mapping[str, Any]], tuple[str, JsonObject]]
_KINDS: Mapping[str, _Read] = {
    "route": _route,
    "click": _click,
    "form_submit": _form_submit,
    "page_time": _page_time,
    "error": _error,
    "custom": _custom,
}
_EVENT_FIELDS = {"type", "route", "element", "formId", "duration", "message", "name", "data", "timestamp", "uuid"}
