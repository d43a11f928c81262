"""Which files of a folder are source code of the product, and their text.

Left out: what is generated or installed (`node_modules`, `dist` beside a `package.json`, minified files), and tests,
stories and mocks, which send nothing. What may be the product's own, and is not read, is told: a folder that looks
copied in, a link out of the scanned folders. A symbolic link to a folder is not followed.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = {
    ".py": "python",
    ".js": "javascript",
    ".jsx": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
    ".vue": "template",
    ".svelte": "template",
    ".astro": "template",
    ".html": "template",
    ".htm": "template",
    ".jinja": "template",
    ".jinja2": "template",
    ".j2": "template",
    ".ejs": "template",
    ".hbs": "template",
    ".njk": "template",
}
MANIFESTS = ("tsconfig.json", "jsconfig.json", "tsconfig.base.json", "package.json")
LARGEST = 1_000_000
"""Bytes of a file that is read; a larger one is told as unread."""
INSTALLED = frozenset(
    {"node_modules", "bower_components", "jspm_packages", "site-packages", "venv", "__pycache__", "storybook-static"}
)
GENERATED = frozenset(("dist", "build", "out", "target", "coverage", "output"))
"""Generated when a manifest lies beside it, somebody's code elsewhere."""
BESIDE_GENERATED = frozenset(("package.json", "pyproject.toml", "setup.py", "Cargo.toml", "pom.xml"))
TEST_FOLDERS = frozenset(
    {
        "test",
        "tests",
        "__tests__",
        "test-utils",
        "test_utils",
        "__mocks__",
        "__fixtures__",
        "e2e",
        "cypress",
        "playwright",
        "__stories__",
    }
)
DOUBTFUL = frozenset(
    {"vendor", "vendored", "third_party", "third-party", "testing", "spec", "specs", "mocks", "mock", "fixtures"}
)
"""Copied in or for tests, by their names, which a product's own folder may have too: told, not read."""
_TEST_FILE = re.compile(
    r"^test_.*\.py$|_tests?\.py$|^conftest\.py$|^tests?\.py$"
    r"|[.\-_](test|tests|spec|specs|stories|story|mock|mocks|e2e|cy)\.[cm]?[jt]sx?$|\.d\.[cm]?ts$"
    r"|\.(?!latest\.)[a-z0-9]+tests?\.[cm]?[jt]sx?$",
    re.IGNORECASE,
)
_MINIFIED = re.compile(r"[.\-]min\.[cm]?js$|\.bundle\.js$|\.chunk\.js$", re.IGNORECASE)
_SMALL = 5_000  # bytes: so short a file is read whatever its lines are
_LONG_LINE = 500  # characters: people break lines earlier, minifiers do not
_COMMENT = re.compile(rb"\s*(?:/[/*]|\*|#|<!--)")
DOUBTED = "copied in or for tests, by its name, so it is not read; if it is the product's, scan it by a path of its own"
OUTSIDE = "it is a link out of what is scanned, and is not followed"
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)


@dataclass(frozen=True)
class SourceFile:
    """``path`` is shown, with ``/``, relative to the scanned folder; ``location`` is where it is read."""

    path: str
    location: str
    language: str


@dataclass(frozen=True)
class SourceTree:
    """The source files of a scan, its manifests (`package.json`, `tsconfig.json`), and why other paths are not read.

    ``root`` is the absolute path that all are relative to. ``around`` are the other source files of the repository:
    imports of the scanned ones may lead there. ``manifests`` are those of all of it, and of the folders above.
    ``links`` are other names of source files: the path of each link, and that of its file.
    """

    root: str
    files: Sequence[SourceFile]
    manifests: Sequence[SourceFile]
    unread: Mapping[str, str]
    links: Mapping[str, str]
    around: Sequence[SourceFile]


class UnreadError(Exception):
    """The reason why a file is not read."""


def source_tree(paths: Sequence[Path], repository: Path | None = None) -> SourceTree:
    """All source files below ``paths``, sorted; shown relative to the path, or to what several have in common.

    ``repository`` is the folder that imports may lead into; by default, that of the git repository around ``paths``.
    """
    root = str(paths[0]) if len(paths) == 1 else os.path.commonpath([os.path.abspath(path) for path in paths])
    if os.path.isfile(root):
        root = os.path.dirname(root) or "."
    walk = _Walk([path if len(paths) == 1 else path.absolute() for path in paths])
    unread = {_shown(os.path.relpath(location, root)): reason for location, reason in walk.unread.items()}
    files, manifests = _readable(walk.files, root, unread)
    manifests += _manifests_above(root)
    top = str(repository) if repository is not None else _repository_around(root)
    around: list[SourceFile] = []
    if top is not None and not os.path.samefile(top, paths[0]) and _is_reached_without_links(root, top):
        scanned = {os.path.abspath(location) for location in walk.files}
        outside = [location for location in _Walk([Path(top).absolute()]).files if location not in scanned]
        around, other_manifests = _readable(outside, root, {})
        manifests += other_manifests
    links = {
        _shown(os.path.relpath(link, root)): _shown(os.path.relpath(file, root)) for link, file in walk.links.items()
    }
    return SourceTree(_shown(os.path.abspath(root)), files, manifests, unread, links, around)


def _is_reached_without_links(folder: str, top: str) -> bool:
    below = os.path.relpath(os.path.abspath(folder), os.path.abspath(top))
    return os.path.realpath(folder) == os.path.normpath(os.path.join(os.path.realpath(top), below))


