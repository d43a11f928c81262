"""Reads JavaScript, TypeScript and TSX: types, declarations, classes, modules and expressions."""

import html
from typing import TYPE_CHECKING

from usertrack.plan.scan.escapes import decode_javascript
from usertrack.plan.scan.reader import SyntaxReader, concatenation, inner_nodes, joined_with, line_of, source_of
from usertrack.plan.scan.syntax import (
    Alias,
    Alternatives,
    Argument,
    Array,
    Call,
    Class,
    CodeFunction,
    Element,
    Expression,
    FunctionParameter,
    ImportedName,
    Member,
    Name,
    Object,
    ObjectEntry,
    Self,
    Template,
    Text,
    Typed,
    UnknownExpression,
    default_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

TRANSPARENT = frozenset(
    (
        *("Promise", "Readonly", "Partial", "Required", "NonNullable", "Awaited", "Extract", "Exclude"),
        *("RefObject", "MutableRefObject", "Ref", "FC", "PropsWithChildren"),
    )
)
"""Generic types whose values are those of their first argument, or hold one."""


class JavaScriptReader(SyntaxReader):
    conditional = frozenset(
        ("if_statement", "for_statement", "while_statement", "do_statement", "switch_case", "catch_clause")
    )

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
                return Alternatives([self.type(child) for child in children], line)
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
        return UnknownExpression(source_of(node)[:60], line)

    def read_variable_declarator(self, node: "Node") -> Expression:
        name, value_node = node.child_by_field_name("name"), node.child_by_field_name("value")
        annotation, line = node.child_by_field_name("type"), line_of(node)
        if value_node is not None:
            value = self.visit(value_node)
            if isinstance(value, (UnknownExpression, Call)) and annotation is not None:
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
        options = kind.options if isinstance(kind, Alternatives) else [kind]
        if all(isinstance(option, Text) for option in options):
            return kind
        return Alternatives([value, Typed(kind, line)], line)

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
                    self.destructure(left, Alternatives([value, default], line))
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
                    self.destructure(left, Alternatives([Member(value, source_of(left), line), default], line))
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
        if isinstance(value, (CodeFunction, Class)) and not value.name:
            value.name = name
        elif isinstance(value, Call):
            for argument in value.arguments:
                self.named(argument.value, name)
        return value

    def read_assignment_expression(self, node: "Node") -> Expression:
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

    def _home(self, name: str) -> CodeFunction:
        scope: CodeFunction | None = self.scope
        while scope is not None:
            if name in scope.bindings:
                return scope
            scope = scope.parent
        return self.scope

    def read_function_declaration(self, node: "Node") -> Expression:
        name = source_of(node.child_by_field_name("name"))
        function = self._function(node, name)
        if node.type in ("function_declaration", "generator_function_declaration"):
            self.bind(name, function, line_of(node))
        return function

    read_generator_function_declaration = read_function_expression = read_arrow_function = read_function_declaration

    def read_method_definition(self, node: "Node") -> CodeFunction:
        key = node.child_by_field_name("name")
        name = source_of(key).strip("'\"")
        owner = self.owner if node.parent is not None and node.parent.type == "class_body" else None
        function = self._function(node, name, owner)
        function.static = any(child.type == "static" for child in node.children)
        function.getter = any(child.type == "get" for child in node.children)
        if owner is not None:
            owner.add(name, function, self.scope)
        return function

    def _function(self, node: "Node", name: str, owner: Class | None = None) -> CodeFunction:
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
        parameter = FunctionParameter(self.scope, len(self.scope.parameters), line=line)
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

    def read_return_statement(self, node: "Node") -> Expression:
        value = self.visit(inner_nodes(node)[0]) if inner_nodes(node) else self.unknown(node)
        self.scope.returns.append(value)
        return value

    def read_for_in_statement(self, node: "Node") -> Expression:
        with self.condition():
            left, values = node.child_by_field_name("left"), self.visit_field(node, "right")
            if left is not None:
                self.destructure(left, Element(values, line_of(node)))
            self.visit_field(node, "body")
        return self.unknown(node)

    def read_class_declaration(self, node: "Node") -> Expression:
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

    read_abstract_class_declaration = read_class = read_interface_declaration = read_class_declaration

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
                self.read_method_definition(node)
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

    def read_enum_declaration(self, node: "Node") -> Expression:
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

    def read_type_alias_declaration(self, node: "Node") -> Expression:
        name, value = source_of(node.child_by_field_name("name")), node.child_by_field_name("value")
        if value is not None:
            self.scope.bind(name, self.type(value), line_of(node))
        return self.unknown(node)

    def read_import_statement(self, node: "Node") -> Expression:
        source = node.child_by_field_name("source")
        module = source_of(source).strip("'\"`")
        line = line_of(node)
        for clause in inner_nodes(node):
            if clause.type == "import_clause":
                for child in inner_nodes(clause):
                    match child.type:
                        case "identifier":
                            self.bind(source_of(child), ImportedName(module, "default", line), line)
                        case "namespace_import":
                            self.bind(source_of(inner_nodes(child)[0]), ImportedName(module, None, line), line)
                        case "named_imports":
                            for specifier in inner_nodes(child):
                                name = source_of(specifier.child_by_field_name("name")).strip("'\"")
                                alias = specifier.child_by_field_name("alias")
                                self.bind(source_of(alias) or name, ImportedName(module, name, line), line)
        return self.unknown(node)

    def export(self, name: str, value: Expression) -> None:
        self.file.exports[name] = value
        if name == "default":
            self.alias(value, default_of(self.file.path))
            if isinstance(value, CodeFunction):
                self.file.aliases.append(Alias(value.name, default_of(self.file.path), value, self.scope))
            if default_of(self.file.path) == "default:index":
                self.alias(value, default_of(self.file.path.rpartition("/")[0]))
        else:
            self.alias(value, name)

    def read_export_statement(self, node: "Node") -> Expression:
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
                    self.export(alias, Name(name, line) if module is None else ImportedName(module, name, line))
            elif child.type == "namespace_export" and module is not None:
                self.export(source_of(inner_nodes(child)[0]), ImportedName(module, None, line))
        if module is not None and any(child.type == "*" for child in node.children):
            self.file.stars.append(module)
        return self.unknown(node)

    def read_identifier(self, node: "Node") -> Expression:
        return Name(source_of(node), line_of(node))

    read_shorthand_property_identifier = read_identifier

    def read_this(self, node: "Node") -> Expression:
        return Self(line_of(node), parent=node.type == "super")

    read_super = read_this

    def read_string(self, node: "Node") -> Expression:
        return self.text(_content(node), line_of(node))

    def read_template_string(self, node: "Node") -> Expression:
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

    def read_parenthesized_expression(self, node: "Node") -> Expression:
        """Read the inner part of what adds nothing: parentheses, `await`, `as`, `!`."""
        return self.visit(inner_nodes(node)[0]) if inner_nodes(node) else self.unknown(node)

    read_await_expression = read_non_null_expression = read_parenthesized_expression
    read_as_expression = read_satisfies_expression = read_parenthesized_expression

    def read_type_assertion(self, node: "Node") -> Expression:
        return self.visit(inner_nodes(node)[-1])

    def read_sequence_expression(self, node: "Node") -> Expression:
        return [self.visit(child) for child in inner_nodes(node)][-1]

    def read_binary_expression(self, node: "Node") -> Expression:
        operator = source_of(node.child_by_field_name("operator"))
        left = self.visit_field(node, "left")
        if operator in ("||", "??", "&&"):
            with self.condition():
                right = self.visit_field(node, "right")
            return Alternatives([right] if operator == "&&" else [left, right], line_of(node))
        right = self.visit_field(node, "right")
        return concatenation(left, right, line_of(node)) if operator == "+" else self.unknown(node)

    def read_ternary_expression(self, node: "Node") -> Expression:
        self.visit_field(node, "condition")
        with self.condition():
            options = [self.visit_field(node, "consequence"), self.visit_field(node, "alternative")]
        return Alternatives(options, line_of(node))

    def read_member_expression(self, node: "Node") -> Expression:
        value = self.visit_field(node, "object")
        name = source_of(node.child_by_field_name("property"))
        if (
            isinstance(value, Name)
            and value.name in ("window", "globalThis", "self")
            and value.name not in self._home(value.name).bindings
        ):
            return Name(name, line_of(node))
        return Member(value, name, line_of(node))

    def read_subscript_expression(self, node: "Node") -> Expression:
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
                entries.append(ObjectEntry(source_of(child), self.read_identifier(child)))
            elif child.type == "spread_element":
                entries.append(self._spread(inner_nodes(child)[0]))
            elif child.type == "method_definition":
                function = self.read_method_definition(child)
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

    def read_spread_element(self, node: "Node") -> Expression:
        return self.visit(inner_nodes(node)[0])

    def read_call_expression(self, node: "Node") -> Expression:
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
                return ImportedName(values[0].value, None, call.line)
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
            case Member(value=inner, name="then") if values and isinstance(values[0], CodeFunction):
                return Call(values[0], [Argument(inner)], call.line, call.scope)
            case Member(value=Text(value=text, line=line), name="concat"):
                return Template([Text(text, line), *values], line)
        return call

    read_new_expression = read_call_expression

    def read_import(self, node: "Node") -> Expression:
        return Name("import", line_of(node))

    def read_jsx_element(self, node: "Node") -> Expression:
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

    read_jsx_self_closing_element = read_jsx_element

    def _attribute(self, node: "Node") -> ObjectEntry:
        name, *values = inner_nodes(node)
        if not values:
            return ObjectEntry(source_of(name), self.unknown(node))
        value = values[0]
        if value.type == "jsx_expression" and inner_nodes(value):
            value = inner_nodes(value)[0]
        return ObjectEntry(source_of(name), self.named(self.visit(value), source_of(name)))


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
