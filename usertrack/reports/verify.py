"""Is a report's file still what the sources say, and what was written? Nothing in it is trusted, nothing is changed.

Covered: every figure of its provenance and the queries behind it, asked for again for the same moment, and by a digest
every character of the file. Not covered: somebody who alters the text and computes the digest anew.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any

from usertrack.core import embed as seal
from usertrack.core.document import Document, Field, Listing, Paragraph
from usertrack.core.errors import CheckFailed, Unknown, UsageError
from usertrack.core.period import moment
from usertrack.core.provenance import VERSION, WORDS
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number
from usertrack.reports.recipe import Recipe, read_recipe

DIFFERS, UNKNOWABLE, ALTERED, UNCHECKED = "differs", "cannot be known", "altered", "not checked"
_LINES = 40  # altered lines that are shown at the most
_NOT_THERE = "not there"


@dataclass(frozen=True)
class ReportFigure:
    """One value of a provenance: its place, its section, and the entries of its queries."""

    name: str
    section: str
    value: Any
    queries: tuple[Mapping[str, Any], ...]

    @property
    def words(self) -> bool:
        return self.name.split(" (")[0].endswith(WORDS) and str(self.value).startswith("sha256:")

    @property
    def origins(self) -> list[str]:
        """Each query with its parameters, source and moment, in words."""
        return [
            " ".join(str(value) for name, value in query.items() if name not in ("current", "missing"))
            for query in self.queries
        ]


@dataclass(frozen=True)
class ReportFile:
    """A report's file, taken apart. ``altered`` says that it is not what was written."""

    path: Path
    format: str
    body: str
    recipe: Recipe
    provenance: Mapping[str, Any]
    altered: bool
    pseudonyms: bool = False

    @cached_property
    def figures(self) -> dict[str, ReportFigure]:
        return _figures(self.provenance)


@dataclass(frozen=True)
class Discrepancy:
    """One figure, or one line of text, that is not as it should be; or a section that was not checked."""

    verdict: str
    subject: str
    written: Any
    now: Any
    queries: tuple[str, ...] = ()
    why: str = ""


