"""HogQL's comparisons, where NULL is a value: ``a != 'x'`` keeps rows where a is NULL, ``a = 'x'`` drops them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from usertrack.server.hogql.context import Context
from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.sql import Sql, Type, quote

PRINTED = {
    "==": "equals({}, {})",
    "!=": "notEquals({}, {})",
    "<": "less({}, {})",
    "<=": "lessOrEquals({}, {})",
    ">": "greater({}, {})",
    ">=": "greaterOrEquals({}, {})",
    "like": "like({}, {})",
    "not like": "notLike({}, {})",
    "ilike": "ilike({}, {})",
    "not ilike": "notILike({}, {})",
    "=~": "match({}, {})",
    "!~": "not(match({}, {}))",
    "=~*": "match({}, concat('(?i)', {}))",
    "!~*": "not(match({}, concat('(?i)', {})))",
    "in": "in({}, {})",
    "not in": "notIn({}, {})",
}
_NEGATIVE = {"!=", "not like", "not ilike", "!~", "!~*", "not in"}
_ORDER = {"<", "<=", ">", ">="}
RESULT = Type("Int", False)


def compare(op: str, left: Sql, right: Sql, context: Context, *, filtering: bool, exact: bool) -> Sql:
    """``left op right``, never NULL except with ``exact`` (a JOIN's condition).

    ``filtering``: in WHERE, where a timestamp stays the stored column, so that ClickHouse can use the primary key.
    """
    if op in ("in cohort", "not in cohort"):
        # the static cohort of that id or name
        key = right.value
        ids = [id_ for id_, name in context.cohorts.items() if key in (id_, name) and not isinstance(key, bool)]
        if len(ids) != 1:
            many = "several cohorts" if ids else "no cohort"
            raise HogQLError(f"There is {many} with the {'name' if isinstance(key, str) else 'id'} {key!r}")
        members = f"SELECT person_id FROM posthog.static_cohort_people FINAL WHERE cohort_id = {ids[0]}"
        return Sql(f"({left.plain.text} {op.removesuffix(' cohort').upper()} ({members}))", RESULT)
    if op not in PRINTED:
        raise HogQLError(f"Unknown {op}")
    if op in ("==", "!=") and not exact and None in (left.value, right.value):
        value = left if right.value is None else right
        return Sql(f"{'isNull' if op == '==' else 'isNotNull'}({value.plain.text})", RESULT)
    stamped = bool(left.raw or right.raw)
    pair = left.plain, right.plain
    left, right = _aligned(*pair, context, filtering=filtering), _aligned(*pair[::-1], context, filtering=filtering)
    text = PRINTED[op].format(left.text, right.text)
    if exact or stamped or not (left.type.nullable or right.type.nullable):
        return Sql(text, RESULT)
    return Sql(_without_null(op, text, left, right), RESULT)


def _without_null(op: str, text: str, left: Sql, right: Sql) -> str:
    if op == "in":
        return text  # transform_null_in makes NULL a value like any other
    if op == "not in" or left.constant or right.constant:
        return f"ifNull({text}, {int(op in _NEGATIVE)})"
    if op in _ORDER:
        return f"ifNull({text}, 0)"
    if op in _NEGATIVE:
        return f"ifNull({text}, isNotNull({left.text}) OR isNotNull({right.text}))"
    return f"ifNull({text}, isNull({left.text}) AND isNull({right.text}))"


def _aligned(value: Sql, other: Sql, context: Context, *, filtering: bool) -> Sql:
    """``value`` as compared with ``other``: beside a timestamp a text constant is a time in the project's zone."""
    if other.type.kind == "DateTime":
        if isinstance(value.value, str):
            return instant(value, context)
        if value.type.kind == "Date" and filtering and other.raw:
            return Sql(
                f"toDateTime64({value.text}, 6, {quote(context.timezone)})", Type("DateTime", value.type.nullable)
            )
        if isinstance(value.value, list):
            items = [instant(Sql(quote(v), value=v), context).text if isinstance(v, str) else "" for v in value.value]
            return Sql(f"[{', '.join(items)}]", value.type, value=value.value) if all(items) else value
    comparable = other.type.kind in ("DateTime", "Date") or isinstance(other.value, str | list)
    return Sql(value.raw, value.type) if filtering and value.raw and comparable else value


def instant(constant: Sql, context: Context) -> Sql:
    """A text constant as a DateTime64: naive text is in the project's timezone. Text that is no time stays text."""
    try:
        moment = datetime.fromisoformat(constant.value.strip())
    except ValueError:
        return constant
    zone = context.timezone
    if moment.tzinfo is not None:
        moment, zone = moment.astimezone(ZoneInfo("UTC")), "UTC"
    text = moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    return Sql(f"toDateTime64('{text}', 6, {quote(zone)})", Type("DateTime", False), value=constant.value)
