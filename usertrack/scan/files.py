"""Which files of a folder are source code of the product, and their text.

Left out: what is generated, installed or copied in (`node_modules`, `dist` beside a `package.json`, minified files),
and tests, stories and mocks, which send nothing. A symbolic link to a folder is not followed.
"""

import os
import re
from collections.abc import Iterator, Sequence
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
    {
        "node_modules",
        "bower_components",
        "jspm_packages",
        "site-packages",
        "venv",
        "vendor",
        "vendors",
        "vendored",
        "third_party",
        "third-party",
        "__pycache__",
        "storybook-static",
    }
)
GENERATED = frozenset(("dist", "build", "out", "target", "coverage", "output"))
"""Generated when a manifest lies beside it, somebody's code elsewhere."""
BESIDE_GENERATED = frozenset(("package.json", "pyproject.toml", "setup.py", "Cargo.toml", "pom.xml"))
TEST_FOLDERS = frozenset(
    {
        "test",
        "tests",
        "testing",
        "__tests__",
        "test-utils",
        "test_utils",
        "spec",
        "specs",
        "__mocks__",
        "mocks",
        "mock",
        "__fixtures__",
        "fixtures",
        "e2e",
        "cypress",
        "playwright",
        "stories",
        "__stories__",
    }
)
_TEST_FILE = re.compile(
    r"^test_.*\.py$|_tests?\.py$|^conftest\.py$|^tests?\.py$"
    r"|[.\-_](test|tests|spec|specs|stories|story|mock|mocks|e2e|cy)\.[cm]?[jt]sx?$|\.d\.[cm]?ts$"
    r"|\.(?!latest\.)[a-z0-9]+tests?\.[cm]?[jt]sx?$",
    re.IGNORECASE,
)
_MINIFIED = re.compile(r"[.\-]min\.[cm]?js$|\.bundle\.js$|\.chunk\.js$", re.IGNORECASE)
_LONGEST_LINE = 5_000
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)


@dataclass(frozen=True)
class SourceFile:
    """``path`` is shown, with ``/``, relative to the scanned folder; ``location`` is where it is read."""

    path: str
    location: str
    language: str


@dataclass(frozen=True)
class Tree:
    """The source files of a scan, its manifests (`package.json`, `tsconfig.json`), and the paths that are too large.

    ``root`` is the absolute path that all are relative to. The manifests of the folders above it belong to it too.
    """

    root: str
    files: Sequence[SourceFile]
    manifests: Sequence[SourceFile]
    too_large: Sequence[str]


def source_tree(paths: Sequence[Path]) -> Tree:
    """All source files below ``paths``, sorted; shown relative to the path, or to what several have in common."""
    root = str(paths[0]) if len(paths) == 1 else os.path.commonpath([os.path.abspath(path) for path in paths])
    if os.path.isfile(root):
        root = os.path.dirname(root) or "."
    files, too_large = {}, []
    manifests = list(_manifests_above(root))
    for path in paths:
        for location in _walk(path if len(paths) == 1 else path.absolute()):
            shown = _shown(os.path.relpath(location, root))
            name = os.path.basename(location)
            if name in MANIFESTS:
                manifests.append(SourceFile(shown, location, "json"))
                continue
            if os.path.getsize(location) > LARGEST:
                too_large.append(shown)
            else:
                files[shown] = SourceFile(shown, location, LANGUAGES[os.path.splitext(name)[1].lower()])
    return Tree(_shown(os.path.abspath(root)), [files[path] for path in sorted(files)], manifests, too_large)


def _manifests_above(root: str) -> Iterator[SourceFile]:
    """Those of the folders around ``root``, up to that of the repository: its imports go by them too."""
    folder = os.path.abspath(root)
    while not os.path.exists(os.path.join(folder, ".git")) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        for name in MANIFESTS:
            location = os.path.join(folder, name)
            if os.access(location, os.R_OK) and os.path.isfile(location):
                yield SourceFile(_shown(os.path.relpath(location, root)), location, "json")


def _walk(path: Path) -> Iterator[str]:
    if path.is_file():
        yield str(path)
        return
    for folder, folders, names in os.walk(path):
        beside = BESIDE_GENERATED.intersection(names)
        folders[:] = sorted(name for name in folders if not _is_foreign(name, generated=bool(beside)))
        for name in sorted(names):
            location = os.path.join(folder, name)
            if _is_source(name) and os.path.isfile(location):
                yield location


def _is_foreign(name: str, *, generated: bool) -> bool:
    return name.startswith(".") or name in INSTALLED or name in TEST_FOLDERS or (generated and name in GENERATED)


def _is_source(name: str) -> bool:
    if name in MANIFESTS:
        return True
    ending = os.path.splitext(name)[1].lower()
    return ending in LANGUAGES and not _TEST_FILE.search(name) and not _MINIFIED.search(name)


def _shown(path: str) -> str:
    """A file name as text: bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode(errors="replace").replace(os.sep, "/")


def source_bytes(location: str) -> bytes:
    """The file in UTF-8, without a byte order mark; one in another encoding is recoded. Raises OSError."""
    with open(location, "rb") as file:
        content = file.read()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace").encode()
    content = content.removeprefix(b"\xef\xbb\xbf")
    if content.isascii():
        return content
    try:
        content.decode()
    except UnicodeDecodeError:
        return content.decode(_declared_encoding(content), errors="replace").encode()
    return content


def _declared_encoding(content: bytes) -> str:
    import codecs

    cookie = _COOKIE.search(content[:200])
    try:
        return codecs.lookup(cookie.group(1).decode("ascii")).name if cookie else "latin-1"
    except LookupError:
        return "latin-1"


def is_minified(content: bytes) -> bool:
    """Whether a program wrote it for machines: hardly any lines, and long ones."""
    lines = content.count(b"\n") + 1
    return len(content) > _LONGEST_LINE and len(content) / lines > _LONGEST_LINE / 10
