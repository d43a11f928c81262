"""Which modules a file imports, by its text: enough to know which other files it may need, before any is parsed."""

import re
from collections.abc import Iterator

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
