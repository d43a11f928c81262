"""Reads Python: expressions, and what is declared over them."""

from typing import TYPE_CHECKING

from usertrack.plan.scan.escapes import decode_python
from usertrack.plan.scan.reader import (
    SyntaxReader,
    concatenation,
    filled,
    inner_nodes,
    joined,
    joined_with,
    line_of,
    source_of,
)
from usertrack.plan.scan.syntax import (
    Alternatives,
    Argument,
    Array,
    Call,
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
    Text,
    Typed,
    UnknownExpression,
)

if TYPE_CHECKING:
    from tree_sitter import Node


class PythonReader(SyntaxReader):
    conditional = frozenset(
        ("if_statement", "for_statement", "while_statement", "except_clause", "match_statement", "boolean_operator")
    )

    def read_identifier(self, node: "Node") -> Expression:
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

    def read_concatenated_string(self, node: "Node") -> Expression:
        return joined([self.visit(child) for child in inner_nodes(node)], line_of(node))

    def read_binary_operator(self, node: "Node") -> Expression:
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
            return Alternatives([left, right], line_of(node))
        return self.unknown(node)

    def read_boolean_operator(self, node: "Node") -> Expression:
        left = self.visit_field(node, "left")
        with self.condition():
            right = self.visit_field(node, "right")
        is_or = source_of(node.child_by_field_name("operator")) == "or"
        return Alternatives([left, right] if is_or else [right], line_of(node))

    def read_conditional_expression(self, node: "Node") -> Expression:
        body, condition, alternative = inner_nodes(node)[:3]
        self.visit(condition)
        with self.condition():
            return Alternatives([self.visit(body), self.visit(alternative)], line_of(node))

    def read_attribute(self, node: "Node") -> Expression:
        value = self.visit_field(node, "object")
        return Member(value, source_of(node.child_by_field_name("attribute")), line_of(node))

    def read_subscript(self, node: "Node") -> Expression:
        value, key = self.visit_field(node, "value"), self.visit_field(node, "subscript")
        if isinstance(key, Text):
            return Member(value, key.value, key.line)
        return Element(value, line_of(node), key)

    def read_parenthesized_expression(self, node: "Node") -> Expression:
        """Read the inner part of what adds nothing: parentheses, `await`."""
        return self.visit(inner_nodes(node)[-1]) if inner_nodes(node) else self.unknown(node)

    read_await = read_parenthesized_expression

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

    read_tuple = read_set = read_expression_list = read_list

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

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.globals: set[tuple[CodeFunction, str]] = set()

    def read_lambda(self, node: "Node") -> Expression:
        with self.function("", line_of(node)) as function:
            self._parameters(node.child_by_field_name("parameters"))
            function.returns.append(self.visit_field(node, "body"))
        return function

    def read_function_definition(self, node: "Node") -> Expression:
        name, line = source_of(node.child_by_field_name("name")), line_of(node)
        owner = self.owner
        decorators = self._decorators(node)
        with self.function(name, line) as function:
            function.static = "staticmethod" in decorators
            function.getter = bool(decorators & {"property", "cached_property"})
            self._parameters(node.child_by_field_name("parameters"), method=owner is not None and not function.static)
            body = node.child_by_field_name("body")
            if body is not None:
                self.visit_children(body)
        if owner is not None:
            owner.add(name, function, self.scope)
        else:
            self.bind(name, function, line)
        return function

    def _decorators(self, node: "Node") -> set[str]:
        if node.parent is None or node.parent.type != "decorated_definition":
            return set()
        return {
            source_of(child).lstrip("@").rpartition(".")[2]
            for child in inner_nodes(node.parent)
            if child.type == "decorator"
        }

    def read_decorated_definition(self, node: "Node") -> Expression:
        decorators = [
            self.visit(expression)
            for child in inner_nodes(node)
            if child.type == "decorator"
            for expression in inner_nodes(child)
        ]
        definition = self.visit_field(node, "definition")
        if isinstance(definition, CodeFunction):
            definition.decorators = decorators
        return definition

    def _parameters(self, group: "Node | None", *, method: bool = False) -> None:
        keyword_only = False
        index = 0
        for child in inner_nodes(group) if group is not None else []:
            if child.type in ("keyword_separator", "list_splat_pattern"):
                keyword_only = True
            if child.type in ("keyword_separator", "positional_separator", "comment"):
                continue
            pattern = inner_nodes(child)[0] if child.type == "typed_parameter" else child
            rest = {"list_splat_pattern": "*", "dictionary_splat_pattern": "**"}.get(pattern.type, "")
            keyword_only = keyword_only or rest == "*"
            name_node = child.child_by_field_name("name") or (inner_nodes(pattern)[0] if rest else pattern)
            name, line = source_of(name_node), line_of(child)
            if method:  # self, cls
                self.scope.bind(name, Self(line), line)
                method = False
                continue
            parameter = FunctionParameter(
                self.scope, index, name, rest, keyword_only=keyword_only and not rest, line=line
            )
            annotation, default = child.child_by_field_name("type"), child.child_by_field_name("value")
            parameter.type = self._type(annotation) if annotation is not None else None
            parameter.default = self.visit(default) if default is not None else None
            self.scope.parameters.append(parameter)
            self.scope.bind(name, parameter, line)
            index += 1

    def _type(self, node: "Node") -> Expression:
        """A type as an expression: a literal is its text, ``Optional[X]`` and ``X | None`` are X."""
        inner = inner_nodes(node)[0] if node.type == "type" and inner_nodes(node) else node
        line = line_of(inner)
        if inner.type == "string":  # "Posthog | None"
            names = [part.strip() for part in source_of(inner).strip("'\"").split("|")]
            return Alternatives([_dotted(name, line) for name in names if name.replace(".", "_").isidentifier()], line)
        if inner.type in ("generic_type", "subscript"):
            name = source_of(inner_nodes(inner)[0]).rpartition(".")[2]
            arguments = [
                self._type(part)
                for child in inner_nodes(inner)[1:]
                for part in (inner_nodes(child) if child.type == "type_parameter" else [child])
            ]
            if name in ("Optional", "Union", "Literal", "Annotated", "type", "Type", "Final", "ClassVar"):
                return Alternatives(arguments[:1] if name == "Annotated" else arguments, line)
            return _dotted(name, line)
        if inner.type == "binary_operator":
            sides = [inner.child_by_field_name(side) for side in ("left", "right")]
            return Alternatives([self._type(side) for side in sides if side is not None], line)
        if inner.type == "union_type":
            return Alternatives([self._type(side) for side in inner_nodes(inner)], line)
        if inner.type in ("identifier", "attribute", "string"):
            return self.visit(inner)
        return UnknownExpression(source_of(inner)[:60], line)

    def read_class_definition(self, node: "Node") -> Expression:
        name, line = source_of(node.child_by_field_name("name")), line_of(node)
        with self.class_body(name, line) as owner:
            bases = node.child_by_field_name("superclasses")
            outer, self.owner = self.owner, None
            owner.bases = [a.value for a in self._arguments(bases)] if bases is not None else []
            owner.enum = any(isinstance(b, (Name, Member)) and b.name.endswith("Enum") for b in owner.bases)
            self.owner = outer
            body = node.child_by_field_name("body")
            if body is not None:
                self.visit_children(body)
        if outer is not None:
            outer.add(name, owner, self.scope)
        self.bind(name, owner, line)
        return owner

    def read_assignment(self, node: "Node") -> Expression:
        left, line = node.child_by_field_name("left"), line_of(node)
        right, annotation = node.child_by_field_name("right"), node.child_by_field_name("type")
        if right is not None:
            value = self.visit(right)
        elif annotation is not None:
            value = Typed(self._type(annotation), line)
        else:
            return self.unknown(node)
        if left is not None:
            self._assign(left, value, line)
        return value

    def _assign(self, left: "Node", value: Expression, line: int) -> None:
        if left.type in ("pattern_list", "tuple_pattern", "list_pattern"):
            items = value.items if isinstance(value, Array) else None
            for index, target in enumerate(inner_nodes(left)):
                part = items[index] if items is not None and index < len(items) else Element(value, line)
                self._assign(target, part, line)
        elif self.owner is not None and left.type == "identifier":
            name = source_of(left)
            self.owner.add(name, value, self.scope)
            self.alias(value, name)
        else:
            self.assign(self.visit(left), value, line)

    def read_named_expression(self, node: "Node") -> Expression:
        value = self.visit_field(node, "value")
        self.bind(source_of(node.child_by_field_name("name")), value, line_of(node))
        return value

    def read_augmented_assignment(self, node: "Node") -> Expression:
        value, line = self.visit_field(node, "right"), line_of(node)
        match self.visit_field(node, "left"):
            case Name(name=name) if source_of(node.child_by_field_name("operator")) == "|=":
                self.change(name, None, value)
        return self.unknown(node) if value is None else UnknownExpression("+=", line)

    def read_return_statement(self, node: "Node") -> Expression:
        value = self.read_parenthesized_expression(node)
        self.scope.returns.append(value)
        return value

    def read_for_statement(self, node: "Node") -> Expression:
        with self.condition():
            self._loop(node)
            for name in ("body", "alternative"):
                self.visit_field(node, name)
        return self.unknown(node)

    def _loop(self, node: "Node") -> None:
        left, line = node.child_by_field_name("left"), line_of(node)
        values = self.visit_field(node, "right")
        if left is not None:
            match values:
                case Call(callee=Member(value=inner, name="items")) if left.type == "pattern_list":
                    if inner_nodes(left)[1:]:
                        self._assign(inner_nodes(left)[1], Element(inner, line), line)
                case Call(callee=Member(value=inner, name="values")):
                    self._assign(left, Element(inner, line), line)
                case _:
                    self._assign(left, Element(values, line), line)

    def read_list_comprehension(self, node: "Node") -> Expression:
        for child in inner_nodes(node):
            if child.type == "for_in_clause":
                self._loop(child)
        return Array([self.visit_field(node, "body")], line_of(node))

    read_set_comprehension = read_generator_expression = read_list_comprehension

    def read_as_pattern(self, node: "Node") -> Expression:
        """`with client() as name`."""
        children = inner_nodes(node)
        value = self.visit(children[0])
        target = node.child_by_field_name("alias")
        if target is not None and inner_nodes(target):
            self._assign(inner_nodes(target)[0], value, line_of(node))
        return value

    def read_import_statement(self, node: "Node") -> Expression:
        line = line_of(node)
        for child in inner_nodes(node):
            if child.type == "aliased_import":
                module = source_of(child.child_by_field_name("name"))
                self.bind(source_of(child.child_by_field_name("alias")), ImportedName(module, None, line), line)
            elif child.type == "dotted_name":
                top = source_of(child).partition(".")[0]
                self.bind(top, ImportedName(top, None, line), line)
        return self.unknown(node)

    def read_import_from_statement(self, node: "Node") -> Expression:
        line = line_of(node)
        module_node = node.child_by_field_name("module_name")
        module = source_of(module_node)
        for child in inner_nodes(node):
            if module_node is not None and child.start_byte == module_node.start_byte:
                continue
            if child.type == "wildcard_import":
                self.file.stars.append(module)
            elif child.type == "aliased_import":
                name = source_of(child.child_by_field_name("name"))
                self.bind(source_of(child.child_by_field_name("alias")), ImportedName(module, name, line), line)
            elif child.type == "dotted_name":
                name = source_of(child)
                self.bind(name, ImportedName(module, name, line), line)
        return self.unknown(node)

    def read_global_statement(self, node: "Node") -> Expression:
        self.globals.update((self.scope, source_of(child)) for child in inner_nodes(node))
        return self.unknown(node)

    def _home(self, name: str) -> CodeFunction:
        return self.file.module if (self.scope, name) in self.globals else self.scope


def _entry(argument: Argument) -> ObjectEntry:
    """An argument of ``dict(…)``."""
    spread = argument.keyword in (None, "**")
    return ObjectEntry(None if spread else argument.keyword, argument.value, spread=spread)


def _dotted(name: str, line: int) -> Expression:
    first, *rest = name.split(".")
    value: Expression = Name(first, line)
    for part in rest:
        value = Member(value, part, line)
    return value
