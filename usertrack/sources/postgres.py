"""Postgres over psycopg: pooled, read-only, and streamed with COPY; parameters are bound on the server.

COPY takes no parameters, so each one is bound to a transaction-local setting, and the text reads it from there.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from usertrack.errors import ConnectionFailed, QueryError, SourceBusy, UsageError, UsertrackError
from usertrack.library import Statement, placeholders, statement_of
from usertrack.settings import Settings
from usertrack.sources import Notify
from usertrack.spool import Spool, SpooledRows, csv_rows, unique
from usertrack.table import Column, Table

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
    **dict.fromkeys(("float4", "float8", "numeric"), "DOUBLE"),
    **dict.fromkeys(("timestamp", "timestamptz"), "TIMESTAMP"),
    **dict.fromkeys(("json", "jsonb"), "JSON"),
    "bool": "BOOLEAN",
    "date": "DATE",
}
_CONNECT_SECONDS = 15
_DECLARE = 'DECLARE "usertrack" CURSOR FOR '

Connection = psycopg.AsyncConnection[Any]


class Postgres:
    """One Postgres database, read-only. ``address`` gives the connection URI when it is first needed."""

    def __init__(self, address: Callable[[], Awaitable[str]], *, timeout: float = 120, timezone: str = "UTC") -> None:
        self._address = address
        self._timeout = timeout
        self._timezone = timezone
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._opening = asyncio.Lock()

    @classmethod
    def from_settings(cls, settings: Settings, notify: Notify) -> "Postgres":
        async def address() -> str:
            if settings["postgres.url"]:
                return str(settings["postgres.url"])
            from usertrack.sources.neon import connection_uri

            return await connection_uri(settings)

        return cls(address, timeout=settings["postgres.timeout"], timezone=settings["timezone"])

    async def run(self, statement: Statement, spool: Spool) -> Table:
        """The result of ``statement``: whole, whatever its size, unless it has a ``limit``.

        Raises QueryError (with file and line), SourceBusy (statement timeout) or ConnectionFailed.
        """
        started = time.perf_counter()
        sql = _with_settings(statement_of(statement.sql, "neon"), statement)
        pool = await self._open()
        try:
            async with pool.connection(timeout=_CONNECT_SECONDS) as connection:
                await self._begin(connection, statement)
                columns = await _describe(connection, sql)
                rows = await _copy(connection, sql, columns, statement.limit, spool)
                await connection.rollback()
        except psycopg.Error as error:
            raise _explain(error, statement, sql, self._timeout) from error
        except PoolTimeout as error:
            raise SourceBusy("Postgres gave no free connection in time") from error
        return Table(
            columns=rows.columns,
            rows=rows.head(statement.limit),
            name=statement.name,
            source="neon",
            query=statement.sql,
            parameters=dict(statement.values),
            elapsed=time.perf_counter() - started,
            truncated=statement.limit is not None and len(rows) > statement.limit,
            timezone=self._timezone,
        )

    async def close(self) -> None:
        if self._pool:
            await self._pool.close()
            self._pool = None

    async def _open(self) -> AsyncConnectionPool[Connection]:
        async with self._opening:
            if self._pool is None:
                self._pool = await _connect(await self._address())
            return self._pool

    async def _begin(self, connection: Connection, statement: Statement) -> None:
        """Begin the read-only transaction, with its limits and with the parameters as settings."""
        values: dict[str, Any] = {
            "statement_timeout": str(int(self._timeout * 1000)),
            "TimeZone": "UTC",
            "DateStyle": "ISO, YMD",
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


async def _connect(dsn: str) -> AsyncConnectionPool[Connection]:
    """An open pool; raises ConnectionFailed as soon as the first attempt fails, saying why."""
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # we say it ourselves, once and without the address
    first_failure: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    class Attempt(psycopg.AsyncConnection[Any]):
        @classmethod
        async def connect(cls, *args: Any, **kwargs: Any) -> Any:
            try:
                return await super().connect(*args, **kwargs)
            except psycopg.Error as error:
                if not first_failure.done():
                    first_failure.set_result(error)
                raise

    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        dsn,
        connection_class=Attempt,
        kwargs={"application_name": "usertrack", "connect_timeout": _CONNECT_SECONDS, "prepare_threshold": None},
        min_size=1,
        max_size=4,
        open=False,
        configure=_configure,
        timeout=_CONNECT_SECONDS,
    )
    await pool.open()
    waiting: asyncio.Future[Any] = asyncio.ensure_future(pool.wait(timeout=_CONNECT_SECONDS))
    await asyncio.wait([waiting, first_failure], return_when=asyncio.FIRST_COMPLETED)
    if waiting.done() and not waiting.exception():
        return pool
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await pool.close(timeout=1)
    raise _refusal(first_failure.result() if first_failure.done() else None)


async def _configure(connection: Connection) -> None:
    await connection.set_read_only(True)


def _with_settings(sql: str, statement: Statement) -> str:
    """``sql`` with each ``{name}`` read from the setting that ``_begin`` binds, cast to its type."""
    for name, start, end in reversed(placeholders(sql, "neon")):
        if name not in statement.values:
            raise UsageError(f"no value for parameter '{name}'", f"give one with `--param {name}=…`")
        cast = _CASTS[statement.types.get(name, "text")]
        sql = f"{sql[:start]}(current_setting('usertrack.{name}')::{cast}){sql[end:]}"
    return sql


async def _describe(connection: Connection, sql: str) -> list[Column]:
    """The result's columns.

    Declaring a cursor lets the server itself prove that ``sql`` is one complete SELECT, before it is put into COPY.
    """
    async with connection.cursor(name="usertrack") as cursor:
        await cursor.execute(sql.encode())
        found = list(cursor.description or [])
    if not found:
        raise QueryError("the query has no columns")
    names = unique([column.name for column in found])
    return [Column(name, _type(column.type_code)) for name, column in zip(names, found, strict=True)]


def _type(oid: int) -> str:
    """The DuckDB type of a Postgres type."""
    info = psycopg.adapters.types.get(oid)
    if info is None:
        return "VARCHAR"
    kind = _TYPES.get(info.name, "VARCHAR")
    return f"{kind}[]" if info.array_oid == oid else kind


async def _copy(
    connection: Connection, sql: str, columns: list[Column], limit: int | None, spool: Spool
) -> SpooledRows:
    """Stream the rows into a CSV file: one row more than ``limit``, so that a cut is always known."""
    inner = [f"c{number}" for number in range(len(columns))]
    chosen = [
        f"to_json({name})" if column.type.endswith("[]") else name for name, column in zip(inner, columns, strict=True)
    ]
    cut = "" if limit is None else f" LIMIT {limit + 1}"
    # one column may be the empty string, and an empty line is no row to a CSV reader
    options = "FORMAT csv, NULL '\\N'" + (", FORCE_QUOTE *" if len(columns) == 1 else "")
    command = f"COPY (SELECT {', '.join(chosen)} FROM (\n{sql}\n) AS q({', '.join(inner)}){cut}) TO STDOUT ({options})"
    path, rows = spool.path("csv"), 0
    with path.open("wb") as file:
        async with connection.cursor().copy(command.encode()) as copy:
            async for row in copy:
                file.write(row)
                rows += 1
    return csv_rows(path, columns, rows)


def _explain(error: psycopg.Error, statement: Statement, sql: str, timeout: float) -> UsertrackError:
    message = (error.diag.message_primary or str(error).splitlines()[0] if str(error) else type(error).__name__).strip()
    where = _place(error, statement, sql)
    if isinstance(error, errors.QueryCanceled):
        return SourceBusy(
            f"{where}: Postgres stopped the query after {timeout:g} s",
            "ask for a shorter range, or raise `postgres.timeout` in usertrack.yaml",
        )
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return QueryError(f"{where}: {message}", "usertrack only reads; nothing was changed")
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
        return QueryError(
            f"{where}: {message}", error.diag.message_hint or "`usertrack doctor` shows what the library needs"
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return QueryError(f"{where}: {message}", "grant SELECT on it to the role that usertrack connects as")
    if isinstance(error, psycopg.OperationalError) and not error.sqlstate:
        return ConnectionFailed("the connection to Postgres broke while it answered", "run the command again")
    return QueryError(f"{where}: {message}", error.diag.message_hint or "")


def _place(error: psycopg.Error, statement: Statement, sql: str) -> str:
    """The query's file and line, or its name."""
    query = statement.query
    if query is None or query.path is None:
        return statement.name
    position = error.diag.statement_position
    before = sql[: max(0, int(position) - len(_DECLARE))] if position else ""
    return f"{query.path}:{query.line + before.count(chr(10))}"


