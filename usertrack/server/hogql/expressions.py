"""HogQL expressions to ClickHouse, one method per kind of syntax node. A node without a method is refused."""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager

from usertrack.server.hogql import functions
from usertrack.server.hogql.calls import print_call, result_type
from usertrack.server.hogql.compare import RESULT, compare
from usertrack.server.hogql.context import Context
from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.parse import Node
from usertrack.server.hogql.properties import json_member
from usertrack.server.hogql.relations import property_of
from usertrack.server.hogql.scope import SelectScope
from usertrack.server.hogql.sql import Sql, Type, identifier, literal, quote
from usertrack.server.hogql.text import chain_of

_ARITHMETIC = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide", "%": "modulo"}
_CASTS = {
    **dict.fromkeys(("string", "text", "varchar", "char"), "toString"),
    **dict.fromkeys(("int", "integer", "bigint", "smallint", "int64", "int32", "int16", "uint64"), "toInt"),
    **dict.fromkeys(("float", "double", "real", "float64", "float32", "numeric", "decimal"), "toFloat"),
    **dict.fromkeys(("datetime", "timestamp", "datetime64", "timestamptz"), "toDateTime"),
    **dict.fromkeys(("bool", "boolean"), "toBool"),
    "date": "toDate",
    "uuid": "toUUID",
}
_RAW_ARGUMENT = {"toFloatOrZero", "toIntOrZero", "toFloatOrDefault"}


