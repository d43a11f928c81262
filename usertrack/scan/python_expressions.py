"""Reads expressions of Python."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from usertrack.scan.escapes import decode_python
from usertrack.scan.reader import Reader, concatenation, filled, inner_nodes, joined, joined_with, line_of, source_of
from usertrack.scan.syntax import (
    Argument,
    Array,
    Choice,
    Element,
    Expression,
    Member,
    Name,
    Object,
    ObjectEntry,
    Self,
    Text,
)

if TYPE_CHECKING:
    from tree_sitter import Node


class PythonExpressions(Reader):
    def read_name(self, node: "Node") -> Expression:
        name = source_of(node)
        if name in ("self", "cls") and self.method is not None:
            return Self(line_of(node))
        return Name(name, line_of(node))

    def read_string(self, node: "Node") -> Expression:
        parts: list[Expression] = []
        for child in inner_nodes(node):
            if child.type == "string_content":
                parts += self._content(child)
            elif child.type == "interpolation":
                parts.append(self.visit_field(child, "expression"))
        return joined(parts, line_of(node))

    def _content(self, node: "Node") -> list[Expression]:
        text, kinds = source_of(node), {child.type for child in node.children}
        if "escape_interpolation" in kinds:  # {{ and }} of an f-string
            text = text.replace("{{", "{").replace("}}", "}")
        return [Text(decode_python(text) if "escape_sequence" in kinds else text, line_of(node))]

    def read_concatenated(self, node: "Node") -> Expression:
        return joined([self.visit(child) for child in inner_nodes(node)], line_of(node))

    def read_binary(self, node: "Node") -> Expression:
        left, right = self.visit_field(node, "left"), self.visit_field(node, "right")
        operator = source_of(node.child_by_field_name("operator"))
        if operator == "+":
            return concatenation(left, right, line_of(node))
        if operator == "%" and isinstance(left, Text):
            values: list[Expression] = right.items if isinstance(right, Array) else [right]
            return filled(left, "%s", values)
        if operator == "|":  # of dicts, or of types
            if isinstance(left, Object) or isinstance(right, Object):
                spread = [ObjectEntry(None, side, spread=True) for side in (left, right)]
                return Object(spread, line_of(node))
            return Choice([left, right], line_of(node))
        return self.unknown(node)

    def read_boolean(self, node: "Node") -> Expression:
        left = self.visit_field(node, "left")
        with self.condition():
            right = self.visit_field(node, "right")
        is_or = source_of(node.child_by_field_name("operator")) == "or"
        return Choice([left, right] if is_or else [right], line_of(node))

    def read_conditional(self, node: "Node") -> Expression:
        body, condition, alternative = inner_nodes(node)[:3]
        self.visit(condition)
        with self.condition():
            return Choice([self.visit(body), self.visit(alternative)], line_of(node))

    def read_attribute(self, node: "Node") -> Expression:
        value = self.visit_field(node, "object")
        return Member(value, source_of(node.child_by_field_name("attribute")), line_of(node))

    def read_subscript(self, node: "Node") -> Expression:
        value, key = self.visit_field(node, "value"), self.visit_field(node, "subscript")
        if isinstance(key, Text):
            return Member(value, key.value, key.line)
        return Element(value, line_of(node), key)

    def read_inner(self, node: "Node") -> Expression:
        """What adds nothing: parentheses, `await`."""
        return self.visit(inner_nodes(node)[-1]) if inner_nodes(node) else self.unknown(node)

    def read_dictionary(self, node: "Node") -> Expression:
        entries = []
        for child in inner_nodes(node):
            if child.type == "pair":
                key, value = self.visit_field(child, "key"), self.visit_field(child, "value")
                entries.append(ObjectEntry(key.value if isinstance(key, Text) else None, value))
                if isinstance(key, Text):
                    self.alias(value, key.value)
            elif child.type == "dictionary_splat":
                entries.append(ObjectEntry(None, self.visit(inner_nodes(child)[0]), spread=True))
        return Object(entries, line_of(node))

    def read_list(self, node: "Node") -> Expression:
        return Array([self.visit(child) for child in inner_nodes(node)], line_of(node))

    def read_call(self, node: "Node") -> Expression:
        callee = self.visit_field(node, "function")
        group = node.child_by_field_name("arguments")
        arguments = self._arguments(group) if group is not None else []
        line = line_of(node)
        if isinstance(callee, Name) and callee.name == "super":
            return Self(line, parent=True)
        call = self.call(callee, arguments, line)
        values = [a.value for a in arguments]
        match callee:
            case Name(name="dict"):
                return Object([_entry(argument) for argument in arguments], line)
            case Name(name="str" | "list" | "tuple" | "set") if len(values) == 1:
                return values[0]
            case Member(value=Text() as text, name="format"):
                return filled(text, "{}", values)
            case Member(value=Text() as separator, name="join") if values and isinstance(values[0], Array):
                return joined_with(separator.value, values[0].items, line)
            case Member(value=inner, name="strip"):
                return inner
            case Name(name="getattr") if len(values) >= 2 and isinstance(values[1], Text):
                return Member(values[0], values[1].value, line)
            case Name(name="cast") if len(values) == 2:
                return values[1]
        return call

    def _arguments(self, group: "Node") -> list[Argument]:
        arguments = []
        for child in inner_nodes(group):
            if child.type == "keyword_argument":
                name = source_of(child.child_by_field_name("name"))
                arguments.append(Argument(self.visit_field(child, "value"), name))
            elif child.type == "list_splat":
                arguments.append(Argument(self.visit(inner_nodes(child)[0]), None, spread=True))
            elif child.type == "dictionary_splat":
                arguments.append(Argument(self.visit(inner_nodes(child)[0]), "**", spread=True))
            elif child.type != "comment":
                arguments.append(Argument(self.visit(child)))
        return arguments

    expressions: ClassVar[Mapping[str, str]] = {
        "identifier": "read_name",
        "string": "read_string",
        "concatenated_string": "read_concatenated",
        "binary_operator": "read_binary",
        "boolean_operator": "read_boolean",
        "conditional_expression": "read_conditional",
        "attribute": "read_attribute",
        "subscript": "read_subscript",
        "parenthesized_expression": "read_inner",
        "await": "read_inner",
        "dictionary": "read_dictionary",
        "list": "read_list",
        "tuple": "read_list",
        "set": "read_list",
        "expression_list": "read_list",
        "call": "read_call",
    }


def _entry(argument: Argument) -> ObjectEntry:
    """An argument of ``dict(…)``."""
    spread = argument.keyword in (None, "**")
    return ObjectEntry(None if spread else argument.keyword, argument.value, spread=spread)
