"""Hears events when they are stored, by PostHog's livestream as the embedded server has it."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx

from usertrack.core.json_types import JsonObject
from usertrack.core.routes import route_of
from usertrack.core.tls import tls
from usertrack.live.signals.occurrence import NOTHING, Occurrence, known_properties

_COLUMNS = {
    "$exception_fingerprint": "fingerprint",
    "$exception_message": "message",
    "form_id": "form",
    "field": "field",
    "$event_type": "event_type",
    "visible_seconds": "seconds",
}
"""What becomes which of `PROPERTIES`, as in posthog/signal_events."""
_OTHERS = ("$session_id", "$window_id", "$pathname", "$current_url", "$exception_list")
_UNSEEN = frozenset({"$$heatmap", "$feature_flag_called", "$set", "$groupidentify"})
_SILENCE = 30.0  # seconds: the server says something every ten


class NoLivestream(Exception):  # noqa: N818 - one asks again and again instead
    """The source has none, as PostHog Cloud, or not for this key."""


@dataclass(frozen=True)
class LiveBatch:
    """Events that came together. ``missed``: others did not come, since there were too many at once."""

    occurrences: list[Occurrence]
    missed: bool = False


@asynccontextmanager
async def livestream(host: str, key: str) -> AsyncIterator[AsyncIterator[LiveBatch]]:
    """The events of the PostHog at ``host`` from now on. Raises NoLivestream, and httpx.HTTPError when it ends."""
    if not host:
        raise NoLivestream
    async with (
        httpx.AsyncClient(base_url=host, verify=tls(host), timeout=httpx.Timeout(_SILENCE, connect=5)) as client,
        client.stream(
            "GET",
            "/events",
            params={"columns": ",".join([*_COLUMNS, *_OTHERS])},
            headers={"Authorization": f"Bearer {key}"},
        ) as response,
    ):
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise NoLivestream
        yield _batches(response)


async def _batches(response: httpx.Response) -> AsyncIterator[LiveBatch]:
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        texts = [line[6:] for line in lines if line.startswith(b"data: {")]
        missed = any(line.startswith(b"event: missed") for line in lines)
        if texts or missed:
            yield LiveBatch(list(_occurrences(texts)), missed)


def _occurrences(texts: list[bytes]) -> Iterator[Occurrence]:
    for text in texts:
        event = json.loads(text)
        if event["event"] not in _UNSEEN:
            yield _occurrence(event, event["properties"])


def _occurrence(event: JsonObject, properties: JsonObject) -> Occurrence:
    at = min(datetime.fromisoformat(event["timestamp"]), datetime.fromisoformat(event["created_at"]))
    session = _text(properties.get("$session_id"))
    address = _text(properties.get("$pathname")) or _text(properties.get("$current_url"))
    return Occurrence(
        at.timestamp(),
        event["uuid"],
        event["event"],
        event["person_id"],
        event["distinct_id"],
        session,
        _text(properties.get("$window_id")) or session,
        route_of(address) if address else "",
        _properties(properties) or NOTHING,
    )


def _properties(values: Mapping[str, object]) -> dict[str, object]:
    known = {name: values[column] for column, name in _COLUMNS.items() if values.get(column) not in (None, "")}
    if "message" not in known and (message := _first_message(values.get("$exception_list"))):
        known["message"] = message
    return known_properties({name: value if name == "seconds" else str(value) for name, value in known.items()})


def _first_message(exceptions: object) -> str:
    first = exceptions[0] if isinstance(exceptions, list) and exceptions else None
    return _text(first.get("value")) if isinstance(first, dict) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
