"""Writes names, types and descriptions of the plan in Python."""

import keyword
from collections.abc import Sequence

from usertrack.plan.codegen import syntax
from usertrack.plan.codegen.syntax import Syntax
from usertrack.plan.model import PlannedProperty, Type

_TYPES: dict[Type | None, str] = {
    "string": "str | UUID",
    "number": "float | Decimal",
    "integer": "int",
    "boolean": "bool",
    "datetime": "date | str",
    "list": "list[Any] | tuple[Any, ...]",
    "object": "Mapping[str, Any]",
    None: "Any",
}
# a field of that name would hide the type from the fields after it
_TYPE_NAMES = {
    *("str", "float", "int", "bool", "date", "list", "tuple"),
    *("Any", "Decimal", "Literal", "Mapping", "NotRequired", "Required", "UUID"),
}


def _literal(name: str) -> str:
    return syntax.literal(name, _escape)


def _type_of(planned: PlannedProperty) -> str:
    if values := syntax.values(planned, _literal):
        listed = f"Literal[{', '.join(values)}]"
        return f"list[{listed}]" if planned.type == "list" else listed
    return _TYPES[planned.type]


def _is_field(name: str) -> bool:
    """Whether ``name`` can be a field in the body of a class."""
    is_word = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    return is_word and not name.startswith("__") and name not in _TYPE_NAMES


def _comment(sentences: Sequence[str], indent: int) -> str:
    """A docstring of ``sentences``, each of which begins a line."""
    written = [_in_docstring(line) for sentence in sentences for line in syntax.lines(sentence)]
    margin = "\n" + " " * indent
    return f'"""{margin.join(written)}{margin if len(written) > 1 else ""}"""'


def _in_docstring(line: str) -> str:
    escaped = syntax.visible(line.replace("\\", "\\\\"), _escape).replace('"""', r"\"\"\"")
    return escaped[:-1] + r"\"" if escaped.endswith('"') else escaped


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


PYTHON = Syntax(_literal, _type_of, _is_field, _comment, "Deprecated:")
