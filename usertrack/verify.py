"""Is a report's file still what the sources say, and what was written? Nothing in it is trusted, nothing is changed.

Covered: every figure of its provenance, asked for again for the same moment, and by a digest every character of the
file besides. Not covered: somebody who alters the text and computes the digest anew.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

from usertrack import seal
from usertrack.errors import UsageError
from usertrack.provenance import VERSION
from usertrack.recipe import Recipe, read_recipe

DIFFERS, UNKNOWABLE, ALTERED = "differs", "cannot be known", "altered"
_LINES = 40  # altered lines that are shown at the most


@dataclass(frozen=True)
class Sealed:
    """A report's file, taken apart. ``altered`` says that its text is not the one that was written."""

    path: Path
    format: str
    body: str
    recipe: Recipe
    figures: tuple[Mapping[str, Any], ...]
    altered: bool
    pseudonyms: bool = False


@dataclass(frozen=True)
class Finding:
    """One figure, or one line of text, that is not as it should be. ``queries`` are names."""

    verdict: str
    what: str
    written: Any
    now: Any
    queries: tuple[str, ...] = ()
    why: str = ""


def read_report(path: Path) -> Sealed:
    """The report in ``path``; raises UsageError when it cannot be read, is no report, or is a damaged one."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not text", _MAKE) from error
    found = seal.unsealed(text)
    if found is None:
        raise UsageError(f"'{path}' is no report of usertrack, or lost what tells where its figures are from", _MAKE)
    fmt, body, known = found
    figures, version = known.get("figures"), known.get("usertrack")
    if isinstance(version, int) and version > VERSION:
        raise UsageError(f"'{path}' was written by a newer usertrack", "upgrade with `pip install --upgrade usertrack`")
    recipe = read_recipe(known.get("report"))
    if not isinstance(figures, list) or not all(isinstance(f, dict) and {"figure", "value"} <= set(f) for f in figures):
        raise UsageError(f"'{path}': the report's provenance is damaged: it has no figures", _MAKE)
    return Sealed(
        path, fmt, body, recipe, tuple(figures), seal.digest(body) != known.get("digest"), bool(known.get("pseudonyms"))
    )


_MAKE = "`usertrack report weekly -o week.html` makes one"


def compare(report: Sealed, again: Mapping[str, Any], body: Callable[[], str], now: datetime) -> list[Finding]:
    """What is not as in the same report made at ``now``: figures first, then the lines that were altered.

    ``again`` is the provenance of that one, and ``body`` gives its text in the file's format.
    """
    found = list(_figures(report, again, later=now > report.recipe.made_at))
    return [*found, *(_altered(report, body()) if report.altered else ())]


def _figures(report: Sealed, now: Mapping[str, Any], *, later: bool) -> Iterator[Finding]:
    written = {str(figure["figure"]): figure["value"] for figure in report.figures}
    current = {str(figure["figure"]): figure for figure in now["figures"]}
    kept = _as_of_today(now)
    for name in dict.fromkeys([*written, *current]):
        was, is_ = written.get(name, "not there"), current.get(name, {"value": "not there", "query": []})
        if was == is_["value"]:
            continue
        queries = [now["queries"][at] for at in is_["query"]]
        labels = kept.get(_section(name), [])  # its section's: a person who is not there any more has no query
        excused = later and bool(labels)
        yield Finding(
            UNKNOWABLE if excused else DIFFERS,
            name,
            was,
            is_["value"],
            tuple(query["query"] for query in queries),
            f"only known as of today: {', '.join(labels)}" if excused else "",
        )


def _as_of_today(now: Mapping[str, Any]) -> dict[str, list[str]]:
    """By section, what its figures rest on that the sources keep only as of today."""
    found: dict[str, dict[str, None]] = {}
    for figure in now["figures"]:
        labels = (label for at in figure["query"] for label in now["queries"][at]["current"])
        found.setdefault(_section(figure["figure"]), {}).update(dict.fromkeys(labels))
    return {section: list(labels) for section, labels in found.items()}


def _section(name: str) -> str:
    return name.split(" › ")[0]


def _altered(report: Sealed, body: str) -> Iterator[Finding]:
    """The lines of the text that are not those of the report made again; at least one, since the digest differs."""
    lines = _text(report.body, report.format), _text(body, report.format)
    matcher = difflib.SequenceMatcher(None, *lines, autojunk=False)
    shown = 0
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind == "equal" or shown >= _LINES:
            continue
        for at in range(max(last - first, end - start)):
            old = lines[0][first + at] if first + at < last else ""
            new = lines[1][start + at] if start + at < end else ""
            yield Finding(ALTERED, f"line {first + at + 1} of the text", old, new)
            shown += 1
    if not shown:
        yield Finding(ALTERED, "the file", "its markup was changed", "its text is as it was written")


_TAG = re.compile(r"<[^>]*>")


def _text(body: str, fmt: str) -> list[str]:
    """The lines that people see, without HTML's tags and without blank ones."""
    lines = (unescape(_TAG.sub(" ", line)) if fmt == "html" else line for line in body.split("\n"))
    return [shown for line in lines if (shown := " ".join(line.split()))]
