"""Prints SELECTs for ClickHouse. FROM is printed last, when the used fields and lazy joins are known."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from usertrack.server.hogql.errors import HogQLError, suggestion
from usertrack.server.hogql.expressions import Expressions
from usertrack.server.hogql.parse import Node
from usertrack.server.hogql.relations import Relation, TableRelation
from usertrack.server.hogql.scope import SelectScope
from usertrack.server.hogql.sql import Sql, Type, identifier
from usertrack.server.hogql.tables import TABLES
from usertrack.server.hogql.text import column_name

_SET_OPERATORS = {"UNION", *(f"UNION {kind}" for kind in ("ALL", "DISTINCT"))} | {
    f"{word}{kind}" for word in ("INTERSECT", "EXCEPT") for kind in ("", " DISTINCT", " ALL")
}
_GROUPINGS = {"rollup": "GROUP BY ROLLUP({})", "cube": "GROUP BY CUBE({})"}


class SelectColumn(NamedTuple):
    """A column of a query: PostHog's name for it, and ``key``, its name in the ClickHouse SQL."""

    name: str
    type: Type
    key: str


class Queries(Expressions):
    """Prints whole queries: ``query`` returns a SELECT and its columns."""

    _anonymous = 0

    def visit_select_query(self, node: Node) -> Sql:
        text, columns = self.query(node)
        kind = columns[0].type.maybe() if columns else Type()
        return Sql(f"({text})", kind if kind.kind != "JSON" else Type("String"))

    visit_select_set_query = visit_select_query

    def query(self, node: Node, *, top: bool = False) -> tuple[str, list[SelectColumn]]:
        if node["node"] == "SelectSetQuery":
            # UNION and the like; WITH queries of the first member are visible in all.
            first = node["initial_select_query"]
            ctes = first.get("ctes") or []
            with self._scope(SelectScope(self.scope, ctes={cte["name"]: cte for cte in ctes})):
                text, columns = self.query(first, top=top)
                for member in node["subsequent_select_queries"]:
                    operator = member["set_operator"]
                    if operator not in _SET_OPERATORS:
                        raise HogQLError(f"{operator} is not supported")
                    member_text, _ = self.query(member["select_query"], top=top)
                    if member["select_query"]["node"] == "SelectSetQuery":
                        member_text = f"({member_text})"
                    text += f" {'UNION DISTINCT' if operator == 'UNION' else operator} {member_text}"
                tail = self._limits(node) if node.get("limit") or node.get("offset") else ""
                order = self._outer_order(node, columns)
            return (f"SELECT * FROM ({text}){order}{tail}" if tail or order else text), columns
        if node["node"] != "SelectQuery":
            raise HogQLError(f"{node['node']} is not supported as a query")
        with self._scope(SelectScope(self.scope)):
            return self._select(node, top=top)

    @contextmanager
    def _scope(self, scope: SelectScope) -> Iterator[None]:
        before, self.scope = self.scope, scope
        yield
        self.scope = before

    def _outer_order(self, node: Node, columns: list[SelectColumn]) -> str:
        if not node.get("order_by"):
            return ""
        with self._scope(SelectScope(self.scope, aliases={column.key: column.type for column in columns})):
            return f" ORDER BY {', '.join(map(self.order, node['order_by']))}"

    def _select(self, node: Node, *, top: bool) -> tuple[str, list[SelectColumn]]:
        scope = self.scope
        scope.ctes.update({cte["name"]: cte for cte in node.get("ctes") or []})
        joins = self._sources(node.get("select_from"))
        array_join = self._array_join(node)
        # in a subquery a column without an alias gets PostHog's name for it; at the top it gets a name that no query
        # uses, so that no expression can mean it
        items: list[str] = []
        columns: list[SelectColumn] = []
        for item in node["select"]:
            for name, value in self._expanded(item):
                key = name
                if item["node"] != "Alias":
                    value = value.plain if top else value
                    needs_key = top or any(name == other.key for other in columns)
                    key = f"__{len(columns)}" if needs_key else name
                    value = Sql(f"{value.text} AS {identifier(key)}", value.type)
                items.append(value.text)
                columns.append(SelectColumn(name, value.type, key))
        with self.within(filtering=True):
            prewhere = self._clause("PREWHERE", node.get("prewhere"))
            conditions = [self.value(node["where"]).text] if node.get("where") else []
            constraints = [self._constraint(join) for join, _ in joins]
        conditions += [sample for join, source in joins if (sample := self._sample(join, source))]
        windows = node.get("window_exprs") or {}
        printed = [f"{identifier(name)} AS ({self.window(window)})" for name, window in windows.items()]
        rest = [
            f" WHERE {' AND '.join(conditions)}" if conditions else "",
            self._group_by(node),
            self._clause("HAVING", node.get("having")),
            (f" WINDOW {', '.join(printed)}" if printed else ""),
            self._clause("QUALIFY", node.get("qualify")),
            f" ORDER BY {', '.join(map(self.order, node['order_by']))}" if node.get("order_by") else "",
            self._limit_by(node),
            self._limits(node),
        ]
        head = f"SELECT {'DISTINCT ' if node.get('distinct') else ''}{', '.join(items)}"
        text = ""
        for (join, source), constraint in zip(joins, constraints, strict=True):
            word = f" {_join_type(join)} " if text else " FROM "
            text += f"{word}{source.from_sql()}{constraint}{source.joins_sql()}"
        return head + text + array_join + prewhere + "".join(rest), columns

    def _clause(self, word: str, node: Node | None) -> str:
        return f" {word} {self.value(node).text}" if node else ""

    def _expanded(self, node: Node) -> list[tuple[str, Sql]]:
        """The columns of one select item; ``*`` and ``COLUMNS('…')`` have several."""
        if node["node"] == "Field" and node["chain"][-1] == "*":
            source = self._source(node["chain"][:-1])
            return [(name, source.get([name])) for name in source.names()]
        if node["node"] == "ColumnsExpr":
            return self._columns(node)
        if node["node"] == "Alias" and node["expr"]["node"] == "Field":
            value = self.visit(node)
            if value.type.kind == "JSON":  # the alias goes behind the conversion
                return [(node["alias"], self._json_alias(node, value))]
            return [(node["alias"], value)]
        return [(column_name(node), self.visit(node))]

    def _json_alias(self, node: Node, value: Sql) -> Sql:
        bare = value.text.removesuffix(f" AS {identifier(node['alias'])}")
        top = self.scope.parent is None or self.scope.parent.parent is None
        text = f"toJSONString({bare})" if top else bare
        return Sql(f"{text} AS {identifier(node['alias'])}", Type("String", False) if top else value.type)

    def _source(self, chain: list[str]) -> Relation:
        sources = self.scope.sources
        if not sources:
            raise HogQLError("Cannot use '*' when there are no tables in the query")
        if not chain and len(sources) > 1:
            raise HogQLError("Cannot use '*' without table name when there are multiple tables in the query")
        named = sources if not chain else [source for source in sources if [source.name] == chain]
        if not named:
            raise HogQLError(f"Unable to resolve field: {'.'.join(map(str, chain))}")
        return named[0]

    def _columns(self, node: Node) -> list[tuple[str, Sql]]:
        source = self._source([])
        exclude, pattern = set(node.get("exclude") or []), node.get("regex")
        if not node.get("all_columns") and not isinstance(pattern, str):
            raise HogQLError("COLUMNS(…) takes a pattern")
        try:
            names = [n for n in source.names() if n not in exclude and (pattern is None or re.search(pattern, n))]
        except re.error as error:
            raise HogQLError(f"COLUMNS('{pattern}') is not a valid pattern: {error}") from error
        return [(name, source.get([name])) for name in names]

    def _sources(self, node: Node | None) -> list[tuple[Node, Relation]]:
        """Every table and subquery of FROM, registered in the scope."""
        joins = []
        while node:
            if node.get("table_final"):
                raise HogQLError("The FINAL keyword is not supported in HogQL as it causes slow queries")
            if node.get("column_aliases"):
                raise HogQLError("Column aliases of a table are not supported")
            source = self._open(node)
            self.scope.add(source)
            joins.append((node, source))
            node = node.get("next_join")
        return joins

    def _open(self, node: Node) -> Relation:
        table, alias = node["table"], node.get("alias") or ""
        if table["node"] in ("SelectQuery", "SelectSetQuery"):
            return self._subquery(table, alias)
        if table["node"] != "Field":
            raise HogQLError(f"Selecting from {table['node']} is not supported")
        name = ".".join(map(str, table["chain"]))
        if cte := self.scope.cte(name):
            return self._cte(cte, alias or name)
        if name not in TABLES:
            raise HogQLError(f"Unknown table `{name}`.{suggestion(name, TABLES)}")
        return self._table(name, alias or name, node.get("table_args"))

    def _table(self, name: str, alias: str, arguments: list[Node] | None) -> Relation:
        table = TABLES[name]
        source = TableRelation(alias, alias, self.context, table=table)
        if not table.function:
            if arguments is not None:
                raise HogQLError(f"Table '{name}' does not accept arguments")
            return source
        if not arguments or len(arguments) > 2:
            raise HogQLError(f"Table function '{name}' requires 1 or 2 arguments")
        source.sql = f"{table.clickhouse}({self.texts(arguments)})"
        return source

    def _cte(self, cte: Node, alias: str) -> Relation:
        """A WITH query is printed where it is used. Inside of it, its own name is not visible."""
        if cte["cte_type"] != "subquery":
            raise HogQLError(f"Cannot select from `{cte['name']}`: it is a value")
        if cte.get("recursive"):
            raise HogQLError("WITH RECURSIVE is not supported")
        owner: SelectScope | None = self.scope
        while owner and cte["name"] not in owner.ctes:
            owner = owner.parent
        visible_ctes = {name: other for name, other in (owner.ctes if owner else {}).items() if name != cte["name"]}
        with self._scope(SelectScope(SelectScope(owner.parent if owner else None, ctes=visible_ctes))):
            return self._subquery(cte["expr"], alias)

    def in_list(self, node: Node) -> Sql:
        cte = self.scope.cte(str(node["chain"][0])) if node["node"] == "Field" and len(node["chain"]) == 1 else None
        if cte and cte["cte_type"] == "subquery":
            return Sql(self._cte(cte, "").sql)
        return super().in_list(node)

    def _subquery(self, node: Node, alias: str) -> Relation:
        text, columns = self.query(node)
        self._anonymous += 1
        types = {column.key: column.type for column in columns}
        return Relation(alias, alias or f"__q{self._anonymous}", self.context, types, f"({text})")

    def _constraint(self, node: Node) -> str:
        constraint = node.get("constraint")
        if not constraint:
            return ""
        if constraint["constraint_type"] == "USING":
            return self._using(constraint["expr"], node)
        with self.within(exact=True):
            return f" ON {self.value(constraint['expr']).text}"

    def _using(self, node: Node, join: Node) -> str:
        fields = node["exprs"] if node["node"] in ("Tuple", "And") else [node]
        alias = join.get("alias") or join["table"].get("chain", [""])[0]
        position = next(i for i, source in enumerate(self.scope.sources) if source.name == alias)
        pairs = []
        for field in fields:
            left = next((s for s in self.scope.sources[:position] if s.has(field["chain"][0])), None)
            if left is None:
                raise self.scope.unknown(field["chain"])
            right = self.scope.sources[position].get(field["chain"])
            pairs.append(f"{left.get(field['chain']).plain.text} = {right.plain.text}")
        return f" ON {' AND '.join(pairs)}"

    def _sample(self, node: Node, source: Relation) -> str:
        """SAMPLE takes a fixed share of the distinct ids, as PostHog's sampling key does."""
        sample = node.get("sample")
        if not sample:
            return ""
        if not source.has("distinct_id"):
            raise HogQLError("SAMPLE is only supported on tables with a distinct_id")
        share, start = _ratio(sample["sample_value"]), _ratio(sample.get("offset_value"))
        position = f"cityHash64({source.get(['distinct_id']).text}) / 18446744073709551615"
        return f"{position} >= {start!r} AND {position} < {start + share!r}"

    def _array_join(self, node: Node) -> str:
        operation = node.get("array_join_op")
        if not operation:
            return ""
        if operation not in ("ARRAY JOIN", "LEFT ARRAY JOIN", "INNER ARRAY JOIN"):
            raise HogQLError(f"Invalid ARRAY JOIN operation: {operation}")
        arrays = []
        for item in node["array_join_list"]:
            arrays.append(f"{self.value(item['expr']).text} AS {identifier(item['alias'])}")
            self.scope.aliases[item["alias"]] = Type()
        return f" {operation.removeprefix('INNER ')} {', '.join(arrays)}"

    def _group_by(self, node: Node) -> str:
        mode, keys = node.get("group_by_mode"), node.get("group_by")
        if mode == "all":
            return " GROUP BY ALL"
        if not keys:
            return ""
        if mode and mode not in _GROUPINGS:
            raise HogQLError(f"GROUP BY {mode.replace('_', ' ').upper()} is not supported")
        return " " + _GROUPINGS.get(mode or "", "GROUP BY {}").format(self.texts(keys))

    def _limit_by(self, node: Node) -> str:
        limit = node.get("limit_by")
        if not limit:
            return ""
        return f" LIMIT {self.value(limit['n']).text} BY {self.texts(limit['exprs'])}"

    def _limits(self, node: Node) -> str:
        limit = node.get("limit")
        if not limit:
            return ""
        text = self.value(limit).text
        if node.get("limit_percent"):
            text = repr(float(limit.get("value") or 0) / 100)
        return f" LIMIT {text}{' WITH TIES' if node.get('limit_with_ties') else ''}"


def _join_type(node: Node) -> str:
    word = node.get("join_type") or "JOIN"
    if not re.fullmatch(r"[A-Z ]+", word):
        raise HogQLError(f"Invalid JOIN type {word}")
    return str(word)


def _ratio(node: Node | None) -> float:
    if not node:
        return 0.0
    right = node.get("right")
    return float(node["left"]["value"]) / (float(right["value"]) if right else 1.0)
