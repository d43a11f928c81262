"""Finds what a query cannot know because an entity or an optional column does not exist here.

It is computed from the SQL: nowhere is listed what depends on what. A query rests on an entity when it is needed for
its rows: in an inner join, or in a condition, also in one that asks for its absence. A column of a query rests on a
column of an entity when its value comes from that. Where sqlglot reads something that is not understood here, all of it
rests on what it names.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from sqlglot import exp

from usertrack.library.entities import ACCOUNTS, FORMER_ACCOUNTS, KINDS, Entity, cte_name, name_entities
from usertrack.library.lack import Absence
from usertrack.library.sql import parsed

_PRESENT = Absence()
_NONE: frozenset[str] = frozenset()


def absence_in(
    sql: str, entities: Mapping[str, Entity], own: Collection[str] = (), *, timeless: bool = False
) -> Absence:
    """Return what the result of ``sql`` lacks. It names ``entities`` in braces; ``own`` are its parameters.

    ``timeless``: it goes on where rows have no time, as profiles do, which take its facts for unknown then.
    """
    named, names = name_entities(sql, own)
    relations = {cte_name(name): _of_entity(name, entities, timeless=timeless) for name in names}
    words = set(re.findall(r"\w+", named.lower()))
    star = bool(re.search(r"[^(\s]\s*\*", named))  # that of count(*) names no column
    matters = any(
        relation.empty or (relation.columns and (star or not words.isdisjoint(relation.columns)))
        for relation in relations.values()
    )
    tree = parsed(named) if matters else None
    return _of_query(tree, relations, {}) if tree else _PRESENT


def absence_of_roles(sql: str, roles: Collection[str]) -> Absence:
    """Return what the result of ``sql``, a query of PostHog, lacks without ``roles`` of events.

    It has `role_mark` in the place of each.
    """
    tree = parsed(sql, "posthog") if any(role_mark(name) in sql for name in roles) else None
    columns = {role_mark(name): frozenset([f"events.{name}"]) for name in roles}
    return _of_query(tree, {"events": Absence(columns, names=(*columns,))}, {}) if tree else _PRESENT


def role_mark(name: str) -> str:
    """A name in the place of the condition of a role that is absent."""
    return f"usertrack_{name}"


def _of_entity(name: str, entities: Mapping[str, Entity], *, timeless: bool) -> Absence:
    if name == FORMER_ACCOUNTS:
        accounts, gone = _of_entity(ACCOUNTS.name, entities, timeless=timeless), ACCOUNTS.gone
        return replace(accounts, empty=True, causes=accounts.of(gone)) if accounts.of(gone) else accounts
    entity, kind = entities[name], KINDS[name]
    names = (*(column.name for column in kind.columns), *kind.derived)
    if not entity.path:
        return Absence(empty=True, causes=frozenset([name]), names=names)
    unmapped = [column.name for column in kind.columns if column.name not in entity.mapped and not column.derived]
    causes = {column: frozenset([f"{name}.{column}"]) for column in (*unmapped, *entity.gone(timeless=timeless))}
    if kind.status in causes:  # what a state means rests on it
        causes |= dict.fromkeys({kind.meaning, *kind.flags}, causes[kind.status])
    return Absence(causes, names=names)


_Relations = Mapping[str, Absence]


def _of_query(query: exp.Expr | None, relations: _Relations, outer: _Relations) -> Absence:
    """``relations`` are the CTEs that ``query`` may read, ``outer`` the sources of the SELECT that it stands in."""
    known = dict(relations)
    ctes = query.ctes if isinstance(query, exp.Query) else []
    for cte in ctes:
        if isinstance(cte.this, exp.SetOperation) and cte.parent and cte.parent.args.get("recursive"):
            known[cte.alias.lower()] = _of_query(cte.this.left, known, outer)  # for the part that reads itself
        if isinstance(cte.this, exp.Query):
            known[cte.alias.lower()] = _renamed(_of_query(cte.this, known, outer), cte)
    match query:
        case exp.Subquery():
            return _of_query(query.this, known, outer)
        case exp.SetOperation():
            return _of_set(query, known, outer)
        case exp.Select():
            return _of_select(query, known, outer)
    return _PRESENT


def _renamed(relation: Absence, node: exp.Expr) -> Absence:
    """``relation`` with the names in ``AS c(mail, day)``, if there are any."""
    alias = node.args.get("alias")
    names = [column.name.lower() for column in (alias.args.get("columns") or ())] if alias else []
    renamed = dict(zip(relation.names, names, strict=False))
    if not renamed:
        return relation
    columns = {renamed.get(name, name): causes for name, causes in relation.columns.items()}
    return replace(relation, columns=columns, names=tuple(renamed.get(name, name) for name in relation.names))


def _of_set(query: exp.SetOperation, relations: _Relations, outer: _Relations) -> Absence:
    """A union has no rows when none of its parts has, and a column is unknown when it is in all parts with rows.

    EXCEPT needs its left part, INTERSECT both.
    """
    parts = [_of_query(part, relations, outer) for part in (query.left, query.right)]
    names = parts[0].names
    needed = parts if isinstance(query, exp.Intersect) else parts[:1] if isinstance(query, exp.Except) else []
    if all(part.empty for part in parts) or any(part.empty for part in needed):
        return Absence(empty=True, causes=_all(part.causes for part in parts), names=names)
    if isinstance(query, exp.Except):
        return parts[0]
    columns = {}
    for both in zip(*(part.names for part in parts), strict=False):
        causes = [part.of(name) for part, name in zip(parts, both, strict=True) if not part.empty]
        if all(causes):
            columns[both[0]] = _all(causes)
    return Absence(columns, names=names)


def _of_select(select: exp.Select, relations: _Relations, outer: _Relations) -> Absence:
    sources: dict[str, Absence] = {}
    needed: dict[str, frozenset[str]] = {}  # why a source that every row needs has no rows
    first = select.args.get("from_") or select.args.get("from")
    for node in [*([first] if first else []), *(select.args.get("joins") or ())]:
        name = node.this.alias_or_name.lower()
        side = node.side if isinstance(node, exp.Join) else ""
        relation = _of_source(node.this, relations, {**outer, **sources})
        on = node.args.get("on")
        if on is not None and (causes := _Scope({**sources, name: relation}, relations, outer).causes(on)):
            relation = replace(relation, empty=True, causes=relation.causes | causes)
        if side in ("RIGHT", "FULL"):
            needed = {}
        if relation.empty and side not in ("LEFT", "FULL"):
            needed[name] = relation.causes
        sources[name] = relation
    scope = _Scope(sources, relations, outer)
    for cte in select.ctes:
        if not isinstance(cte.this, exp.Query):  # HogQL: WITH expression AS name
            scope.aliases[cte.alias.lower()] = scope.causes(cte.this)
    values = [
        (expression.alias_or_name.lower() or f"column {n}", expression)
        for n, expression in enumerate(select.expressions)
    ]
    for name, expression in values:
        scope.aliases[name] = scope.causes(expression)
    causes = _all(needed.values())
    for clause in (select.args.get("where"), select.args.get("having")):
        if clause:
            conditions = clause.this.flatten() if isinstance(clause.this, exp.And) else [clause.this]
            causes |= _all(map(scope.causes, conditions))
    names: list[str] = []
    columns: dict[str, frozenset[str]] = {}
    for name, expression in values:
        if expression.is_star:
            table = expression.table.lower() if isinstance(expression, exp.Column) else ""
            for source in [sources[table]] if table in sources else sources.values():
                columns |= {column: source.of(column) for column in source.names if source.of(column)}
                names += source.names
        else:
            columns |= {name: scope.aliases[name]} if scope.aliases[name] else {}
            names.append(name)
    return Absence({} if causes else columns, empty=bool(causes), causes=causes, names=tuple(names))


def _of_source(source: exp.Expr, relations: _Relations, outer: _Relations) -> Absence:
    if isinstance(source, exp.Table):
        known = relations.get(source.name.lower(), _PRESENT) if not source.db else _PRESENT
        inner = source.args.get("joins") or ()
        rest = [_of_source(join.this, relations, outer) for join in inner]  # FROM (a JOIN b)
        return _renamed(known, source) if not any(absence.empty for absence in rest) else _unknown([known, *rest])
    query = source.this if isinstance(source, exp.Lateral) else source
    if isinstance(query, exp.Subquery) and isinstance(query.this, exp.Query):
        return _renamed(_of_query(query.unnest(), relations, outer), source)
    tables = [relations.get(table.name.lower(), _PRESENT) for table in source.find_all(exp.Table)]
    return _unknown(tables) if any(absence.empty for absence in tables) else _PRESENT


def _unknown(relations: Iterable[Absence]) -> Absence:
    return Absence(empty=True, causes=_all(relation.causes for relation in relations))


class _Scope:
    """The relations that expressions of one SELECT can see: its sources, the CTEs, and the sources around it."""

    def __init__(self, sources: _Relations, relations: _Relations, outer: _Relations) -> None:
        self.sources, self.relations, self.outer = sources, relations, outer
        self.aliases: dict[str, frozenset[str]] = {}  # of columns before: HogQL sees them

    def causes(self, node: exp.Expr) -> frozenset[str]:
        """Why the value of ``node`` is unknown; empty where it is known.

        The greatest and the first of several, and an OR, are known when one part is. All else needs all parts.
        """
        if isinstance(node, exp.Column):
            return self._of_column(node)
        if isinstance(node, exp.Query | exp.Exists):
            query = node.this if isinstance(node, exp.Subquery | exp.Exists) else node
            inner = _of_query(query, self.relations, {**self.outer, **self.sources})
            values = () if isinstance(node, exp.Exists) else inner.columns.values()
            return inner.causes if inner.empty else _all(values)
        parts = [self.causes(child) for child in _parts(node) if child.find(*_VALUES)]
        return _all(parts) if not isinstance(node, NEED_ONE_PART) or all(parts) else _NONE

    def _of_column(self, column: exp.Column) -> frozenset[str]:
        name, table = column.name.lower(), column.table.lower()
        if table:
            return {**self.outer, **self.sources}.get(table, _PRESENT).of(name)
        for sources in (self.sources, self.outer):
            if named := [source.of(name) for source in sources.values() if name in source.names]:
                return _all(named) if all(named) else _NONE
            if sources is self.sources and name in self.aliases:
                return self.aliases[name]
        return _NONE


NEED_ONE_PART = (exp.Coalesce, exp.Greatest, exp.Least, exp.Or)
_VALUES = (exp.Column, exp.Query, exp.Star)


def _parts(node: exp.Expr) -> Iterator[exp.Expr]:
    """The expressions that the value of ``node`` is made of: not those by which it is only sorted."""
    if isinstance(node, exp.Window | exp.Order) and node.this:
        return iter([node.this])
    return node.iter_expressions()


def _all(causes: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*causes)
