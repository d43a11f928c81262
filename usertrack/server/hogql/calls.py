"""Function calls: only what the allow-list has, with PostHog's conversions (OrNull) and the project's timezone."""

import re
from collections.abc import Callable
from datetime import UTC, timedelta

from usertrack.server.hogql import functions
from usertrack.server.hogql.context import Context
from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.functions import Function
from usertrack.server.hogql.sql import Sql, Type, clickhouse_time, quote

_PARTS = {
    "year": "toYear",
    "quarter": "toQuarter",
    "month": "toMonth",
    "day": "toDayOfMonth",
    "hour": "toHour",
    "minute": "toMinute",
    "second": "toSecond",
    "dow": "toDayOfWeek",
    "doy": "toDayOfYear",
}
_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
Printer = Callable[[list[Sql], Context], str]


def result_type(function: Function, arguments: list[Sql]) -> Type:
    """Return the type of a call's result, as far as it is known."""
    name = function.name
    nullable = any(argument.type.nullable for argument in arguments) or name in functions.MAYBE_NULL
    position = functions.SAME_AS_ARGUMENT.get(name)
    if position is not None and position < len(arguments):
        kind = arguments[position].type.kind
        if name in ("ifNull", "coalesce"):
            nullable = all(argument.type.nullable for argument in arguments)
        if name in ("plus", "minus"):
            other = arguments[1].type.kind
            kind = {("DateTime", "DateTime"): "Float", ("Date", "Date"): "Int", ("String", "Interval"): "DateTime"}.get(
                (kind, other), kind
            )
    else:
        kind = functions.RETURNS.get(name, "Unknown")
    return Type(kind, nullable and name not in functions.NEVER_NULL)


def print_call(function: Function, arguments: list[Sql], context: Context) -> Sql:
    """The call in ClickHouse."""
    special = _SPECIAL.get(function.name)
    kind = result_type(function, arguments)
    if special:
        text = special(arguments, context)
        return Sql(text, Type(kind.kind, kind.nullable or "OrNull(" in text) if kind.kind != "Unknown" else kind)
    return Sql(f"{function.clickhouse}({_list(arguments)})", kind)


def _list(arguments: list[Sql]) -> str:
    return ", ".join(argument.text for argument in arguments)


def _zone(context: Context) -> str:
    return quote(context.timezone)


def _to_date(arguments: list[Sql], context: Context) -> str:
    value = arguments[0]
    if value.type.kind in ("DateTime", "Date", "Int"):
        return f"toDate({value.text})"
    if isinstance(value.value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.value):
        return f"toDate({value.text})"
    return f"toDateOrNull({value.text if value.type.kind == 'String' else f'toString({value.text})'})"


def _to_datetime(arguments: list[Sql], context: Context) -> str:
    value = arguments[0]
    zone = arguments[1].text if len(arguments) > 1 else _zone(context)
    if value.type.kind in ("DateTime", "Date", "Int"):
        return f"toDateTime({value.text}, {zone})"
    if isinstance(value.value, str):
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2}(\.\d{1,6})?)?", value.value):
            return f"toDateTime64({value.text}, 6, {zone})"
        return f"parseDateTime64BestEffort({value.text}, 6, {zone})"
    return _parsed("parseDateTime64BestEffortOrNull")(arguments, context)


def _parsed(name: str) -> Printer:
    def printer(arguments: list[Sql], context: Context) -> str:
        value = arguments[0]
        zone = arguments[1].text if len(arguments) > 1 else _zone(context)
        text = value.text if value.type.kind == "String" else f"toString({value.text})"
        return f"{name}({text}, 6, {zone})"

    return printer


def _cast(kind: str) -> Printer:
    return lambda arguments, _: f"accurateCastOrNull({arguments[0].text}, '{kind}')"


def _decimal(arguments: list[Sql], _: Context) -> str:
    if not isinstance(arguments[1].value, int):
        raise HogQLError("Function 'toDecimal' expects a constant number of decimal places")
    return f"accurateCastOrNull({arguments[0].text}, 'Decimal64({int(arguments[1].value)})')"


def _now(_: list[Sql], context: Context) -> str:
    if context.now is None:
        return f"now64(6, {_zone(context)})"
    return f"toTimeZone(toDateTime64('{clickhouse_time(context.now)}', 6, 'UTC'), {_zone(context)})"


def _day(days: int) -> Printer:
    """The UTC date ``days`` from today: the timezone of PostHog's servers."""

    def printer(_: list[Sql], context: Context) -> str:
        if context.now is None:
            return "today()" if days == 0 else "yesterday()"
        return f"toDate('{context.now.astimezone(UTC) + timedelta(days=days):%Y-%m-%d}')"

    return printer


def _with_zone(name: str, most: int) -> Printer:
    """Functions whose last, optional argument is a timezone: the project's."""

    def printer(arguments: list[Sql], context: Context) -> str:
        zone = [] if len(arguments) == most else [Sql(_zone(context))]
        return f"{name}({_list([*arguments, *zone])})"

    return printer


def _datetime64(arguments: list[Sql], context: Context) -> str:
    value, precision, zone = [*(a.text for a in arguments), *["6", _zone(context)][len(arguments) - 1 :]]
    return f"toDateTime64({value}, {precision}, {zone})"


