"""The relations of a SELECT: tables, subqueries and lazy joins. Each resolves fields and records which are used."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from usertrack.server.hogql.context import Context
from usertrack.server.hogql.errors import HogQLError, suggestion
from usertrack.server.hogql.properties import json_property, text_property
from usertrack.server.hogql.sessions import session_column
from usertrack.server.hogql.sql import Sql, Type, identifier, quote
from usertrack.server.hogql.tables import TABLES, HogQLTable, LazyJoin

Chain = Sequence[str | int]


def in_timezone(column: str, context: Context) -> str:
    """A stored (UTC) timestamp as the project sees it."""
    if context.timezone == "UTC" or context.modifiers.get("convertToProjectTimezone") is False:
        return column
    return f"toTimeZone({column}, {quote(context.timezone)})"


def property_of(value: Sql, path: Chain, context: Context, *, raw: bool = False) -> Sql:
    """``value.path``: inside a JSON column, or inside text that holds JSON."""
    if value.type.kind == "JSON":
        return json_property(value.text, path, value.type.owner, context, raw=raw)
    return text_property(value.plain.text, path)


@dataclass
class Relation:
    """A subquery with ``columns``, or the base class of a table. ``name`` is its name in the query, '' for none."""

    name: str
    alias: str
    context: Context
    columns: dict[str, Type] = field(default_factory=dict)
    sql: str = ""

    def has(self, name: str | int) -> bool:
        return name in self.columns

    def names(self) -> list[str]:
        """The columns of ``*``."""
        return list(self.columns)

    def known(self) -> list[str]:
        return list(self.columns)

    def get(self, chain: Chain, *, raw: bool = False) -> Sql:
        name = str(chain[0])
        if not self.has(name):
            raise HogQLError(f"Unable to resolve field: {name}.{suggestion(name, self.known())}".rstrip("."))
        value = self._column(name)
        return property_of(value, chain[1:], self.context, raw=raw) if len(chain) > 1 else value

    def _column(self, name: str) -> Sql:
        return Sql(f"{identifier(self.alias)}.{identifier(name)}", self.columns[name])

    def from_sql(self) -> str:
        return f"{self.sql} AS {identifier(self.alias)}"

    def joins_sql(self) -> str:
        """The lazy joins of the fields used so far."""
        return ""


@dataclass
class TableRelation(Relation):
    """One of HogQL's tables."""

    table: HogQLTable = field(default_factory=lambda: TABLES["events"])
    used: set[str] = field(default_factory=set)
    joined: dict[str, "JoinedTable"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = self.table.columns

    def has(self, name: str | int) -> bool:
        return name in self.columns or name in self.table.links or name in self.table.itself or name == "team_id"

    def names(self) -> list[str]:
        return [name for name in self.columns if name not in self.table.hidden]

    def known(self) -> list[str]:
        return [*self.columns, *self.table.links, *self.table.itself]

    def get(self, chain: Chain, *, raw: bool = False) -> Sql:
        name, rest = str(chain[0]), chain[1:]
        if name == "team_id" and not rest:
            return Sql(str(self.context.project_id), Type("Int", False))
        if name not in self.table.links and name not in self.table.itself:
            return super().get(chain, raw=raw)
        if not rest or rest[0] == "*":
            raise HogQLError(f"Can't select a table when a column is expected: {'.'.join(map(str, chain))}")
        if name in self.table.itself:
            return self.get(rest, raw=raw)
        link = self.table.links[name]
        if rest[0] in link.local_fields:
            return self.get([link.local_fields[str(rest[0])], *rest[1:]], raw=raw)
        if name not in self.joined:
            self.joined[name] = JoinedTable(link, f"{self.alias}__{name}", self.get([link.local]).text, self.context)
        return self.joined[name].get(rest, raw=raw)

    def _column(self, name: str) -> Sql:
        self.used.add(name)
        column, kind = super()._column(name).text, self.columns[name]
        return Sql(in_timezone(column, self.context), kind, column) if kind.kind == "DateTime" else Sql(column, kind)

    def from_sql(self) -> str:
        if self.table.function:
            return super().from_sql()
        if not self.table.aggregates:
            return f"{self.table.clickhouse} AS {identifier(self.alias)}{' FINAL' if self.table.final else ''}"
        columns = ", ".join(f"{self._aggregate(name)} AS {identifier(name)}" for name in sorted(self.used) or ["id"])
        return (
            f"(SELECT {columns} FROM {self.table.clickhouse} WHERE `$session_id` != '' GROUP BY `$session_id`)"
            f" AS {identifier(self.alias)}"
        )

    def _aggregate(self, name: str) -> str:
        def value(match: re.Match[str]) -> str:
            return json_property("properties", [match[1]], "event", self.context, raw=True).text

        return re.sub(r"\{([$\w]+)\}", value, session_column(name, self.context.modifiers))

    def joins_sql(self) -> str:
        return "".join(join.sql() for join in self.joined.values())


class JoinedTable:
    """A used lazy join: a LEFT JOIN with a subquery of exactly the used fields."""

    def __init__(self, link: LazyJoin, alias: str, local: str, context: Context) -> None:
        self._link, self._alias, self._local = link, alias, local
        self._source = TableRelation("", f"{alias}_", context, table=TABLES[link.table])
        self._columns: dict[str, Sql] = {}

    def get(self, chain: Chain, *, raw: bool = False) -> Sql:
        value = self._source.get(chain, raw=raw)
        name = ".".join(map(str, chain)) + (" raw" if raw else "")
        self._columns[name] = value
        return Sql(f"{identifier(self._alias)}.{identifier(name)}", value.type.maybe())

    def sql(self) -> str:
        key = self._source.get([self._link.remote]).text
        columns = "".join(f", {_optional(value)} AS {identifier(name)}" for name, value in self._columns.items())
        where = f" WHERE {self._link.where}" if self._link.where else ""
        many = "" if self._link.table == "person_distinct_ids" else "ANY "
        return (
            f" LEFT {many}JOIN (SELECT {key} AS `__key`{columns} FROM {self._source.from_sql()}"
            f"{self._source.joins_sql()}{where}) AS {identifier(self._alias)}"
            f" ON {self._local} = {identifier(self._alias)}.`__key`"
        )


def _optional(value: Sql) -> str:
    needs = not value.type.nullable and value.type.kind not in ("JSON", "Array")
    return f"toNullable({value.text})" if needs else value.text
