"""Prints a syntax tree as normalised HogQL, which also names the columns without an alias."""

from collections.abc import Callable
from typing import Any

from usertrack.server.hogql.compare import PRINTED
from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.parse import Node
from usertrack.server.hogql.sql import hogql_identifier, literal

_FUNCTIONS = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide", "%": "modulo"}


def column_name(node: Node) -> str:
    """PostHog's name of a result column: alias, field, the property's key, else the printed expression."""
    if node["node"] == "Alias":
        return str(node["alias"])
    chain = [str(part) for part in chain_of(node) or []]
    if "properties" in chain[:-1]:
        return "__".join(chain[chain.index("properties") + 1 :])
    return chain[-1] if node["node"] == "Field" else hogql(node)


def chain_of(node: Node) -> list[str | int] | None:
    """``a.b['c'][1].2`` as one chain of names and indices, None for anything else."""
    if node["node"] == "Field":
        return list(node["chain"])
    if node["node"] == "TupleAccess":
        before, key = chain_of(node["tuple"]), node["index"]
    elif node["node"] == "ArrayAccess" and node["property"]["node"] == "Constant":
        before, key = chain_of(node["array"]), node["property"].get("value")
    else:
        return None
    return [*before, key] if before and isinstance(key, str | int) and not isinstance(key, bool) else None


def hogql(node: Node | None) -> str:
    """``node`` as HogQL text."""
    if node is None:
        return ""
    printer = _PRINTERS.get(node["node"])
    if printer is None:
        raise HogQLError(f"{node['node']} is not supported")
    return printer(node)


def _list(nodes: list[Node] | None) -> str:
    return ", ".join(hogql(node) for node in nodes or [])


def _call(node: Node) -> str:
    parameters = f"({_list(node['params'])})" if node.get("params") is not None else ""
    distinct = "DISTINCT " if node.get("distinct") else ""
    condition = f" FILTER (WHERE {hogql(node['filter_expr'])})" if node.get("filter_expr") else ""
    return f"{node['name']}{parameters}({distinct}{_list(node.get('args'))}){condition}"


def _window_function(node: Node) -> str:
    parameters = f"({_list(node['args'])})" if node.get("args") else ""
    window = (
        hogql_identifier(node["over_identifier"]) if node.get("over_identifier") else f"({hogql(node['over_expr'])})"
    )
    return f"{node['name']}{parameters}({_list(node.get('exprs'))}) OVER {window}"


def _window(node: Node) -> str:
    parts = [f"PARTITION BY {_list(node['partition_by'])}"] if node.get("partition_by") else []
    if node.get("order_by"):
        parts.append(f"ORDER BY {_list(node['order_by'])}")
    if node.get("frame_method"):
        start, end = _frame(node["frame_start"]), node.get("frame_end")
        parts.append(f"{node['frame_method']} " + (f"BETWEEN {start} AND {_frame(end)}" if end else start))
    return " ".join(parts)


def _frame(node: Node) -> str:
    amount = node.get("frame_value")
    kind = str(node["frame_type"])
    return kind if kind == "CURRENT ROW" else f"{'UNBOUNDED' if amount is None else amount} {kind}"


def _constant(node: Node) -> str:
    return str(node["value"]) if node.get("value_type") == "number" else literal(node.get("value")).text


def _compare(node: Node) -> str:
    template = PRINTED.get(node["op"], "{} " + node["op"].upper() + " {}")
    return str(template).format(hogql(node["left"]), hogql(node["right"]))


def _between(node: Node) -> str:
    word = "NOT BETWEEN" if node.get("negated") else "BETWEEN"
    return f"{hogql(node['expr'])} {word} {hogql(node['low'])} AND {hogql(node['high'])}"


def _lambda(node: Node) -> str:
    names = [hogql_identifier(name) for name in node["args"]]
    return f"{names[0] if len(names) == 1 else '(' + ', '.join(names) + ')'} -> {hogql(node['expr'])}"


def _join(node: Node) -> str:
    table = hogql(node["table"])
    arguments = f"({_list(node['table_args'])})" if node.get("table_args") is not None else ""
    alias = f" AS {hogql_identifier(node['alias'])}" if node.get("alias") else ""
    sample = f" SAMPLE {hogql(node['sample'])}" if node.get("sample") else ""
    constraint = node.get("constraint")
    condition = f" {constraint['constraint_type']} {hogql(constraint['expr'])}" if constraint else ""
    following = node.get("next_join")
    rest = f" {following.get('join_type') or 'JOIN'} {_join(following)}" if following else ""
    return f"{table}{arguments}{alias}{sample}{condition}{rest}"


def _sample(node: Node) -> str:
    offset = f" OFFSET {hogql(node['offset_value'])}" if node.get("offset_value") else ""
    return hogql(node["sample_value"]) + offset


