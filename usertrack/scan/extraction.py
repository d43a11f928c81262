"""One file's text to its summary."""

from usertrack.scan.files import is_minified
from usertrack.scan.grammars import parser_for
from usertrack.scan.syntax import File
from usertrack.scan.templates import script_of


def summary_of(path: str, language: str, content: bytes) -> File | None:
    """The summary of a file; None for one that a program wrote, and for one whose nesting has no end."""
    from usertrack.scan.javascript import JavaScriptReader
    from usertrack.scan.python import PythonReader

    if is_minified(content):
        return None
    if language == "template":
        script, language = script_of(content.decode(errors="replace"), path)
        content = script.encode()
    root = parser_for(language).parse(content).root_node
    reader = PythonReader(path) if language == "python" else JavaScriptReader(path)
    try:
        return reader.read(root)
    except RecursionError:
        return None
