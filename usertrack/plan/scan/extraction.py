"""Turns a file's text into its summary, and into the modules that it imports, by the grammars of tree-sitter."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from usertrack.core.errors import require_extra
from usertrack.plan.scan.files import UnreadError, require_written_by_hand
from usertrack.plan.scan.syntax import File
from usertrack.plan.scan.templates import script_of

if TYPE_CHECKING:
    from tree_sitter import Parser


@cache
def parser_for(language: str) -> "Parser":
    """The parser of ``python``, ``javascript``, ``typescript`` or ``tsx``. Raises UsageError without the extra."""
    require_extra("plan")
    import tree_sitter
    import tree_sitter_javascript
    import tree_sitter_python
    import tree_sitter_typescript

    grammars = {
        "python": tree_sitter_python.language,
        "javascript": tree_sitter_javascript.language,
        "typescript": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
    }
    return tree_sitter.Parser(tree_sitter.Language(grammars[language]()))


def summary_of(path: str, language: str, content: bytes) -> File:
    """The summary of a file. Raises UnreadError for one that is minified, and for one that is nested too deeply."""
    from usertrack.plan.scan.javascript import JavaScriptReader
    from usertrack.plan.scan.python import PythonReader

    require_written_by_hand(content)
    if language == "template":
        script, language = script_of(content.decode(errors="replace"), path)
        content = script.encode()
    root = parser_for(language).parse(content).root_node
    reader = PythonReader(path) if language == "python" else JavaScriptReader(path)
    try:
        return reader.read(root)
    except RecursionError as error:
        raise UnreadError("it is nested too deeply to be read") from error


_JAVASCRIPT = re.compile(rb"""\b(?:from|import|require)\s*\(?\s*["'`]([^"'`\n]+)["'`]""")
_PYTHON = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(?:\(([^)]*)\)|([^\n#]*))|import[ \t]+([\w., \t]+))", re.MULTILINE
)
_WORD = re.compile(rb"[\w.]+")


def imported_modules(content: bytes, *, python: bool) -> Iterator[str]:
    """The modules as they are written. What Python imports *from* a module may be one as well."""
    if not python:
        yield from (_text(module) for module in _JAVASCRIPT.findall(content))
        return
    for module, in_brackets, names, plain in _PYTHON.findall(content):
        yield from (_text(word) for word in _WORD.findall(plain))
        if module:
            yield _text(module)
            dot = b"" if module.endswith(b".") else b"."
            yield from (_text(module + dot + name) for name in _WORD.findall(in_brackets or names))


def _text(module: bytes) -> str:
    return module.decode(errors="replace")
