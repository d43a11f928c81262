"""Parses HogQL text with PostHog's own grammar, and replaces placeholders in the tree by constants, never by text."""

import functools
import json
import re
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.server.hogql.errors import HogQLError, HogQLSyntaxError

Node = JsonObject
GRAMMAR = "1.3.88"  # the release of hogql-parser that pyproject.toml pins
MAX_QUERY_LENGTH = 1_000_000
MAX_NESTING = 200
MAX_OPERATORS = 1_000
_LONG = 5_000  # characters: up to a second
_PATIENCE = 60  # seconds for one text that was not refused by its length or depth
MAX_VALUES = 64_000_000  # characters, plus 32 for each value: a million e-mails
QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.S)
_OPERATOR = re.compile(r"[-+*/%|?]|\b(?:not|case)\b", re.I)
_ERROR_CLASSES = ("BaseHogQLError", "ExposedHogQLError", "QueryError", "NotImplementedError", "InternalHogQLError")
_MORE_CLASSES = ("ImpossibleASTError", "ResolutionError")
_SYNTAX_CLASSES = ("SyntaxError", "ParsingError")
_BRANCHES = (dict, list)  # of a tree; all else is a leaf


@dataclass(frozen=True)
class Tree:
    """A value for a placeholder that is an expression, not a constant. No request can hold one."""

    node: Node


_importing = threading.Lock()


@functools.cache
def _grammar() -> object:
    """PostHog's C++ grammar. It imports the errors of PostHog's Django app, which cannot be installed.

    A stand-in module has our errors. The ``posthog`` SDK can still be imported, and is not loaded here.
    """
    errors = types.ModuleType("posthog.hogql.errors")
    for name in _ERROR_CLASSES + _MORE_CLASSES + _SYNTAX_CLASSES:
        setattr(errors, name, type(name, (HogQLSyntaxError if name in _SYNTAX_CLASSES else HogQLError,), {}))
    with _importing:
        package = types.ModuleType("posthog")
        loaded = sys.modules.get("posthog") or package
        sys.modules["posthog"] = loaded
        sys.modules.setdefault("posthog.hogql", types.ModuleType("posthog.hogql"))
        sys.modules.setdefault("posthog.hogql.errors", errors)
        try:
            import hogql_parser
        finally:
            if loaded is package:
                del sys.modules["posthog"]
    return hogql_parser


def parse_select(text: str) -> Node:
    """The syntax tree of one SELECT; raises HogQLSyntaxError with the grammar's message."""
    return _parsed(text, "parse_select_json")


def parse_expression(text: str) -> Node:
    """The syntax tree of one expression; raises as ``parse_select`` does."""
    return _parsed(text, "parse_expr_json")


def parse_condition(text: str) -> Node:
    """The syntax tree of one expression without queries or placeholders in it; raises as ``parse_select`` does."""
    tree = parse_expression(text)

    if any(node["node"] in ("SelectQuery", "SelectSetQuery", "Placeholder") for node in nodes(tree)):
        raise HogQLError("A filter cannot hold a query or a placeholder")
    return tree


def _parsed(text: str, rule: str) -> Node:
    check_size(text)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise HogQLSyntaxError("The query is not valid Unicode text") from error
    try:
        tree: Node = json.loads(_read(text, rule) if len(text) < _LONG else _read_in_subprocess(text, rule))
    except RecursionError as error:
        raise HogQLError("The query is too deeply nested") from error
    if tree.get("error"):
        kind = HogQLSyntaxError if tree["type"] == "SyntaxError" else HogQLError
        raise kind(str(tree["message"]))
    return tree


def _read(text: str, rule: str) -> str:
    """The grammar's JSON. While it reads, no other thread of this process runs."""
    tree: str = getattr(_grammar(), rule)(text, is_internal=True)
    return tree


def _read_in_subprocess(text: str, rule: str) -> bytes:
    """Return the grammar's JSON from a subprocess, which can be ended."""
    command = [sys.executable, "-c", f"from {__name__} import print_tree; print_tree('{rule}')"]
    try:
        return subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=_PATIENCE).stdout
    except subprocess.TimeoutExpired:
        raise HogQLError(f"The query takes longer than {_PATIENCE} seconds to read: it is too long") from None


def print_tree(rule: str) -> None:
    try:
        tree = _read(sys.stdin.buffer.read().decode(), rule)
    except HogQLError as error:
        kind = "SyntaxError" if isinstance(error, HogQLSyntaxError) else "QueryError"
        tree = json.dumps({"error": True, "type": kind, "message": str(error)})
    sys.stdout.write(tree)


def check_size(text: str) -> None:
    """Raise HogQLError for huge or deep queries: the grammar recurses on the C stack and takes quadratic time."""
    if len(text) > MAX_QUERY_LENGTH:
        raise HogQLError(f"The query is longer than {MAX_QUERY_LENGTH:,} characters")
    code = QUOTED.sub("", text)
    depth = list(accumulate(1 if bracket in "([{" else -1 for bracket in re.findall(r"[][(){}]", code)))
    if max(depth, default=0) > MAX_NESTING or len(_OPERATOR.findall(code)) > MAX_OPERATORS:
        raise HogQLError("The query is too deeply nested")


def transform(node: Any, change: Callable[[Node], Node | None]) -> Any:  # noqa: ANN401
    """A copy of the tree in which ``change`` has replaced the nodes for which it returns something."""
    if isinstance(node, list):
        return [transform(item, change) if isinstance(item, _BRANCHES) else item for item in node]
    if not isinstance(node, dict):
        return node
    if "node" in node and (replaced := change(node)) is not None:
        return replaced
    return {key: transform(item, change) if isinstance(item, _BRANCHES) else item for key, item in node.items()}


def nodes(tree: Node) -> Iterator[Node]:
    """All nodes of the tree, in no order."""
    branches: list[Any] = [tree]
    while branches:
        branch = branches.pop()
        if isinstance(branch, dict):
            if "node" in branch:
                yield branch
            branch = branch.values()
        branches += [item for item in branch if isinstance(item, _BRANCHES)]


def replace_placeholders(tree: Node, values: JsonObject) -> Node:
    """``{name}`` becomes the constant or the tree ``values[name]``; an unknown one is refused with PostHog's words."""
    remaining = MAX_VALUES

    def constant(node: Node) -> Node | None:
        nonlocal remaining
        if node["node"] != "Placeholder":
            return None
        chain = node["expr"].get("chain")
        if not chain:
            raise HogQLError("Placeholder expressions are not yet supported")
        name = ".".join(map(str, chain))
        if name in values:
            value = values[name]
            remaining -= _weight(value)
            if remaining < 0:
                raise HogQLError("The query's values are too many, or too long")
            return value.node if isinstance(value, Tree) else {"node": "Constant", "value": value, "exact": True}
        if not values:
            raise HogQLError(f"Unresolved placeholder: {{{name}}}")
        raise HogQLError(
            f"Placeholder {{{name}}} is not available in this context. You can use the following: {', '.join(values)}"
        )

    replaced: Node = transform(tree, constant)
    return replaced


def _weight(value: object) -> int:
    """The size of a value, counted wherever it is used; a ``Tree`` counts little, as its text was checked."""
    if isinstance(value, list | tuple):
        return 32 + sum(map(_weight, value))
    return 32 + (len(value) if isinstance(value, str) else 0)
