"""A query with its parameters and facts, and the statement that it becomes with values.

Values are bound, never pasted into the SQL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import SpooledRows, identifier, quote
from usertrack.core.table import Table
from usertrack.library.entities import Entities, Entity
from usertrack.library.lack import Absence
from usertrack.library.metric import Metric
from usertrack.library.parameter import CONDITIONS, OFFERED, Parameter
from usertrack.library.sql import condition_of, placeholders, statement_of

SOURCES = ("posthog", POSTGRES)
"""The folders of the library: each holds the queries of the source of that name."""

FACT_TYPES = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "text": "VARCHAR",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP",
    "list": "VARCHAR[]",
    "causes": "VARCHAR[]",
}
"""Types of facts, with DuckDB's names for them. Of `causes`, messages of failures, profiles have the commonest one."""


@dataclass(frozen=True)
class Fact:
    """A column of a query that becomes part of profiles.

    ``default`` is its value for a person whom the query does not list; None: it is unknown. A ``current`` fact has the
    value of today, whatever the moment of the run: its source does not record its past. ``merge`` says how several rows
    of one person become one: by default counts are added, and of times the last is taken. ``last`` takes the row with
    the latest time in the fact ``by``; the text ``wins`` goes before all others. With ``merges`` the header says
    so, also for several rows of one spelling of the key. ``lacking`` are columns of entities that it rests on and that
    do not exist here: it is NULL then.
    """

    label: str
    type: str = "text"
    unit: str = ""
    default: object = None
    current: bool = False
    merge: str = "first"
    merges: bool = False
    by: str = ""
    wins: str = ""
    lacking: frozenset[str] = frozenset()

    @property
    def profile_type(self) -> str:
        """DuckDB's type of it in profiles."""
        return "VARCHAR" if self.type == "causes" else FACT_TYPES[self.type]


@dataclass(frozen=True)
class Query:
    """One file of the library. ``line`` is the line on which its SQL starts.

    ``sql`` is what runs, with each fragment on one line, and in front those of the ``entities`` that it reads;
    ``written`` is the SQL in the file. ``people`` names the column that counts the records of one key, in a query that
    lists everybody whom a source knows. ``facts`` are those that can be known here: all ``declared`` ones without what
    the ``absence`` names.
    """

    name: str
    source: str
    sql: str
    title: str = ""
    about: str = ""
    key: str = ""
    people: str = ""
    params: Mapping[str, Parameter] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    metric: Metric | None = None
    path: Path | None = None
    line: int = 1
    shipped: bool = False
    written: str = ""
    absence: Absence = field(default_factory=Absence)
    declared: tuple[str, ...] = ()
    entities: Mapping[str, Entity] = field(default_factory=dict, repr=False, compare=False)

    @property
    def place(self) -> str:
        """Return its name in messages: its file where it is the workspace's own, else its name."""
        return self.name if self.shipped or self.path is None else str(self.path)

    @property
    def sources(self) -> list[Entity]:
        """The entities that it reads, and those that these read."""
        return self.entities.in_(self.sql) if isinstance(self.entities, Entities) else []

    @cached_property
    def used(self) -> list[str]:
        """Names of the ``{placeholders}`` in the SQL, outside strings and comments, in order of first use."""
        return list(dict.fromkeys(name for name, _, _ in placeholders(self.sql, self.source)))

    def bind(self, params: Mapping[str, object], offered: Mapping[str, object]) -> "Statement":
        """This query with a value for each of its parameters.

        Raises UsageError for an unknown parameter, a missing value, or a value of the wrong type.
        """
        for name in params:
            if name not in self.params:
                raise UsageError(
                    f"query '{self.name}' has no parameter '{name}'",
                    did_you_mean(name, self.params, f"it takes {', '.join(self.params) or 'none'}"),
                )
        values = {name: params[name] if name in params else self._value(name, offered) for name in self.used}
        types = {name: self.params[name].type if name in self.params else OFFERED[name] for name in self.used}
        for name, parameter in self.params.items():
            if name in values:
                parameter.check(values[name], self.name)
        sql = self._with_conditions(values, types)
        bound = {name: value for name, value in values.items() if types[name] not in CONDITIONS}
        return Statement(
            self.source, sql, bound, {name: types[name] for name in bound}, name=self.name, key=self.key, query=self
        )

    def _with_conditions(self, values: Mapping[str, Any], types: Mapping[str, str]) -> str:
        """The SQL with its conditions in place: the only text that is ever put into a query."""
        sql = self.sql
        for name, start, end in reversed(placeholders(self.sql, self.source)):
            if types[name] == "condition":
                sql = f"{sql[:start]}({condition_of(values[name], self.source)}){sql[end:]}"
            elif types[name] == "conditions":
                items = ", ".join(f"({condition_of(item, self.source)})" for item in values[name])
                sql = f"{sql[:start]}[{items}]{sql[end:]}"
        return sql

    def _value(self, name: str, offered: Mapping[str, object]) -> Any:  # noqa: ANN401
        if name in self.params:
            if self.params[name].default is None:
                raise UsageError(f"query '{self.name}' needs a value for '{name}'", f"give one with `--param {name}=…`")
            return self.params[name].default
        return offered[name]


