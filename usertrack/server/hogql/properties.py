"""Prints a property of a JSON column as PostHog reads it: '' is '', null and missing are NULL, the rest JSON text.

ClickHouse stores each kind of value in its own sub-column, so a property that ever had other values than strings needs
a longer expression. Property definitions say which form is enough, and the type of the value.
"""

from collections.abc import Sequence

from usertrack.server.hogql.context import Context, PropertyDefinition
from usertrack.server.hogql.sql import Sql, Type, identifier, quote

_ALWAYS_STRING = {f"$ai_{name}_id" for name in ("trace", "session", "parent", "span", "generation", "experiment")}


def json_property(column: str, path: Sequence[str | int], owner: str, context: Context, *, raw: bool = False) -> Sql:
    """The value at ``path`` of the JSON column ``column``; ``raw``: without conversion to its defined type."""
    keys = [key for key in path if isinstance(key, str)]
    if len(keys) < len(path) or "" in keys:  # an index into an array: read on in the JSON text
        depth = next(i for i, key in enumerate(path) if not isinstance(key, str) or key == "")
        document = (
            json_property(column, path[:depth], owner, context, raw=True).text if depth else f"toJSONString({column})"
        )
        return text_property(document, path[depth:])
    definition = context.definitions.get((owner, keys[0])) if len(keys) == 1 else None
    value = Sql(_value(column, keys, definition or PropertyDefinition()), Type("String"))
    return value if raw or not definition or keys[0] in _ALWAYS_STRING else typed(value, definition, context)


def _value(column: str, keys: Sequence[str], definition: PropertyDefinition) -> str:
    path = ".".join(identifier(key.replace(".", "%2E")) for key in keys)  # the store keeps a dotted key one key
    text = f"{column}.{path}.:String"
    if definition.scalar_string:
        return text
    other = f"toJSONString({column}.{path})"
    if definition.property_type in ("Numeric", "Boolean", "DateTime"):
        return f"coalesce({text}, {other})"
    return f"coalesce({text}, {other}, nullIf(toJSONString({column}.^{path}), '{{}}'))"


def json_member(column: str, key: str) -> Sql:
    """The JSON of the property ``key`` as it was sent; empty where there is none."""
    path = identifier(key.replace(".", "%2E"))
    texts = f"toJSONString({column}.{path}), nullIf(toJSONString({column}.^{path}), '{{}}'), ''"
    return Sql(f"coalesce({texts})", Type("String", nullable=False))


def typed(value: Sql, definition: PropertyDefinition, context: Context) -> Sql:
    """``value`` converted to the type its property definition has; what does not convert is NULL."""
    if definition.property_type == "Numeric":
        return Sql(f"accurateCastOrNull({value.text}, 'Float64')", Type("Float"))
    if definition.property_type == "DateTime":
        timezone = quote(context.timezone)
        return Sql(f"parseDateTime64BestEffortOrNull({value.text}, 6, {timezone})", Type("DateTime"))
    if definition.property_type == "Boolean":
        return Sql(f"transform({value.text}, ['true', 'false'], [true, false], NULL)", Type("Bool"))
    return value


def text_property(text: str, path: Sequence[str | int]) -> Sql:
    """The value at ``path`` of JSON held as text (a subquery's column, or the inside of an array)."""
    arguments = ", ".join([f"ifNull({text}, '')", *(quote(k) if isinstance(k, str) else str(int(k)) for k in path)])
    kind = f"JSONType({arguments})"
    texts = f"JSONExtractString({arguments}), {kind} = 'Null', NULL, JSONExtractRaw({arguments})"
    return Sql(f"multiIf({kind} = 'String', {texts})", Type("String"))
