"""Compiles HogQL text with values to one ClickHouse SELECT, with PostHog's limits of rows."""

from collections.abc import Callable

from usertrack.core.json_types import JsonObject
from usertrack.server.hogql.compiled import CompiledQuery
from usertrack.server.hogql.context import Context
from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.filters import replace_filters
from usertrack.server.hogql.parse import Node, nodes, parse_select, replace_placeholders
from usertrack.server.hogql.queries import Queries

DEFAULT_ROWS = 100  # PostHog's LIMIT for a query without one
OFFSET_REFUSED = (
    "OFFSET is not supported on queries made with a personal API key. For pagination, use keyset pagination on the "
    "`timestamp` column, e.g. `WHERE timestamp > :last_seen_timestamp ORDER BY timestamp LIMIT N`. For bulk data "
    "extraction, use batch exports: https://posthog.com/docs/cdp/batch-exports"
)


def compile_hogql(
    text: str,
    *,
    values: JsonObject | None = None,
    context: Context,
    filters: JsonObject | None = None,
    variables: JsonObject | None = None,
    parse: Callable[[str], Node] = parse_select,
) -> CompiledQuery:
    """Compiles one SELECT.

    ``values`` replace ``{name}`` as constants, ``variables`` ``{variables.code_name}``; ``filters`` is PostHog's
    HogQLFilters for ``{filters}``; ``parse`` makes the syntax tree. Raises HogQLError with PostHog's message for
    everything that HogQL does not allow.
    """
    try:
        tree = parse(text)
        if filters or "filters" in text:
            tree = replace_filters(tree, filters or {}, context)
        names = {f"variables.{name}": value for name, value in (variables or {}).items()}
        tree = replace_placeholders(tree, {**names, **(values or {})})
        if tree["node"] not in ("SelectQuery", "SelectSetQuery"):
            raise HogQLError("Only SELECT queries are supported")
        for node in nodes(tree):
            limit_by = node.get("limit_by") or {}
            if node["node"] in ("SelectQuery", "SelectSetQuery") and (
                node.get("offset") or limit_by.get("offset_value")
            ):
                raise HogQLError(OFFSET_REFUSED)
        page = None if context.row_cap is None else _limit(tree, context.row_cap)
        sql, columns = Queries(context).query(tree, top=True)
        return CompiledQuery(sql, [c.name for c in columns], [c.key for c in columns], tree, page)
    except RecursionError as error:
        raise HogQLError("The query is too deeply nested") from error


def _limit(tree: Node, cap: int) -> int | None:
    """Applies PostHog's limits in place. Returns the page size if the query is a SELECT without a LIMIT."""
    if tree["node"] == "SelectQuery" and not tree.get("limit"):
        page = min(DEFAULT_ROWS, cap)
        tree["limit"] = _constant(page + 1)
        return page
    for select in _members(tree):
        if not select.get("limit"):
            select["limit"] = _constant(DEFAULT_ROWS)
        if not select.get("limit_percent"):
            select["limit"] = _clamped(select["limit"], cap)
    return None


def _members(tree: Node) -> list[Node]:
    """The SELECTs of a UNION, and the UNION itself if it has a LIMIT of its own."""
    if tree["node"] == "SelectQuery":
        return [tree]
    inner = [tree["initial_select_query"], *(m["select_query"] for m in tree["subsequent_select_queries"])]
    return [select for member in inner for select in _members(member)] + ([tree] if tree.get("limit") else [])


def _clamped(limit: Node, cap: int) -> Node:
    value = limit.get("value")
    if limit["node"] == "Constant" and isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise HogQLError("LIMIT must not be negative")
        return _constant(min(value, cap))
    return {"node": "Call", "name": "min2", "args": [_constant(cap), limit]}


def _constant(value: int) -> Node:
    return {"node": "Constant", "value": value}
