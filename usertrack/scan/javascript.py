"""Reads JavaScript, TypeScript and TSX: expressions. Declarations, classes and types: `typescript.py`."""

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from usertrack.scan.escapes import decode_javascript
from usertrack.scan.javascript_declarations import DeclarationReader
from usertrack.scan.reader import concatenation, inner_nodes, joined_with, line_of, source_of
from usertrack.scan.syntax import (
    Argument,
    Array,
    Call,
    Choice,
    Element,
    Expression,
    Function,
    Imported,
    Member,
    Name,
    Object,
    ObjectEntry,
    Self,
    Template,
    Text,
)

if TYPE_CHECKING:
    from tree_sitter import Node


class JavaScriptReader(DeclarationReader):
    conditional = frozenset(
        ("if_statement", "for_statement", "while_statement", "do_statement", "switch_case", "catch_clause")
    )

    def read_name(self, node: "Node") -> Expression:
        return Name(source_of(node), line_of(node))

    def read_this(self, node: "Node") -> Expression:
        return Self(line_of(node), parent=node.type == "super")

    def read_string(self, node: "Node") -> Expression:
        return self.text(_content(node), line_of(node))

    def read_template(self, node: "Node") -> Expression:
        parts: list[Expression] = []
        for child in inner_nodes(node):
            if child.type == "template_substitution":
                parts.append(self.visit(inner_nodes(child)[0]) if inner_nodes(child) else self.unknown(child))
            else:
                piece = self.text(decode_javascript(source_of(child)), line_of(child))
                parts += piece.parts if isinstance(piece, Template) else [piece]
        texts = [part.value for part in parts if isinstance(part, Text)]
        if len(texts) == len(parts):
            return Text("".join(texts), line_of(node))
        return Template(parts, line_of(node))

    def read_inner(self, node: "Node") -> Expression:
        """What adds nothing: parentheses, `await`, `as`, `!`."""
        return self.visit(inner_nodes(node)[0]) if inner_nodes(node) else self.unknown(node)

    def read_assertion(self, node: "Node") -> Expression:
        return self.visit(inner_nodes(node)[-1])

    def read_sequence(self, node: "Node") -> Expression:
        return [self.visit(child) for child in inner_nodes(node)][-1]

    def read_binary(self, node: "Node") -> Expression:
        operator = source_of(node.child_by_field_name("operator"))
        left = self.visit_field(node, "left")
        if operator in ("||", "??", "&&"):
            with self.condition():
                right = self.visit_field(node, "right")
            return Choice([right] if operator == "&&" else [left, right], line_of(node))
        right = self.visit_field(node, "right")
        return concatenation(left, right, line_of(node)) if operator == "+" else self.unknown(node)

    def read_ternary(self, node: "Node") -> Expression:
        self.visit_field(node, "condition")
        with self.condition():
            options = [self.visit_field(node, "consequence"), self.visit_field(node, "alternative")]
        return Choice(options, line_of(node))

    def read_member(self, node: "Node") -> Expression:
        value = self.visit_field(node, "object")
        name = source_of(node.child_by_field_name("property"))
        if (
            isinstance(value, Name)
            and value.name in ("window", "globalThis", "self")
            and not self._is_declared(value.name)
        ):
            return Name(name, line_of(node))
        return Member(value, name, line_of(node))

    def _is_declared(self, name: str) -> bool:
        scope: Function | None = self.scope
        while scope is not None:
            if name in scope.bindings:
                return True
            scope = scope.parent
        return False

    def read_subscript(self, node: "Node") -> Expression:
        value, key = self.visit_field(node, "object"), self.visit_field(node, "index")
        if isinstance(key, Text):
            return Member(value, key.value, key.line)
        return Element(value, line_of(node), key)

    def read_object(self, node: "Node") -> Expression:
        entries: list[ObjectEntry] = []
        for child in inner_nodes(node):
            if child.type == "pair":
                key = self._key(child.child_by_field_name("key"))
                entries.append(ObjectEntry(key, self.named(self.visit_field(child, "value"), key)))
            elif child.type == "shorthand_property_identifier":
                entries.append(ObjectEntry(source_of(child), self.read_name(child)))
            elif child.type == "spread_element":
                entries.append(self._spread(inner_nodes(child)[0]))
            elif child.type == "method_definition":
                function = self.read_method(child)
                entries.append(ObjectEntry(function.name, function))
        for entry in entries:
            if entry.key is not None:
                self.alias(entry.value, entry.key)
        return Object(entries, line_of(node))

    def _spread(self, node: "Node") -> ObjectEntry:
        """``...value``; ``...(condition && value)`` is not always there."""
        value = self.visit(node)
        return ObjectEntry(None, value, always=not _is_conditional(node), spread=True)

    def _key(self, node: "Node | None") -> str | None:
        if node is None or node.type in ("property_identifier", "number"):
            return source_of(node) or None
        if node.type == "string":
            return _content(node)
        if node.type == "computed_property_name":
            key = self.visit(inner_nodes(node)[0]) if inner_nodes(node) else None
            return key.value if isinstance(key, Text) else None
        return source_of(node)

    def read_array(self, node: "Node") -> Expression:
        return Array([self.visit(child) for child in inner_nodes(node)], line_of(node))

    def read_spread(self, node: "Node") -> Expression:
        return self.visit(inner_nodes(node)[0])

    def read_call(self, node: "Node") -> Expression:
        callee_node = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        callee = self.visit(callee_node) if callee_node is not None else self.unknown(node)
        line = line_of(node)
        group = node.child_by_field_name("arguments")
        if group is None or group.type != "arguments":
            if group is not None:
                self.visit(group)
            return self.call(callee, [], line)
        arguments = [
            Argument(self.visit(child), None, spread=child.type == "spread_element")
            for child in inner_nodes(group)
            if child.type != "comment"
        ]
        if callee_node is not None:
            # a chain of calls over several lines: the line of the call is where its function's name ends
            line = callee_node.end_point.row + 1
        call = self.call(callee, arguments, line)
        if node.type == "new_expression":
            return call
        # Calls of the language itself as the expression that they mean.
        values = [a.value for a in arguments]
        match call.callee:
            case Name(name="require" | "import") if values and isinstance(values[0], Text):
                return Imported(values[0].value, None, call.line)
            case Name(name="String") if len(values) == 1:
                return values[0]
            case Member(value=Array(items=items), name="join") if values and isinstance(values[0], Text):
                return joined_with(values[0].value, items, call.line)
            case Member(value=inner, name="trim" | "toString" | "bind" | "asReadonly"):
                return inner
            case Member(value=Name(name="Object"), name="assign"):
                return Object([ObjectEntry(None, value, spread=True) for value in values], call.line)
            case Member(value=Name(name="Object"), name="freeze" | "values" | "entries") if values:
                return values[0]
            case Member(value=inner, name="then") if values and isinstance(values[0], Function):
                return Call(values[0], [Argument(inner)], call.line, call.scope)
            case Member(value=Text(value=text, line=line), name="concat"):
                return Template([Text(text, line), *values], line)
        return call

    def read_import_keyword(self, node: "Node") -> Expression:
        return Name("import", line_of(node))

    def read_jsx(self, node: "Node") -> Expression:
        opening = node.child_by_field_name("open_tag") or node
        name = opening.child_by_field_name("name")
        line = line_of(opening)
        entries: list[ObjectEntry] = []
        for child in inner_nodes(opening):
            if child.type == "jsx_attribute":
                entries.append(self._attribute(child))
            elif child.type == "jsx_expression" and inner_nodes(child):
                inner = inner_nodes(child)[0]
                if inner.type == "spread_element":
                    entries.append(self._spread(inner_nodes(inner)[0]))
        for child in inner_nodes(node):
            if child.type in ("jsx_element", "jsx_self_closing_element", "jsx_expression", "jsx_fragment"):
                self.visit(child)
        if name is None or (source_of(name)[:1].islower() and name.type == "identifier"):
            return self.unknown(node)
        for entry in entries:
            if entry.key is not None:
                self.alias(entry.value, entry.key)
        component = self.visit(name)
        return self.call(component, [Argument(Object(entries, line))], line)

    def _attribute(self, node: "Node") -> ObjectEntry:
        name, *values = inner_nodes(node)
        if not values:
            return ObjectEntry(source_of(name), self.unknown(node))
        value = values[0]
        if value.type == "jsx_expression" and inner_nodes(value):
            value = inner_nodes(value)[0]
        return ObjectEntry(source_of(name), self.named(self.visit(value), source_of(name)))

    expressions: ClassVar[Mapping[str, str]] = {
        **DeclarationReader.expressions,
        "identifier": "read_name",
        "shorthand_property_identifier": "read_name",
        "this": "read_this",
        "super": "read_this",
        "string": "read_string",
        "template_string": "read_template",
        "parenthesized_expression": "read_inner",
        "await_expression": "read_inner",
        "non_null_expression": "read_inner",
        "as_expression": "read_inner",
        "satisfies_expression": "read_inner",
        "type_assertion": "read_assertion",
        "sequence_expression": "read_sequence",
        "binary_expression": "read_binary",
        "ternary_expression": "read_ternary",
        "member_expression": "read_member",
        "subscript_expression": "read_subscript",
        "object": "read_object",
        "array": "read_array",
        "spread_element": "read_spread",
        "call_expression": "read_call",
        "new_expression": "read_call",
        "import": "read_import_keyword",
        "jsx_element": "read_jsx",
        "jsx_self_closing_element": "read_jsx",
    }


def _content(node: "Node") -> str:
    """The text of a string; in an attribute of JSX, a backslash is one, and ``&amp;`` is an ampersand."""
    source = "".join(source_of(child) for child in inner_nodes(node))
    in_attribute = node.parent is not None and node.parent.type == "jsx_attribute"
    return html.unescape(source) if in_attribute else decode_javascript(source)


def _is_conditional(node: "Node") -> bool:
    while node.type == "parenthesized_expression" and inner_nodes(node):
        node = inner_nodes(node)[0]
    if node.type == "binary_expression":
        return source_of(node.child_by_field_name("operator")) == "&&"
    return node.type == "ternary_expression"
