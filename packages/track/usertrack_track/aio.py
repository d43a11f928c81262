"""The same for coroutines: `from usertrack_track.aio import track`, then `await track(…)`.

With ``connection`` the event is part of the caller's transaction: asyncpg's Connection, psycopg's AsyncConnection, or
SQLAlchemy's AsyncSession or AsyncConnection. Without it a thread waits for the database, and the event loop does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from functools import partial, wraps
from typing import TYPE_CHECKING, TypedDict, TypeVar
from uuid import UUID

import usertrack_track
from usertrack_track.statements import AsyncConnection, Batch, execute_awaited

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Unpack

    P = ParamSpec("P")

Answer = TypeVar("Answer")

__all__ = [
    "alias",
    "flush",
    "group_identify",
    "identify",
    "is_feature_enabled",
    "refresh",
    "shutdown",
    "track",
    "track_error",
]


class EventOptions(TypedDict, total=False):
    """Facts of an event beside its properties."""

    session_id: str | None
    groups: Mapping[str, object] | None
    timestamp: datetime | None
    uuid: UUID | str | None


async def track(
    distinct_id: object,
    event: str,
    properties: Mapping[str, object] | None = None,
    *,
    connection: AsyncConnection | None = None,
    **options: Unpack[EventOptions],
) -> str:
    """Store that somebody did something, and leave it to the relay; returns the event's UUID."""
    call = partial(usertrack_track.track, distinct_id, event, properties, **options)
    return await _store(lambda batch: call(connection=batch), connection)


async def identify(
    distinct_id: object,
    properties: Mapping[str, object] | None = None,
    *,
    set_once: Mapping[str, object] | None = None,
    anonymous_id: str | None = None,
    connection: AsyncConnection | None = None,
) -> str:
    """Set properties of a person; ``set_once`` those that keep their first value."""
    call = partial(usertrack_track.identify, distinct_id, properties, set_once=set_once, anonymous_id=anonymous_id)
    return await _store(lambda batch: call(connection=batch), connection)


async def group_identify(
    group_type: str,
    group_key: object,
    properties: Mapping[str, object] | None = None,
    *,
    connection: AsyncConnection | None = None,
) -> str:
    """Set properties of a group."""
    call = partial(usertrack_track.group_identify, group_type, group_key, properties)
    return await _store(lambda batch: call(connection=batch), connection)


async def alias(distinct_id: object, alias: object, *, connection: AsyncConnection | None = None) -> str:
    """Say that ``alias`` is the same person as ``distinct_id``."""
    return await _store(lambda batch: usertrack_track.alias(distinct_id, alias, connection=batch), connection)


async def _store(call: Callable[[Batch | None], str], connection: AsyncConnection | None) -> str:
    if connection is None:
        return await asyncio.to_thread(call, None)
    batch = Batch()
    uuid = call(batch)
    await execute_awaited(connection, batch)
    return uuid


def _in_thread(call: Callable[P, Answer]) -> Callable[P, Coroutine[None, None, Answer]]:
    @wraps(call)
    async def awaited(*arguments: P.args, **options: P.kwargs) -> Answer:
        return await asyncio.to_thread(call, *arguments, **options)

    return awaited


flush = _in_thread(usertrack_track.flush)
is_feature_enabled = _in_thread(usertrack_track.is_feature_enabled)
refresh = _in_thread(usertrack_track.refresh)
shutdown = _in_thread(usertrack_track.shutdown)
track_error = _in_thread(usertrack_track.track_error)
