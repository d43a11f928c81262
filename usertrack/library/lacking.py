"""Columns that the tables of an entity do not have: what the entity selects of them is NULL.

The catalogue says which columns there are. Trying the query would not do: in PostgreSQL, ``w.name`` of a table without
that column is no error, but the whole row as a text.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlglot import exp

from usertrack.library.entities import EMAIL, TYPES, Entity
from usertrack.library.sql import columns_of, parsed, select_list

COLUMNS = """
SELECT t.name, a.attname
FROM unnest({tables}) AS t(name)
JOIN pg_attribute AS a ON a.attrelid = to_regclass(t.name)
WHERE NOT a.attisdropped AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
"""
"""The columns that may be read, by tables as SQL names them; none of a table that is not there."""

Columns = Mapping[str, Collection[str]]
"""The columns of each table."""


def fitted(entity: Entity, columns: Columns) -> Entity:
    """``entity`` with NULL for what rests on columns that its tables lack.

    An entity without its time is `timeless`. One that lacks a key, or a column that it needs elsewhere than in its
    list, stays as it is: what reads it fails, and Postgres says why.
    """
    tree = parsed(entity.sql)
    if not isinstance(tree, exp.Select) or tree.args.get("distinct"):
        return entity
    select = tree.copy()
    sources = _sources(select, columns)
    names, places = columns_of(entity.sql), select_list(entity.sql)
    in_list = sum(len(_gone(value, select, sources)) for value in select.expressions)
    if not in_list or in_list < len(_gone(select, select, sources)) or len(names) != len(places):
        return entity
    declared = {column.name: column for column in entity.kind.columns}
    lacking: dict[str, str] = {}
    sql = entity.sql
    for name, value, (start, end) in reversed([*zip(names, select.expressions, places, strict=True)]):
        gone = _gone(value, select, sources)
        for first in value.find_all(exp.Coalesce):  # the first that is known: it goes on without the others
            known = [part for part in (first.this, *first.expressions) if not _gone(part, select, sources)]
            if known:
                first.set("this", known[0])
                first.set("expressions", known[1:])
        column = declared.get(name)
        if _gone(value, select, sources):
            if column and column.required and (column.type == "id" or name == EMAIL):
                return entity
            is_time = column is not None and column.required and column.type == "time"
            null = "'-infinity'::timestamptz" if is_time else f"NULL::{TYPES[column.type] if column else 'text'}"
            lacking[name] = ", ".join(dict.fromkeys(missing.sql("postgres") for missing in gone))
            sql = f'{sql[:start]}{null} AS "{name}"{sql[end:]}'
        elif gone:
            sql = f"{sql[:start]}{value.sql('postgres')}{sql[end:]}"
    return replace(entity, sql=sql, lacking=dict(reversed(lacking.items())))


def _sources(select: exp.Select, columns: Columns) -> dict[str, Collection[str] | None]:
    """The columns of each table that ``select`` reads, by its alias; None where they are not known."""
    first = select.args.get("from_") or select.args.get("from")
    sources = [node.this for node in [*([first] if first else []), *(select.args.get("joins") or ())]]
    own = {cte.alias for cte in select.ctes}
    return {
        source.alias_or_name.lower(): columns.get(".".join(part.sql("postgres") for part in source.parts))
        if isinstance(source, exp.Table) and source.name not in own
        else None
        for source in sources
    }


def _gone(node: exp.Expr, select: exp.Select, sources: Mapping[str, Collection[str] | None]) -> list[exp.Column]:
    """The columns of ``select`` itself in ``node`` that its ``sources`` do not have."""

    def is_gone(column: exp.Column) -> bool:
        name = column.name if column.this.quoted else column.name.lower()
        table = column.table.lower()
        known = [sources.get(table)] if table else [] if name in sources else [*sources.values()]  # a row has that name
        return bool(known) and all(columns is not None and name not in columns for columns in known)

    found = [column for column in node.find_all(exp.Column) if column.find_ancestor(exp.Select) is select]
    return [column for column in found if is_gone(column)]
