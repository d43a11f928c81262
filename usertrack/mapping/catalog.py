"""Reads the catalog of a PostgreSQL database: tables, columns, keys, comments. Reads no rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.source_names import POSTGRES
from usertrack.core.sql_file import sql_file
from usertrack.core.table import Row
from usertrack.library.library import Statement
from usertrack.mapping.names import words


@dataclass(frozen=True)
class TableColumn:
    """A column that this role may read. ``sql`` is its name, quoted where it must be.

    ``required``: it is never, or hardly ever, NULL. ``nulls`` is the share of NULL, 0 where PostgreSQL has not looked.
    ``labels`` are the values that its type or a CHECK allows, where one says that. ``references`` is the id of the
    table that a foreign key names, and the column there.
    """

    name: str
    sql: str
    type: str
    required: bool = False
    nulls: float = 0
    comment: str = ""
    labels: tuple[str, ...] = ()
    unique: bool = False
    references: tuple[int, str] | None = None

    @cached_property
    def words(self) -> tuple[str, ...]:
        return words(self.name)

    @property
    def family(self) -> str:
        """Return the kind of its values: number, text, time, bool, uuid, json, or the type itself."""
        return _FAMILIES.get(self.type, "text" if self.labels else self.type)


_FAMILIES = {
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "real", "double precision"), "number"),
    **dict.fromkeys(("text", "character varying", "character", "citext", "public.citext", "bpchar", "name"), "text"),
    **dict.fromkeys(("timestamp without time zone", "timestamp with time zone", "date"), "time"),
    **dict.fromkeys(("json", "jsonb"), "json"),
    "boolean": "bool",
}


@dataclass(frozen=True)
class DatabaseTable:
    """A table or view that this role may read.

    ``row_count`` is an estimate, None where there is none; that of a table ``is_uncounted`` which has no statistics yet
    is by its size, until `with_counts` has it exactly.
    """

    id: int
    schema: str
    name: str
    sql: str
    columns: tuple[TableColumn, ...] = ()
    is_view: bool = False
    row_count: int | None = None
    comment: str = ""
    hides_rows: bool = False
    is_uncounted: bool = False
    is_counted: bool = False
    primary: str = ""
    unique: frozenset[tuple[str, ...]] = field(default_factory=frozenset)

    @cached_property
    def words(self) -> tuple[str, ...]:
        return words(self.name)

    @property
    def label(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @cached_property
    def by_name(self) -> Mapping[str, TableColumn]:
        return {column.name: column for column in self.columns}

    @property
    def key(self) -> TableColumn | None:
        """Its one-column key; of a view, which has none, the column ``id``."""
        return self.by_name.get(self.primary) or next(
            (c for c in self.columns if c.words in (("id",), ("uuid",))), None
        )


@dataclass(frozen=True)
class Catalog:
    """The readable tables by id, and the names of those that the role may not read."""

    tables: Mapping[int, DatabaseTable]
    refused: tuple[str, ...] = ()

    def named(self, name: str) -> DatabaseTable | None:
        """The table called ``name``, with or without its schema, quoted or not."""
        named = [table for table in self.tables.values() if name in (table.name, table.label, table.sql)]
        exact = [table for table in named if name in (table.label, table.sql)]
        return exact[0] if exact else named[0] if len(named) == 1 else None


def named_table(catalog: Catalog, name: str) -> DatabaseTable:
    """Return the table called ``name``; raises UsageError where there is none, or it may not be read."""
    table = catalog.named(name)
    if table is None:
        near = did_you_mean(name, [known.label for known in catalog.tables.values()], "write it with its schema")
        raise UsageError(f"no table '{name}' can be read", near)
    return table


def statements() -> list[Statement]:
    """The queries that a catalog is made of."""
    return [Statement(POSTGRES, sql_file(__package__, name), name=name) for name in ("tables", "columns", "keys")]


def read_catalog(tables: Iterable[Row], columns: Iterable[Row], keys: Iterable[Row]) -> Catalog:
    """A catalog of the rows that `statements` return."""
    numbers: dict[int, dict[int, TableColumn]] = {}
    for table_id, number, name, sql, kind, required, nulls, comment, labels in columns:
        if "{" not in name and "}" not in name:  # braces name entities and parameters in our files
            known = TableColumn(name, sql, kind, required, nulls, comment, tuple(labels or ()))
            numbers.setdefault(table_id, {})[number] = known
    primary: dict[int, str] = {}
    unique: dict[int, set[tuple[str, ...]]] = {}
    for table_id, positions, is_primary, target, target_positions, rule in keys:
        own = numbers.get(table_id, {})
        if not all(position in own for position in positions):
            continue
        if target:
            _refer(own, positions, target, target_positions, numbers.get(target, {}))
        elif rule:
            own[positions[0]] = replace(own[positions[0]], labels=own[positions[0]].labels or _allowed(rule))
        else:
            unique.setdefault(table_id, set()).add(tuple(sorted(own[position].name for position in positions)))
            if len(positions) == 1:
                own[positions[0]] = replace(own[positions[0]], unique=True)
                if is_primary:
                    primary[table_id] = own[positions[0]].name
    readable, refused = {}, []
    for table_id, schema, name, sql, is_view, count, comment, is_readable, hides_rows, is_uncounted in tables:
        own = numbers.get(table_id, {})
        if not is_readable:
            refused.append(name if schema == "public" else f"{schema}.{name}")
        elif own and "{" not in sql and "}" not in sql:
            readable[table_id] = DatabaseTable(
                *(table_id, schema, name, sql, tuple(own.values()), is_view, count, comment, hides_rows, is_uncounted),
                primary=primary.get(table_id, ""),
                unique=frozenset(unique.get(table_id, ())),
            )
    return Catalog(readable, tuple(sorted(refused)))


_COUNTED = 10_000  # rows of a table: some milliseconds; of larger ones the size tells enough


def counts_asked(catalog: Catalog) -> list[Statement]:
    """The query that counts the rows of tables without statistics, as far as they are few; none without such tables."""
    parts = [
        f"SELECT {table.id}::bigint AS id, count(*) AS n FROM (SELECT FROM {table.sql} LIMIT {_COUNTED + 1}) AS t"
        for table in catalog.tables.values()
        if table.is_uncounted
    ]
    return [Statement(POSTGRES, "\nUNION ALL ".join(parts), name="counts of rows")] if parts else []


def with_counts(catalog: Catalog, rows: Iterable[Row]) -> Catalog:
    """``catalog`` with the ``rows`` that the query in `counts_asked` returns."""
    counts = {table_id: count for table_id, count in rows if count <= _COUNTED}
    tables = {
        table_id: replace(table, row_count=counts[table_id], is_counted=True) if table_id in counts else table
        for table_id, table in catalog.tables.items()
    }
    return replace(catalog, tables=tables)


def _refer(
    own: dict[int, TableColumn],
    positions: list[int],
    target: int,
    target_positions: list[int],
    theirs: Mapping[int, TableColumn],
) -> None:
    """Note a foreign key; of one over several columns, the column that leads to an id."""
    pairs = [
        (here, theirs[there].name) for here, there in zip(positions, target_positions, strict=True) if there in theirs
    ]
    if len(positions) > 1:
        pairs = [(here, there) for here, there in pairs if words(there) in (("id",), ("uuid",))]
    for here, there in pairs[:1]:
        if own[here].references is None:
            own[here] = replace(own[here], references=(target, there))


def _allowed(rule: str) -> tuple[str, ...]:
    """The texts that ``CHECK (status = ANY (ARRAY['a'::text, 'b'::text]))`` allows; none for any other rule."""
    import re

    if not re.search(r"= ANY|\bIN\b| = '", rule) or re.search(r"[<>~]", rule):
        return ()
    return tuple(text.replace("''", "'") for text in re.findall(r"'((?:[^']|'')*)'", rule))