def _select(node: Node) -> str:
    ctes = ", ".join(map(_cte, node.get("ctes") or []))
    windows = ", ".join(f"{name} AS ({_window(w)})" for name, w in (node.get("window_exprs") or {}).items())
    limit_by = node.get("limit_by")
    clauses = [
        ("WITH", ctes),
        ("SELECT DISTINCT" if node.get("distinct") else "SELECT", _list(node["select"])),
        ("FROM", hogql(node.get("select_from"))),
        (node.get("array_join_op"), _list(node.get("array_join_list"))),
        ("PREWHERE", hogql(node.get("prewhere"))),
        ("WHERE", hogql(node.get("where"))),
        ("GROUP BY", "ALL" if node.get("group_by_mode") == "all" else _list(node.get("group_by"))),
        ("HAVING", hogql(node.get("having"))),
        ("WINDOW", windows),
        ("QUALIFY", hogql(node.get("qualify"))),
        ("ORDER BY", _list(node.get("order_by"))),
        ("LIMIT", f"{hogql(limit_by['n'])} BY {_list(limit_by['exprs'])}" if limit_by else ""),
        ("LIMIT", hogql(node.get("limit"))),
        ("OFFSET", hogql(node.get("offset"))),
    ]
    return " ".join(f"{word} {text}" for word, text in clauses if text)


def _cte(node: Node) -> str:
    inner = hogql(node["expr"])
    name = hogql_identifier(node["name"])
    return f"{name} AS {inner}" if node["cte_type"] == "subquery" else f"{inner} AS {name}"


def _set(node: Node) -> str:
    members = [_top(node["initial_select_query"])]
    members += [f"{m['set_operator']} {_top(m['select_query'])}" for m in node["subsequent_select_queries"]]
    tail = [("ORDER BY", _list(node.get("order_by"))), ("LIMIT", hogql(node.get("limit")))]
    return " ".join([*members, *(f"{word} {text}" for word, text in tail if text)])


def _top(node: Node) -> str:
    return _select(node) if node["node"] == "SelectQuery" else _set(node)


def top_level(node: Node) -> str:
    """A query without the brackets of a subquery."""
    return _top(node)


def _columns(node: Node) -> str:
    exclude = node.get("exclude")
    if node.get("all_columns"):
        return f"* EXCLUDE ({', '.join(map(hogql_identifier, exclude))})" if exclude else "*"
    return f"COLUMNS({literal(node.get('regex')).text})"


def _chain(node: Node) -> str:
    return ".".join("*" if part == "*" else hogql_identifier(str(part)) for part in node["chain"])


_PRINTERS: dict[str, Callable[[Any], str]] = {
    "Constant": _constant,
    "Field": _chain,
    "Alias": lambda n: f"{hogql(n['expr'])} AS {hogql_identifier(n['alias'])}",
    "Call": _call,
    "ArithmeticOperation": lambda n: f"{_FUNCTIONS[n['op']]}({hogql(n['left'])}, {hogql(n['right'])})",
    "CompareOperation": _compare,
    "BetweenExpr": _between,
    "IsDistinctFrom": lambda n: (
        f"{hogql(n['left'])} IS {'NOT ' if n.get('negated') else ''}DISTINCT FROM {hogql(n['right'])}"
    ),
    "And": lambda n: f"and({_list(n['exprs'])})",
    "Or": lambda n: f"or({_list(n['exprs'])})",
    "Not": lambda n: f"not({hogql(n['expr'])})",
    "Array": lambda n: f"[{_list(n['exprs'])}]",
    "Tuple": lambda n: f"tuple({_list(n['exprs'])})",
    "Dict": lambda n: "{" + ", ".join(f"{hogql(k)}: {hogql(v)}" for k, v in n["items"]) + "}",
    "ArrayAccess": lambda n: f"{hogql(n['array'])}[{hogql(n['property'])}]",
    "ArraySlice": lambda n: f"{hogql(n['array'])}[{hogql(n.get('start_expr'))}:{hogql(n.get('end_expr'))}]",
    "TupleAccess": lambda n: f"{hogql(n['tuple'])}.{n['index']}",
    "Lambda": _lambda,
    "OrderExpr": lambda n: f"{hogql(n['expr'])} {n.get('order', 'ASC')}",
    "WindowFunction": _window_function,
    "WindowExpr": _window,
    "TypeCast": lambda n: f"CAST({hogql(n['expr'])} AS {n['type_name']})",
    "TryCast": lambda n: f"TRY_CAST({hogql(n['expr'])} AS {n['type_name']})",
    "Placeholder": lambda n: "{" + hogql(n["expr"]) + "}",
    "ColumnsExpr": _columns,
    "JoinExpr": _join,
    "SampleExpr": _sample,
    "RatioExpr": lambda n: hogql(n["left"]) + (f"/{hogql(n['right'])}" if n.get("right") else ""),
    "SelectQuery": lambda n: f"({_select(n)})",
    "SelectSetQuery": lambda n: f"({_set(n)})",
}
