"""Records as JSON and back: dataclasses of texts, numbers, times, enums, tuples, sets and mappings."""

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(record: object) -> str:
    return json.dumps(jsonable(record), ensure_ascii=True, separators=(",", ":"))  # a lone surrogate stays one


def decode(kind: type[T], text: str) -> T:
    """The record of ``kind`` that `encode` wrote."""
    record: T = _value(kind, json.loads(text))
    return record


def jsonable(value: object) -> Any:  # noqa: ANN401
    """``value`` as JSON has it; what JSON does not know becomes its text."""
    if value is None or isinstance(value, (bool, int, float)):
        return value if value == value and value not in (float("inf"), float("-inf")) else None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if is_dataclass(value):
        return {attribute.name: jsonable(getattr(value, attribute.name)) for attribute in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): jsonable(entry) for name, entry in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(jsonable, value))
    if isinstance(value, (list, tuple)):
        return [jsonable(entry) for entry in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, date) else str(value)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, value: Any) -> Any:  # noqa: ANN401
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _value(next(part for part in arguments if part is not type(None)), value)
    if origin in (tuple, frozenset):
        return origin(_value(arguments[0], entry) for entry in value)
    if origin and isinstance(value, dict):
        return {name: _value(arguments[1], entry) for name, entry in value.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _value(hints[name], entry) for name, entry in value.items() if name in hints})
    if kind is datetime:
        return datetime.fromisoformat(value)
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value
