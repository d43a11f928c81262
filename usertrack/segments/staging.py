"""Staging: the rows of one profile query in DuckDB under their normalised key; rows with the same key become one."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.spool import SpooledRows, identifier, quote
from usertrack.core.table import Table
from usertrack.library.library import FACT_TYPES, Fact, Library, Query
from usertrack.segments.keys import normalised

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Staged(NamedTuple):
    """``merged``: how many rows were merged into another. ``spellings``: of the key, when it was for one person."""

    merged: int = 0
    spellings: tuple[str, ...] = ()


def stage(  # noqa: PLR0913
    connection: "DuckDBPyConnection",
    view: str,
    query: Query,
    table: Table,
    key: str,
    library: Library,
    only: str | None = None,
) -> Staged:
    """Make the table ``view`` with the key and the facts of ``query``, for everybody or for the one person ``only``.

    Raises UsageError for a result that is not as the header says, or that has several rows for one key.
    """
    import duckdb

    _require_columns(query, table, key)
    assert isinstance(table.rows, SpooledRows)
    raw = f"CAST({identifier(key)} AS VARCHAR)"
    facts = [
        f"CAST({identifier(name)} AS {FACT_TYPES[fact.type]}) AS {identifier(name)}"
        for name, fact in query.facts.items()
    ]
    try:
        connection.execute(
            f"CREATE TABLE {view} AS SELECT {raw} AS raw_key, {normalised(raw, key)} AS key, {', '.join(facts)} "
            f"FROM {table.rows.scan()}"
        )
    except duckdb.ConversionException as error:
        raise UsageError(
            f"query '{query.name}' returns a value that is not of its fact's type: {duckdb_message(error)}",
            "the types under `facts:` in its header must be those of its columns",
        ) from error
    connection.execute(f"UPDATE {view} SET key = a.key FROM addresses AS a WHERE {view}.key = a.address")
    spellings = () if only is None else _narrow(connection, view, only, key)
    counts = "count(*), count(raw_key), count(DISTINCT raw_key), count(key), count(DISTINCT key)"
    [(rows, written, spellings_there, known, keys)] = connection.execute(f"SELECT {counts} FROM {view}").fetchall()
    several = written > spellings_there or rows > written + 1  # of the rows without a key there is one at the most
    if several and (unsaid := [name for name, fact in query.facts.items() if not fact.merges]):
        hint = f"end it with GROUP BY {key}, or say how they become one: `merge:` of {', '.join(unsaid)}"
        raise UsageError(f"query '{query.name}' has several rows for one {key}", hint)
    if known > keys or several:
        merged = ", ".join(f"{_merged(name, fact)} AS {identifier(name)}" for name, fact in query.facts.items())
        connection.execute(f"CREATE OR REPLACE TABLE {view} AS SELECT key, {merged} FROM {view} GROUP BY key")
    for name in [name for name, fact in query.facts.items() if fact.type == "causes"]:
        _name_causes(connection, view, identifier(name), library)
    return Staged(spellings_there - keys, spellings)


def stage_addresses(connection: "DuckDBPyConnection", tables: Iterable[Table]) -> None:
    """Make the table `addresses`: each further e-mail of a person, and the one that is the key.

    An e-mail that several people have, or that is somebody's key, leads to nobody else.
    """
    connection.execute("CREATE OR REPLACE TABLE addresses (address VARCHAR, key VARCHAR)")
    for table in tables:
        if "emails" in table.names:
            assert isinstance(table.rows, SpooledRows)
            keys = f"SELECT {normalised('email')} AS key, emails FROM {table.rows.scan()} WHERE key IS NOT NULL"
            written = f"SELECT key, unnest(string_split_regex(emails, '\\s+')) AS text FROM ({keys})"
            connection.execute(
                f"INSERT INTO addresses SELECT {normalised('text')} AS address, min(key) FROM ({written}) "
                "WHERE address IS NOT NULL GROUP BY address "
                f"HAVING count(DISTINCT key) = 1 AND address NOT IN (SELECT key FROM ({keys}))"
            )


def key_of(text: str, key: str) -> str:
    """SQL for the key of the person who is called ``text``: by a further address of theirs, too."""
    name = normalised(text, key)
    return f"coalesce((SELECT any_value(a.key) FROM addresses AS a WHERE a.address = {name}), {name})"


def _require_columns(query: Query, table: Table, key: str) -> None:
    if key not in table.names:
        raise UsageError(
            f"query '{query.name}' has no column '{key}'",
            f"its `key:` must be a column of its result: {', '.join(table.names)}",
        )
    for name in query.facts:
        if name not in table.names:
            raise UsageError(
                f"query '{query.name}' declares the fact '{name}' and has no such column",
                did_you_mean(name, table.names),
            )


def _name_causes(connection: "DuckDBPyConnection", view: str, column: str, library: Library) -> None:
    """Put the commonest cause, as `failures.yaml` names it, in the place of the messages in ``column``."""
    failed = connection.execute(f"SELECT DISTINCT {column} FROM {view} WHERE {column} IS NOT NULL").fetchall()
    named = [(messages, library.catalogue.commonest(messages)) for (messages,) in failed]
    connection.execute(
        f"CREATE OR REPLACE TABLE {view} AS SELECT {view}.* REPLACE (causes.cause AS {column}) FROM {view} LEFT JOIN "
        f"(SELECT unnest(?::VARCHAR[][]) AS messages, unnest(?::VARCHAR[]) AS cause) AS causes ON {column} = messages",
        [[messages for messages, _ in named], [cause for _, cause in named]],
    )


def _narrow(connection: "DuckDBPyConnection", view: str, only: str, key: str) -> tuple[str, ...]:
    """Keep the rows of one person; returns the spellings of the key, the normalised one first."""
    connection.execute(f"DELETE FROM {view} WHERE key IS DISTINCT FROM {key_of('$1', key)}", [only])
    rows = connection.execute(f"SELECT DISTINCT key, raw_key FROM {view} ORDER BY raw_key").fetchall()
    return tuple(dict.fromkeys(text for pair in rows for text in pair))


def rows_of_person(table: Table, key: str, email: str) -> Table:
    """The rows of ``table`` whose key is ``email`` in any spelling: `for_key` may return more than that."""
    assert isinstance(table.rows, SpooledRows)
    raw = f"CAST({identifier(key)} AS VARCHAR)"
    return replace(table, rows=table.rows.where(f"{normalised(raw, key)} = {normalised(quote(email), key)}"))


def _merged(name: str, fact: Fact) -> str:
    """SQL that merges a fact of several rows of one person."""
    column = identifier(name)
    if fact.type == "causes":
        return f"flatten(list({column}) FILTER ({column} IS NOT NULL))"
    if fact.merge == "first":
        return f"arg_min({column}, (raw_key, rowid))"  # of those that are known
    if fact.merge == "last":
        last = f"arg_max_null({column}, (coalesce({identifier(fact.by)}, TIMESTAMP '-infinity'), raw_key, rowid))"
        return f"coalesce(any_value({column}) FILTER ({column} = {quote(fact.wins)}), {last})" if fact.wins else last
    return f"{fact.merge}({column})::{FACT_TYPES[fact.type]}"


def fact_sql(view: str, name: str, default: object, kind: str) -> str:
    """SQL for a fact of a person out of the staged ``view``; its ``default`` for who is not in it."""
    column = f"{view}.{identifier(name)}"
    if default is None:
        return column
    return f"CASE WHEN {view}.key IS NULL THEN CAST({quote(str(default))} AS {kind}) ELSE {column} END"


def duckdb_message(error: Exception) -> str:
    """DuckDB's message without its class and position, and without words that only DuckDB knows."""
    if "bignum too large" in str(error):
        return "a number in it is too large"
    first = str(error).split("\n\n")[0].split("\nLINE")[0]
    return " ".join(first.partition(": ")[2].split()) or type(error).__name__
