"""What a query cannot know, because an entity or one of its optional columns does not exist here.

It is computed from the SQL: nowhere is listed what depends on what. A query rests on an entity when it has no rows
without it, and a column of a query rests on a column of an entity when its value comes from that.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlglot import exp

from usertrack.library.entities import DERIVED, KINDS, Entity, cte_name, name_entities
from usertrack.library.query import Absence
from usertrack.library.sql import parsed

_PRESENT = Absence()
_NONE: frozenset[str] = frozenset()


def absence_in(sql: str, entities: Mapping[str, Entity], own: Collection[str] = ()) -> Absence:
    """What the result of ``sql``, which names ``entities`` in braces, does not have; ``own`` are its parameters."""
    named, names = name_entities(sql, own)
    relations = {cte_name(name): _of_entity(name, entities) for name in names}
    words = set(re.findall(r"\w+", named))
    matters = any(each.empty or not words.isdisjoint(each.columns) for each in relations.values())
    tree = parsed(named) if matters else None
    return _of_query(tree, relations, {}) if tree else _PRESENT


def absence_of_roles(sql: str, roles: Collection[str]) -> Absence:
    """What the result of ``sql``, a query of PostHog, does not have without ``roles`` of events.

    It has `role_mark` in the place of each.
    """
    tree = parsed(sql, "posthog") if any(role_mark(name) in sql for name in roles) else None
    columns = {role_mark(name): frozenset([f"events.{name}"]) for name in roles}
    return _of_query(tree, {"events": Absence(columns, names=(*columns,))}, {}) if tree else _PRESENT


def role_mark(name: str) -> str:
    """A name in the place of the condition of a role that is absent."""
    return f"usertrack_{name}"


def _of_entity(name: str, entities: Mapping[str, Entity]) -> Absence:
    entity, kind = entities[name], KINDS[name]
    names = (*(column.name for column in kind.columns), *DERIVED)
    if not entity.path:
        return Absence(empty=True, causes=frozenset([name]), names=names)
    unmapped = [column.name for column in kind.columns if column.name not in entity.mapped and not column.derived]
    return Absence({column: frozenset([f"{name}.{column}"]) for column in unmapped}, names=names)


_Relations = Mapping[str, Absence]


def _of_query(query: Any, relations: _Relations, outer: _Relations) -> Absence:
    """``relations`` are the CTEs that ``query`` may read, ``outer`` the sources of the SELECT that it stands in."""
    known = dict(relations)
    for cte in query.ctes if isinstance(query, exp.Query) else ():
        known[cte.alias] = _of_query(cte.this, known, outer)
    match query:
        case exp.Subquery():
            return _of_query(query.this, known, outer)
        case exp.SetOperation():
            return _of_union(query, known, outer)
        case exp.Select():
            return _of_select(query, known, outer)
    return _PRESENT


def _of_union(query: Any, relations: _Relations, outer: _Relations) -> Absence:
    """A union has no rows when none of its parts has; a column is unknown when it is in all parts that have rows."""
    parts = [_of_query(side, relations, outer) for side in (query.left, query.right)]
    names = parts[0].names
    if all(part.empty for part in parts):
        return Absence(empty=True, causes=_all(part.causes for part in parts), names=names)
    columns = {}
    for both in zip(*(part.names for part in parts), strict=False):
        causes = [part.of(name) for part, name in zip(parts, both, strict=True) if not part.empty]
        if all(causes):
            columns[both[0]] = _all(causes)
    return Absence(columns, names=names)


def _of_select(select: Any, relations: _Relations, outer: _Relations) -> Absence:
    sources: dict[str, Absence] = {}
    causes = _NONE
    first = select.args.get("from_") or select.args.get("from")
    joins = [(join.this, join.side in ("LEFT", "FULL")) for join in select.args.get("joins") or ()]
    for source, optional in [*([(first.this, False)] if first else []), *joins]:
        relation = _of_source(source, relations, {**outer, **sources})
        sources[source.alias_or_name] = relation
        if relation.empty and not optional:
            causes |= relation.causes
    scope = _Scope(sources, relations, outer)
    values = {each.alias_or_name.lower() or f"column {n}": each for n, each in enumerate(select.expressions)}
    for name, each in values.items():
        scope.aliases[name] = scope.causes(each)
    for clause in (select.args.get("where"), select.args.get("having")):
        if clause:
            conditions = clause.this.flatten() if isinstance(clause.this, exp.And) else [clause.this]
            causes |= _all(map(scope.causes, conditions))
    names = tuple(values)
    if causes:
        return Absence(empty=True, causes=causes, names=names)
    columns = {name: causes for name, causes in scope.aliases.items() if causes}
    for star in (each for each in select.expressions if each.is_star):
        of = [sources[star.table]] if isinstance(star, exp.Column) and star.table in sources else sources.values()
        columns |= {name: source.of(name) for source in of for name in source.names if source.of(name)}
        names += tuple(name for source in of for name in source.names)
    return Absence(columns, names=names)


def _of_source(source: Any, relations: _Relations, outer: _Relations) -> Absence:
    if isinstance(source, exp.Table):
        return relations.get(source.name, _PRESENT) if not source.db else _PRESENT
    if isinstance(source, exp.Lateral):
        source = source.this
    return _of_query(source.unnest(), relations, outer) if isinstance(source, exp.Subquery) else _PRESENT


class _Scope:
    """What the expressions of one SELECT can see: its sources, the CTEs, and the sources of the SELECT around it."""

    def __init__(self, sources: _Relations, relations: _Relations, outer: _Relations) -> None:
        self.sources, self.relations, self.outer = sources, relations, outer
        self.aliases: dict[str, frozenset[str]] = {}  # of columns before: HogQL sees them

    def causes(self, node: Any) -> frozenset[str]:
        """Why the value of ``node`` is unknown; empty where it is known.

        A sum, the greatest of several, and the first of several are known when one part is. All else needs all parts.
        """
        if isinstance(node, exp.Column):
            return self._of_column(node)
        if isinstance(node, exp.Subquery | exp.Exists):
            inner = _of_query(node.this, self.relations, {**self.outer, **self.sources})
            return inner.causes if inner.empty else _all(inner.columns.values())
        parts = [self.causes(child) for child in _parts(node) if child.find(*_VALUES)]
        return _all(parts) if not isinstance(node, NEED_ONE_PART) or all(parts) else _NONE

    def _of_column(self, column: Any) -> frozenset[str]:
        if column.table:
            return {**self.outer, **self.sources}.get(column.table, _PRESENT).of(column.name)
        named = [source for source in self.sources.values() if column.name.lower() in source.names]
        if not named:
            return self.aliases.get(column.name.lower(), _NONE)
        unknown = [source.of(column.name) for source in named]
        return _all(unknown) if all(unknown) else _NONE


NEED_ONE_PART = (exp.Coalesce, exp.Greatest, exp.Least, exp.Add, exp.Or)
_VALUES = (exp.Column, exp.Query, exp.Star)


def _parts(node: Any) -> Iterator[Any]:
    """The expressions that the value of ``node`` is made of: not those by which it is only sorted."""
    if isinstance(node, exp.Window | exp.Order) and node.this:
        return iter([node.this])
    return node.iter_expressions()  # type: ignore[no-any-return]


def _all(causes: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*causes)
