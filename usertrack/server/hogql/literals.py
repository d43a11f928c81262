"""Takes the values out of a query's text, and puts them into its syntax tree again.

A value is replaced by a placeholder of the same kind, so that the grammar reads the text in the same way.
"""

import re
from collections.abc import Sequence
from typing import Any

from usertrack.server.hogql.parse import QUOTED, Node, parse_expression

_FIRST_NUMBER = 10**15  # the first placeholder of a number; JSON can hold all of them exactly
_NUMBER = r"(?<![\w$.)\]])\.?\d[\w.]*(?:(?<=[eE])[-+]\d+)?"  # and text that only looks like one
_PART = re.compile(rf"(?P<quoted>{QUOTED.pattern})|(?P<comment>//[^\n]*)|(?P<number>{_NUMBER})", re.S)
_VALUE = re.compile(r"'.*'|[`\"].*[`\"]|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?|0[xX][\da-fA-F]+", re.S)
_NAME = re.compile(r"[`\"][\w$]*[`\"]")  # the grammar knows words, with quotes or without
# texts outside of quotes that may hold values: other comments, tags and templates; no unquoted name has an @
_OTHER = re.compile(r"[#@]|</|/>")
_PLAIN = re.compile(r"([`\"'])[^\\`\"']*\1")
_WITHIN = re.compile(r"@|\d{16}")
_TEMPLATE = re.compile(r"(?<![\w$])f'", re.I)


def without_values(text: str) -> tuple[str, list[str]] | None:
    """``text`` with placeholders for strings, quoted names and numbers, and the list of these values.

    None where a value might remain in the text.
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
            mark = part[0][0]
            pieces.append(str(_FIRST_NUMBER + len(values)) if part["number"] else f"{mark}\0{len(values)}{mark}")
            values.append(part[0])
    pieces.append(text[last:])
    shape = "".join(pieces)
    return None if _OTHER.search(shape) or _TEMPLATE.search(text) else (shape.replace("\0", "@"), values)


def with_values(tree: Any, values: Sequence[str]) -> Any:  # noqa: ANN401
    """The tree of a text without values with its ``values`` again.

    Raises ValueError where a placeholder became part of something else, HogQLError for a value that is none.
    """
    if isinstance(tree, list):
        return [with_values(item, values) for item in tree]
    if isinstance(tree, dict):
        if tree.get("node") == "Constant" and (index := _index_of(tree["value"])):
            return _node(index, values)
        return {name: item if name == "node" else with_values(item, values) for name, item in tree.items()}
    index = _index_of(tree)
    return _node(index, values)["value"] if index else tree


def _index_of(value: object) -> tuple[str, int] | None:
    """The sign and the index of the value that a placeholder stands for; None when ``value`` is no placeholder."""
    if isinstance(value, str):
        if value.startswith("@"):
            return "", int(value[1:])
        if _WITHIN.search(value):  # a type's name, for one
            raise ValueError(value)
    elif isinstance(value, int) and abs(value) >= _FIRST_NUMBER:
        return "-" * (value < 0), abs(value) - _FIRST_NUMBER
    return None


def _node(index: tuple[str, int], values: Sequence[str]) -> Node:
    sign, number = index
    text = sign + values[number]
    if _PLAIN.fullmatch(text):
        return {"node": "Constant", "value": text[1:-1]}
    node = parse_expression(text)
    return node if node["node"] == "Constant" else {"value": node["chain"][0]}