@dataclass(frozen=True)
class Statement:
    """A read-only SELECT with bound values.

    ``key`` makes it pageable, ``limit`` bounds its rows; 0 asks for the columns alone. ``for_all_keys`` is the
    statement for all keys, when this one is only for ``usertrack_key`` in the column ``key``. ``excludes``: it leaves
    out the people in ``internal``, to which the runner adds who has opted out. ``seconds`` it may take, where that is
    less than Postgres may take for any query.
    """

    source: str
    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    name: str = "ad hoc"
    key: str = ""
    limit: int | None = None
    query: Query | None = None
    for_all_keys: "Statement | None" = None
    excludes: bool = False
    seconds: float | None = None

    @property
    def leaves_out(self) -> bool:
        """Whether it can be told who is in no answer."""
        return not {"internal", "own_people"}.isdisjoint(self.values)

    @property
    def of_all(self) -> "Statement":
        """The statement for all keys with the same values; itself, where it is that."""
        every = self.for_all_keys
        return replace(every, values={name: self.values[name] for name in every.values}) if every else self

    def __post_init__(self) -> None:
        """Raises UsageError for text that is not valid Unicode, such as bytes of a command line that were not UTF-8."""
        _must_be_text(self.sql, "the SQL")
        for name, value in self.values.items():
            for part in value if isinstance(value, list) else [value]:
                _must_be_text(part, f"parameter '{name}'")


def _must_be_text(value: object, label: str) -> None:
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{label} is not valid text", "is it UTF-8?") from error


def for_key(statement: Statement, value: str) -> Statement:
    """``statement`` limited to the key ``value`` in any spelling, so that the source reads less.

    Sources cannot normalise a key exactly: they return every key that may match, and staging drops the others.
    """
    inner = statement_of(statement.sql, statement.source)
    key = _AS_TEXT[statement.source].format('"' + statement.key.replace('"', '""') + '"')
    # on the first line: errors count lines
    sql = f"SELECT * FROM ({inner}\n) AS keyed WHERE lower({key}) LIKE {{usertrack_key}}"
    values, types = {**statement.values, "usertrack_key": _like(value)}, {**statement.types, "usertrack_key": "text"}
    return replace(statement, sql=sql, values=values, types=types, for_all_keys=statement)


def rows_of_key(all_keys: Table, statement: Statement) -> Table | None:
    """The result of ``statement``, which is for one key, from the result ``all_keys`` of the same for all keys.

    None where that does not have it: it was cut, or has no column of the key.
    """
    if all_keys.truncated or statement.key not in all_keys.names or statement.limit is not None:
        return None
    assert isinstance(all_keys.rows, SpooledRows)
    pattern = quote(statement.values["usertrack_key"])
    rows = all_keys.rows.where(f"lower(CAST({identifier(statement.key)} AS VARCHAR)) LIKE {pattern}")
    return replace(all_keys, rows=rows, query=statement.sql, parameters=dict(statement.values))


_AS_TEXT = {"posthog": "toString({})", POSTGRES: 'CAST({} AS text) COLLATE "C"'}  # lower-case in ASCII, on any server
_PLAIN = frozenset("abcdefghjlmnopqrstuvwxyz0123456789@.-+")


def _like(value: str) -> str:
    """A LIKE pattern for every spelling of ``value``: any text in place of non-ASCII letters and around it.

    K and I match any character: in lower-case the Kelvin sign becomes k, and a Turkish letter becomes i.
    """
    letters = ("%" if not letter.isascii() else letter if letter in _PLAIN else "_" for letter in value.strip().lower())
    return re.sub("%+", "%", f"%{''.join(letters)}%")
