"""Texts of JSON as clients send them, with the numbers and surrogates that other parsers refuse."""

import json
import math
import re
from typing import Any

import orjson

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_INT_DIGITS = 20  # of 2^64 - 1, and of -2^63 with its sign


class OutOfRange(str):
    """A number that no double holds (``1e400``, 310 digits, ``NaN``) as its text. An event with one is refused."""

    __slots__ = ()


def parse(text: str) -> Any:  # noqa: ANN401
    """Return the document of ``text``; raises ValueError or RecursionError of Python's parser, which is slower.

    Numbers without a double become ``OutOfRange``, and lone surrogates are replaced.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        document = json.loads(text, parse_constant=OutOfRange, parse_float=_number, parse_int=_number)
        return _well_formed(document) if _SURROGATE_ESCAPE.search(text) else document


def dump(document: object) -> bytes:
    """Return the text of ``document``, from which `parse` makes it again; raises TypeError for deep nesting."""
    return orjson.dumps(document, default=_fragment, option=orjson.OPT_PASSTHROUGH_SUBCLASS)


def _fragment(value: object) -> orjson.Fragment:
    if type(value) is OutOfRange:
        return orjson.Fragment(str(value))
    raise TypeError


def _number(text: str) -> int | float | OutOfRange:
    """The number that orjson makes of ``text``: an int of 64 bits, else a double."""
    if text.lstrip("-").isdigit() and len(text) <= _INT_DIGITS and -(1 << 63) <= (whole := int(text)) < 1 << 64:
        return whole
    value = float(text)
    return OutOfRange(text) if math.isinf(value) else value


def _well_formed(value: object) -> object:
    """``value`` with lone surrogates, which no UTF-8 text can hold, replaced; JSON escapes let them through."""
    if type(value) is str:  # no OutOfRange
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_well_formed(item) for item in value]
    return value
