"""The product's own Postgres: events, and the outbox, in the schema `usertrack` (schema.sql)."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from usertrack_track.exceptions import DatabaseFailed
from usertrack_track.loading import load
from usertrack_track.message import Message
from usertrack_track.outbox import Delivery
from usertrack_track.statements import Statement, execute, insert

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

LOG = logging.getLogger("usertrack_track")
_OLDEST = b"""
SELECT id, message FROM usertrack.outbox WHERE refusal IS NULL
ORDER BY position LIMIT %s FOR UPDATE SKIP LOCKED
"""
_COUNTS = b"SELECT count(*) - count(refusal), count(refusal) FROM usertrack.outbox"
_SETTLE = b"DELETE FROM usertrack.outbox WHERE id = ANY(%s)"
_REFUSE = b"UPDATE usertrack.outbox SET refusal = %s WHERE id = %s"
_MOST_IDLE = 8
_CONNECT: dict[str, Any] = {
    "autocommit": True,
    "connect_timeout": 3,
    "tcp_user_timeout": 5000,  # ms until a network that swallows packets counts as down
    "application_name": "usertrack_track",
}
_LIMITS = {"lock_timeout": "1s", "statement_timeout": "5s"}  # so that a locked table does not hold a request up


_RELAY_LIMITS = {"lock_timeout": "1s", "statement_timeout": "1min", "idle_in_transaction_session_timeout": "5min"}
_REFUSALS = ("22", "23", "54", "P0")  # data, constraints, program limits (as the size of an index row), triggers


def refuses(error: Exception) -> bool:
    """Whether the database will never take these values; otherwise it is down, has no tables, or gives no right."""
    return str(getattr(error, "sqlstate", None) or "").startswith(_REFUSALS)


def schema() -> str:
    """The SQL that makes the tables; it changes nothing where they are."""
    from importlib import resources

    return (resources.files("usertrack_track") / "schema.sql").read_text(encoding="utf-8")


class Postgres:
    """``append`` is for requests, from any thread; ``lease`` is the relay's, on a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._idle: list[Connection[TupleRow]] = []
        self._limits_at_start = True  # not with poolers that take no options
        self._prepare: int | None = 2  # after how many times a statement is prepared: to plan it takes most of the time

    def migrate(self) -> None:
        """Make the tables that are missing. Raises DatabaseFailed."""
        load("psycopg")
        import psycopg

        try:
            with psycopg.connect(self._dsn, **_CONNECT) as connection, connection.transaction():
                # the name of the lock is that of releases whose import name was usertrack.track
                connection.execute(b"SELECT pg_advisory_xact_lock(hashtext('usertrack.track'))")
                connection.execute(schema().encode())
        except psycopg.Error as error:
            raise DatabaseFailed(
                f"the tables of usertrack_track cannot be made ({type(error).__name__})",
                "DATABASE_URL needs a role that may create a schema; or copy the SQL that "
                "`python -m usertrack_track migrate --print` shows into a migration of your own",
            ) from None

    def append(self, *messages: Message) -> None:
        self.run([insert(message) for message in messages])

    def run(self, statements: Sequence[Statement]) -> None:
        """Run ``statements`` in one transaction. Raises psycopg's errors.

        A connection that broke while it was idle costs a second attempt; nothing is there twice, as ids are unique.
        """
        load("psycopg")
        import psycopg
        from psycopg import errors

        idle = bool(self._idle)
        try:
            self._run(statements)
        except (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement):
            self._run(statements)
        except psycopg.OperationalError as error:
            if not idle or isinstance(error, (errors.LockNotAvailable, errors.QueryCanceled)):
                raise
            self.close()
            self._run(statements)

    def _run(self, statements: Sequence[Statement]) -> None:
        with self._connection() as connection:
            if len(statements) == 1 and self._limits_at_start:
                execute(connection, statements)
                return
            with connection.transaction():
                if not self._limits_at_start:
                    connection.execute(_set_local(_LIMITS), prepare=False)
                execute(connection, statements)

    @contextmanager
    def _connection(self) -> Iterator[Connection[TupleRow]]:
        """An idle connection, or a new one: where the database is down, that is known at once.

        Where a pooler mixes sessions up, so that statements that were prepared are not there, no more are prepared.
        """
        load("psycopg")
        from psycopg import errors

        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect()
        try:
            yield connection
        except (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement):
            self._prepare = None
            self.close()
            connection.close()
            raise
        finally:
            with self._lock:
                keep = not connection.closed and len(self._idle) < _MOST_IDLE
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def _connect(self) -> Connection[TupleRow]:
        """A new connection with ``_LIMITS``; a DSN that says others is heeded."""
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        limits = " ".join(f"-c {name}={value}" for name, value in _LIMITS.items())
        options = conninfo_to_dict(self._dsn).get("options") or os.environ.get("PGOPTIONS", "")
        connect = partial(psycopg.connect, self._dsn, prepare_threshold=self._prepare, **_CONNECT)
        if self._limits_at_start:
            try:
                return connect(options=f"{limits} {options}")
            except psycopg.OperationalError as error:
                if "startup parameter" not in str(error):  # as PgBouncer says it
                    raise
                self._limits_at_start = False
        return connect()

    def close(self) -> None:
        """Close the idle connections; the next statement opens a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def lease(self, limit: int) -> Iterator[PostgresLease]:
        """The oldest messages that no other relay has, locked until they are settled or the block ends."""
        with self.transaction() as connection:
            yield PostgresLease(connection, connection.execute(_OLDEST, [limit]).fetchall())

    @contextmanager
    def transaction(self) -> Iterator[Connection[TupleRow]]:
        """A relay's transaction, which may wait for PostHog: what the database gives it is longer than a request's."""
        with self._connection() as connection, connection.transaction():
            connection.execute(_set_local(_RELAY_LIMITS), prepare=False)
            yield connection

    def waiting(self) -> int:
        return self.counts()[0]

    def counts(self) -> tuple[int, int]:
        """Return how many messages wait, and how many PostHog has refused for good."""
        with self.transaction() as connection:
            waiting, refused = connection.execute(_COUNTS).fetchone() or (0, 0)
            return int(waiting), int(refused)


def _set_local(limits: Mapping[str, str]) -> bytes:
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in limits.items()).encode()


class PostgresLease:
    """Rows of the outbox, locked in a transaction that ends with the relay's block."""

    def __init__(self, connection: Connection[TupleRow], rows: Iterable[TupleRow]) -> None:
        self._connection = connection
        self.messages: list[Message] = []
        for uuid, document in rows:
            try:
                self.messages.append(_message(uuid, document))
            except (ValueError, KeyError, TypeError):
                LOG.error("the row %s of usertrack.outbox is no event: it is set aside", uuid)
                connection.execute(_REFUSE, ["no event", uuid])

    def settle(self, delivery: Delivery) -> None:
        if delivery.accepted:
            self._connection.execute(_SETTLE, [list(delivery.accepted)])
        for uuid, reason in delivery.refused.items():
            self._connection.execute(_REFUSE, [reason, uuid])


def _message(uuid: UUID, document: Mapping[str, object]) -> Message:
    """Raises ValueError, KeyError or TypeError when ``document`` is no message, or that of another row."""
    message = Message.from_json(document)
    if message.uuid != str(uuid):
        raise ValueError("the message has another uuid than its row")
    return message
