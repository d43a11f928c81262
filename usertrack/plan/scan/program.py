"""All source files of a scan; one is parsed when it has a word that leads to a sink, or another file asks for it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from usertrack.plan.scan.extraction import imported_modules, summary_of
from usertrack.plan.scan.files import SourceFile, SourceTree, UnreadError, source_bytes
from usertrack.plan.scan.resolve import ModuleResolver
from usertrack.plan.scan.syntax import (
    Alias,
    Call,
    Class,
    CodeFunction,
    Expression,
    File,
    ImportedName,
    Member,
    Name,
    Text,
    tail_names,
)


class Program:
    """``unread`` has the files that could not be read, and why. Files around the scanned ones are in it if imported."""

    def __init__(self, tree: SourceTree) -> None:
        self._sources = {file.path: file for file in (*tree.files, *tree.around)}
        self.unread: dict[str, str] = dict(tree.unread)
        self._contents = {file.path: self._content(file) for file in tree.files}
        manifests = {file.path: self._content(file).decode(errors="replace") for file in tree.manifests}
        self._resolver = ModuleResolver([*self._sources, *tree.links], manifests, tree.root)
        self._links = tree.links
        if tree.around:
            # Read what the files import, and what that imports in turn.
            paths = list(self._contents)
            for path in paths:
                for module in imported_modules(self._contents[path], python=path.endswith(".py")):
                    imported = self.resolve(module, path)
                    if imported in self._sources and imported not in self._contents:
                        self._contents[imported] = self._content(self._sources[imported])
                        paths.append(imported)
        self._files: dict[str, File | None] = {}
        self.calls: dict[str, list[Call]] = defaultdict(list)
        """By the last name of what is called."""
        self.aliases: dict[str, list[Alias]] = defaultdict(list)
        """By the name of their source."""
        self.functions: dict[str, list[CodeFunction]] = defaultdict(list)
        """Those that are no methods, by name."""
        self.classes: dict[str, list[Class]] = defaultdict(list)
        self.members: dict[str, list[Class]] = defaultdict(list)
        """Classes by the names of their methods and attributes."""

    def _content(self, file: SourceFile) -> bytes:
        try:
            return source_bytes(file.location)
        except UnreadError as error:
            self.unread[file.path] = str(error)
            return b""

    @property
    def parsed(self) -> Iterator[File]:
        return (file for file in list(self._files.values()) if file is not None)

    @property
    def size(self) -> int:
        """The number of files that were parsed."""
        return len(self._files)

    def file(self, path: str) -> File | None:
        """The summary of a file; None when it cannot be parsed. That of a package without `__init__.py` is empty."""
        if path not in self._files:
            self._keep(path, self._summary(path))
        return self._files[path]

    def _summary(self, path: str) -> File | None:
        language = self._sources[path].language if path in self._sources else "python"
        try:
            if path in self._sources and path not in self._contents:
                self._contents[path] = self._content(self._sources[path])
            return summary_of(path, language, self._contents.get(path, b""))
        except UnreadError as error:
            self.unread[path] = str(error)
            return None

    def parse_files_with(self, words: Iterable[str], most: int | None = None) -> None:
        """Parse all files in which one of ``words`` occurs as a word; none if they are more than ``most``."""
        words = [word for word in words if word]
        if not words:
            return
        needles = [word.encode() for word in words]
        pattern = re.compile(rb"(?<![\w$])(?:" + b"|".join(re.escape(needle) for needle in needles) + rb")(?![\w$])")
        paths = [
            path
            for path, content in self._contents.items()
            if path not in self._files and any(n in content for n in needles) and pattern.search(content)
        ]
        if most is not None and len(paths) > most:
            return
        for path in paths:
            self.file(path)

    def mentions(self, path: str, words: Iterable[str]) -> bool:
        """Whether one of ``words`` is anywhere in the text of a file."""
        content = self._contents.get(path, b"")
        return any(word.encode() in content for word in words)

    def lines_of(self, path: str, pattern: re.Pattern[bytes]) -> list[int]:
        """The lines of a file, from 1, on which ``pattern`` ends."""
        content = self._contents.get(path, b"")
        return [content.count(b"\n", 0, match.end()) + 1 for match in pattern.finditer(content)]

    def words_with(self, part: re.Pattern[bytes], without: re.Pattern[bytes]) -> list[str]:
        """The names in all files in which ``part`` is found, but not ``without``."""
        names = {
            content[_start_of_word(content, match.start()) : match.end()]
            for content in self._contents.values()
            for match in part.finditer(content)
        }
        return sorted(name.decode() for name in names if name.isascii() and not without.search(name))

    def _keep(self, path: str, file: File | None) -> None:
        self._files[path] = file
        if file is None:
            return
        for function in file.functions:
            if function.owner is None:
                self.functions[function.name].append(function)
            for call in function.calls:
                for name in _called(call.callee):
                    self.calls[name].append(call)
        for alias in file.aliases:
            self.aliases[alias.source].append(alias)
        for owner in file.classes:
            self.classes[owner.name].append(owner)
            for name in owner.members:
                self.members[name].append(owner)

    def resolve(self, imported: str, importer: str) -> str | None:
        path = self._resolver.resolve(imported, importer)
        return self._links.get(path, path) if path is not None else None

    def is_unscanned(self, imported: str, importer: str) -> bool:
        """Whether an import is of the project itself, but of a file that is not among those scanned."""
        return self.resolve(imported, importer) is None and self._resolver.is_own(imported, importer)

    def package(self, imported: str, importer: str) -> str | None:
        """Python's package without an `__init__.py`, as the path of that file."""
        return self._resolver.package(imported, importer) if importer.endswith(".py") else None


def _called(callee: Expression) -> list[str]:
    if isinstance(callee, (Name, Member)):
        return [callee.name]
    if isinstance(callee, Call):  # getInstance()("…")
        texts = [a.value.value for a in callee.arguments if isinstance(a.value, Text) and a.value.value.isidentifier()]
        return [*tail_names(callee.callee), *texts]  # load("module", "name")("…")
    return tail_names(callee) if not isinstance(callee, (CodeFunction, ImportedName)) else []


def _start_of_word(content: bytes, index: int) -> int:
    while index and (content[index - 1 : index].isalnum() or content[index - 1 : index] in (b"_", b"$")):
        index -= 1
    return index
