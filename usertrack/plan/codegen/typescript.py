"""Writes names, types and descriptions of the plan in TypeScript."""

import re
from collections.abc import Sequence

from usertrack.plan.codegen import syntax
from usertrack.plan.codegen.syntax import Syntax
from usertrack.plan.model import PlannedProperty, Type

_TYPES: dict[Type | None, str] = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "datetime": "Date | string",
    "list": "readonly unknown[]",
    "object": "Readonly<Record<string, unknown>>",
    None: "unknown",
}
_FIELD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def _literal(name: str) -> str:
    return syntax.literal(name, _escape)


def _type_of(planned: PlannedProperty) -> str:
    if values := syntax.values(planned, _literal):
        listed = " | ".join(values)
        return f"readonly ({listed})[]" if planned.type == "list" else listed
    return _TYPES[planned.type]


def _is_field(name: str) -> bool:
    """Whether ``name`` can be a key without quotes."""
    return _FIELD.fullmatch(name) is not None


def _comment(sentences: Sequence[str], indent: int) -> str:
    """A JSDoc comment of ``sentences``, each of which begins a line."""
    written = [
        syntax.visible(line, _escape).replace("*/", r"*\/") for sentence in sentences for line in syntax.lines(sentence)
    ]
    if len(written) < 2:
        return f"/** {''.join(written)} */"
    margin = "\n" + " " * indent
    return margin.join(["/**", *(f" * {line}" for line in written), " */"])


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}"


TYPESCRIPT = Syntax(_literal, _type_of, _is_field, _comment, "@deprecated")
