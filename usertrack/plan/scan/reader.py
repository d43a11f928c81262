"""The common part of the readers of all languages: they go through a tree once, and keep scopes, bindings and calls."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from usertrack.plan.scan.syntax import (
    HOLE,
    Alias,
    Argument,
    Array,
    Call,
    Class,
    CodeFunction,
    Expression,
    File,
    Member,
    Name,
    Object,
    ObjectEntry,
    Self,
    Template,
    Text,
    UnknownExpression,
    caller_names,
    tail_names,
)

if TYPE_CHECKING:
    from tree_sitter import Node

SHOWN = 60
"""Characters of an expression that are kept to show it."""


class SyntaxReader:
    """One file. The method ``read_KIND`` reads nodes of a kind of the grammar; all others are just gone through."""

    conditional: frozenset[str] = frozenset()
    """Kinds of nodes whose content is under a condition."""
    skipped: frozenset[str] = frozenset(
        ("identifier", "string", "comment", "jsx_text", "number", "integer", "type_annotation")
    )
    """Kinds of nodes in which nothing is called."""

    def __init__(self, path: str) -> None:
        self.scope = CodeFunction("", 1)
        self.file = File(path, self.scope)
        self.scope.file = self.file
        self.file.functions.append(self.scope)
        self.owner: Class | None = None
        self.conditions = 0
        self._readers: dict[str, Callable[[Node], Expression]] = {
            name.removeprefix("read_"): getattr(self, name) for name in dir(self) if name.startswith("read_")
        }

    def read(self, root: "Node") -> File:
        """The file's summary; ``error_line`` is set where the grammar did not understand it."""
        self.visit_children(root)
        if root.has_error:
            self.file.error_line = _first_error(root)
        return self.file

    def visit(self, node: "Node") -> Expression:
        """The expression that ``node`` is; what lies in it and is a scope, a binding or a call is kept."""
        read = self._readers.get(node.type)
        if read is not None:
            return read(node)
        self._go_through(node)
        return self.unknown(node)

    def visit_children(self, node: "Node") -> None:
        for child in node.named_children:
            read = self._readers.get(child.type)
            if read is not None:
                read(child)
            elif child.type not in self.skipped:
                self._go_through(child)

    def _go_through(self, node: "Node") -> None:
        if node.type in self.conditional:
            with self.condition():
                self.visit_children(node)
        else:
            self.visit_children(node)

    def visit_field(self, node: "Node", name: str) -> Expression:
        child = node.child_by_field_name(name)
        return self.unknown(node) if child is None else self.visit(child)

    def unknown(self, node: "Node") -> UnknownExpression:
        source = (node.text or b"")[:SHOWN].decode(errors="replace")
        return UnknownExpression(source.split("\n")[0], line_of(node))

    @contextmanager
    def condition(self) -> Iterator[None]:
        self.conditions += 1
        try:
            yield
        finally:
            self.conditions -= 1

    @contextmanager
    def function(self, name: str, line: int) -> Iterator[CodeFunction]:
        """A function's scope; within it, names belong to the function."""
        function = CodeFunction(name, line, self.scope, self.owner, file=self.file)
        self.file.functions.append(function)
        outer = self.scope, self.conditions, self.owner
        self.scope, self.conditions, self.owner = function, 0, None
        try:
            yield function
        finally:
            self.scope, self.conditions, self.owner = outer

    @contextmanager
    def class_body(self, name: str, line: int) -> Iterator[Class]:
        owner = Class(name, line, self.scope)
        self.file.classes.append(owner)
        outer, self.owner = self.owner, owner
        try:
            yield owner
        finally:
            self.owner = outer

    @property
    def method(self) -> CodeFunction | None:
        """The method in which we are, be it in a function within it."""
        scope: CodeFunction | None = self.scope
        while scope is not None and scope.owner is None:
            scope = scope.parent
        return scope

    def bind(self, name: str, value: Expression, line: int) -> None:
        self.scope.bind(name, value, line, always=not self.conditions)
        self.alias(value, name)

    def alias(self, value: Expression, name: str) -> None:
        """Remember that what ``value`` is goes on as ``name``."""
        sources = [source for source in tail_names(value) if source != name] + caller_names(value)
        self.file.aliases += [Alias(source, name, value, self.scope) for source in sources]

    def call(self, callee: Expression, arguments: Sequence[Argument], line: int) -> Call:
        call = Call(callee, arguments, line, self.scope)
        self.scope.calls.append(call)
        for argument in arguments:
            if argument.keyword:
                self.alias(argument.value, argument.keyword)
            if isinstance(argument.value, CodeFunction):
                argument.value.handed_to = call
        # `properties.update(…)` and `Object.assign(properties, …)` put keys into a variable
        positional = [a for a in arguments if a.keyword is None]
        match callee:
            case Member(value=Name(name=name), name="update"):
                for argument in arguments:
                    if argument.keyword not in (None, "**"):
                        self.change(name, argument.keyword, argument.value)
                    else:
                        self.change(name, None, argument.value)
            case Member(value=Name(name="Object"), name="assign") if positional:
                if isinstance(positional[0].value, Name):
                    for argument in positional[1:]:
                        self.change(positional[0].value.name, None, argument.value)
        for function, handed in _indirect_call(callee, arguments):
            self.scope.calls.append(Call(function, handed, line, self.scope))
        return call

    def change(self, variable: str, key: str | None, value: Expression) -> None:
        entry = ObjectEntry(key, value, always=not self.conditions, spread=key is None)
        self.scope.changes.setdefault(variable, []).append(entry)

    def assign(self, target: Expression, value: Expression, line: int) -> None:
        """``target = value``, where the target is a name, a key of a variable or an attribute."""
        match target:
            case Name(name=name):
                self._home(name).bind(name, value, line, always=not self.conditions)
                self.alias(value, name)
            case Member(value=Self(), name=name):
                method = self.method
                if method is not None and method.owner is not None:
                    method.owner.add(name, value, self.scope, always=not self.conditions)
                self.alias(value, name)
            case Member(value=Name(name=variable), name=name):
                self.change(variable, name, value)
                self.alias(value, name)

    def _home(self, name: str) -> CodeFunction:
        """The scope whose variable an assignment to ``name`` changes."""
        return self.scope

    def text(self, value: str, line: int) -> Expression:
        """A text; one that a template engine fills in has holes."""
        if HOLE not in value:
            return Text(value, line)
        parts: list[Expression] = []
        for index, piece in enumerate(value.split(HOLE)):
            if index:
                parts.append(UnknownExpression("{{ … }}", line))
            if piece:
                parts.append(Text(piece, line))
        return Template(parts, line)


