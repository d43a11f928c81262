"""The walk: every command in every format, every page, over a world; a class that each world's module has."""

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar
from zlib import crc32

import httpx
import pytest

from usertrack.cli import output
from usertrack.core.errors import UsageError

from .calls import BEFORE, Call
from .figures import READ
from .pages import Visit
from .world import Opened, World

# A product's own words, which nothing says of a company that has no such thing.
FOREIGN = {
    "server": r"\bMCP\b|\bno server\b|\bservers\b",
    "credit": r"\bcredits?\b",
    "workflow": r"\bworkflows?\b",
    "seed": r"Gmail|Slack, Linear|wasp_|fastapi_",
    "mcp": r"(?i)mcp",  # nor do lists of the library
}
ITSELF_FAILED = re.compile(r"usertrack itself failed|Traceback \(most recent call last\)|\bnan\b|\bNone\b(?!:)")
COLUMNS = 80
READABLE = ("json", "markdown")


class Walk:
    """Every command and page over `world`. A module makes a subclass of it for its world."""

    world: ClassVar[World]
    only: ClassVar[frozenset[str]] = frozenset()  # these steps alone; none: every one

    @pytest.fixture
    def there(self, place: Opened, monkeypatch: pytest.MonkeyPatch) -> Opened:
        """The world, in whose workspace the test is."""
        place.enter(monkeypatch)
        return place

    def test_init(self, place: Opened) -> None:
        """The workspace was made with what `init` found."""
        require_sense(self.world, "init", place.init_said)

    def test_command(self, there: Opened, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        there.prepare(BEFORE.get(call.command, ()))
        documents: dict[str, list[str]] = {}
        formats = formats_of(self.world, call)
        monkeypatch.setattr(output, "emit", in_formats(output.emit, formats, documents, tmp_path))
        words = call.words(self.world.names)
        said = there.run(*words)
        there.prepared.add(tuple(words))
        assert said.code in call.codes(self.world), f"{said.code}\n{said.err}\n{said.out}"
        text = "".join(documents.get("markdown", [said.out])) + said.err  # where lines are as long as they are
        require_sense(self.world, call.command, text)
        require_unknown(self.world.unknown.get(call.id, ()), text)
        if "json" not in call.option and "markdown" in documents and call.command not in SHOW_CODE:
            assert "\x1b" not in said.out
            assert max(map(len, said.out.splitlines()), default=0) <= COLUMNS, said.out
        answers = [json.loads(text) for text in documents.get("json", ())]
        require_no_rate_of_nobody(answers)
        expected = self.world.answers.get(call.id)
        if expected is not None:
            answer = READ[call.id](answers[-1])
            found = {name: answer.get(name) for name in expected}
            assert found == dict(expected), {name: found[name] for name in found if found[name] != expected[name]}

    def test_page(self, there: Opened, browser: Callable[[str], httpx.Response], visit: Visit) -> None:
        answer = browser(visit.path(self.world.names))
        assert answer.status_code == visit.status(self.world), answer.text
        if "text/html" in answer.headers["content-type"]:
            assert "<script>alert" not in answer.text
            text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
            require_sense(self.world, visit.route, text)
            require_unknown(self.world.unknown.get(visit.id, ()), text)


def formats_of(world: World, call: Call) -> list[str]:
    """The formats in which an answer is written besides the table: two that are read, and one of the others.

    The same code writes a format of every answer, so each answer is written in each of them over some world.
    """
    others = [fmt for fmt in output.FORMATS if fmt not in ("table", *READABLE)]
    return [*READABLE, others[crc32(f"{world.name} {call.id}".encode()) % len(others)]]


def in_formats(emit: Any, formats: list[str], documents: dict[str, list[str]], folder: Path) -> Any:
    """`output.emit`, which also writes the answer in ``formats``, as far as it has them: it is computed once."""

    def emit_in_formats(answer: Any, **options: Any) -> None:
        emit(answer, **options)
        for fmt in formats:
            file = folder / f"answer.{fmt}"
            with suppress(UsageError):
                emit(answer, fmt=fmt, output=file, note=lambda line: None)
                documents.setdefault(fmt, []).append(file.read_text() if fmt in READABLE else "")

    return emit_in_formats


def require_sense(world: World, command: str, text: str) -> None:
    """Nothing failed by itself, and nothing is said of what the company does not have."""
    found = ITSELF_FAILED.search(text)
    assert not found, around(text, found)
    for word, pattern in FOREIGN.items():
        found = re.search(pattern, text)
        is_about_the_library = command in ABOUT_THE_LIBRARY and word != "mcp"
        assert not found or word in world.own_words or is_about_the_library, around(text, found)


def require_no_rate_of_nobody(document: Any) -> None:
    """Where nobody was counted, no rate is known."""
    for part in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        require_no_rate_of_nobody(part)
    if isinstance(document, dict) and document.get("n") == 0:
        assert all(document.get(name) is None for name in ("rate", "risk", "value", "low", "high")), document


def require_unknown(figures: Iterable[str], text: str) -> None:
    """The ``figures``, as they are labelled, are in the text, and none of them is 0 or 100 %."""
    for figure in figures:
        assert figure in text, f"'{figure}' is not told"
        found = re.search(re.escape(figure) + ALL_OR_NOTHING, text)
        assert not found, around(text, found)


ALL_OR_NOTHING = r"[\s|]*-?(?:0|100)(?:[.,]0+)?(?![.,]?\d)"
SHOW_CODE = ("query show", "push")  # which is as wide as it is

# They say what is shipped, what is left out of it, or what settings are called.
ABOUT_THE_LIBRARY = (
    "init",
    "query list",
    "query show",
    "check",
    "doctor",
    "plan schema",
    "privacy export",
    "/search",
    "/queries",
    "/queries/{name:path}",
)


def around(text: str, found: re.Match[str] | None) -> str:
    """The lines in which something was found."""
    if found is None:
        return ""
    start = text.rfind("\n", 0, max(0, found.start() - 200)) + 1
    return f"“{found[0]}” in:\n{text[start : found.end() + 200]}"
