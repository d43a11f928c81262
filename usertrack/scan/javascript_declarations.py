"""Reads what JavaScript and TypeScript declare: variables, functions, classes, types, imports and exports."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from usertrack.scan.javascript_types import TypeReader
from usertrack.scan.reader import inner_nodes, line_of, source_of
from usertrack.scan.syntax import (
    Alias,
    Array,
    Call,
    Choice,
    Class,
    Element,
    Expression,
    Function,
    Imported,
    Member,
    Name,
    Parameter,
    Text,
    Typed,
    Unknown,
    default_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node


class DeclarationReader(TypeReader):
    def read_declarator(self, node: "Node") -> Expression:
        name, value_node = node.child_by_field_name("name"), node.child_by_field_name("value")
        annotation, line = node.child_by_field_name("type"), line_of(node)
        if value_node is not None:
            value = self.visit(value_node)
            if isinstance(value, (Unknown, Call)) and annotation is not None:
                value = self._of_type(value, self.type(annotation), line)
        elif annotation is not None:
            value = Typed(self.type(annotation), line)
        else:
            return self.unknown(node)
        if name is not None:
            self.destructure(name, value)
        return value

    def _of_type(self, value: Expression, kind: Expression, line: int) -> Expression:
        """A computed value by its type: a union of texts is all that it can be."""
        options = kind.options if isinstance(kind, Choice) else [kind]
        if all(isinstance(option, Text) for option in options):
            return kind
        return Choice([value, Typed(kind, line)], line)

    def destructure(self, pattern: "Node", value: Expression) -> None:
        """Bind the names of a pattern to the parts of ``value``."""
        line = line_of(pattern)
        match pattern.type:
            case "identifier" | "shorthand_property_identifier_pattern":
                name = source_of(pattern)
                self.bind(name, self.named(value, name), line)
            case "object_pattern":
                for child in inner_nodes(pattern):
                    self._destructure_key(child, value)
            case "array_pattern":
                self._destructure_array(pattern, value)
            case "assignment_pattern" | "object_assignment_pattern":
                default = self.visit_field(pattern, "right")
                left = pattern.child_by_field_name("left")
                if left is not None:
                    self.destructure(left, Choice([value, default], line))
            case "rest_pattern":
                self.destructure(inner_nodes(pattern)[0], value)

    def _destructure_key(self, child: "Node", value: Expression) -> None:
        line = line_of(child)
        match child.type:
            case "shorthand_property_identifier_pattern":
                self.destructure(child, Member(value, source_of(child), line))
            case "object_assignment_pattern":
                left = child.child_by_field_name("left")
                default = self.visit_field(child, "right")
                if left is not None:
                    self.destructure(left, Choice([Member(value, source_of(left), line), default], line))
            case "pair_pattern":
                key, target = child.child_by_field_name("key"), child.child_by_field_name("value")
                if target is not None:
                    self.destructure(target, Member(value, source_of(key).strip("'\""), line))
            case "rest_pattern":
                self.destructure(child, value)

    def _destructure_array(self, pattern: "Node", value: Expression) -> None:
        items = value.items if isinstance(value, Array) else []
        for index, child in enumerate(inner_nodes(pattern)):
            self.destructure(child, items[index] if index < len(items) else Element(value, line_of(child)))

    def named(self, value: Expression, name: str | None) -> Expression:
        """Functions and classes without a name get that of what they are put into, be it by a call."""
        if not name:
            return value
        if isinstance(value, (Function, Class)) and not value.name:
            value.name = name
        elif isinstance(value, Call):
            for argument in value.arguments:
                self.named(argument.value, name)
        return value

    def read_assignment(self, node: "Node") -> Expression:
        left, value, line = node.child_by_field_name("left"), self.visit_field(node, "right"), line_of(node)
        if left is None:
            return value
        if left.type in ("object_pattern", "array_pattern"):
            self.destructure(left, value)
            return value
        target = self.visit(left)
        if isinstance(target, (Name, Member)):
            self.named(value, target.name)
        match target:
            case Member(value=Name(name="module"), name="exports"):
                self.export("default", value)
            case Member(value=Name(name="exports") | Member(name="exports"), name=name):
                self.export(name, value)
        self.assign(target, value, line)
        return value

    def _home(self, name: str) -> Function:
        scope: Function | None = self.scope
        while scope is not None:
            if name in scope.bindings:
                return scope
            scope = scope.parent
        return self.scope

    def read_function(self, node: "Node") -> Expression:
        name = source_of(node.child_by_field_name("name"))
        function = self._function(node, name)
        if node.type in ("function_declaration", "generator_function_declaration"):
            self.bind(name, function, line_of(node))
        return function

    def read_method(self, node: "Node") -> Function:
        key = node.child_by_field_name("name")
        name = source_of(key).strip("'\"")
        owner = self.owner if node.parent is not None and node.parent.type == "class_body" else None
        function = self._function(node, name, owner)
        function.static = any(child.type == "static" for child in node.children)
        function.getter = any(child.type == "get" for child in node.children)
        if owner is not None:
            owner.add(name, function, self.scope)
        return function

    def _function(self, node: "Node", name: str, owner: Class | None = None) -> Function:
        outer, self.owner = self.owner, owner
        with self.function(name, line_of(node)) as function:
            group = node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
            if group is not None:
                patterns = [group] if group.type == "identifier" else inner_nodes(group)
                for pattern in patterns:
                    if pattern.type != "comment":
                        self._parameter(pattern, owner if name == "constructor" else None)
            body = node.child_by_field_name("body")
            if body is not None and body.type == "statement_block":
                self.visit_children(body)
            elif body is not None:
                function.returns.append(self.visit(body))
        self.owner = outer
        return function

    def _parameter(self, node: "Node", owner: Class | None) -> None:
        """A parameter, or what it is taken apart into. ``owner``: one with `private` is an attribute of that class."""
        pattern = node.child_by_field_name("pattern") or node
        line = line_of(node)
        parameter = Parameter(self.scope, len(self.scope.parameters), line=line)
        default = node.child_by_field_name("value") or node.child_by_field_name("right")
        if pattern.type == "assignment_pattern":
            pattern = pattern.child_by_field_name("left") or pattern
        if pattern.type == "rest_pattern":
            parameter.rest, pattern = "*", inner_nodes(pattern)[0]
        if pattern.type == "this":
            return
        annotation = node.child_by_field_name("type")
        parameter.type = self.type(annotation) if annotation is not None else None
        parameter.default = self.visit(default) if default is not None else None
        self.scope.parameters.append(parameter)
        if pattern.type == "identifier":
            parameter.name = source_of(pattern)
        self.destructure(pattern, parameter)
        if owner is not None and any(c.type in ("accessibility_modifier", "readonly") for c in node.children):
            owner.add(source_of(pattern), parameter, self.scope)

    def read_return(self, node: "Node") -> Expression:
        value = self.visit(inner_nodes(node)[0]) if inner_nodes(node) else self.unknown(node)
        self.scope.returns.append(value)
        return value

    def read_for_in(self, node: "Node") -> Expression:
        with self.condition():
            left, values = node.child_by_field_name("left"), self.visit_field(node, "right")
            if left is not None:
                self.destructure(left, Element(values, line_of(node)))
            self.visit_field(node, "body")
        return self.unknown(node)

    def read_class(self, node: "Node") -> Expression:
        name, line = source_of(node.child_by_field_name("name")), line_of(node)
        with self.class_body(name, line) as owner:
            for child in inner_nodes(node):
                if child.type in ("class_heritage", "extends_type_clause", "extends_clause"):
                    owner.bases += self._bases(child)
            body = node.child_by_field_name("body")
            if body is not None:
                for member in inner_nodes(body):
                    self._member(member, owner)
        if name:
            self.bind(name, owner, line)
        return owner

    def _bases(self, node: "Node") -> list[Expression]:
        bases = []
        for child in inner_nodes(node):
            if child.type in ("extends_clause", "implements_clause"):
                bases += self._bases(child)
            elif child.type not in ("type_arguments", "comment"):
                bases.append(self.type(child) if "type" in child.type else self.visit(child))
        return bases

    def _member(self, node: "Node", owner: Class) -> None:
        match node.type:
            case "method_definition":
                self.read_method(node)
            case "public_field_definition" | "field_definition" | "property_signature":
                name = source_of(node.child_by_field_name("name") or node.child_by_field_name("property"))
                value_node, annotation = node.child_by_field_name("value"), node.child_by_field_name("type")
                if value_node is not None:
                    with self.function("", line_of(node)) as initializer:
                        initializer.owner = owner
                        owner.add(name, self._attribute_value(value_node, name, owner), self.scope)
                elif annotation is not None:
                    owner.add(name, Typed(self.type(annotation), line_of(node)), self.scope)
            case "class_static_block":
                self.visit_children(node)

    def _attribute_value(self, node: "Node", name: str, owner: Class) -> Expression:
        """A function as an attribute is a method: `this` in it is the object."""
        if node.type in ("arrow_function", "function_expression"):
            return self._function(node, name, owner)
        value = self.named(self.visit(node), name)
        self.alias(value, name)
        return value

    def read_enum(self, node: "Node") -> Expression:
        name = source_of(node.child_by_field_name("name"))
        with self.class_body(name, line_of(node)) as owner:
            owner.enum = True
            body = node.child_by_field_name("body")
            for child in inner_nodes(body) if body is not None else []:
                if child.type == "enum_assignment":
                    key = source_of(child.child_by_field_name("name")).strip("'\"")
                    owner.add(key, self.visit_field(child, "value"), self.scope)
        self.bind(name, owner, line_of(node))
        return owner

    def read_type_alias(self, node: "Node") -> Expression:
        name, value = source_of(node.child_by_field_name("name")), node.child_by_field_name("value")
        if value is not None:
            self.scope.bind(name, self.type(value), line_of(node))
        return self.unknown(node)

    def read_import(self, node: "Node") -> Expression:
        source = node.child_by_field_name("source")
        module = source_of(source).strip("'\"`")
        line = line_of(node)
        for clause in inner_nodes(node):
            if clause.type == "import_clause":
                for child in inner_nodes(clause):
                    match child.type:
                        case "identifier":
                            self.bind(source_of(child), Imported(module, "default", line), line)
                        case "namespace_import":
                            self.bind(source_of(inner_nodes(child)[0]), Imported(module, None, line), line)
                        case "named_imports":
                            for specifier in inner_nodes(child):
                                name = source_of(specifier.child_by_field_name("name")).strip("'\"")
                                alias = specifier.child_by_field_name("alias")
                                self.bind(source_of(alias) or name, Imported(module, name, line), line)
        return self.unknown(node)

    def export(self, name: str, value: Expression) -> None:
        self.file.exports[name] = value
        if name == "default":
            self.alias(value, default_of(self.file.path))
            if isinstance(value, Function):
                self.file.aliases.append(Alias(value.name, default_of(self.file.path), value, self.scope))
            if default_of(self.file.path) == "default:index":
                self.alias(value, default_of(self.file.path.rpartition("/")[0]))
        else:
            self.alias(value, name)

    def read_export(self, node: "Node") -> Expression:
        line = line_of(node)
        source = node.child_by_field_name("source")
        module = source_of(source).strip("'\"`") if source is not None else None
        is_default = any(child.type == "default" for child in node.children)
        declaration, value = node.child_by_field_name("declaration"), node.child_by_field_name("value")
        if value is not None:
            exported = self.visit(value)
            self.named(exported, default_of(self.file.path))
            self.export("default", exported)
        if declaration is not None:
            exported = self.visit(declaration)
            if is_default:
                self.export("default", self.named(exported, default_of(self.file.path)))
        for child in inner_nodes(node):
            if child.type == "export_clause":
                for specifier in inner_nodes(child):
                    name = source_of(specifier.child_by_field_name("name"))
                    alias = source_of(specifier.child_by_field_name("alias")) or name
                    self.export(alias, Name(name, line) if module is None else Imported(module, name, line))
            elif child.type == "namespace_export" and module is not None:
                self.export(source_of(inner_nodes(child)[0]), Imported(module, None, line))
        if module is not None and any(child.type == "*" for child in node.children):
            self.file.stars.append(module)
        return self.unknown(node)

    expressions: ClassVar[Mapping[str, str]] = {
        "variable_declarator": "read_declarator",
        "assignment_expression": "read_assignment",
        "function_declaration": "read_function",
        "generator_function_declaration": "read_function",
        "function_expression": "read_function",
        "arrow_function": "read_function",
        "method_definition": "read_method",
        "return_statement": "read_return",
        "for_in_statement": "read_for_in",
        "class_declaration": "read_class",
        "abstract_class_declaration": "read_class",
        "class": "read_class",
        "enum_declaration": "read_enum",
        "interface_declaration": "read_class",
        "type_alias_declaration": "read_type_alias",
        "import_statement": "read_import",
        "export_statement": "read_export",
    }