def inner_nodes(node: "Node") -> "list[Node]":
    """The named nodes in ``node``, without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def line_of(node: "Node") -> int:
    return node.start_point.row + 1


def source_of(node: "Node | None") -> str:
    """The text of a node; a name that comes again and again is in memory once."""
    return "" if node is None or node.text is None else sys.intern(node.text.decode(errors="replace"))


def concatenation(left: Expression, right: Expression, line: int) -> Template:
    """``left + right``, flat."""
    parts = [*(left.parts if isinstance(left, Template) else [left])]
    parts += right.parts if isinstance(right, Template) else [right]
    return Template(parts, line)


def joined(parts: list[Expression], line: int) -> Expression:
    """Pieces of a string as one text, or as a template when one of them is computed."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, Template) else [part])]
    texts = [part.value for part in flat if isinstance(part, Text)]
    if len(texts) == len(flat):
        return Text("".join(texts), flat[0].line if flat else line)
    return Template(flat, line)


def filled(text: Text, hole: str, values: list[Expression]) -> Expression:
    """``text`` with its holes (``%s``, ``{}``, ``{name}``) filled with ``values``."""
    pieces = re.split(r"%\(?\w*\)?[sdr]" if hole == "%s" else r"\{[^{}]*\}", text.value)
    parts: list[Expression] = [Text(pieces[0], text.line)]
    for index, piece in enumerate(pieces[1:]):
        parts.append(values[index] if index < len(values) else UnknownExpression(hole, text.line))
        parts.append(Text(piece, text.line))
    return joined([p for p in parts if not (isinstance(p, Text) and not p.value)], text.line)


