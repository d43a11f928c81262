"""The statements that a request runs, on the library's own connection or on the caller's. Every value is bound as text.

So each is the same for every driver: psycopg's `%(name)s` by itself, `:name` for SQLAlchemy, `$1` for asyncpg.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Optional, Protocol, Union

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
# each becomes CAST(… AS text) where asyncpg may be the driver: it takes values of the type that the server infers
_PARAMETER = re.compile(r"%\((\w+)\)s")
_OURS = {"$ignore_sent_at", "$process_person_profile", "$session_id"}  # for PostHog, and no property of the event


@dataclass(frozen=True)
class Due:
    """A property whose facts have changed: of a person (``group_type`` is empty) or of a group."""

    group_type: str
    holder_id: str
    name: str


Statement = tuple[str, Mapping[str, Optional[str]]]


class Batch(list[Statement]):
    """Statements for a connection that is awaited: they are gathered first."""


class DbApiConnection(Protocol):
    """A connection of psycopg or psycopg2, or Django's."""

    def cursor(self) -> AbstractContextManager[Any]: ...


class SqlalchemyConnection(Protocol):
    """SQLAlchemy's Session or Connection."""

    def execute(self, statement: Any, values: Any, /) -> object: ...  # noqa: ANN401


class AsyncConnection(Protocol):
    """An AsyncConnection of psycopg, a Connection of asyncpg, or SQLAlchemy's AsyncSession or AsyncConnection."""

    def execute(self, statement: Any, /, *values: Any, **options: Any) -> Awaitable[object]: ...  # noqa: ANN401


Connection = Union[DbApiConnection, SqlalchemyConnection, Batch]


def insert(message: Message) -> Statement:
    """Stores an event and queues it for PostHog; what says something of a person or a group is queued alone."""
    values: dict[str, str | None] = {"id": message.uuid, "message": message.to_json()}
    if message.event in PROFILE_EVENTS:
        return PROFILE, values
    properties = {name: value for name, value in message.properties.items() if name not in _OURS}
    session = message.properties.get("$session_id")
    values |= {
        "distinct_id": message.distinct_id,
        "name": message.event,
        "properties": json.dumps(properties),
        "session_id": None if session is None else str(session),
        "created_at": message.timestamp,
    }
    return EVENT, values


def mark_due(due: Iterable[Due]) -> Statement:
    return DUE, {"due": json.dumps([asdict(place) for place in due])}


def execute(connection: Connection, statements: Iterable[Statement]) -> None:
    """Run ``statements`` in the caller's transaction: an error of its database is the caller's, as any other there.

    Raises UsageError for another ``connection``, such as one that is awaited, or of a driver that binds no values by
    name (pg8000).
    """
    classes: Sequence[type] = type(connection).__mro__
    libraries = _libraries(classes)
    is_synchronous = not any(base.__name__.startswith("Async") for base in classes) and "asyncpg" not in libraries
    if isinstance(connection, Batch):
        connection.extend(statements)
    elif is_synchronous and "sqlalchemy" in libraries and hasattr(connection, "execute"):
        for sql, values in statements:
            connection.execute(*_for_sqlalchemy(sql, values))
    elif is_synchronous and hasattr(connection, "cursor") and _binds_by_name(classes):
        with connection.cursor() as cursor:
            for sql, values in statements:
                cursor.execute(sql, values)
    else:
        raise UsageError(
            f"track() cannot join the transaction of {classes[0].__module__}.{classes[0].__qualname__}",
            "hand over a connection of psycopg, psycopg2, SQLAlchemy or Django; "
            "`await usertrack_track.aio.track(…)` takes those of asyncpg, psycopg and SQLAlchemy that are awaited",
        )


async def execute_awaited(connection: AsyncConnection, statements: Iterable[Statement]) -> None:
    """Run ``statements`` as ``execute`` does, on a connection that is awaited. Raises UsageError for another one."""
    classes: Sequence[type] = type(connection).__mro__
    libraries = _libraries(classes)
    for sql, values in statements:
        if "asyncpg" in libraries:
            await connection.execute(_numbered(sql, list(values)), *values.values())
        elif "sqlalchemy" in libraries and classes[0].__name__.startswith("Async"):
            await connection.execute(*_for_sqlalchemy(sql, values))
        elif any(base.__name__ == "AsyncConnection" for base in classes):
            await connection.execute(sql, values)
        else:
            raise UsageError(
                f"await track() cannot join the transaction of {classes[0].__module__}.{classes[0].__qualname__}",
                "hand over a connection of asyncpg, psycopg's AsyncConnection, or SQLAlchemy's AsyncSession",
            )


def _numbered(sql: str, names: list[str]) -> str:
    """Return ``sql`` as asyncpg has it."""
    return _PARAMETER.sub(lambda match: f"CAST(${names.index(match[1]) + 1} AS text)", sql)


def _libraries(classes: Sequence[type]) -> set[str]:
    return {base.__module__.partition(".")[0] for base in classes}


def _for_sqlalchemy(sql: str, values: Mapping[str, str | None]) -> tuple[object, Mapping[str, str | None]]:
    import sqlalchemy

    return sqlalchemy.text(_PARAMETER.sub(r"CAST(:\1 AS text)", sql)), values


def _binds_by_name(classes: Sequence[type]) -> bool:
    """Whether its driver takes `%(name)s`: "pyformat" in the words of the DB-API."""
    modules = {base.__module__ for base in classes}
    modules |= {name.partition(".")[0] for name in modules}
    return all(getattr(sys.modules.get(name), "paramstyle", "pyformat") == "pyformat" for name in modules)
