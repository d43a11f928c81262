"""The values that an expression can have, as far as its source tells."""

from dataclasses import dataclass

from usertrack.plan.scan.syntax import (
    Alternatives,
    Array,
    Call,
    Class,
    CodeFunction,
    Element,
    Expression,
    FunctionParameter,
    Object,
    ObjectEntry,
    Template,
    Text,
)

Frames = tuple[Call, ...]
"""The calls out of which a value came: they say what the parameters of the called functions were."""


@dataclass(frozen=True)
class TextValue:
    text: str
    line: int
    file: str


@dataclass(frozen=True)
class TemplateValue:
    template: Template
    scope: CodeFunction
    frames: Frames = ()


@dataclass(frozen=True)
class ObjectValue:
    object: Object
    scope: CodeFunction
    frames: Frames = ()


@dataclass(frozen=True)
class ListValue:
    list: Array
    scope: CodeFunction
    frames: Frames = ()


@dataclass(frozen=True)
class FunctionValue:
    function: CodeFunction
    frames: Frames = ()


@dataclass(frozen=True)
class ClassValue:
    owner: Class


@dataclass(frozen=True)
class ClassInstance:
    """An object of a class. ``made`` is the call that made it, if one did."""

    owner: Class
    made: Call | None = None


@dataclass(frozen=True)
class ModuleValue:
    path: str


@dataclass(frozen=True)
class Sdk:
    """Something of an analytics SDK: the module, a client, a method."""

    product: str
    method: str = ""


@dataclass(frozen=True)
class ParameterValue:
    """The value of a function's parameter; ``path`` are keys within it."""

    parameter: FunctionParameter
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReactContext:
    """A React context, by the call that made it."""

    made: Call


@dataclass(frozen=True)
class UnknownValue:
    """Something that the scanned files do not define; ``name`` is how the code calls it."""

    name: str


Value = (
    TextValue
    | TemplateValue
    | ObjectValue
    | ListValue
    | FunctionValue
    | ClassValue
    | ClassInstance
    | ModuleValue
    | Sdk
    | ParameterValue
    | ReactContext
    | UnknownValue
)


def argument_of(parameter: FunctionParameter, call: Call) -> Expression | None:
    """Return what ``call`` hands to a parameter; its default when it hands nothing."""
    if parameter.rest == "**":
        named = {p.name for p in parameter.function.parameters}
        entries = [
            ObjectEntry(None if a.keyword == "**" else a.keyword, a.value, spread=a.keyword == "**")
            for a in call.arguments
            if a.keyword is not None and a.keyword not in named
        ]
        return Object(entries, call.line)
    if parameter.rest == "*":
        positional = [a for a in call.arguments if a.keyword is None]
        return Array([a.value for a in positional[parameter.index :]], call.line)
    own = [a.value for a in call.arguments if a.keyword == parameter.name and parameter.name]
    if own:
        return own[0]
    ways = [] if parameter.keyword_only else [positional_argument(call, parameter.index)]
    if parameter.name and not (ways and ways[0] is not None and not isinstance(ways[0], Element)):
        ways += [
            Element(a.value, call.line, Text(parameter.name, call.line)) for a in call.arguments if a.keyword == "**"
        ]
    options = [way for way in ways if way is not None]
    if len(options) > 1:
        return Alternatives(options, call.line, handed=True)
    return options[0] if options else parameter.default


def positional_argument(call: Call, index: int) -> Expression | None:
    """The argument at ``index``, which may be an element of a spread list; None without one."""
    position = 0
    for argument in call.arguments:
        if argument.keyword is not None:
            continue
        if argument.spread:
            return Element(argument.value, call.line, Text(str(index - position), call.line))
        if position == index:
            return argument.value
        position += 1
    return None


def keyword_argument(call: Call, name: str) -> Expression | None:
    for argument in call.arguments:
        if argument.keyword == name:
            return argument.value
    for argument in call.arguments:
        if argument.keyword == "**":
            return Element(argument.value, call.line, Text(name, call.line))
    return None
