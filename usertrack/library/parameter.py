"""The parameters of a query: their types, and their values as somebody types them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from usertrack.core.errors import UsageError
from usertrack.core.period import as_utc

OFFERED = {
    "as_of": "timestamp",
    "entities": "list",
    "identified": "condition",
    "internal": "list",
    "opted_out": "condition",
    "own_people": "list",
    "timezone": "text",
}
"""Parameters that the runner gives to every query that uses them, with their types."""

TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "text": str,
    "bool": bool,
    "list": list,
    "timestamp": datetime,
    "condition": str,
    "conditions": list,
}
CONDITIONS = ("condition", "conditions")
"""Types of parameters that are SQL. They cannot be bound: each is checked and put into the text in brackets."""


@dataclass(frozen=True)
class Parameter:
    """A declared parameter. ``default`` is None when a value must be given."""

    name: str
    type: str
    default: object = None

    @property
    def default_text(self) -> str:
        """The default as it is written on a command line; empty where a value must be given."""
        if self.default is None:
            return ""
        return ",".join(self.default) if isinstance(self.default, list) else str(self.default)

    def parse(self, text: str) -> Any:  # noqa: ANN401
        """The value of ``text`` from a command line; raises UsageError when it is of another type."""
        try:
            return _PARSERS[self.type](text)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"parameter '{self.name}' takes {_ARTICLES[self.type]}, not '{text}'") from error

    def check(self, value: object, where: str) -> Any:  # noqa: ANN401
        """``value``, if it is of the declared type; else raises UsageError."""
        wrong = not isinstance(value, TYPES[self.type]) or (isinstance(value, bool) and self.type != "bool")
        if wrong or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
            raise UsageError(f"{where}: parameter '{self.name}' takes {_ARTICLES[self.type]}, not {value!r}")
        return value


def _parse_bool(text: str) -> bool:
    if text.lower() not in {"true", "false", "yes", "no", "1", "0"}:
        raise ValueError(text)
    return text.lower() in {"true", "yes", "1"}


def _parse_float(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError(text)
    return number


def parse_time(text: str) -> datetime:
    return as_utc(datetime.fromisoformat(text))


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "int": int,
    "float": _parse_float,
    "text": str,
    "bool": _parse_bool,
    "list": lambda text: [item.strip() for item in text.split(",") if item.strip()],
    "timestamp": parse_time,
    "condition": str,
    "conditions": lambda text: [text],
}
_ARTICLES = {
    "int": "a whole number",
    "float": "a number",
    "text": "a text",
    "bool": "true or false",
    "list": "a list of texts (a,b,c)",
    "timestamp": "a date or time such as 2026-11-20T09:00",
    "condition": "a SQL condition",
    "conditions": "a list of SQL conditions",
}