def read_report(path: Path) -> ReportFile:
    """The report in ``path``; raises UsageError when it cannot be read, is no report, or is a damaged one."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not text", _MAKE) from error
    found = seal.extract_provenance(text)
    if found is None:
        raise UsageError(f"'{path}' is no report of usertrack, or lost what tells where its figures are from", _MAKE)
    fmt, body, known = found
    version = known.get("usertrack")
    if isinstance(version, int) and version > VERSION:
        raise UsageError(f"'{path}' was written by a newer usertrack", "install it anew: README, Install")
    recipe = read_recipe(known.get("report"))
    altered, pseudonyms = seal.digest(body, known) != known.get("digest"), bool(known.get("pseudonyms"))
    report = ReportFile(path, fmt, body, recipe, known, altered, pseudonyms)
    try:
        assert report.figures is not None
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"'{path}': the report's provenance is damaged: it has no figures", _MAKE) from error
    return report


_MAKE = "`usertrack report weekly -o week.html` makes one"


def _figures(known: Mapping[str, Any]) -> dict[str, ReportFigure]:
    """By place: section › row › column."""
    found = {}
    for group in known["figures"]:
        queries = tuple(
            {**known["queries"][at], "current": list(known["queries"][at]["current"])} for at in group["query"]
        )
        for name, value in group["values"].items():
            place = " › ".join(part for part in (group["section"], name) if part)
            found[place] = ReportFigure(place, group["section"], value, queries)
    return found


def compare(
    report: ReportFile,
    again: Mapping[str, Any],
    body: Callable[[], str],
    now: datetime,
    unanswered: Mapping[str, str] | None = None,
) -> list[Discrepancy]:
    """What is not as in the same report made at ``now``: figures first, then the lines that were altered.

    ``again`` is the provenance of that one, and ``body`` gives its text in the file's format. Sections that rest on a
    query without an answer, at that time or now (``unanswered``, with the reason), are not checked.
    """
    current = _figures(again)
    open_ = _unchecked([*report.figures.values(), *current.values()], unanswered or {})
    differing = list(_differing(report, current, open_, later=now > report.recipe.made_at))
    findings = [finding for _, finding in differing]
    if report.altered:
        differs = any(finding.verdict == DIFFERS for finding in findings)
        findings += _altered(report, body(), open_) or ([] if differs else [_MARKUP])
    elif any(figure.words for figure, _ in differing):
        findings = _in_words(differing, list(_lines(report, body())))
    return findings + [
        Discrepancy(UNCHECKED, section or "all of it", "", "", why=why) for section, why in open_.items()
    ]


_MARKUP = Discrepancy(ALTERED, "the file", "its markup or its provenance was changed", "its text is as it was written")


def _unchecked(figures: list[ReportFigure], unanswered: Mapping[str, str]) -> dict[str, str]:
    """By section, why it cannot be compared."""
    found: dict[str, str] = {}
    for figure in figures:
        for query in figure.queries:
            then = f"when the report was made: {query['missing']}" if query.get("missing") else ""
            if why := unanswered.get(str(query["query"])) or then:
                found.setdefault(figure.section, why)
    return found


def _differing(
    report: ReportFile, current: Mapping[str, ReportFigure], open_: Mapping[str, str], *, later: bool
) -> Iterator[tuple[ReportFigure, Discrepancy]]:
    kept = _as_of_today(current)
    for name in dict.fromkeys([*report.figures, *current]):
        was, is_ = report.figures.get(name), current.get(name)
        figure = is_ or was
        if figure is None or figure.section in open_ or (was and is_ and was.value == is_.value):
            continue
        labels = kept.get(figure.section, [])  # its section's: a person who is not there any more has no query
        excused = later and bool(labels)
        yield (
            figure,
            Discrepancy(
                UNKNOWABLE if excused else DIFFERS,
                name,
                _value(was),
                _value(is_),
                tuple(str(query["query"]) for query in figure.queries),
                f"only known as of today: {', '.join(labels)}" if excused else "",
            ),
        )
    yield from _other_queries(report.figures, current)


def _value(figure: ReportFigure | None) -> Any:
    """Nobody reads a digest."""
    return _NOT_THERE if figure is None else "other words" if figure.words else figure.value


def _other_queries(
    written: Mapping[str, ReportFigure], current: Mapping[str, ReportFigure]
) -> Iterator[tuple[ReportFigure, Discrepancy]]:
    """The sections whose figures the file has from other queries, or other parameters, than they are from."""
    told = set()
    for name, was in written.items():
        is_ = current.get(name)
        if is_ and was.origins != is_.origins and was.section not in told:
            told.add(was.section)
            first, second = (", ".join(o for o in a.origins if o not in b.origins) for a, b in ((was, is_), (is_, was)))
            yield (
                is_,
                Discrepancy(DIFFERS, f"{was.section or 'report'}: queries", first or _NOT_THERE, second or _NOT_THERE),
            )


def _as_of_today(current: Mapping[str, ReportFigure]) -> dict[str, list[str]]:
    """By section, what its figures rest on that the sources keep only as of today."""
    found: dict[str, dict[str, None]] = {}
    for figure in current.values():
        labels = (label for query in figure.queries for label in query["current"])
        found.setdefault(figure.section, {}).update(dict.fromkeys(labels))
    return {section: list(labels) for section, labels in found.items()}


# Lines of text


@dataclass(frozen=True)
class _Line:
    """A line that differs, by its number in the file, with the section that it stands in."""

    number: int
    section: str
    old: str
    new: str


def _altered(report: ReportFile, body: str, open_: Mapping[str, str]) -> list[Discrepancy]:
    """The lines of the text that are not those of the report made again, but for sections that nobody can compare."""
    lines = [line for line in _lines(report, body) if line.section not in open_]
    return [Discrepancy(ALTERED, f"line {line.number} of the text", line.old, line.new) for line in lines[:_LINES]]


def _in_words(differing: list[tuple[ReportFigure, Discrepancy]], lines: list[_Line]) -> list[Discrepancy]:
    """The findings, those on words with the lines that have them."""
    found: dict[tuple[Any, ...], Discrepancy] = {}
    for figure, finding in differing:
        own = [line for line in lines if figure.words and line.section == figure.section and _other_words(line)]
        for line in own[:_LINES]:
            found[line.number, line.old, line.new] = replace(
                finding, subject=figure.name, written=line.old, now=line.new
            )
        if not own:
            found[figure.name, finding.subject] = finding
    return list(found.values())


_NUMBERS = re.compile(r"[\d\s.,%|−+█-▏]+")


def _other_words(line: _Line) -> bool:
    return _NUMBERS.sub("", line.old) != _NUMBERS.sub("", line.new)


def _lines(report: ReportFile, body: str) -> Iterator[_Line]:
    lines = _text(report.body, report.format), _text(body, report.format)
    headings = {figure.section.split(" › ")[-1]: figure.section for figure in report.figures.values()}
    sections = [_sections(each, headings) for each in lines]
    matcher = difflib.SequenceMatcher(None, *lines, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        for at in range(0 if kind == "equal" else max(last - first, end - start)):
            old = lines[0][first + at] if first + at < last else ""
            new = lines[1][start + at] if start + at < end else ""
            section = sections[0][first + at] if old else sections[1][start + at]
            yield _Line(first + at + 1, section, old, new)


def _sections(lines: list[str], headings: Mapping[str, str]) -> list[str]:
    """The section of each line: that of the last heading before it."""
    found, current = [], ""
    for line in lines:
        bare = line.removeprefix('"heading": ').strip('#", ').replace("\\", "")
        current = headings.get(bare, current) if bare else current
        found.append(current)
    return found


_TAG = re.compile(r"<[^>]*>")


def _text(body: str, fmt: str) -> list[str]:
    """The lines that people see, without HTML's tags and without blank ones."""
    lines = (unescape(_TAG.sub(" ", line)) if fmt == "html" else line for line in body.split("\n"))
    return [shown for line in lines if (shown := " ".join(line.split()))]


