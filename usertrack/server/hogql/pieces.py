"""Parses a query in pieces, because PostHog's grammar reads text in brackets again for each bracket around it.

A long text takes far longer than its pieces; the tree is the same. Pieces are queries in brackets, and conditions in
brackets after WHERE or AND or in a list. When a piece cannot be parsed, the whole text is parsed, for its error.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.parse import QUOTED, Node, check_size, parse_expression, parse_select, transform

Parse = Callable[[str], Node]
_TOKEN = re.compile(rf"{QUOTED.pattern}|//[^\n]*|[\w$]+|\S", re.S)
_COMMENTS = ("--", "/*", "//")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_HOLE = "usertrack_hole_"
_BEFORE = {"WHERE", "AND", "[", ","}
_AFTER = {"", ")", "]", ",", "AND", "GROUP", "ORDER", "HAVING", "LIMIT"}


class _Token(NamedTuple):
    text: str
    start: int
    end: int


class _Piece(NamedTuple):
    """``text[start:end]``, a query or else a condition."""

    start: int
    end: int
    query: bool


def parse_in_pieces(text: str, query: Parse = parse_select, condition: Parse = parse_expression) -> Node:
    """The tree of one SELECT, each piece parsed by ``query`` or ``condition``; raises as ``parse_select`` does."""
    check_size(text)
    if _HOLE not in text:
        try:
            return _assembled(text, query, query, condition)
        except HogQLError:
            pass
    return query(text)


def _assembled(text: str, parse: Parse, query: Parse, condition: Parse) -> Node:
    pieces = list(_pieces(text))
    if not pieces:
        return parse(text)
    outline, trees, last = "", {}, 0
    for number, (start, end, is_query) in enumerate(pieces):
        hole = f"{_HOLE}{number}"
        trees[hole] = _assembled(text[start:end], query if is_query else condition, query, condition)
        outline += f"{text[last:start]}{'SELECT ' * is_query}{{{hole}}}"
        last = end
    tree: Node = transform(parse(outline + text[last:]), lambda node: _fill_holes(node, trees))
    return tree


def _fill_holes(node: Node, trees: dict[str, Node]) -> Node | None:
    if node["node"] == "SelectQuery" and len(node["select"]) == 1 and (hole := _hole(node["select"][0])):
        return trees[hole]
    if hole := _hole(node):
        return trees[hole]
    if node["node"] == "And":  # as the grammar does, the parts of an AND within an AND are its own
        parts = transform(node["exprs"], lambda inner: _fill_holes(inner, trees))
        return {**node, "exprs": [operand for part in parts for operand in _operands(part)]}
    return None


def _operands(node: Node) -> list[Node]:
    return node["exprs"] if node["node"] == "And" else [node]


def _hole(node: Node) -> str:
    chain: list[Any] = node["expr"].get("chain") or [""] if node["node"] == "Placeholder" else [""]
    return str(chain[0]) if str(chain[0]).startswith(_HOLE) else ""


def _pieces(text: str) -> Iterator[_Piece]:
    """The outermost pieces of ``text``, in their order; none where brackets have no pairs."""
    tokens = [_Token(match[0], *match.span()) for match in _TOKEN.finditer(text) if not match[0].startswith(_COMMENTS)]
    closing = _closing(tokens)
    at = 0
    while at < len(tokens):
        end = closing.get(at)
        if end and tokens[at].text == "(" and (piece := _piece(tokens, at, end, closing)):
            yield piece
            at = end
        at += 1


def _closing(tokens: list[_Token]) -> dict[int, int]:
    """The place of the bracket that closes the one at each place."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if token.text in _PAIRS.values():
            opened.append(place)
        elif token.text in _PAIRS:
            if not opened or tokens[opened[-1]].text != _PAIRS[token.text]:
                return {}
            closing[opened.pop()] = place
    return {} if opened else closing


def _piece(tokens: list[_Token], at: int, end: int, closing: dict[int, int]) -> _Piece | None:
    """What is between the round brackets at ``at`` and ``end``, if it is a piece."""
    start, stop = tokens[at].end, tokens[end].start
    if tokens[at + 1].text.upper() in ("SELECT", "WITH"):
        return _Piece(start, stop, query=True)
    before = tokens[at - 1].text.upper() if at else ""
    after = tokens[end + 1].text.upper() if end + 1 < len(tokens) else ""
    if before not in _BEFORE or after not in _AFTER or end == at + 1:
        return None
    inner = at + 1
    while inner < end:
        if tokens[inner].text == ",":  # a tuple
            return None
        inner = closing.get(inner, inner) + 1
    return _Piece(start, stop, query=False)
