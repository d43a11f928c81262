"""Which file an import means: relative, by `paths` of a tsconfig, by a package of the workspace, or by its end."""

import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from usertrack.core.json_types import JsonObject

ENDINGS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".py")
_COMMENTS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")


class ModuleResolver:
    """``paths`` are those of all source files; ``manifests`` the text of each `package.json` and `tsconfig.json`.

    Both are relative to ``root``. Its own name, and those of the folders above it, can be part of an import.
    """

    def __init__(self, paths: Iterable[str], manifests: Mapping[str, str], root: str) -> None:
        self._root = root
        self._paths = {posixpath.normpath(posixpath.join(root, path)) for path in paths}
        self._packages_of_python = {
            parent for path in self._paths if path.endswith(".py") for parent in _parents(posixpath.dirname(path))
        }
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            self._by_stem[_stem(path)].append(path)
        self._packages: dict[str, str] = {}
        self._aliases: dict[str, list[tuple[str, list[str]]]] = {}
        documents = {posixpath.normpath(posixpath.join(root, path)): _json(text) for path, text in manifests.items()}
        for path, document in documents.items():
            folder = posixpath.dirname(path)
            if path.endswith("package.json"):
                if isinstance(document.get("name"), str):
                    self._packages[document["name"]] = folder
            else:
                self._aliases.setdefault(folder, []).extend(_aliases(path, documents))
        self._answers: dict[tuple[str, str], str | None] = {}

    def resolve(self, module: str, importer: str) -> str | None:
        """The path of the file that ``importer`` means by ``module``; None when it is not among the files."""
        folder = posixpath.dirname(posixpath.join(self._root, importer))
        key = (module, folder)
        if key not in self._answers:
            path = self._python(module, folder) if importer.endswith(".py") else self._javascript(module, folder)
            self._answers[key] = path and posixpath.relpath(path, self._root)
        return self._answers[key]

    def is_own(self, module: str, importer: str) -> bool:
        """Whether ``module`` is, by its name, part of the project, be it scanned or not."""
        if module.startswith((".", "@/", "~/")):
            return True
        if importer.endswith(".py"):
            top = module.partition(".")[0]
            return top in self._root.split("/") or self.package(top, importer) is not None
        folder = posixpath.dirname(posixpath.join(self._root, importer))
        patterns = [pattern for parent in _parents(folder) for pattern, _ in self._aliases.get(parent, ())]
        if any(pattern != "*" and _rest(pattern, module) is not None for pattern in patterns):
            return True
        return any(f"{module}/".startswith(f"{package}/") for package in self._packages)

    def package(self, module: str, importer: str) -> str | None:
        """The `__init__.py` that Python's package ``module`` would have if it had one; None when it has no folder."""
        stems = self._python_stems(module, posixpath.dirname(posixpath.join(self._root, importer)))
        stem = next((stem for stem in stems if stem in self._packages_of_python), None)
        return stem and posixpath.relpath(posixpath.join(stem, "__init__.py"), self._root)

    def _python(self, module: str, folder: str) -> str | None:
        for stem in self._python_stems(module, folder):
            for path in (f"{stem}.py", posixpath.join(stem, "__init__.py")):
                if path in self._paths:
                    return path
        dotted = "." in module and not module.startswith(".")
        return self._by_end(module.replace(".", "/"), folder, (".py",)) if dotted else None

    def _python_stems(self, module: str, folder: str) -> Iterator[str]:
        """The paths, without their ending, that ``module`` can have for a file in ``folder``."""
        name = module.lstrip(".")
        parts = name.replace(".", "/")
        if module.startswith("."):
            up = [".."] * (len(module) - len(name) - 1)
            yield posixpath.normpath(posixpath.join(folder, *up, parts))
        else:
            for parent in _parents(folder):
                yield posixpath.normpath(posixpath.join(parent, parts))

    def _javascript(self, module: str, folder: str) -> str | None:
        if module.startswith("."):
            return self._file(posixpath.normpath(posixpath.join(folder, module)))
        outside = False
        for parent in _parents(folder):
            for pattern, targets in self._aliases.get(parent, ()):
                rest = _rest(pattern, module)
                for target in targets if rest is not None else ():
                    stem = posixpath.normpath(target.replace("*", rest or ""))
                    path = self._file(stem)
                    if path is not None:
                        return path
                    outside = outside or (pattern != "*" and not stem.startswith(f"{self._root}/"))
        return self._of_package(module, folder) or (None if outside else self._of_alias(module, folder))

    def _of_package(self, module: str, folder: str) -> str | None:
        parts = module.split("/")
        for length in range(len(parts), 0, -1):
            name = "/".join(parts[:length])
            if name in self._packages:
                home, rest = self._packages[name], "/".join(parts[length:])
                for inner in ("", "src", "lib", "source"):
                    path = self._file(posixpath.normpath(posixpath.join(home, inner, rest)))
                    if path is not None:
                        return path
        return None

    def _of_alias(self, module: str, folder: str) -> str | None:
        """``@/lib/x``, ``~/lib/x``, ``$lib/x``, ``src/lib/x``: the file that ends so, if there is but one like it."""
        head, slash, rest = module.partition("/")
        if not slash:
            return None
        if head in ("@", "~", "#", "@@", "~~") or (head[:1] in "~#$@" and head[1:] in ("", "app", "src", "lib")):
            parts = f"{head[1:]}/{rest}" if head == "$lib" else rest
            return self._by_end(parts, folder, ENDINGS)
        if head[:1] == "@" or (rest.count("/") == 0 and head != "src"):
            return None
        return self._by_end(module, folder, ENDINGS)

    def _by_end(self, parts: str, folder: str, endings: Sequence[str]) -> str | None:
        """The file whose path ends with ``parts``: the one that has most of its folders in common with ours."""
        candidates = [
            path
            for path in self._by_stem.get(_stem(parts), ())
            if path.endswith(tuple(endings)) and f"/{_without_ending(path)}".endswith(f"/{_without_ending(parts)}")
        ]
        return max(candidates, key=lambda path: (_common(path, folder), -len(path), path), default=None)

    def _file(self, stem: str) -> str | None:
        if stem in self._paths:
            return stem
        for base in dict.fromkeys((stem, _without_ending(stem))):
            for place in (base, posixpath.join(base, "index")):
                for ending in ENDINGS:
                    if place + ending in self._paths:
                        return place + ending
        return None


