"""One file's text to its summary."""

from usertrack.scan.files import UnreadError, require_written_by_hand
from usertrack.scan.grammars import parser_for
from usertrack.scan.syntax import File
from usertrack.scan.templates import script_of


def summary_of(path: str, language: str, content: bytes) -> File:
    """The summary of a file. Raises UnreadError for one that is minified, and for one that is nested too deeply."""
    from usertrack.scan.javascript import JavaScriptReader
    from usertrack.scan.python import PythonReader

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
