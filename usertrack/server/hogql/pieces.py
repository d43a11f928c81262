"""Parses a query in pieces, because PostHog's grammar reads text in brackets again for each bracket around it.

A long text takes far longer than its pieces; the tree is the same. Pieces are queries in brackets, conditions in
brackets after WHERE or AND or in a list, the columns of a SELECT, and arguments with brackets in them. When a piece
cannot be parsed, the whole text is parsed, for its error.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.functions import FUNCTIONS, WINDOW_FUNCTIONS
from usertrack.server.hogql.parse import QUOTED, Node, check_size, parse_expression, parse_select, transform

Parse = Callable[[str], Node]
_TOKEN = re.compile(rf"{QUOTED.pattern}|//[^\n]*|[\w$]+|\S", re.S)
_COMMENTS = ("--", "/*", "//")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_HOLE = "usertrack_hole_"
_BEFORE = {"WHERE", "AND", "[", ","}
_AFTER = {"", ")", "]", ",", "AND", "GROUP", "ORDER", "HAVING", "LIMIT"}
_AFTER_COLUMNS = {
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "WINDOW",
    "ARRAY",
}
_TAKE_ARGUMENTS = {*FUNCTIONS, *WINDOW_FUNCTIONS} - {"and", "or", "not"}  # those are operators too
_OF_THE_FUNCTION = {"DISTINCT", "FROM", "AS", "ORDER"}  # what makes an argument more than an expression


class _Token(NamedTuple):
    text: str
    start: int
    end: int


class _Piece(NamedTuple):
    """``text[start:end]``, which ``parse`` parses."""

    start: int
    end: int
    parse: Parse


class _Parsers(NamedTuple):
    query: Parse
    condition: Parse
    argument: Parse


def parse_in_pieces(text: str, query: Parse = parse_select, condition: Parse = parse_expression) -> Node:
    """The tree of one SELECT, each piece parsed by ``query`` or ``condition``; raises as ``parse_select`` does."""
    check_size(text)
    if _HOLE not in text:
        try:
            return _assembled(text, query, _Parsers(query, condition, parse_expression))
        except HogQLError:
            pass
    return query(text)


def _assembled(text: str, parse: Parse, parsers: _Parsers) -> Node:
    tokens = [_Token(match[0], *match.span()) for match in _TOKEN.finditer(text) if not match[0].startswith(_COMMENTS)]
    pieces = list(_pieces(tokens, _closing(tokens), parsers, range(len(tokens))))
    if not pieces:
        return parse(text)
    outline, trees, last = "", {}, 0
    for number, piece in enumerate(pieces):
        hole = f"{_HOLE}{number}"
        trees[hole] = _assembled(text[piece.start : piece.end], piece.parse, parsers)
        outline += text[last : piece.start] + (f"SELECT {{{hole}}}" if piece.parse is parsers.query else hole)
        last = piece.end
    tree: Node = transform(parse(outline + text[last:]), lambda node: _fill_holes(node, trees))
    return tree


def _parse_list(text: str) -> Node:
    """The columns of a SELECT as an array of them, which the grammar reads ten times as fast."""
    return parse_expression(f"[{text}\n]")


def _fill_holes(node: Node, trees: dict[str, Node]) -> Node | None:
    if node["node"] == "SelectQuery" and len(node["select"]) == 1 and (hole := _hole(node["select"][0])):
        if node["select"][0]["node"] == "Placeholder":
            return trees[hole]
        rest = {key: transform(value, lambda inner: _fill_holes(inner, trees)) for key, value in node.items()}
        return {**rest, "select": trees[hole]["exprs"]}
    if hole := _hole(node):
        return trees[hole]
    if node["node"] == "And":  # as the grammar does, the parts of an AND within an AND are its own
        parts = transform(node["exprs"], lambda inner: _fill_holes(inner, trees))
        return {**node, "exprs": [operand for part in parts for operand in _operands(part)]}
    return None


def _operands(node: Node) -> list[Node]:
    return node["exprs"] if node["node"] == "And" else [node]


def _hole(node: Node) -> str:
    """The name of the piece that ``node`` stands for: as a placeholder for a query, as a field for all else."""
    chain = node["expr"].get("chain") if node["node"] == "Placeholder" else node.get("chain")
    return str(chain[0]) if chain and str(chain[0]).startswith(_HOLE) else ""


def _pieces(tokens: list[_Token], closing: dict[int, int], parsers: _Parsers, places: range) -> Iterator[_Piece]:
    """The outermost pieces at ``places`` of the text, in their order; none where brackets have no pairs."""
    at = places.start
    while at < places.stop:
        end = closing.get(at, at)
        if tokens[at].text.upper() == "SELECT" and (columns := _columns(tokens, closing, range(at + 1, places.stop))):
            yield _Piece(tokens[columns.start].start, tokens[columns.stop - 1].end, _parse_list)
            end = columns.stop - 1
        elif end > at and tokens[at].text == "(" and (piece := _piece(tokens, at, end, closing, parsers)):
            yield piece
        elif end > at and _takes_arguments(tokens, at):
            for argument in _arguments(tokens, closing, at, end):
                if _is_nested_expression(tokens, closing, argument):
                    yield _Piece(tokens[argument.start].start, tokens[argument.stop - 1].end, parsers.argument)
                else:
                    yield from _pieces(tokens, closing, parsers, argument)
        else:
            end = at
        at = end + 1


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


def _piece(tokens: list[_Token], at: int, end: int, closing: dict[int, int], parsers: _Parsers) -> _Piece | None:
    """The query or the condition between the round brackets at ``at`` and ``end``, if it is one."""
    start, stop = tokens[at].end, tokens[end].start
    if tokens[at + 1].text.upper() in ("SELECT", "WITH"):
        return _Piece(start, stop, parsers.query)
    before = tokens[at - 1].text.upper() if at else ""
    after = tokens[end + 1].text.upper() if end + 1 < len(tokens) else ""
    if before not in _BEFORE or after not in _AFTER or end == at + 1:
        return None
    is_tuple = len(list(_arguments(tokens, closing, at, end))) > 1
    return None if is_tuple else _Piece(start, stop, parsers.condition)


def _columns(tokens: list[_Token], closing: dict[int, int], places: range) -> range:
    """The places of the columns of a SELECT that begin at ``places``; none where it is not simply a list of them."""
    place = places.start
    while place < places.stop and tokens[place].text.upper() not in _AFTER_COLUMNS:
        place = closing.get(place, place) + 1
    columns = range(places.start, place)
    return columns if len(columns) > 1 and tokens[places.start].text.upper() not in ("DISTINCT", "{") else range(0)


def _takes_arguments(tokens: list[_Token], at: int) -> bool:
    """Whether the bracket at ``at`` is that of a function or of an array."""
    return tokens[at].text == "[" or (tokens[at].text == "(" and at > 0 and tokens[at - 1].text in _TAKE_ARGUMENTS)


def _arguments(tokens: list[_Token], closing: dict[int, int], at: int, end: int) -> Iterator[range]:
    """The places of what is between commas in the brackets at ``at`` and ``end``."""
    start = place = at + 1
    while place < end:
        if tokens[place].text == ",":
            yield range(start, place)
            start = place + 1
        place = closing.get(place, place) + 1
    yield range(start, end)


def _is_nested_expression(tokens: list[_Token], closing: dict[int, int], places: range) -> bool:
    """Whether an argument has brackets in it, and means the same outside of its function."""
    nested = False
    place = places.start
    while place < places.stop:
        if tokens[place].text.upper() in _OF_THE_FUNCTION:
            return False
        nested = nested or tokens[place].text in _PAIRS.values()
        place = closing.get(place, place) + 1
    return nested
