"""A message on its way to PostHog: one event as JSON, with a UUID that it keeps wherever it is stored."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from usertrack_track.exceptions import UsageError

_DEEPEST = 30
_MOST_BITS = 1024  # of an integer: JSON's readers, PostHog among them, know no larger number
_LEFT_OUT = object()


@dataclass(frozen=True)
class Message:
    """An event for PostHog's SDK. ``timestamp`` is ISO 8601 with an offset; ``properties`` are plain JSON values."""

    uuid: str
    event: str
    distinct_id: str
    timestamp: str
    properties: dict[str, object]

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, document: str | bytes | Mapping[str, object]) -> Message:
        """Raises ValueError, KeyError or TypeError when ``document`` is no message."""
        fields: Mapping[str, Any] = document if isinstance(document, Mapping) else json.loads(document)
        UUID(str(fields["uuid"])), datetime.fromisoformat(fields["timestamp"])
        return cls(**{name: fields[name] for name in cls.__dataclass_fields__})


def uuid7(milliseconds: int | None = None) -> UUID:
    """A version 7 UUID (RFC 9562): the time, now unless stated, and 74 random bits. Later ones sort later."""
    now = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    random = int.from_bytes(os.urandom(10), "big")
    value = (now & (1 << 48) - 1) << 80 | 7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=value)


def make_message(
    event: str,
    distinct_id: object,
    properties: Mapping[str, object],
    *,
    timestamp: datetime | None = None,
    uuid: UUID | str | None = None,
    drop: Callable[[str], None] = lambda name: None,
) -> Message:
    """A message of now, or of ``timestamp`` (without a timezone: timezone.utc).

    Without a ``distinct_id`` the event is nobody's, and makes no person. ``drop`` is called with the name of each
    property whose value JSON cannot hold. Raises UsageError with a uuid that is none.
    """
    values = clean_properties(properties, drop)
    unique = str(uuid7() if uuid is None else _uuid(uuid))
    name = "" if distinct_id is None else _text(str(distinct_id))
    if not name:
        values.setdefault("$process_person_profile", False)
    # its time is that of a server's clock, and the same each time that it is sent
    values["$ignore_sent_at"] = True
    moment = timestamp or datetime.now(timezone.utc)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return Message(unique, _text(event), name or unique, moment.isoformat(), values)


def event_name(event: str) -> str:
    """The name of an event, which may be a member of an Enum. Raises UsageError for none."""
    name = event.value if isinstance(event, Enum) else event
    if not isinstance(name, str) or not name:
        raise UsageError("an event has no name", 'the second argument of track() is its name: track(7, "signed_up")')
    return name


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise UsageError("the uuid of an event is none", "leave it out, or hand over a uuid.UUID") from None


def clean_properties(properties: Mapping[str, object], drop: Callable[[str], None]) -> dict[str, object]:
    """``properties`` as plain JSON values that PostgreSQL and PostHog take; each other one is dropped."""
    cleaned = {}
    for name, value in properties.items():
        try:
            plain = _plain(value, 0)
        except Exception:  # of the value's own methods, such as __str__
            plain = _LEFT_OUT
        if plain is _LEFT_OUT:
            drop(str(name))
        else:
            cleaned[_text(str(name))] = plain
    return cleaned


def _plain(value: object, depth: int) -> object:
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= _MOST_BITS else _LEFT_OUT
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (float, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return _plain_container(value, depth)


def _plain_container(value: object, depth: int) -> object:
    if depth == _DEEPEST:
        return _LEFT_OUT
    if isinstance(value, Mapping):
        pairs = {_text(str(key)): _plain(item, depth + 1) for key, item in value.items()}
        return _LEFT_OUT if any(item is _LEFT_OUT for item in pairs.values()) else pairs
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [_plain(item, depth + 1) for item in value]
        return _LEFT_OUT if any(item is _LEFT_OUT for item in items) else items
    return _LEFT_OUT


def _text(value: str) -> str:
    """``value`` without what PostgreSQL cannot store: NUL and halves of surrogate pairs."""
    if value.isascii() and "\0" not in value:
        return str(value)
    return value.replace("\0", "�").encode("utf-8", "replace").decode()