def _concat(arguments: list[Sql], _: Context) -> str:
    def text(value: Sql) -> str:
        if isinstance(value.value, str) or (value.type.kind == "String" and not value.type.nullable):
            return value.text
        return f"ifNull(toString({value.text}), '')"

    return f"concat({', '.join(map(text, arguments))})"


def _trim(name: str, where: str) -> Printer:
    def printer(arguments: list[Sql], _: Context) -> str:
        if len(arguments) == 1:
            return f"{name}({arguments[0].text})"
        return f"trim({where} {arguments[1].text} FROM {arguments[0].text})"

    return printer


def _start_of_week(arguments: list[Sql], context: Context) -> str:
    mode = [] if len(arguments) > 1 else [Sql("3" if context.week_start_day == 1 else "0")]
    return f"toStartOfWeek({_list([*arguments, *mode])})"


def _date_part(arguments: list[Sql], _: Context) -> str:
    part = str(arguments[0].value).lower()
    if part not in _PARTS:
        raise HogQLError(f"Unknown date part {part!r}, use one of: {', '.join(_PARTS)}")
    return f"{_PARTS[part]}({arguments[1].text})"


def _array_reduce(arguments: list[Sql], _: Context) -> str:
    reducer = arguments[0].value
    if not isinstance(reducer, str) or reducer not in functions.REDUCERS:
        raise HogQLError(f"Invalid parametric function in 'arrayReduce', '{reducer}' is not supported.")
    return f"arrayReduce({_list(arguments)})"


def _typed_extract(arguments: list[Sql], _: Context) -> str:
    if not isinstance(arguments[-1].value, str):
        raise HogQLError("Function 'JSONExtract' expects a constant type as its last argument")
    return f"JSONExtract({_list(arguments)})"


def _shift(function: str) -> Printer:
    """``dateAdd(time, interval)`` or ``dateAdd('day', 1, time)``."""

    def printer(arguments: list[Sql], _: Context) -> str:
        if len(arguments) == 2:
            return f"{function}({_list(arguments)})"
        unit = str(arguments[0].value).lower().removesuffix("s")
        if unit not in _UNITS:
            raise HogQLError(f"Unknown unit {unit!r}, use one of: {', '.join(_UNITS)}")
        return f"{function}({arguments[2].text}, toInterval{unit.title()}({arguments[1].text}))"

    return printer


def _template(text: str) -> Printer:
    return lambda arguments, _: text.format(*(argument.text for argument in arguments))


_SPECIAL: dict[str, Printer] = {
    "now": _now,
    "current_timestamp": _now,
    "today": _day(0),
    "current_date": _day(0),
    "yesterday": _day(-1),
    "toDate": _to_date,
    "to_date": _to_date,
    "_toDate": _to_date,
    "toDateTime": _to_datetime,
    "toDateTime64": _datetime64,
    "toDateTimeUS": _parsed("parseDateTime64BestEffortUSOrNull"),
    "parseDateTimeBestEffort": _parsed("parseDateTime64BestEffortOrNull"),
    "parseDateTime": _with_zone("parseDateTimeOrNull", 3),
    "toTimeZone": _with_zone("toTimeZone", 2),
    "to_char": _with_zone("formatDateTime", 3),
    "make_timestamp": _with_zone("makeDateTime", 7),
    "to_timestamp": lambda a, c: f"toDateTime(fromUnixTimestamp(toInt64({a[0].text})), {_zone(c)})",
    "UUIDv7ToDateTime": lambda a, c: f"UUIDv7ToDateTime({a[0].text}, {_zone(c)})",
    "timezone": _template("toTimeZone({1}, {0})"),
    "date_bin": _template("toStartOfInterval({1}, {0}, {2})"),
    "toStartOfWeek": _start_of_week,
    "toInt": _cast("Int64"),
    "toFloat": _cast("Float64"),
    "toUUID": _cast("UUID"),
    "toNullableString": _cast("Nullable(String)"),
    "toDecimal": _decimal,
    "concat": _concat,
    "trim": _trim("trim", "BOTH"),
    "btrim": _trim("trim", "BOTH"),
    "trimLeft": _trim("trimLeft", "LEADING"),
    "ltrim": _trim("trimLeft", "LEADING"),
    "trimRight": _trim("trimRight", "TRAILING"),
    "rtrim": _trim("trimRight", "TRAILING"),
    "date_part": _date_part,
    **dict.fromkeys(("dateAdd", "date_add", "timeStampAdd"), _shift("plus")),
    **dict.fromkeys(("dateSub", "date_subtract", "timeStampSub"), _shift("minus")),
    "split_part": _template("arrayElement(splitByString({1}, {0}), {2})"),
    "md5": _template("hex(MD5({0}))"),
    "json_agg": _template("toJSONString(groupArray({0}))"),
    "string_agg": _template("arrayStringConcat(groupArray({0}), {1})"),
    "every": _template("toBool(min({0}))"),
    "arrayReduce": _array_reduce,
    "JSONExtract": _typed_extract,
    "lag": lambda a, _: f"lag({_list([Sql(f'toNullable({a[0].text})'), *a[1:]])})",
    "lead": lambda a, _: f"lead({_list([Sql(f'toNullable({a[0].text})'), *a[1:]])})",
}