def verify_document(report: ReportFile, findings: list[Discrepancy]) -> Document:
    """A row per figure or line that is not as it should be; what can no longer be known is no mismatch."""
    recipe = report.recipe
    wrong = [finding for finding in findings if finding.verdict not in (UNKNOWABLE, UNCHECKED)]
    unchecked = [finding for finding in findings if finding.verdict == UNCHECKED]
    rows: list[Row] = [
        (
            finding.verdict,
            finding.subject,
            _said(finding.written),
            _said(finding.now),
            ", ".join(finding.queries) or finding.why,
        )
        for finding in findings
    ]
    fields = {
        "verdict": Field("Verdict"),
        "what": Field("What", "text"),
        "written": Field("In the file", "text"),
        "now": Field("Made again", "text"),
        "queries": Field("From", "text", grows=True),
    }
    table = Table(tuple(map(Column, fields)), rows, name="verify", as_of=recipe.as_of, timezone=recipe.timezone)
    figures = f"{number(len(report.figures))} figures"
    if wrong:
        said = "does not hold"
    elif unchecked:
        said = "what could be asked for is right, the rest was not checked"
    else:
        said = f"all {figures} and its text are right"
    title = f"{report.path}: {said}"
    return Document(
        title=title,
        subtitle=f"{recipe.kind} report of {recipe.subject}, as of {moment(recipe.as_of, recipe.timezone)}",
        blocks=(Listing(table, fields=fields, limit=50),) if findings else (Paragraph(_COVERED, "dim"),),
        notes=tuple(dict.fromkeys(finding.why for finding in findings if finding.why)),
        table=table,
        timezone=recipe.timezone,
        as_of=recipe.as_of,
    )


_COVERED = "checked: every figure and its queries, asked for again for the same moment, and a digest of all of the file"


def _said(value: object) -> str:
    return "unknown" if value is None else str(value)


def raise_mismatch(report: ReportFile, findings: list[Discrepancy]) -> None:
    """Raise CheckFailed when anything in the file is not as it should be, else Unknown when not all was checked."""
    wrong = sum(finding.verdict not in (UNKNOWABLE, UNCHECKED) for finding in findings)
    if wrong:
        said = "1 figure or line is" if wrong == 1 else f"{number(wrong)} figures or lines are"
        raise CheckFailed(
            f"{report.path}: {said} not what the sources say",
            "was it edited, or did rows come late? `usertrack report` makes it anew",
        )
    open_ = [finding for finding in findings if finding.verdict == UNCHECKED]
    if open_:
        raise Unknown(
            f"{report.path}: {', '.join(finding.subject for finding in open_)} not checked",
            "; ".join(dict.fromkeys(finding.why for finding in open_)),
        )
