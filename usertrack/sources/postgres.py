"""The source Postgres, over psycopg: pooled, read-only, streamed with COPY.

COPY takes no parameters, so each parameter is bound to a transaction-local setting, which the SQL reads.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from usertrack.core.errors import QueryError, UsageError
from usertrack.core.notify import Notify
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import Spool, SpooledRows, csv_rows, unique
from usertrack.core.table import Column, Table
from usertrack.library.functions import BEYOND_TABLES, refused_function
from usertrack.library.query import Statement
from usertrack.library.sql import placeholders, statement_of
from usertrack.sources.postgres_errors import explain, place, refusal
from usertrack.sources.waiting import WaitNotices
from usertrack.workspace.destinations import LIBPQ_SECRETS, require_allowed
from usertrack.workspace.postgres_address import for_libpq
from usertrack.workspace.settings import Settings

_CASTS = {
    "int": "bigint",
    "float": "double precision",
    "text": "text",
    "bool": "boolean",
    "list": "text[]",
    "timestamp": "timestamptz",
}
_TYPES = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "BIGINT"),
    **dict.fromkeys(("float4", "float8", "numeric"), "DOUBLE"),  # a numeric keeps 15 digits
    **dict.fromkeys(("timestamp", "timestamptz"), "TIMESTAMP"),
    **dict.fromkeys(("json", "jsonb"), "JSON"),
    "bool": "BOOLEAN",
    "date": "DATE",
}
_AT_ONCE = 4  # connections: small databases allow few, and the product needs them
_ADDRESS = 20  # seconds for Neon's API to return the address
GRACE_SECONDS = 5.0  # seconds that Postgres may take to stop a query before we cancel it, and then again before we cut

logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # we report errors ourselves, without the address

Connection = psycopg.AsyncConnection[Any]


class Postgres:
    """One Postgres database, read-only. ``address`` returns the connection URI when it is first needed.

    ``timeout`` (seconds) is for one query, ``connect_timeout`` for connecting.
    """

    def __init__(
        self,
        address: Callable[[], Awaitable[str]],
        *,
        timeout: float = 120,
        connect_timeout: int = 15,
        timezone: str = "UTC",
        notify: Notify = lambda message, **_: None,
    ) -> None:
        self._address = address
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._timezone = timezone
        self._waiting = WaitNotices(notify)
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._pool: asyncio.Task[AsyncConnectionPool[Connection]] | None = None

    @classmethod
    def from_settings(cls, settings: Settings, notify: Notify) -> "Postgres":
        async def address() -> str:
            if settings.is_set("postgres.url"):
                require_allowed(settings, *LIBPQ_SECRETS)
                return for_libpq(await asyncio.to_thread(settings.__getitem__, "postgres.url"))
            from usertrack.sources.neon import connection_uri

            return await connection_uri(settings, timeout=_ADDRESS)

        return cls(address, timeout=settings["postgres.timeout"], timezone=settings["timezone"], notify=notify)

    async def run(self, statement: Statement, spool: Spool) -> Table:
        """The result of ``statement``: whole, whatever its size, unless it has a ``limit``.

        Raises QueryError (with file and line), SourceBusy (statement timeout) or ConnectionFailed.
        """
        sql = _with_settings(_checked(statement), statement)
        pool = await self._open()
        async with self._at_once:
            started = time.perf_counter()
            try:
                with self._waiting.on("Postgres", self._timeout + GRACE_SECONDS):
                    rows = await self._rows(pool, sql, statement, spool)
            except (psycopg.Error, TimeoutError) as error:
                raise explain(error, statement, sql, self._timeout) from error
        return Table(
            columns=rows.columns,
            rows=rows.head(statement.limit),
            name=statement.name,
            source=POSTGRES,
            query=statement.sql,
            parameters=dict(statement.values),
            elapsed=time.perf_counter() - started,
            truncated=statement.limit is not None and len(rows) > statement.limit,
            timezone=self._timezone,
        )

    async def _rows(
        self, pool: AsyncConnectionPool[Connection], sql: str, statement: Statement, spool: Spool
    ) -> SpooledRows:
        async with (
            pool.connection(timeout=self._connect_timeout) as connection,
            _limited(connection, self._timeout + GRACE_SECONDS),
            _closed_when_cancelled(connection),
        ):
            await self._begin(connection, statement)
            outputs = await _describe(connection, sql)
            if not outputs:
                raise QueryError(f"{place(statement)}: the query has no columns", "say what to SELECT")
            rows = await _copy(connection, sql, outputs, statement.limit, spool)
            await connection.rollback()
            return rows

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.cancel()
            (opened,) = await asyncio.gather(self._pool, return_exceptions=True)
            if isinstance(opened, AsyncConnectionPool):
                await opened.close(timeout=1)

    async def _open(self) -> AsyncConnectionPool[Connection]:
        """The pool; the first caller opens it, and all share its success or failure."""
        if self._pool is None:
            self._pool = asyncio.create_task(self._connect())
        return await asyncio.shield(self._pool)

    async def _connect(self) -> AsyncConnectionPool[Connection]:
        """An open pool. Raises ConnectionFailed when the first attempt fails; the pool itself would go on trying."""
        failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        with self._waiting.on("Neon's address of the database", _ADDRESS):
            pool = _pool(await self._address(), self._connect_timeout, failed)
        opening = asyncio.ensure_future(pool.open(wait=True, timeout=self._connect_timeout))
        try:
            ends: list[asyncio.Future[Any]] = [opening, failed]
            with self._waiting.on("Postgres to let us in, or to wake up", self._connect_timeout):
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not failed.done():
                await opening
                return pool
        except PoolTimeout as error:
            failed.set_result(error)
        finally:
            if not opening.done() or failed.done():
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
                await pool.close(timeout=1)
        raise refusal(failed.result())

    async def _begin(self, connection: Connection, statement: Statement) -> None:
        """Begin the read-only transaction, with its limits and with the parameters as settings."""
        values: dict[str, object] = {
            "statement_timeout": str(int(1000 * min(self._timeout, statement.seconds or self._timeout))),
            "TimeZone": "UTC",
            "DateStyle": "ISO, YMD",
            "standard_conforming_strings": "on",  # where texts end must be known before they are sent
            **{f"usertrack.{name}": value for name, value in statement.values.items()},
        }
        calls = [
            f"set_config(%s, {'(%s::text[])::text' if isinstance(value, list) else '%s'}, true)"
            for value in values.values()
        ]
        bound = [
            part for name, value in values.items() for part in (name, value if isinstance(value, list) else str(value))
        ]
        await connection.execute(f"SELECT {', '.join(calls)}".encode(), bound)


def _pool(dsn: str, connect_timeout: int, failed: "asyncio.Future[Exception]") -> AsyncConnectionPool[Connection]:
    """A pool, not yet open, that sets ``failed`` to the error of the first failed attempt to connect."""

    class Attempt(psycopg.AsyncConnection[Any]):
        @classmethod
        async def connect(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            try:
                return await super().connect(*args, **kwargs)
            except psycopg.Error as error:
                if not failed.done():
                    failed.set_result(error)
                raise

    return AsyncConnectionPool(
        dsn,
        connection_class=Attempt,
        kwargs={
            "application_name": "usertrack",
            "client_encoding": "utf8",
            "connect_timeout": connect_timeout,
            "prepare_threshold": None,
        },
        min_size=1,
        max_size=_AT_ONCE,
        open=False,
        configure=_configure,
    )


@asynccontextmanager
async def _limited(connection: Connection, seconds: float) -> AsyncIterator[None]:
    """Cancels a query after ``seconds``, and cuts the connection if it still goes on; raises TimeoutError."""
    loop = asyncio.get_running_loop()
    cutting = loop.call_later(seconds + GRACE_SECONDS, _cut, connection.fileno())
    try:
        async with asyncio.timeout(seconds):
            yield
    except psycopg.OperationalError as error:
        if loop.time() < cutting.when():
            raise
        raise TimeoutError from error
    finally:
        cutting.cancel()


def _cut(connection: int) -> None:
    with socket.socket(fileno=os.dup(connection)) as ours:
        ours.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def _closed_when_cancelled(connection: Connection) -> AsyncIterator[None]:
    """Closes the connection of a cancelled query; a rollback would take time for nothing."""
    try:
        yield
    except asyncio.CancelledError:
        await connection.close()
        raise


async def _configure(connection: Connection) -> None:
    await connection.set_read_only(True)


def _checked(statement: Statement) -> str:
    """The SQL of ``statement``, checked to be one SELECT that calls only functions that read tables."""
    sql = statement_of(statement.sql, POSTGRES)
    if refused := refused_function(sql):
        start, why = refused
        raise QueryError(f"{place(statement, sql[:start])}: {why}", BEYOND_TABLES)
    return sql


def _with_settings(sql: str, statement: Statement) -> str:
    """``sql`` with each ``{name}`` read from the setting that ``_begin`` binds, cast to its type."""
    for name, start, end in reversed(placeholders(sql, POSTGRES)):
        if name not in statement.values:
            raise UsageError(f"no value for parameter '{name}'", f"give one with `--param {name}=…`")
        cast = _CASTS[statement.types.get(name, "text")]
        sql = f"{sql[:start]}(current_setting('usertrack.{name}')::{cast}){sql[end:]}"
    return sql


class _Output(NamedTuple):
    """A column of the result, and the expression that COPY writes for it."""

    column: Column
    expression: str


async def _copy(
    connection: Connection, sql: str, outputs: list[_Output], limit: int | None, spool: Spool
) -> SpooledRows:
    """Stream the rows into a CSV file: one row more than ``limit``, which shows that there are more; none for 0."""
    columns = [output.column for output in outputs]
    if limit == 0:
        (empty := spool.path("csv")).touch()
        return csv_rows(empty, columns, 0, 0)
    expressions = ", ".join(output.expression for output in outputs)
    inner = ", ".join(f"c{number}" for number in range(len(outputs)))
    cut = "" if limit is None else f" LIMIT {limit + 1}"
    # a CSV reader skips empty lines, and a single column may be the empty string
    options = "FORMAT csv, NULL '\\N', ENCODING 'UTF8'" + (", FORCE_QUOTE *" if len(outputs) == 1 else "")
    command = f"COPY (SELECT {expressions} FROM (\n{sql}\n) AS q({inner}){cut}) TO STDOUT ({options})"
    path, longest = spool.path("csv"), 0
    cursor = connection.cursor()
    with path.open("wb") as file:
        async with cursor.copy(command.encode()) as copy:
            async for data in copy:
                file.write(data)
                longest = max(longest, len(data))
    return csv_rows(path, columns, cursor.rowcount, longest)


async def _describe(connection: Connection, sql: str) -> list[_Output]:
    """The result's columns.

    Declaring a cursor lets the server itself prove that ``sql`` is one complete SELECT, before it is put into COPY.
    """
    async with connection.cursor(name="usertrack") as cursor:
        await cursor.execute(sql.encode())
        described = list(cursor.description or [])
    names = enumerate(unique([column.name for column in described]))
    return [_output(name, described[number].type_code, f"c{number}") for number, name in names]


def _output(name: str, oid: int, inner: str) -> _Output:
    """The output of a column of type ``oid``. Years before 1 and after 9999, which Python lacks, become infinite."""
    info = psycopg.adapters.types.get(oid)
    kind = _TYPES.get(info.name, "VARCHAR") if info else "VARCHAR"
    listed = info is not None and info.array_oid == oid
    if info and info.name == "numeric":
        inner = f"{inner}::float8{'[]' if listed else ''}"
    if listed:
        return _Output(Column(name, f"{kind}[]"), _json_list(inner, kind))
    if kind in {"TIMESTAMP", "DATE"}:
        ends = f"WHEN {inner} < '0001-01-01' THEN '-infinity' WHEN {inner} >= '10000-01-01' THEN 'infinity'"
        return _Output(Column(name, kind), f"CASE {ends} ELSE {inner} END")
    return _Output(Column(name, kind), inner)


def _json_list(array: str, kind: str) -> str:
    """``array`` as a JSON list. A matrix of texts keeps its rows; any other is flattened, as its type is a list."""
    if kind == "VARCHAR":
        return f"to_json({array})"
    return f"CASE WHEN array_ndims({array}) > 1 THEN to_json(ARRAY(SELECT unnest({array}))) ELSE to_json({array}) END"
