"""Reads usertrack.yaml into dotted names: every setting in it, with its line."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from usertrack.core.errors import UsageError
from usertrack.core.yaml_nodes import read_nodes

COMMANDS = "password_command."
"""What the names of secrets begin with that a command prints."""


def entries(path: Path, whole: Collection[str]) -> list[tuple[str, int, Any]]:
    """Each setting in the file as its dotted name, its line and its value; raises UsageError with file and line.

    A mapping is a value where its name is in ``whole``, else a section.
    """
    import yaml

    try:
        loader, document = read_nodes(path.read_text(encoding="utf-8-sig"))
        if document is None:
            return []
        if not isinstance(document, yaml.MappingNode):
            raise UsageError(f"{path}:1: the file takes settings such as `timezone: Europe/Berlin`")
        return list(_flatten(loader, document, whole))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UsageError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or 'syntax'}") from error


def _flatten(loader: Any, mapping: Any, whole: Collection[str], prefix: str = "") -> Iterator[tuple[str, int, Any]]:  # noqa: ANN401
    for key, node in mapping.value:
        name, line = f"{prefix}{key.value}", key.start_mark.line + 1
        if node.id == "mapping" and name not in whole:
            if not node.value:
                yield name, line, None
            yield from _flatten(loader, node, whole, f"{name}.")
        else:
            # what YAML takes for a time is text here, such as as_of: 2026-11-20
            is_time = node.tag == "tag:yaml.org,2002:timestamp"
            yield name, line, node.value if is_time else loader.construct_object(node, deep=True)