def joined_with(separator: str, items: list[Expression], line: int) -> Expression:
    parts: list[Expression] = []
    for index, item in enumerate(items):
        if index:
            parts.append(Text(separator, line))
        parts.append(item)
    return joined(parts, line)


def _first_error(root: "Node") -> int | None:
    """The line of the first place that the grammar did not understand."""
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if _is_ampersand(node):
            continue
        if node.is_error or node.is_missing:
            return line_of(node)
        nodes.extend(child for child in reversed(node.children) if child.has_error)
    return None


def _is_ampersand(node: "Node") -> bool:
    """Whether the grammar stumbled over a bare ``&`` in a text of JSX, which is right."""
    parent, source = node.parent, node.text or b""
    if not node.is_error or parent is None or not source.startswith(b"&") or set(source) & set(b"<>{}"):
        return False
    inside = parent.parent if parent.type == "string" else parent
    return inside is not None and inside.type in ("jsx_element", "jsx_fragment", "jsx_attribute")


# Calls of a function by way of another one: tasks of a queue, threads, timers, `partial`, `.call`


LATER = frozenset(("delay", "si", "s", "remote", "send_task", "enqueue_call", "defer", "kiq"))
"""Methods of a task that call its function with what they are given."""
GIVEN_A_FUNCTION = frozenset(
    (
        *("partial", "submit", "add_task", "to_thread", "run_in_executor", "call_soon", "call_soon_threadsafe"),
        *("start_soon", "spawn", "enqueue", "apply_async", "run_sync", "run_in_threadpool", "sync_to_async"),
    )
)
"""Functions that call one of their arguments with those after it."""


def _indirect_call(
    callee: Expression, arguments: Sequence[Argument]
) -> Iterator[tuple[Expression, Sequence[Argument]]]:
    """The function that a call lets another one call, with its arguments."""
    name = callee.name if isinstance(callee, (Name, Member)) else ""
    keywords = {argument.keyword: argument.value for argument in arguments if argument.keyword}
    if isinstance(callee, Member) and name in LATER:
        yield callee.value, arguments
    elif isinstance(callee, Member) and name == "apply_async":
        first = arguments[0].value if arguments and arguments[0].keyword is None else None
        yield callee.value, _unpacked(keywords.get("args", first), keywords.get("kwargs"))
    elif isinstance(callee, Member) and name == "call":
        yield callee.value, arguments[1:]
    elif name in ("setTimeout", "setInterval") and len(arguments) > 2:
        yield arguments[0].value, arguments[2:]
    elif "target" in keywords and name in ("Thread", "Process", "Timer"):
        yield keywords["target"], _unpacked(keywords.get("args"), keywords.get("kwargs"))
    elif name in GIVEN_A_FUNCTION:
        for index, argument in enumerate(arguments[:2]):
            if isinstance(argument.value, (Name, Member)) and len(arguments) > index + 1:
                yield argument.value, arguments[index + 1 :]


def _unpacked(args: Expression | None, kwargs: Expression | None) -> list[Argument]:
    """``args=(…)`` and ``kwargs={…}`` as arguments."""
    positional = [Argument(item) for item in args.items] if isinstance(args, Array) else []
    entries: list[ObjectEntry] = kwargs.entries if isinstance(kwargs, Object) else []
    return [*positional, *(Argument(entry.value, entry.key) for entry in entries if entry.key is not None)]
