"""Captured events as bytes of the log, and back, by one codec: whatever it writes, it reads."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from usertrack.server.capture.payload import Event


def to_bytes(events: Sequence[Event], received: datetime) -> bytes:
    """Return the ``events`` of a request that came at ``received``."""
    rows = [[event.uuid, event.event, event.distinct_id, event.timestamp, event.properties] for event in events]
    return orjson.dumps([received, rows])


def from_bytes(body: bytes) -> list[Event]:
    """Return the events of a request."""
    moment = datetime.fromisoformat
    return [
        Event(uuid, name, distinct_id, moment(timestamp), properties)
        for uuid, name, distinct_id, timestamp, properties in orjson.loads(body)[1]
    ]


def received_at(body: bytes) -> datetime:
    """Return when a request came."""
    return datetime.fromisoformat(orjson.loads(body)[0])
