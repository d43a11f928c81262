"""Types of decoded JSON and YAML, and values as JSON has them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""An object of JSON, or a mapping of YAML. Its values have no type until the code that reads a key checks them."""


def plain(value: object) -> Any:  # noqa: ANN401
    """``value`` as JSON types that survive a round trip; times are ISO 8601 in UTC."""
    if isinstance(value, Mapping):
        return {_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return float(f"{value:.9g}")  # sums in another order differ beyond that
    return value if value is None or isinstance(value, bool | int) else _text(value)


def _text(value: object) -> str:
    """Text without lone surrogates, which no file can hold."""
    return str(value).encode(errors="replace").decode()
