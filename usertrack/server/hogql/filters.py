"""PostHog's filters as conditions of HogQL: ``{filters}``, ``{filters.dateRange.from|to}`` and property filters.

Ranges are half-open, dates without a timezone are in the project's, and without filters the placeholder is ``true``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from usertrack.core.json_types import JsonObject
from usertrack.server.hogql.context import Context
from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.parse import Node, parse_condition, transform
from usertrack.server.hogql.sql import clickhouse_time

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
_NEGATED = ("is_not", "not_icontains", "not_regex")
_YEARS = range(1900, 2200)  # what DateTime64 can hold
PROPERTY_PATHS = {"event": ["properties"], "person": ["person", "properties"], "session": ["session"]}
"""The path from events to the properties of each kind."""
_TRUE: Node = {"node": "Constant", "value": True}


def replace_filters(tree: Node, filters: JsonObject, context: Context) -> Node:
    """The tree with every filters placeholder replaced."""

    def change(node: Node) -> Node | None:
        if node["node"] == "SelectQuery":
            return _in_select(node, filters, context)
        return None

    replaced: Node = transform(tree, change)
    return replaced


def _in_select(select: Node, filters: JsonObject, context: Context) -> Node:
    dates = filters.get("dateRange") or {}
    if not isinstance(dates, dict):
        raise HogQLError("filters.dateRange must be an object")
    bounds = {"from": dates.get("date_from"), "to": dates.get("date_to")}

    def change(node: Node) -> Node | None:
        if node["node"] == "SelectQuery":
            return _in_select(node, filters, context)
        if node["node"] == "CompareOperation":
            unset = any(_bound(node[side]) and not _set(bounds[_bound(node[side])]) for side in ("left", "right"))
            return compared("==", _TRUE, _TRUE) if unset else None
        if node["node"] != "Placeholder" or (node["expr"].get("chain") or [""])[0] != "filters":
            return None
        if name := _bound(node):
            return _moment(bounds[name], context)
        if node["expr"]["chain"] != ["filters"]:
            raise HogQLError("Unsupported filters placeholder")
        field = {"node": "Field", "chain": [_TIME_FIELDS[_table(select)]]}
        tests = context.test_account_filters if filters.get("filterTestAccounts") else ()
        property_filters = filters.get("properties") or []
        if not isinstance(property_filters, list) or not all(isinstance(item, dict) for item in property_filters):
            raise HogQLError("filters.properties must be a list of objects")
        conditions = [property_condition(item) for item in [*property_filters, *tests]]
        if _set(bounds["to"]):
            conditions.append(compared("<", field, _moment(bounds["to"], context)))
        if _set(bounds["from"]):
            conditions.append(compared(">=", field, _moment(bounds["from"], context)))
        return {"node": "And", "exprs": [*conditions, _TRUE]} if conditions else _TRUE

    return {key: transform(item, change) for key, item in select.items()}


def _bound(node: Node) -> str:
    chain = (node.get("expr") or {}).get("chain") if node["node"] == "Placeholder" else None
    is_bound = chain and chain[:2] == ["filters", "dateRange"] and len(chain) == 3 and chain[2] in ("from", "to")
    return str(chain[2]) if chain and is_bound else ""


def _set(value: object) -> bool:
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


def compared(op: str, left: Node, right: Node) -> Node:
    return {"node": "CompareOperation", "op": op, "left": left, "right": right}


def _moment(value: Any, context: Context) -> Node:  # noqa: ANN401
    moment = moment_of(value, ZoneInfo(context.timezone), context.now or datetime.now(UTC))
    arguments = [constant(value) for value in (clickhouse_time(moment), 6, "UTC")]
    return {"node": "Call", "name": "toDateTime64", "args": arguments}


def moment_of(value: object, zone: ZoneInfo, now: datetime) -> datetime:
    """A date of a filter in ``zone``: an ISO date, or ``-7d``, ``-1mStart`` and the like before ``now``.

    Raises HogQLError, also for years that ClickHouse cannot store.
    """
    try:
        moment = _read(str(value), zone, now)
    except (ValueError, OverflowError):
        moment = datetime.min
    if moment.year not in _YEARS:
        raise HogQLError(f"Invalid date in filters: {str(value)[:60]}")
    return moment


def _read(value: str, zone: ZoneInfo, now: datetime) -> datetime:
    if match := re.fullmatch(r"-(\d+)([hdwmqy])(Start)?", value):
        return _before(now.astimezone(zone), int(match[1]), match[2])
    moment = datetime.fromisoformat(value)
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


def property_condition(item: Mapping[str, object]) -> Node:
    """One of PostHog's property filters as a condition; raises HogQLError for what is not supported.

    One of several values must match, or none of them for a negated operator; without values everything matches.
    """
    kind, operator, value = item.get("type", "event"), item.get("operator") or "exact", item.get("value")
    if item.get("negation"):  # PostHog only uses it in filters by cohort, which are not supported
        raise HogQLError("Unsupported property filter with negation; use an operator such as is_not")
    if kind == "hogql":
        return parse_condition(str(item.get("key", "")))
    before = PROPERTY_PATHS.get(kind) if isinstance(kind, str) else None
    if before is None or not isinstance(item.get("key"), str):
        raise HogQLError(f"Unsupported property filter of type {kind}")
    field: Node = {"node": "Field", "chain": [*before, item["key"]]}
    if operator in ("is_set", "is_not_set"):
        return compared("!=" if operator == "is_set" else "==", field, constant(None))
    if not isinstance(operator, str) or operator not in _OPERATORS:
        raise HogQLError(f"Unsupported property filter operator {operator}")
    values = value if isinstance(value, list) else [value]
    if not all(operand is None or isinstance(operand, str | int | float) for operand in values):
        raise HogQLError("A property filter compares with texts, numbers, true, false or null")
    if len(values) > 1 and operator in ("exact", "is_not"):
        return compared("in" if operator == "exact" else "not in", field, constant(values))
    tests = [_test(field, operator, operand) for operand in values]
    if len(tests) == 1:
        return tests[0]
    return {"node": "And" if operator in _NEGATED else "Or", "exprs": tests} if tests else _TRUE


def _test(field: Node, operator: str, value: object) -> Node:
    if operator.endswith(("contains", "regex")):  # of texts, whatever the property holds
        field = {"node": "Call", "name": "toString", "args": [field]}
        value = f"%{value}%" if "contains" in operator else str(value)
    return compared(_OPERATORS[operator], field, constant(value))


def constant(value: object) -> Node:
    return {"node": "Constant", "value": value}
