"""The SELECT of a proposal, as an analyst would write it: aliases, joins, and conditions, a line each."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from textwrap import indent

from usertrack.mapping import rules
from usertrack.mapping.catalog import DatabaseTable, TableColumn
from usertrack.mapping.matching import column_like
from usertrack.mapping.ways import Way, WayStep


@dataclass
class Select:
    """A SELECT from one table, to which columns, joins and conditions are added.

    Rows that are marked as deleted are left out, unless it is ``with_deleted``.
    """

    table: DatabaseTable
    with_deleted: bool = False
    columns: list[tuple[str, str]] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    _aliases: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.alias = self.new_alias(self.table)
        if not self.with_deleted:
            self.conditions += [condition for condition in [not_deleted(self.table, self.alias)] if condition]

    def new_alias(self, table: DatabaseTable) -> str:
        letter = next((word[0] for word in reversed(table.words) if word[0].isalpha()), "t")
        alias = next(a for n in range(1, 100) if (a := letter if n == 1 else f"{letter}{n}") not in self._aliases)
        self._aliases.add(alias)
        return alias

    def of(self, column: TableColumn) -> str:
        return f"{self.alias}.{column.sql}"

    def add(self, name: str, sql: str) -> None:
        self.columns.append((name, sql))

    def drop(self, names: Collection[str]) -> None:
        """Take out the columns ``names``, and the joins that nothing needs without them."""
        self.columns = [(name, sql) for name, sql in self.columns if name not in names]
        for join in reversed(self.joins[:]):
            alias = join[: join.rindex(" ON ")].rpartition(" ")[2]
            others = [*(sql for _, sql in self.columns), *self.conditions, *(sql for sql in self.joins if sql != join)]
            if not any(re.search(rf"\b{alias}\.", sql) for sql in others):
                self.joins.remove(join)

    def replace(self, name: str, sql: str) -> None:
        """Let the column ``name`` be ``sql``."""
        self.columns = [(column, sql if column == name else text) for column, text in self.columns]

    def text(self) -> str:
        columns = ",\n".join(
            f"    {sql}" if sql.rsplit(".", 1)[-1] == name else f"    {sql} AS {name}" for name, sql in self.columns
        )
        where = f"\nWHERE {f'{chr(10)}    AND '.join(self.conditions)}" if self.conditions else ""
        joins = "".join(f"\n{join}" for join in self.joins)
        return f"SELECT\n{columns}\nFROM {self.table.sql} AS {self.alias}{joins}{where}"

    def join(
        self, table: DatabaseTable, on: TableColumn, value: str, *, as_text: bool = False, without_deleted: bool = False
    ) -> str:
        """Join the one row of ``table`` whose column ``on`` equals ``value``; returns its alias."""
        alias, cast = self.new_alias(table), "::text" if as_text else ""
        condition = not_deleted(table, alias) if without_deleted else ""
        self.joins.append(
            f"LEFT JOIN {table.sql} AS {alias} ON {alias}.{on.sql}{cast} = {value}{cast}"
            + (f" AND {condition}" if condition else "")
        )
        return alias

    def join_first(  # noqa: PLR0913
        self,
        table: DatabaseTable,
        on: TableColumn,
        value: str,
        columns: list[str],
        order: list[str],
        to: WayStep | None = None,
        condition: str = "",
    ) -> str:
        """Join, of all rows of ``table`` with that value, the first one in ``order``; returns the alias of that.

        A row that leads ``to`` a row which is marked as deleted is none of them, nor is one without the ``condition``.
        One of the ``columns`` may be SQL, with {t} for the table.
        """
        inner, outer = self.new_alias(table), self.new_alias(table)
        names = dict.fromkeys([on.sql, *columns])
        selected = ", ".join(name.replace("{t}", inner) if "{t}" in name else f"{inner}.{name}" for name in names)
        conditions = [f"{inner}.{on.sql} IS NOT NULL"] if not on.required else []
        conditions += [part for part in (not_deleted(table, inner), condition.format(t=inner)) if part]
        if to and (there := not_deleted(to.target, "linked")):
            link = f"linked.{to.target_column.sql} = {inner}.{to.column.sql}"
            conditions.append(f"EXISTS (SELECT FROM {to.target.sql} AS linked WHERE {link} AND {there})")
        lines = [f"SELECT DISTINCT ON ({inner}.{on.sql}) {selected}", f"FROM {table.sql} AS {inner}"]
        lines += [f"WHERE {' AND '.join(conditions)}"] if conditions else []
        lines += [f"ORDER BY {', '.join([f'{inner}.{on.sql}', *(term.format(t=inner) for term in order)])}"]
        body = indent("\n".join(lines), "    ")
        self.joins.append(f"LEFT JOIN (\n{body}\n) AS {outer} ON {outer}.{on.sql} = {value}")
        return outer

    def follow(self, way: Way, key: TableColumn) -> str:
        """The id of the account at the end of ``way``; ``key`` is the id in the table of accounts.

        A table is joined when another column of it is needed than the one that leads there.
        """
        here, at, value, alias = self.table, None, "", self.alias
        for number, step in enumerate(way.steps):
            if step.column != at:
                alias = alias or self.join(here, at, value) if at else self.alias
                value = f"{alias}.{step.column.sql}"
            if step.only:
                value = f"CASE WHEN {step.only.format(t=alias)} THEN {value} END"
            if step.back:
                onward = way.steps[number + 1].column if number + 1 < len(way.steps) else key
                alias = self.join_first(step.target, step.target_column, value, [onward.sql], first_member(step))
                here, at, value = step.target, onward, f"{alias}.{onward.sql}"
            else:
                here, at, alias = step.target, step.target_column, ""
                if step.column.family != at.family:  # an id that is kept as text: a stray value costs its own row
                    alias = self.join(here, at, value, as_text=True)
                    value = f"{alias}.{at.sql}"
        if at is None or at == key:
            return value or f"{self.alias}.{key.sql}"
        is_one = at.unique or at == here.key
        alias = (
            self.join(here, at, value) if is_one else self.join_first(here, at, value, [key.sql], [f"{{t}}.{key.sql}"])
        )
        return f"{alias}.{key.sql}"


def first_member(step: WayStep) -> list[str]:
    """The order in which a row of a link table goes before others: owners, then the oldest."""
    order = []
    if flag := column_like(step.target, rules.patterns("owner"), "bool"):
        order.append(f"{{t}}.{flag.sql} DESC NULLS LAST")
    role = column_like(step.target, rules.patterns("role"))
    if role and role.family == "text":
        order.append(f"lower({{t}}.{role.sql}::text) LIKE '%owner%' DESC NULLS LAST")
    made = column_like(step.target, rules.patterns("signed_up"))
    order += [f"{{t}}.{column.sql}" for column in (made, step.target.key) if column and column != step.target_column]
    return order


def not_deleted(table: DatabaseTable, alias: str) -> str:
    """The condition that leaves out rows which are marked as deleted; empty where nothing marks them."""
    return _deletion(table, alias)[1]


def deleted(table: DatabaseTable, alias: str) -> str:
    """Whether a row is marked as deleted; empty where nothing marks it."""
    return _deletion(table, alias)[0]


def _deletion(table: DatabaseTable, alias: str) -> tuple[str, str]:
    """The condition for rows that are marked as deleted, and the one for all others."""
    for column in table.columns:
        rest = set(column.words) - {"is", "at", "on", "time", "date", *table.words}
        if rest and rest <= rules.words("deleted") and set(column.words) & rules.words("deleted"):
            name = f"{alias}.{column.sql}"
            if column.family == "time":
                return f"{name} IS NOT NULL", f"{name} IS NULL"
            if column.family == "bool":
                return (name, f"NOT {name}") if column.required else (f"{name} IS TRUE", f"{name} IS NOT TRUE")
            if column.family == "number" and ({"is", "at"} & set(column.words) or len(column.words) == 1):
                return f"coalesce({name}, 0) <> 0", f"coalesce({name}, 0) = 0"
    return "", ""


def as_time(column: TableColumn, value: str) -> str:
    """Return ``value`` as a time, where the column has seconds, milli-, micro- or nanoseconds since 1970.

    The unit is told by the size: 1e11 seconds are the year 5138, and 1e11 milliseconds are 1973, as are 1e14
    microseconds and 1e17 nanoseconds. What is below 1e8 is no time: a 0 stands for none, and 20240131 is a date in
    digits.
    """
    if column.family != "number":
        return value
    units = {"1e17": " / 1e9", "1e14": " / 1e6", "1e11": " / 1e3", "1e8": ""}
    cases = " ".join(f"WHEN {value} >= {least} THEN {value}{per_second}" for least, per_second in units.items())
    return f"to_timestamp(CASE {cases} END)"