class Expressions:
    """Prints expressions in ``self.scope``. ``Queries`` derives from it and prints SELECTs."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.scope = SelectScope()

    def visit(self, node: Node) -> Sql:
        method = getattr(self, _method(node["node"]), None)
        if method is None:
            raise HogQLError(f"{node['node']} is not supported")
        printed: Sql = method(node)
        return printed

    def value(self, node: Node) -> Sql:
        return self.visit(node).plain

    def values(self, nodes: list[Node] | None) -> list[Sql]:
        return [self.value(node) for node in nodes or []]

    def texts(self, nodes: list[Node] | None) -> str:
        return ", ".join(value.text for value in self.values(nodes))

    @contextmanager
    def within(self, **settings: object) -> Iterator[None]:
        """Settings of the scope for a part of the query."""
        before = {name: getattr(self.scope, name) for name in settings}
        scope = self.scope
        for name, setting in settings.items():
            setattr(scope, name, setting)
        yield
        for name, setting in before.items():
            setattr(scope, name, setting)

    def visit_constant(self, node: Node) -> Sql:
        value = node.get("value")
        if node.get("value_type") == "number":
            return Sql(_odd_number(str(value)), Type("Float", False), value=0)
        return literal(value)

    def visit_field(self, node: Node) -> Sql:
        chain = node["chain"]
        if sql := self.scope.find(chain):
            return sql
        cte = self.scope.cte(str(chain[0]))
        if cte and cte["cte_type"] == "column":
            value = self.visit(cte["expr"])
            return property_of(value, chain[1:], self.context) if chain[1:] else Sql(f"({value.text})", value.type)
        raise self.scope.unknown(chain)

    def visit_alias(self, node: Node) -> Sql:
        alias = node["alias"]
        if alias in ("team_id", "true", "false", "null"):
            raise HogQLError(f"Alias '{alias}' is a reserved keyword.")
        if alias in self.scope.aliases:
            raise HogQLError(f"Cannot redefine an alias with the name: {alias}")
        value = self.visit(node["expr"])
        self.scope.aliases[alias] = value.type
        return Sql(f"{value.text} AS {identifier(alias)}", value.type)

    def visit_placeholder(self, node: Node) -> Sql:
        raise HogQLError(f"Unresolved placeholder: {{{'.'.join(map(str, node['expr'].get('chain', [])))}}}")

    def visit_array_access(self, node: Node) -> Sql:
        array, chain = self.visit(node["array"]), chain_of(node)
        if chain and array.type.kind in ("JSON", "String"):  # read the property from its own column, not from JSON text
            return self.visit_field({"chain": chain})
        key = node["property"].get("value")
        if array.type.kind == "JSON" and isinstance(key, str | int):
            return property_of(array, [key], self.context)
        return Sql(f"{array.plain.text}[{self.value(node['property']).text}]")

    def visit_array_slice(self, node: Node) -> Sql:
        start = self.value(node["start_expr"]).text if node.get("start_expr") else "1"
        array = self.value(node["array"]).text
        length = f", ({self.value(node['end_expr']).text}) - ({start}) + 1" if node.get("end_expr") else ""
        return Sql(f"arraySlice({array}, {start}{length})", Type("Array"))

    def visit_tuple_access(self, node: Node) -> Sql:
        value, chain = self.visit(node["tuple"]), chain_of(node)
        if chain and value.type.kind in ("JSON", "String"):
            return self.visit_field({"chain": chain})
        return Sql(f"tupleElement({value.plain.text}, {int(node['index'])})")

    def visit_tuple(self, node: Node) -> Sql:
        return self._collection("tuple({})", node["exprs"])

    def visit_array(self, node: Node) -> Sql:
        return self._collection("[{}]", node["exprs"])

    def _collection(self, template: str, nodes: list[Node]) -> Sql:
        items = self.values(nodes)
        text = template.format(", ".join(item.text for item in items))
        if items and all(item.constant for item in items):
            return Sql(text, Type("Array", False), value=[item.value for item in items])
        return Sql(text, Type("Array", False))

    def visit_dict(self, node: Node) -> Sql:
        pairs = (self.value(part).text for item in node["items"] for part in item)
        return Sql(f"map({', '.join(pairs)})", Type("Unknown", False))

    def visit_lambda(self, node: Node) -> Sql:
        with self.within(arguments=[*self.scope.arguments, *node["args"]]):
            body = self.value(node["expr"]).text
        return Sql(f"({', '.join(map(identifier, node['args']))}) -> {body}")

    def visit_and(self, node: Node) -> Sql:
        return self._joined("and", node["exprs"], decisive=False)

    def visit_or(self, node: Node) -> Sql:
        return self._joined("or", node["exprs"], decisive=True)

    def _joined(self, word: str, nodes: list[Node], *, decisive: bool) -> Sql:
        """AND or OR. In WHERE, what one constant decides is printed as that constant, which spares ClickHouse the rest.

        In ON it is printed in full: an ASOF JOIN has to have its inequality.
        """
        operands = self.values(nodes)
        if self.scope.filtering and not self.scope.exact and any(operand.value is decisive for operand in operands):
            return literal(decisive)
        return Sql(f"{word}({', '.join(operand.text for operand in operands)})", RESULT)

    def visit_not(self, node: Node) -> Sql:
        value = self.value(node["expr"])
        return Sql(f"not({value.text})", Type("Int", value.type.nullable))

    def visit_arithmetic_operation(self, node: Node) -> Sql:
        function = functions.find(_ARITHMETIC[node["op"]])
        left, right = self.value(node["left"]), self.value(node["right"])
        return Sql(f"{function.clickhouse}({left.text}, {right.text})", result_type(function, [left, right]))

    def visit_compare_operation(self, node: Node) -> Sql:
        return self.compare(node["op"], node["left"], node["right"])

    def compare(self, op: str, left: Node, right: Node) -> Sql:
        scope = self.scope
        right_sql = self.in_list(right) if op in ("in", "not in") else self.visit(right)
        return compare(op, self.visit(left), right_sql, self.context, filtering=scope.filtering, exact=scope.exact)

    def in_list(self, node: Node) -> Sql:
        """The right side of IN: a list, a subquery, or the name of a WITH query."""
        if node["node"] == "Constant" and not isinstance(node.get("value"), list):
            value = self.visit(node)
            return Sql(f"tuple({value.text})", Type("Array", False), value=[value.value])
        return self.visit(node)

    def visit_between_expr(self, node: Node) -> Sql:
        low = self.compare(">=", node["expr"], node["low"]).text
        high = self.compare("<=", node["expr"], node["high"]).text
        return Sql(f"not(and({low}, {high}))" if node.get("negated") else f"and({low}, {high})", RESULT)

    def visit_is_distinct_from(self, node: Node) -> Sql:
        return self.compare("==" if node.get("negated") else "!=", node["left"], node["right"])

    def visit_type_cast(self, node: Node) -> Sql:
        name = node["type_name"].partition("(")[0].strip().lower()
        if name not in _CASTS:
            raise HogQLError(f"Unsupported type cast to '{node['type_name']}'")
        return self.visit_call({"name": _CASTS[name], "args": [node["expr"]]})

    visit_try_cast = visit_type_cast

    def visit_call(self, node: Node) -> Sql:
        name, nodes = node["name"], node.get("args") or []
        if name in functions.COMPARISONS:
            if len(nodes) != 2:
                raise HogQLError(f"Comparison '{name}' requires exactly two arguments")
            return self.compare(functions.COMPARISONS[name], nodes[0], nodes[1])
        if name == "_caseWithExpression":
            return self._case(nodes)
        function = functions.find(name)
        if node.get("order_by") or node.get("within_group"):
            raise HogQLError(f"ORDER BY inside of '{name}' is not supported")
        functions.check_count(function, len(nodes))
        if function.group == "aggregation":
            if self.scope.aggregation:
                outer = self.scope.aggregation
                raise HogQLError(
                    f"Aggregation '{function.name}' cannot be nested inside another aggregation '{outer}'."
                )
            with self.within(aggregation=function.name):
                arguments = self.values(node.get("args"))
                condition = self.value(node["filter_expr"]).text if node.get("filter_expr") else ""
                parameters = self._parameters(function, node.get("params"))
            printed = print_call(function, arguments, self.context)
            if parameters or node.get("distinct"):
                inner = ", ".join(argument.text for argument in arguments)
                distinct = "DISTINCT " if node.get("distinct") else ""
                printed = Sql(f"{function.clickhouse}{parameters}({distinct}{inner})", printed.type)
            return Sql(f"{printed.text} FILTER (WHERE {condition})", printed.type) if condition else printed
        if name == "JSONExtractRaw" and len(nodes) == 2 and (member := self._member(*nodes)):
            return member
        with self.within(raw=name in _RAW_ARGUMENT):
            arguments = self.values(nodes)
        return print_call(function, arguments, self.context)

    def _member(self, document: Node, key: Node) -> Sql | None:
        """The JSON of one property, read from its own column; None where that is not possible."""
        name = key.get("value")
        if document["node"] != "Field" or not isinstance(name, str) or not name:
            return None
        column = self.visit(document)
        return json_member(column.text, name) if column.type.kind == "JSON" else None

    def _parameters(self, function: functions.Function, nodes: list[Node] | None) -> str:
        if nodes is None and function.parameters == "required" and function.name != "quantiles":
            raise HogQLError(f"Aggregation '{function.name}' requires parameters in addition to arguments")
        if nodes is None:
            return ""
        if function.parameters == "none":
            raise HogQLError(f"Aggregation '{function.name}' does not take parameters")
        functions.check_count(function, len(nodes), "parameter")
        return f"({self.texts(nodes)})"

    def _case(self, nodes: list[Node]) -> Sql:
        """CASE x WHEN a THEN b … ELSE z END, compared as HogQL does: a NULL x takes the ELSE."""
        subject, *branches, otherwise = nodes
        pairs = zip(branches[::2], branches[1::2], strict=True)
        arguments = [part for when, then in pairs for part in (self.compare("==", subject, when), self.value(then))]
        return print_call(functions.find("multiIf"), [*arguments, self.value(otherwise)], self.context)

    def visit_window_function(self, node: Node) -> Sql:
        function = functions.find(node["name"], functions.WINDOW_FUNCTIONS)
        parameters = f"({self.texts(node['args'])})" if node.get("args") else ""
        arguments = self.values(node.get("exprs"))
        functions.check_count(function, len(arguments))
        printed = print_call(function, arguments, self.context)
        inner = printed.text.partition("(")[2]
        text = f"{function.clickhouse}{parameters}({inner}" if parameters else printed.text
        window = (
            identifier(node["over_identifier"])
            if node.get("over_identifier")
            else f"({self.window(node['over_expr'])})"
        )
        return Sql(f"{text} OVER {window}", printed.type)

    def window(self, node: Node) -> str:
        parts = []
        if node.get("partition_by"):
            parts.append(f"PARTITION BY {self.texts(node['partition_by'])}")
        if node.get("order_by"):
            parts.append(f"ORDER BY {', '.join(map(self.order, node['order_by']))}")
        if node.get("frame_method"):
            start, end = _frame(node["frame_start"]), node.get("frame_end")
            parts.append(f"{node['frame_method']} " + (f"BETWEEN {start} AND {_frame(end)}" if end else start))
        return " ".join(parts)

    def order(self, node: Node) -> str:
        text = f"{self.value(node['expr']).text} {'DESC' if node.get('order') == 'DESC' else 'ASC'}"
        if fill := node.get("with_fill"):
            bounds = (("FROM", "from_value"), ("TO", "to_value"), ("STEP", "step_value"))
            text += " WITH FILL" + "".join(f" {w} {self.value(fill[k]).text}" for w, k in bounds if fill.get(k))
        return text


@functools.cache
def _method(kind: str) -> str:
    return "visit_" + re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()


def _frame(node: Node) -> str:
    kind = node["frame_type"]
    if kind not in ("CURRENT ROW", "PRECEDING", "FOLLOWING"):
        raise HogQLError(f"Invalid window frame {kind}")
    amount = node.get("frame_value")
    return kind if kind == "CURRENT ROW" else f"{'UNBOUNDED' if amount is None else int(amount)} {kind}"


def _odd_number(text: str) -> str:
    """A number that JSON does not have, such as infinity."""
    known = {"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan"}
    if text in known:
        return known[text]
    return text if re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text) else quote(text)
