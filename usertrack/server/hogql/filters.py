"""``{filters}`` and ``{filters.dateRange.from|to}``: a dashboard's filters as conditions on the query's main table.

Ranges are half-open, naive dates are in the project's timezone, and without filters the placeholder is ``true``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from usertrack.server.hogql.context import Context
from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.parse import Node, parse_condition, transform

_TIME_FIELDS = {"events": "timestamp", "sessions": "$start_timestamp", "groups": "created_at"}
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_OPERATORS = {
    "exact": "==",
    "is_not": "!=",
    "icontains": "ilike",
    "not_icontains": "not ilike",
    "regex": "=~",
    "not_regex": "!~",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
}
_TRUE: Node = {"node": "Constant", "value": True}


def replace_filters(tree: Node, filters: dict[str, Any], context: Context) -> Node:
    """The tree with every filters placeholder replaced."""

    def change(node: Node) -> Node | None:
        if node["node"] == "SelectQuery":
            return _in_select(node, filters, context)
        return None

    replaced: Node = transform(tree, change)
    return replaced


def _in_select(select: Node, filters: dict[str, Any], context: Context) -> Node:
    dates = filters.get("dateRange") or {}
    bounds = {"from": dates.get("date_from"), "to": dates.get("date_to")}

    def change(node: Node) -> Node | None:
        if node["node"] == "SelectQuery":
            return _in_select(node, filters, context)
        if node["node"] == "CompareOperation":
            unset = any(_bound(node[side]) and not _set(bounds[_bound(node[side])]) for side in ("left", "right"))
            return _compare("==", _TRUE, _TRUE) if unset else None
        if node["node"] != "Placeholder" or (node["expr"].get("chain") or [""])[0] != "filters":
            return None
        if name := _bound(node):
            return _moment(bounds[name], context)
        if node["expr"]["chain"] != ["filters"]:
            raise HogQLError("Unsupported filters placeholder")
        return _condition(_table(select), filters, bounds, context)

    return {key: transform(item, change) for key, item in select.items()}


def _bound(node: Node) -> str:
    chain = (node.get("expr") or {}).get("chain") if node["node"] == "Placeholder" else None
    found = chain and chain[:2] == ["filters", "dateRange"] and len(chain) == 3 and chain[2] in ("from", "to")
    return str(chain[2]) if chain and found else ""


def _set(value: Any) -> bool:
    return bool(value) and value != "all"


def _table(select: Node) -> str:
    join = select.get("select_from")
    while join:
        table = (join["table"].get("chain") or [""])[0]
        if table in _TIME_FIELDS:
            return str(table)
        join = join.get("next_join")
    raise HogQLError(
        "Cannot use 'filters' placeholder in a SELECT clause that does not select from the events, sessions, logs, "
        "traces or groups table."
    )


def _condition(table: str, filters: dict[str, Any], bounds: dict[str, Any], context: Context) -> Node:
    field = {"node": "Field", "chain": [_TIME_FIELDS[table]]}
    tests = context.test_account_filters if filters.get("filterTestAccounts") else ()
    conditions = [property_condition(item) for item in [*(filters.get("properties") or []), *tests]]
    if _set(bounds["to"]):
        conditions.append(_compare("<", field, _moment(bounds["to"], context)))
    if _set(bounds["from"]):
        conditions.append(_compare(">=", field, _moment(bounds["from"], context)))
    return {"node": "And", "exprs": [*conditions, _TRUE]} if conditions else _TRUE


def _compare(op: str, left: Node, right: Node) -> Node:
    return {"node": "CompareOperation", "op": op, "left": left, "right": right}


def _moment(value: Any, context: Context) -> Node:
    moment = moment_of(value, ZoneInfo(context.timezone), context.now or datetime.now(UTC))
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    arguments = [{"node": "Constant", "value": item} for item in (text, 6, "UTC")]
    return {"node": "Call", "name": "toDateTime64", "args": arguments}


def moment_of(value: Any, zone: ZoneInfo, now: datetime) -> datetime:
    """In ``zone``: an ISO date, or ``-7d``, ``-1mStart`` and the like, counted back from ``now``."""
    value = str(value)
    if match := re.fullmatch(r"-(\d+)([hdwmqy])(Start)?", value):
        return _before(now.astimezone(zone), int(match[1]), match[2])
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise HogQLError(f"Invalid date in filters: {value}") from error
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def _before(now: datetime, count: int, unit: str) -> datetime:
    if unit == "h":
        return now - timedelta(hours=count)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit in _UNITS:
        return today - timedelta(**{_UNITS[unit]: count})
    months = count * {"m": 1, "q": 3, "y": 12}[unit]
    index = today.year * 12 + today.month - 1 - months
    last = (datetime(index // 12 + (index % 12 == 11), (index + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return today.replace(year=index // 12, month=index % 12 + 1, day=min(today.day, last))


def property_condition(item: Mapping[str, Any]) -> Node:
    """One of PostHog's property filters as a condition; raises HogQLError for what is not supported."""
    if item.get("type") == "hogql":
        return parse_condition(str(item.get("key", "")))
    kind, operator, value = item.get("type", "event"), item.get("operator") or "exact", item.get("value")
    before = {"event": [], "person": ["person"], "session": ["session"]}.get(kind)
    if before is None or "key" not in item:
        raise HogQLError(f"Unsupported property filter of type {kind}")
    middle = [] if kind == "session" else ["properties"]
    field: Node = {"node": "Field", "chain": [*before, *middle, str(item["key"])]}
    if operator in ("is_set", "is_not_set"):
        return _compare("!=" if operator == "is_set" else "==", field, {"node": "Constant", "value": None})
    if operator not in _OPERATORS:
        raise HogQLError(f"Unsupported property filter operator {operator}")
    if isinstance(value, list):
        return _any_of(field, operator, value)
    pattern = f"%{value}%" if "contains" in operator else value
    return _compare(_OPERATORS[operator], field, {"node": "Constant", "value": pattern})


def _any_of(field: Node, operator: str, values: list[Any]) -> Node:
    if operator not in ("exact", "is_not"):
        raise HogQLError(f"Property filter operator {operator} takes one value")
    return _compare("in" if operator == "exact" else "not in", field, {"node": "Constant", "value": values})
