"""Reads types of TypeScript as expressions: what a value of them can be."""

from typing import TYPE_CHECKING

from usertrack.scan.reader import Reader, inner_nodes, line_of, source_of
from usertrack.scan.syntax import (
    Call,
    Choice,
    Element,
    Expression,
    Member,
    Name,
    Object,
    ObjectEntry,
    Text,
    Typed,
    Unknown,
)

if TYPE_CHECKING:
    from tree_sitter import Node

TRANSPARENT = frozenset(
    {
        "Promise",
        "Readonly",
        "Partial",
        "Required",
        "NonNullable",
        "Awaited",
        "RefObject",
        "MutableRefObject",
        "Ref",
        "Extract",
        "Exclude",
        "FC",
        "PropsWithChildren",
    }
)
"""Generic types whose values are those of their first argument, or hold one."""


class TypeReader(Reader):
    def type(self, node: "Node") -> Expression:
        """A type as an expression: a literal is its text, an object type an object of types."""
        line = line_of(node)
        children = [child for child in inner_nodes(node) if child.type != "comment"]
        match node.type:
            case "type_annotation" | "parenthesized_type" | "readonly_type" | "literal_type" if children:
                return self.type(children[0])
            case "string":
                return Text("".join(source_of(child) for child in children), line)
            case "union_type" | "intersection_type":
                return Choice([self.type(child) for child in children], line)
            case "type_identifier" | "identifier":
                return Name(source_of(node), line)
            case "nested_type_identifier" | "nested_identifier":
                first, *rest = source_of(node).split(".")
                value: Expression = Name(first, line)
                for part in rest:
                    value = Member(value, part.strip(), line)
                return value
            case "object_type":
                entries = [
                    ObjectEntry(
                        source_of(c.child_by_field_name("name")).strip("'\""), Typed(self.type(annotation), line)
                    )
                    for c in children
                    if c.type == "property_signature" and (annotation := c.child_by_field_name("type")) is not None
                ]
                return Object(entries, line)
            case "generic_type" if children:
                name = source_of(children[0]).rpartition(".")[2]
                if name in TRANSPARENT and len(children) > 1 and children[1].named_children:
                    return self.type(children[1].named_children[0])
                if name == "ReturnType" and len(children) > 1 and children[1].named_children:
                    inner = self.type(children[1].named_children[0])
                    return Call(inner, [], line_of(node), self.scope)
                return self.type(children[0])
            case "type_query" if children:  # typeof X
                return self.visit(children[0])
            case "index_type_query" | "lookup_type" if children:  # keyof X, X[K]
                return Element(self.type(children[0]), line)
        return Unknown(source_of(node)[:60], line)