def _stem(path: str) -> str:
    """The last word of a path without its ending; for `index` and `__init__` that of its folder."""
    folder, _, name = path.rpartition("/")
    stem = _without_ending(name)
    return _stem(folder) if stem in ("index", "__init__") and folder else stem


def _without_ending(path: str) -> str:
    stem, dot, ending = path.rpartition(".")
    path = stem if dot and f".{ending}" in ENDINGS else path
    return path.removesuffix("/index").removesuffix("/__init__")


def _parents(folder: str) -> Iterator[str]:
    yield folder
    while folder != posixpath.dirname(folder):
        folder = posixpath.dirname(folder)
        yield folder


def _common(path: str, folder: str) -> int:
    return len(posixpath.commonpath([path, folder]))


def _rest(pattern: str, module: str) -> str | None:
    """Return what ``*`` of the pattern stands for in ``module``; None when it does not match."""
    before, star, after = pattern.partition("*")
    if not star:
        return "" if module == pattern else None
    if module.startswith(before) and module.endswith(after) and len(module) >= len(before) + len(after):
        return module[len(before) : len(module) - len(after)]
    return None


def _json(text: str) -> JsonObject:
    text = _TRAILING_COMMA.sub(r"\1", _COMMENTS.sub(lambda match: match.group(1) or "", text))
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _aliases(path: str, documents: Mapping[str, JsonObject], depth: int = 0) -> list[tuple[str, list[str]]]:
    """The `paths` of a tsconfig, and of those that it extends, as targets from the scanned folder."""
    document, folder = documents.get(path, {}), posixpath.dirname(path)
    options = document.get("compilerOptions")
    options = options if isinstance(options, dict) else {}
    base = posixpath.join(folder, str(options.get("baseUrl", ".")))
    paths = options.get("paths")
    aliases = [
        (pattern, [posixpath.join(base, str(target)) for target in targets])
        for pattern, targets in (paths.items() if isinstance(paths, dict) else ())
        if isinstance(targets, list)
    ]
    if "baseUrl" in options:
        aliases.append(("*", [posixpath.join(base, "*")]))
    parent = document.get("extends")
    if isinstance(parent, str) and parent.startswith(".") and depth < 5:
        parent = posixpath.normpath(posixpath.join(folder, parent))
        aliases += _aliases(parent if parent.endswith(".json") else f"{parent}.json", documents, depth + 1)
    return aliases
