"""Turns errors of Postgres into what the user can do. No message has any part of the connection URI."""

import re

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsertrackError
from usertrack.library.position import EntityLine, line_of_entity, line_of_relation, position_between
from usertrack.library.query import Statement

DECLARE = 'DECLARE "usertrack" CURSOR FOR '
"""What psycopg puts before the SQL of a cursor of that name: the server's positions count it."""

_WRITES = "the query writes"
_READ_ONLY = "usertrack only reads; nothing was changed"
_LIKE = (
    "it looks like postgresql://user:password@host/database, with @ : / # in the password written as %40 %3A %2F %23"
)

_REFUSALS = (
    ("password authentication failed|no password supplied", "the password is wrong", "check DATABASE_URL"),
    ('role ".*" does not exist', "there is no such role", "check the user in DATABASE_URL"),
    ('database ".*" does not exist', "there is no such database", "check the name at the end of DATABASE_URL"),
    (
        "too many clients|too many connections|connection slots",
        "the server has no free connections",
        "try again, or use the pooled address of your database",
    ),
    ("resolve host|name or service", "its host name is not known", "check the host in DATABASE_URL, and your network"),
    ("invalid (port|integer)", "its port is not a number that a port has", f"check DATABASE_URL; {_LIKE}"),
    (
        "pg_hba.conf|not permitted",
        "the server does not let this role in",
        "check the user, and sslmode, in DATABASE_URL",
    ),
    ("ssl|certificate|tls", "TLS could not be agreed on", "check sslmode in DATABASE_URL"),
    (
        "refused|no such file",
        "nothing answers there",
        "is the server running? check host and port in DATABASE_URL",
    ),
    ("timeout|timed out", "it did not answer in time", "check the host in DATABASE_URL, and your network"),
    ("starting up|shutting down|recovery", "the server is starting or stopping", "try again in a moment"),
)


def refusal(error: BaseException) -> ConnectionFailed:
    """The error for a failed connection."""
    if isinstance(error, psycopg.ProgrammingError):
        return ConnectionFailed("cannot connect to Postgres: DATABASE_URL is no connection URI", _LIKE)
    text = str(error)
    for pattern, reason, hint in _REFUSALS:
        if re.search(pattern, text, re.IGNORECASE):
            return ConnectionFailed(f"cannot connect to Postgres: {reason}", hint)
    match = re.search(r"(?:FATAL|ERROR):\s*(.+)", text)
    reason = match[1].strip() if match else "no connection"
    return ConnectionFailed(f"cannot connect to Postgres: {reason}", "check DATABASE_URL, and your network")


def explain(error: psycopg.Error | TimeoutError, statement: Statement, sql: str, timeout: float) -> UsertrackError:
    """The error for a failed query, with its file and line. ``sql`` is the text that ran, ``timeout`` in seconds."""
    position = error.diag.statement_position if isinstance(error, psycopg.Error) else None
    offset = max(0, int(position) - len(DECLARE) - 1) if position else 0
    entity_line = _line_of_entity(error, statement, sql[:offset], sql[offset:])
    where = str(entity_line or place(statement, sql[:offset], sql[offset:]))
    longer = f"it may take {timeout:g} s: ask for a shorter range, or raise `postgres.timeout` in usertrack.yaml"
    if isinstance(error, PoolTimeout):
        return ConnectionFailed("Postgres gave no further connection in time", "is the server still running?")
    if isinstance(error, TimeoutError):
        return SourceBusy(f"{where}: Postgres does not answer any more", longer)
    message = _server_message(error)
    if isinstance(error, errors.QueryCanceled):
        return SourceBusy(f"{where}: Postgres stopped the query: {message}", longer)
    if isinstance(error, psycopg.OperationalError) and (error.sqlstate or "57P")[:3] == "57P":
        return ConnectionFailed("the connection to Postgres broke while it answered", "run the command again")
    if entity_line and entity_line.entity.shipped and isinstance(error, errors.UndefinedTable):
        hint = "that is the demo's table: `usertrack init --from-database` proposes yours"
    else:
        hint = _hint(error)
    return QueryError(f"{where}: {message}", hint, entity_line.entity.kind.name if entity_line else "")


def _server_message(error: psycopg.Error) -> str:
    """The server's message; one about a statement around the query is put in terms of the query."""
    if "DECLARE CURSOR must not contain data-modifying" in (error.diag.message_primary or ""):
        return _WRITES
    if "multiple commands" in (error.diag.message_primary or ""):
        return "this is more than one statement"
    return (error.diag.message_primary or str(error).partition("\n")[0] or type(error).__name__).strip()


def _hint(error: psycopg.Error) -> str:
    read_only = errors.ReadOnlySqlTransaction | errors.ActiveSqlTransaction
    if isinstance(error, read_only) or _server_message(error) == _WRITES:
        return _READ_ONLY
    if error.diag.message_hint:
        return error.diag.message_hint
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
        return "`usertrack doctor` shows what the library needs"
    if isinstance(error, errors.InsufficientPrivilege):
        return "grant SELECT on it to the role that usertrack connects as"
    return ""


def _line_of_entity(error: Exception, statement: Statement, before: str, after: str) -> EntityLine | None:
    """Return the line of the error, if it is in an entity. Postgres gives no position for what a role may not read."""
    query = statement.query
    if query is None:
        return None
    denied = re.fullmatch(r"permission denied for [\w ]+ (\S+)", str(error).partition("\n")[0])
    if denied and not re.search(rf"\b{re.escape(denied[1])}\b", query.written):
        return line_of_relation(query.entities, before + after, denied[1])
    return line_of_entity(query.entities, before, after)


def place(statement: Statement, before: str = "", after: str = "") -> str:
    """The query's file, or its name when it is shipped, with the line; the error is between ``before`` and ``after``.

    Of SQL that was typed, also the column.
    """
    query = statement.query
    if query is None:
        return statement.name
    if query.path is None:
        return f"{query.name}:{position_between(query.written, before, after)}" if before else query.name
    return f"{query.place}:{query.line + before.count(chr(10))}"
