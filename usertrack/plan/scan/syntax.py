"""A source file in the words that all languages share: scopes, bindings, calls, and small trees of expressions.

What a scan does not need (operators, control flow, types of values) is not in it: such an expression is an
`UnknownExpression`. Lines count from 1. Expressions compare by identity: each is a place in a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

HOLE = "ꙮ"
"""Stands in a template's script for what its engine fills in; a letter, so that it is a name outside of strings."""


@dataclass(slots=True, eq=False)
class Text:
    value: str
    line: int


@dataclass(slots=True, eq=False)
class Template:
    """Texts and other expressions, put together to one text."""

    parts: "list[Expression]"
    line: int


@dataclass(slots=True, eq=False)
class Name:
    name: str
    line: int


@dataclass(slots=True, eq=False)
class Member:
    """``value.name``, or ``value["name"]``."""

    value: "Expression"
    name: str
    line: int


@dataclass(slots=True, eq=False)
class Element:
    """Any element of a list or value of an object: ``value[key]``, the variable of a loop."""

    value: "Expression"
    line: int
    key: "Expression | None" = None


@dataclass(slots=True, eq=False)
class Argument:
    """``keyword`` is None for a positional one; ``spread``: ``*value``, ``**value`` (keyword ``**``), ``...value``."""

    value: "Expression"
    keyword: str | None = None
    spread: bool = False


@dataclass(slots=True, eq=False)
class Call:
    """A call, the making of an object, or a JSX element, whose one argument is the object of its attributes."""

    callee: "Expression"
    arguments: Sequence[Argument]
    line: int
    scope: "CodeFunction"


@dataclass(slots=True, eq=False)
class ObjectEntry:
    """A key of an object. ``key`` is None for a spread and for a computed key; ``always``: under no condition."""

    key: str | None
    value: "Expression"
    always: bool = True
    spread: bool = False


@dataclass(slots=True, eq=False)
class Object:
    entries: list[ObjectEntry]
    line: int


@dataclass(slots=True, eq=False)
class Array:
    items: "list[Expression]"
    line: int


@dataclass(slots=True, eq=False)
class Alternatives:
    """One of several values: a conditional, ``a or b``, a union of types.

    ``handed``: the ways in which one argument may be handed over, of which a call uses one.
    """

    options: "list[Expression]"
    line: int
    handed: bool = False


@dataclass(slots=True, eq=False)
class Typed:
    """Some value of this type."""

    type: "Expression"
    line: int


@dataclass(slots=True, eq=False)
class ImportedName:
    """The target of an imported name; ``name`` None: the module itself, ``default``: its default export."""

    module: str
    name: str | None
    line: int


@dataclass(slots=True, eq=False)
class Self:
    """``this``, or the first parameter of a Python method; ``parent``: ``super``."""

    line: int
    parent: bool = False


@dataclass(slots=True, eq=False)
class FunctionParameter:
    """A parameter: calls hand it over at ``index``, or by ``name``.

    ``rest`` is ``*`` for all further positional arguments, ``**`` for all further named ones.
    """

    function: "CodeFunction"
    index: int
    name: str | None = None
    rest: str = ""
    type: "Expression | None" = None
    default: "Expression | None" = None
    keyword_only: bool = False
    line: int = 0


@dataclass(slots=True, eq=False)
class UnknownExpression:
    """An expression that is computed at run time; ``source`` is its text, cut short."""

    source: str
    line: int


@dataclass(slots=True, eq=False)
class Binding:
    """``scope`` is where ``value`` is looked up."""

    value: "Expression"
    line: int
    scope: "CodeFunction"
    always: bool = True


@dataclass(slots=True, eq=False)
class CodeFunction:
    """A scope: a function, or a whole file. ``owner`` is the class whose method it is."""

    name: str
    line: int
    parent: "CodeFunction | None" = None
    owner: "Class | None" = None
    parameters: list[FunctionParameter] = field(default_factory=list)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    changes: dict[str, list[ObjectEntry]] = field(default_factory=dict)
    """Keys that are put into the object of a variable after it was made."""
    calls: list[Call] = field(default_factory=list)
    returns: "list[Expression]" = field(default_factory=list)
    file: "File | None" = None
    handed_to: Call | None = None
    """The call whose argument it is."""
    decorators: "list[Expression]" = field(default_factory=list)
    static: bool = False
    getter: bool = False

    def bind(self, name: str, value: "Expression", line: int, *, always: bool = True) -> None:
        self.bindings.setdefault(name, []).append(Binding(value, line, self, always))


@dataclass(slots=True, eq=False)
class Class:
    """A class, interface or enum. ``members`` are methods and attributes; bases are looked up in ``scope``."""

    name: str
    line: int
    scope: CodeFunction
    bases: "list[Expression]" = field(default_factory=list)
    members: dict[str, list[Binding]] = field(default_factory=dict)
    enum: bool = False

    def add(self, name: str, value: "Expression", scope: CodeFunction, *, always: bool = True) -> None:
        self.members.setdefault(name, []).append(Binding(value, self.line, scope, always))


@dataclass(slots=True, eq=False)
class Alias:
    """A name under which what ``source`` names, or returns, may go on: ``track`` of ``const track = hog.capture``."""

    source: str
    name: str
    value: "Expression"
    scope: CodeFunction


@dataclass(slots=True, eq=False)
class File:
    """``path`` is relative to the scanned folder. ``exports``: names for which other files can ask.

    ``error_line`` is where it could not be parsed.
    """

    path: str
    module: CodeFunction
    exports: "dict[str, Expression]" = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    functions: list[CodeFunction] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    error_line: int | None = None


Expression = (
    Text
    | Template
    | Name
    | Member
    | Element
    | Call
    | Object
    | Array
    | Alternatives
    | Typed
    | ImportedName
    | Self
    | FunctionParameter
    | CodeFunction
    | Class
    | UnknownExpression
)


def callee_name(call: Call) -> str:
    """The last name of what is called; `…` where it has none."""
    match call.callee:
        case Name(name=name) | Member(name=name):
            return name
    return "…"


def tail_names(value: Expression) -> list[str]:
    """The names whose value ``value`` may be: of a chain its last one, of a call the functions that it is given."""
    match value:
        case Name(name=name) | Member(name=name):
            return [name]
        case Call(arguments=arguments):
            functions = [a.value for a in arguments[:1] if isinstance(a.value, (Name, Member))]
            return [name for part in functions for name in tail_names(part)]
        case Alternatives(options=options):
            return [name for option in options for name in tail_names(option)]
        case CodeFunction(returns=returns) if len(returns) == 1 and isinstance(returns[0], (Name, Member)):
            return tail_names(returns[0])
        case ImportedName(name=name, module=module):
            return [name] if name and name != "default" else [default_of(module)]
        case Element(value=inner):
            return tail_names(inner)
    return []


def caller_names(value: Expression) -> list[str]:
    """The names of the functions whose result ``value`` may be."""
    match value:
        case Call(callee=callee):
            return tail_names(callee)
        case Element(value=inner):
            return caller_names(inner)
        case Alternatives(options=options):
            return [name for option in options for name in caller_names(option)]
    return []


def default_of(module: str) -> str:
    """The name under which the default export of a module goes on: that of its file."""
    stem = module.rstrip("/").rpartition("/")[2]
    return f"default:{stem.partition('.')[0]}"