_REFUSALS = {
    "28P01": ("the password is wrong", "check DATABASE_URL"),
    "28000": ("the server does not let this role in", "check the role and the TLS mode in DATABASE_URL"),
    "3D000": ("there is no such database", "check the name at the end of DATABASE_URL"),
    "53300": ("the server has no free connections", "try again, or use the pooled address of your database"),
}


def _refusal(error: Exception | None) -> ConnectionFailed:
    state = getattr(error, "sqlstate", None)
    text = str(error or "").lower()
    if state in _REFUSALS:
        reason, hint = _REFUSALS[state]
    elif "password authentication failed" in text:
        reason, hint = _REFUSALS["28P01"]
    elif "does not exist" in text and "database" in text:
        reason, hint = _REFUSALS["3D000"]
    elif "resolve" in text or "name or service" in text:
        reason, hint = "its host name is not known", "check the host in DATABASE_URL, and your network"
    elif "ssl" in text or "certificate" in text:
        reason, hint = "TLS could not be agreed on", "check sslmode in DATABASE_URL"
    elif "refused" in text or "no such file" in text:
        reason, hint = "nothing answers there", "is the server running? check host and port in DATABASE_URL"
    elif isinstance(error, psycopg.ProgrammingError):
        reason, hint = "its address is not a connection URI", "it looks like postgresql://user:password@host/database"
    else:
        reason, hint = "it did not answer in time", "check the host in DATABASE_URL, and your network"
    return ConnectionFailed(f"cannot connect to Postgres: {reason}", hint)
