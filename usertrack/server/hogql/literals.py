"""A query's text without its values, and its tree with them in it again.

In the place of a value stands another of the same kind that no query holds, so that the grammar sees the same text.
"""

import re
from collections.abc import Sequence
from typing import Any

from usertrack.server.hogql.parse import QUOTED, Node, parse_expression

_FIRST = 10**15  # of the numbers that stand for others; JSON holds all of them exactly
_NUMBER = r"(?<![\w$.)\]])\.?\d[\w.]*(?:(?<=[eE])[-+]\d+)?"  # and what only looks like one
_PART = re.compile(rf"(?P<quoted>{QUOTED.pattern})|(?P<comment>//[^\n]*)|(?P<number>{_NUMBER})", re.S)
_VALUE = re.compile(r"'.*'|[`\"].*[`\"]|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?|0[xX][\da-fA-F]+", re.S)
_NAME = re.compile(r"[`\"][\w$]*[`\"]")  # the grammar knows words, with quotes or without
# comments of a third kind, tags and templates have texts of their own; no name outside of quotes has an @
_OTHER = re.compile(r"[#@]|</|/>")
_PLAIN = re.compile(r"([`\"'])[^\\`\"']*\1")
_WITHIN = re.compile(r"@|\d{16}")
_TEMPLATE = re.compile(r"(?<![\w$])f'", re.I)


def lifted(text: str) -> tuple[str, list[str]] | None:
    """``text`` with every string, quoted name and number replaced by its place in the list of what they were.

    None where a value might be left in it.
    """
    pieces: list[str] = []
    values: list[str] = []
    last = 0
    for part in _PART.finditer(text):
        pieces.append(text[last : part.start()])
        last = part.end()
        if part["comment"] or part[0].startswith(("--", "/*")):
            pieces.append(" ")
        elif _NAME.fullmatch(part[0]):
            pieces.append(part[0])
        elif not _VALUE.fullmatch(part[0]):
            return None
        else:
            pieces.append(str(_FIRST + len(values)) if part["number"] else f"{part[0][0]}\0{len(values)}{part[0][0]}")
            values.append(part[0])
    pieces.append(text[last:])
    shape = "".join(pieces)
    return None if _OTHER.search(shape) or _TEMPLATE.search(text) else (shape.replace("\0", "@"), values)


def filled(tree: Any, values: Sequence[str]) -> Any:
    """The tree of a lifted text with its ``values``.

    Raises ValueError where a value became a part of something else, HogQLError where it is none.
    """
    if isinstance(tree, list):
        return [filled(item, values) for item in tree]
    if isinstance(tree, dict):
        if tree.get("node") == "Constant" and (place := _place(tree["value"])):
            return _node(place, values)
        return {name: filled(item, values) for name, item in tree.items()}
    place = _place(tree)
    return _node(place, values)["value"] if place else tree


def _place(value: Any) -> tuple[str, int] | None:
    """The sign and the number of the value that ``value`` stands for; None when it stands for itself."""
    if isinstance(value, int) and abs(value) >= _FIRST:
        return "-" * (value < 0), abs(value) - _FIRST
    if isinstance(value, str) and value.startswith("@"):
        return "", int(value[1:])
    if isinstance(value, str) and _WITHIN.search(value):  # a type's name, for one
        raise ValueError(value)
    return None


def _node(place: tuple[str, int], values: Sequence[str]) -> Node:
    sign, number = place
    text = sign + values[number]
    if _PLAIN.fullmatch(text):
        return {"node": "Constant", "value": text[1:-1]}
    node = parse_expression(text)
    return node if node["node"] == "Constant" else {"value": node["chain"][0]}