def _readable(locations: Sequence[str], root: str, unread: dict[str, str]) -> tuple[list[SourceFile], list[SourceFile]]:
    """Source files, sorted, and manifests; why others are not read goes to ``unread``."""
    files: dict[str, SourceFile] = {}
    manifests: list[SourceFile] = []
    for location in locations:
        shown = _shown(os.path.relpath(location, root))
        name = os.path.basename(location)
        try:
            try:
                status = os.stat(location)
            except OSError as error:
                raise _unreadable(error) from error
            if not stat.S_ISREG(status.st_mode):
                raise UnreadError("it is not a file of text")
            if status.st_size > LARGEST:
                raise UnreadError("it is larger than 1 MB")
        except UnreadError as error:
            unread[shown] = str(error)
            continue
        if name in MANIFESTS:
            manifests.append(SourceFile(shown, location, "json"))
        else:
            files[shown] = SourceFile(shown, location, LANGUAGES[os.path.splitext(name)[1].lower()])
    return [files[path] for path in sorted(files)], manifests


def _repository_around(root: str) -> str | None:
    """The top folder of the git repository that ``root`` is in; None where it is in none."""
    folder = os.path.abspath(root)
    while not os.path.exists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)
    return folder


def _manifests_above(root: str) -> Iterator[SourceFile]:
    """Yield manifests of the folders around ``root``, up to that of the repository: its imports go by them too."""
    folder, top = os.path.abspath(root), _repository_around(root)
    while folder not in (top, os.path.dirname(folder)):
        folder = os.path.dirname(folder)
        for name in MANIFESTS:
            location = os.path.join(folder, name)
            if os.access(location, os.R_OK) and os.path.isfile(location):
                yield SourceFile(_shown(os.path.relpath(location, root)), location, "json")


def _unreadable(error: OSError) -> UnreadError:
    return UnreadError(f"it cannot be read: {error.strerror}")


class _Walk:
    """``files`` are the source files and manifests below the paths; ``unread`` is what else may be code, and why."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files: list[str] = []
        self.unread: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self._roots = [os.path.realpath(path) for path in paths]
        links: list[str] = []
        for path in paths:
            for location in [str(path)] if path.is_file() else self._sources(path):
                (links if os.path.islink(location) and location != str(path) else self.files).append(location)
        if links:
            # A file counts once, by its own name; a manifest counts where it lies.
            locations = {os.path.realpath(location): location for location in self.files}
            for link in links:
                target = os.path.realpath(link)
                if not self._is_inside(target):
                    self.unread[link] = OUTSIDE
                elif target in locations and os.path.basename(link) not in MANIFESTS:
                    self.links[link] = locations[target]
                else:
                    locations[target] = link
                    self.files.append(link)

    def _sources(self, path: Path | str) -> Iterator[str]:
        for folder, folders, names in os.walk(path, onerror=self._tell):
            if "pyvenv.cfg" in names and folder != str(path):
                folders.clear()
                continue
            generated = not BESIDE_GENERATED.isdisjoint(names)
            folders[:] = sorted(name for name in folders if not _is_foreign(name, generated=generated))
            for name in folders:
                location = os.path.join(folder, name)
                if os.path.islink(location):
                    if not self._is_inside(os.path.realpath(location)):
                        self.unread[location] = OUTSIDE
                elif name in DOUBTFUL and _holds_source(location):
                    self.unread[location] = DOUBTED
            folders[:] = [name for name in folders if name not in DOUBTFUL]
            yield from (os.path.join(folder, name) for name in sorted(names) if is_source(name))

    def _tell(self, error: OSError) -> None:
        self.unread[error.filename] = str(_unreadable(error))

    def _is_inside(self, target: str) -> bool:
        return any(target == root or target.startswith(os.path.join(root, "")) for root in self._roots)


def _holds_source(folder: str) -> bool:
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_foreign(name, generated=False)]
        if any(is_source(name) and name not in MANIFESTS for name in names):
            return True
    return False


def _is_foreign(name: str, *, generated: bool) -> bool:
    return name.startswith(".") or name in INSTALLED or name in TEST_FOLDERS or (generated and name in GENERATED)


def is_source(name: str) -> bool:
    """Whether a scan reads a file of this name: source code of the product, or a manifest."""
    if name in MANIFESTS:
        return True
    ending = os.path.splitext(name)[1].lower()
    return ending in LANGUAGES and not _TEST_FILE.search(name) and not _MINIFIED.search(name)


def _shown(path: str) -> str:
    """A file name as text: bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode(errors="replace").replace(os.sep, "/")


def source_bytes(location: str) -> bytes:
    """The file in UTF-8, without a byte order mark; one in another encoding is recoded. Raises UnreadError."""
    try:
        with open(location, "rb") as file:
            content = file.read()
    except OSError as error:
        raise _unreadable(error) from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace").encode()
    content = content.removeprefix(b"\xef\xbb\xbf")
    if content.isascii():
        return content
    try:
        content.decode()
    except UnicodeDecodeError:
        return _recoded(content)
    return content


def _recoded(content: bytes) -> bytes:
    cookie = _COOKIE.search(content[:200])
    encoding = cookie.group(1).decode("ascii") if cookie else "latin-1"
    try:
        return content.decode(encoding, errors="replace").encode()
    except (LookupError, UnicodeError) as error:
        raise UnreadError(f"it cannot be read in the encoding that it declares, '{encoding}'") from error


def require_written_by_hand(content: bytes) -> None:
    """Raise UnreadError if most lines are too long for a human; one with data in a few long lines is code."""
    if len(content) <= _SMALL:
        return
    lines = [line for line in content.split(b"\n") if line and not _COMMENT.match(line)]
    if 2 * sum(len(line) > _LONG_LINE for line in lines) >= len(lines):
        raise UnreadError(f"it is minified: most of its lines have more than {_LONG_LINE} characters")
