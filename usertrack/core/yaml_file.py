"""A YAML file that users edit. Errors in it name the file and the line."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.json_types import JsonObject
from usertrack.core.yaml_nodes import read_nodes

if TYPE_CHECKING:
    import yaml


class YamlFile:
    """The values of the file (``document``) and its YAML nodes, which know their lines.

    ``needs`` and ``hint`` are for the error of a file that is no mapping. ``may_be_empty``: a file of comments alone is
    an empty mapping.
    """

    needs: ClassVar[str]
    hint: ClassVar[str]
    may_be_empty: ClassVar[bool] = False

    def __init__(self, path: Path, text: str | None = None) -> None:
        """``text`` is the YAML where that is not the whole file, but its first lines."""
        import yaml

        self.path = path
        try:
            loader, self.root = read_nodes(path.read_text(encoding="utf-8") if text is None else text)
            document = loader.construct_document(self.root) if self.root else None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise UsageError(f"{path}:{line}: cannot be read as UTF-8 text", "save the file as UTF-8") from error
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror})", "is it there, and yours to read?") from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2026-13-01
            mark = getattr(error, "problem_mark", None)
            deep = "it is nested too deeply" if isinstance(error, RecursionError) else error
            problem = getattr(error, "problem", None) or deep
            raise UsageError(
                f"{path}:{mark.line + 1 if mark else 1}: not valid YAML: {problem}",
                "indent with spaces" if "'\\t'" in str(problem) else "put texts with `:` or `{` in quotes",
            ) from error
        if document is None and self.may_be_empty:
            document = {}
        if not isinstance(document, dict):
            raise UsageError(f"{path}:1: the file needs {self.needs}", self.hint)
        self.document: JsonObject = document
        self._pairs: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = {}  # those of a mapping node, by its id
        self._no_key_twice()

    def line(self, *keys: object) -> int:
        """The line of the value at ``keys``, or of the deepest part of it that there is."""
        import yaml

        node: yaml.Node | None = self.root
        line = 1
        for key in keys:
            if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
                node, line = node.value[key], node.value[key].start_mark.line + 1
                continue
            pair = self._pair(node, key) if isinstance(node, yaml.MappingNode) else None
            if pair is None:
                break
            node, line = pair[1], pair[0].start_mark.line + 1
        return line

    def wrong(self, message: str, *keys: object, hint: str = "") -> UsageError:
        return UsageError(f"{self.path}:{self.line(*keys)}: {message}", hint)

    def mapping(self, value: object, *keys: object) -> JsonObject:
        if not isinstance(value, dict) or not value:
            raise self.wrong(f"'{keys[-1]}' takes a mapping", *keys)
        for name in value:
            if not isinstance(name, str):
                raise self.wrong(f"the name {name!r} is not a text", *keys, name, hint="put it in quotes")
        return value

    def _no_key_twice(self) -> None:
        """Raise UsageError for a key that is there twice: YAML would silently take the last one."""
        import yaml

        nodes, visited = [self.root], set()
        while nodes:
            node = nodes.pop()
            if id(node) in visited:  # an alias
                continue
            visited.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                nodes += reversed(node.value)
            elif isinstance(node, yaml.MappingNode):
                pairs = self._pairs[id(node)] = {}
                for name, value in node.value:
                    if name.value in pairs:
                        first, again = (key.start_mark.line + 1 for key in (pairs[str(name.value)][0], name))
                        message = f"'{name.value}' is there twice, first in line {first}"
                        raise UsageError(f"{self.path}:{again}: {message}", "take one of them out")
                    pairs[str(name.value)] = (name, value)
                nodes += [value for _, value in reversed(node.value)]

    def _pair(self, node: "yaml.Node", key: object) -> "tuple[yaml.Node, yaml.Node] | None":
        """The nodes of ``key`` and its value in a mapping; `no` and `12` are keys that are not texts."""
        if isinstance(key, str) and id(node) in self._pairs:
            return self._pairs[id(node)].get(key)
        return next((pair for pair in node.value if _is_key(pair[0], key)), None)

    def known(self, value: Mapping[str, object], known: set[str], *keys: object) -> None:
        for name in value:
            if name not in known:
                raise self.wrong(
                    f"unknown key '{name}'",
                    *keys,
                    name,
                    hint=did_you_mean(str(name), known, f"known: {', '.join(sorted(known))}"),
                )


def _is_key(node: "yaml.Node", key: object) -> bool:
    return bool(node.value == key if isinstance(key, str) else not node.tag.endswith(":str"))
