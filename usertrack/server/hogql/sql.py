"""ClickHouse expressions with their types, and the only functions that escape text for SQL."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from usertrack.server.hogql.errors import HogQLError

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\a": "\\a",
        "\0": "\\0",
    }
)
_ESCAPED = re.compile(f"[{re.escape(''.join(map(chr, _ESCAPES)))}]")  # few have any, of a list of 100 000 people
NOT_CONSTANT: Any = object()


@dataclass(frozen=True)
class Type:
    """``kind``: String Int Float Bool DateTime Date UUID Array JSON Unknown. ``owner``: whose properties a JSON is."""

    kind: str = "Unknown"
    nullable: bool = True
    owner: str = ""

    def maybe(self) -> "Type":
        """Return this type as one that may be NULL."""
        return Type(self.kind, True, self.owner)


@dataclass(frozen=True)
class Sql:
    """One printed expression. ``raw`` is a timestamp column before toTimeZone; ``value`` is set for constants only."""

    text: str
    type: Type = field(default_factory=Type)
    raw: str = ""
    value: Any = NOT_CONSTANT

    @property
    def constant(self) -> bool:
        return self.value is not NOT_CONSTANT

    @property
    def plain(self) -> "Sql":
        """The expression as a value: a JSON column becomes its text, as PostHog's ``properties`` are."""
        if self.type.kind != "JSON":
            return self
        return Sql(f"toJSONString({self.text})", Type("String", self.type.nullable, self.type.owner))


def quote(text: str) -> str:
    """A ClickHouse string literal."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise HogQLError("Strings must be valid Unicode text") from error
    return f"'{text.translate(_ESCAPES)}'" if _ESCAPED.search(text) else f"'{text}'"


def clickhouse_time(moment: datetime) -> str:
    """``moment`` in UTC as ClickHouse reads and writes a DateTime64(6), without quotes."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def identifier(name: str) -> str:
    """A ClickHouse identifier, quoted whatever it holds."""
    return f"`{quote(name)[1:-1].replace('`', chr(92) + '`')}`"


def hogql_identifier(name: str) -> str:
    """A HogQL identifier, quoted only where it must be, as PostHog prints it."""
    return name if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", name) else identifier(name)


def literal(value: object) -> Sql:
    """A JSON value as a constant; objects have no HogQL constant."""
    if value is None:
        return Sql("NULL", Type("Unknown", True), value=None)
    if isinstance(value, bool):
        return Sql("true" if value else "false", Type("Bool", False), value=value)
    if isinstance(value, int):
        return Sql(str(value), Type("Int", False), value=value)
    if isinstance(value, float):
        return Sql(repr(value), Type("Float", False), value=value)
    if isinstance(value, str):
        return Sql(quote(value), Type("String", False), value=value)
    if isinstance(value, list | tuple):
        items = (quote(item) if isinstance(item, str) else literal(item).text for item in value)
        return Sql(f"[{', '.join(items)}]", Type("Array", False), value=list(value))
    raise HogQLError(f"Cannot use a value of type {type(value).__name__} as a constant")
