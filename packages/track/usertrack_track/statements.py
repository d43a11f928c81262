"""The statements that a request runs, on the library's own connection or on the caller's. Every value is bound as text.

So each is the same for every driver: psycopg's `%(name)s` by itself, or `:name` for SQLAlchemy.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from usertrack_track.exceptions import UsageError
from usertrack_track.message import Message

EVENT = """
WITH stored AS (
    INSERT INTO usertrack.event (id, distinct_id, name, properties, session_id, created_at)
    VALUES (
        CAST(%(id)s AS uuid), %(distinct_id)s, %(name)s,
        CAST(%(properties)s AS jsonb), %(session_id)s, CAST(%(created_at)s AS timestamptz)
    )
    ON CONFLICT DO NOTHING
    RETURNING id
)
INSERT INTO usertrack.outbox (id, message)
SELECT id, CAST(%(message)s AS json) FROM stored
ON CONFLICT DO NOTHING
"""
PROFILE = """
INSERT INTO usertrack.outbox (id, message) VALUES (CAST(%(id)s AS uuid), CAST(%(message)s AS json))
ON CONFLICT DO NOTHING
"""
DUE = """
INSERT INTO usertrack.due_property (group_type, holder_id, name)
SELECT group_type, holder_id, name
FROM json_to_recordset(CAST(%(due)s AS json)) AS due (group_type text, holder_id text, name text)
"""

PROFILE_EVENTS = {"$identify", "$groupidentify", "$create_alias"}
_OURS = {"$ignore_sent_at", "$process_person_profile", "$session_id"}  # for PostHog, and no property of the event


@dataclass(frozen=True)
class Due:
    """A property whose facts have changed: of a person (``group_type`` is empty) or of a group."""

    group_type: str
    holder_id: str
    name: str


Statement = tuple[str, Mapping[str, str | None]]


def insert(message: Message) -> Statement:
    """Stores an event and queues it for PostHog; what says something of a person or a group is queued alone."""
    values: dict[str, str | None] = {"id": message.uuid, "message": message.to_json()}
    if message.event in PROFILE_EVENTS:
        return PROFILE, values
    properties = {name: value for name, value in message.properties.items() if name not in _OURS}
    values |= {
        "distinct_id": message.distinct_id,
        "name": message.event,
        "properties": json.dumps(properties),
        "session_id": message.properties.get("$session_id"),
        "created_at": message.timestamp,
    }
    return EVENT, values


def mark_due(due: Iterable[Due]) -> Statement:
    return DUE, {"due": json.dumps([asdict(one) for one in due])}


def execute(connection: Any, statements: Iterable[Statement]) -> None:
    """Run ``statements`` in the caller's transaction: an error of its database is the caller's, as any other there.

    ``connection`` is psycopg's or psycopg2's, SQLAlchemy's Session or Connection (on any driver), or Django's. Raises
    UsageError for something else, as asynchronous ones, and drivers that bind no values by name (pg8000).
    """
    libraries = {base.__module__.partition(".")[0] for base in type(connection).__mro__}
    if "sqlalchemy" in libraries and hasattr(connection, "execute") and not _is_asynchronous(connection):
        import sqlalchemy

        for sql, values in statements:
            connection.execute(sqlalchemy.text(re.sub(r"%\((\w+)\)s", r":\1", sql)), values)
    elif hasattr(connection, "cursor") and not _is_asynchronous(connection) and _binds_by_name(connection):
        with connection.cursor() as cursor:
            for sql, values in statements:
                cursor.execute(sql, values)
    else:
        raise UsageError(
            f"track() cannot join the transaction of {type(connection).__module__}.{type(connection).__qualname__}",
            "hand over a connection of psycopg, psycopg2, SQLAlchemy or Django; of an AsyncSession: "
            "await session.run_sync(lambda session: track(…, connection=session))",
        )


def _is_asynchronous(connection: Any) -> bool:
    return any(
        base.__name__.startswith("Async") or base.__module__.partition(".")[0] in {"asyncpg", "aiopg"}
        for base in type(connection).__mro__
    )


def _binds_by_name(connection: Any) -> bool:
    """Whether its driver takes `%(name)s`: "pyformat" in the words of the DB-API."""
    modules = {base.__module__ for base in type(connection).__mro__}
    modules |= {name.partition(".")[0] for name in modules}
    return all(getattr(sys.modules.get(name), "paramstyle", "pyformat") == "pyformat" for name in modules)
