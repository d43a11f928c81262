"""`usertrack report verify`: compares a report's file with the sources, and with the text that was written.

It asks again, for the same moment, for every figure of the provenance and its queries, and compares a digest of the
whole file. It trusts nothing in the file and changes nothing. It does not notice altered text with a new digest.
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

from usertrack.core import embed
from usertrack.core.errors import UsageError
from usertrack.core.provenance import VERSION, WORDS
from usertrack.reports.recipe import Recipe, read_recipe

DIFFERS, UNKNOWABLE, ALTERED, UNCHECKED = "differs", "cannot be known", "altered", "not checked"
_LINES = 40  # altered lines in the answer, at the most
_NOT_THERE = "not there"


@dataclass(frozen=True)
class ReportFigure:
    """One value of a provenance: its place (``name``), its section, and the entries of its queries."""

    name: str
    section: str
    value: Any
    queries: tuple[Mapping[str, Any], ...]

    @property
    def words(self) -> bool:
        return self.name.split(" (")[0].endswith(WORDS) and str(self.value).startswith("sha256:")

    @property
    def origins(self) -> list[str]:
        """Each query with its parameters, source and moment, as text."""
        return [
            " ".join(str(value) for name, value in query.items() if name not in ("current", "missing"))
            for query in self.queries
        ]


@dataclass(frozen=True)
class ReportFile:
    """A report's file, parsed. ``altered``: its digest is wrong."""

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
    """A figure or a line of text that differs, or a section that was not checked."""

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
    extracted = embed.extract_provenance(text)
    if extracted is None:
        raise UsageError(f"'{path}' is no report of usertrack, or has lost its provenance", _MAKE)
    fmt, body, provenance = extracted
    version = provenance.get("usertrack")
    if isinstance(version, int) and version > VERSION:
        raise UsageError(f"'{path}' was written by a newer usertrack", "upgrade usertrack: README, Install")
    recipe = read_recipe(provenance.get("report"))
    altered, pseudonyms = embed.digest(body, provenance) != provenance.get("digest"), bool(provenance.get("pseudonyms"))
    report = ReportFile(path, fmt, body, recipe, provenance, altered, pseudonyms)
    try:
        assert report.figures is not None
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"'{path}': the report's provenance is damaged: it has no figures", _MAKE) from error
    return report


_MAKE = "`usertrack report weekly -o week.html` makes one"


def _figures(provenance: Mapping[str, Any]) -> dict[str, ReportFigure]:
    """The figures of a provenance by place: section › row › column."""
    figures = {}
    for group in provenance["figures"]:
        queries = tuple(
            {**provenance["queries"][at], "current": list(provenance["queries"][at]["current"])}
            for at in group["query"]
        )
        for name, value in group["values"].items():
            place = " › ".join(part for part in (group["section"], name) if part)
            figures[place] = ReportFigure(place, group["section"], value, queries)
    return figures


def compare(
    report: ReportFile,
    current_provenance: Mapping[str, Any],
    body: Callable[[], str],
    now: datetime,
    unanswered: Mapping[str, str] | None = None,
) -> list[Discrepancy]:
    """Differences from the same report made at ``now``: figures first, then altered lines.

    ``current_provenance`` is that of the new report, and ``body`` returns its text in the file's format. Sections are
    not checked if a query of theirs had no answer then, or has none now (``unanswered``, with the reason).
    """
    current = _figures(current_provenance)
    unchecked = _unchecked_sections([*report.figures.values(), *current.values()], unanswered or {})
    differing = list(_differing(report, current, unchecked, later=now > report.recipe.made_at))
    discrepancies = [discrepancy for _, discrepancy in differing]
    if report.altered:
        differs = any(discrepancy.verdict == DIFFERS for discrepancy in discrepancies)
        discrepancies += _altered(report, body(), unchecked) or ([] if differs else [_MARKUP])
    elif any(figure.words for figure, _ in differing):
        discrepancies = _in_words(differing, list(_lines(report, body())))
    return discrepancies + [
        Discrepancy(UNCHECKED, section or "all of it", "", "", why=why) for section, why in unchecked.items()
    ]


_MARKUP = Discrepancy(ALTERED, "the file", "its markup or its provenance was changed", "its text is as it was written")


def _unchecked_sections(figures: list[ReportFigure], unanswered: Mapping[str, str]) -> dict[str, str]:
    """The reason by section that cannot be compared."""
    reasons: dict[str, str] = {}
    for figure in figures:
        for query in figure.queries:
            missing = f"when the report was made: {query['missing']}" if query.get("missing") else ""
            if why := unanswered.get(str(query["query"])) or missing:
                reasons.setdefault(figure.section, why)
    return reasons


def _differing(
    report: ReportFile, current: Mapping[str, ReportFigure], unchecked: Mapping[str, str], *, later: bool
) -> Iterator[tuple[ReportFigure, Discrepancy]]:
    current_facts = _as_of_today(current)
    for name in dict.fromkeys([*report.figures, *current]):
        old, new = report.figures.get(name), current.get(name)
        figure = new or old
        if figure is None or figure.section in unchecked or (old and new and old.value == new.value):
            continue
        labels = current_facts.get(figure.section, [])  # by section: a person who left has no query any more
        excused = later and bool(labels)
        yield (
            figure,
            Discrepancy(
                UNKNOWABLE if excused else DIFFERS,
                name,
                _value(old),
                _value(new),
                tuple(str(query["query"]) for query in figure.queries),
                f"only known as of today: {', '.join(labels)}" if excused else "",
            ),
        )
    yield from _other_queries(report.figures, current)


def _value(figure: ReportFigure | None) -> Any:  # noqa: ANN401
    """The value to show; for texts, of which only a digest is known, a phrase."""
    return _NOT_THERE if figure is None else "other words" if figure.words else figure.value


def _other_queries(
    written: Mapping[str, ReportFigure], current: Mapping[str, ReportFigure]
) -> Iterator[tuple[ReportFigure, Discrepancy]]:
    """The sections whose figures come from other queries, or other parameters, than the file says."""
    sections = set()
    for name, old in written.items():
        new = current.get(name)
        if new and old.origins != new.origins and old.section not in sections:
            sections.add(old.section)
            first, second = (", ".join(o for o in a.origins if o not in b.origins) for a, b in ((old, new), (new, old)))
            yield (
                new,
                Discrepancy(DIFFERS, f"{old.section or 'report'}: queries", first or _NOT_THERE, second or _NOT_THERE),
            )


def _as_of_today(current: Mapping[str, ReportFigure]) -> dict[str, list[str]]:
    """The facts by section that the sources know only as of today."""
    by_section: dict[str, dict[str, None]] = {}
    for figure in current.values():
        labels = (label for query in figure.queries for label in query["current"])
        by_section.setdefault(figure.section, {}).update(dict.fromkeys(labels))
    return {section: list(labels) for section, labels in by_section.items()}


# Lines of text


@dataclass(frozen=True)
class _Line:
    """A line that differs, with its number in the file and its section."""

    number: int
    section: str
    old: str
    new: str


def _altered(report: ReportFile, body: str, unchecked: Mapping[str, str]) -> list[Discrepancy]:
    """The lines that differ from the new report, without those of sections that cannot be compared."""
    lines = [line for line in _lines(report, body) if line.section not in unchecked]
    return [_altered_line(line) for line in lines[:_LINES]]


def _altered_line(line: _Line) -> Discrepancy:
    label, written, now = _labelled(line)
    return Discrepancy(ALTERED, f"line {line.number} of the text{f' › {label}' if label else ''}", written, now)


def _in_words(differing: list[tuple[ReportFigure, Discrepancy]], lines: list[_Line]) -> list[Discrepancy]:
    """The discrepancies; those of texts with their lines."""
    by_line: dict[tuple[Any, ...], Discrepancy] = {}
    for figure, discrepancy in differing:
        own = [line for line in lines if figure.words and line.section == figure.section and _in_no_figure(line)]
        for line in own[:_LINES]:
            label, written, now = _labelled(line)
            by_line[line.number, line.old, line.new] = replace(
                discrepancy, subject=f"{figure.section} › {label}" if label else figure.name, written=written, now=now
            )
        if not own:
            by_line[figure.name, discrepancy.subject] = discrepancy
    return list(by_line.values())


_NUMBERS = re.compile(r"[\d\s.,%|−+█-▏]+")


def _in_no_figure(line: _Line) -> bool:
    """Whether the line differs in more than numbers, or says its numbers in a sentence: those are no figures."""
    return bool(_labelled(line)[0]) or _NUMBERS.sub("", line.old) != _NUMBERS.sub("", line.new)


_LABEL = re.compile(r'^(?:- (?P<md>[^:|]+): |"(?P<json>[^"]+)": )(?P<value>.*?),?$')


def _labelled(line: _Line) -> tuple[str, str, str]:
    """The label that both lines begin with, as of a list of facts, and what they say of it; else the whole lines."""
    old, new = _LABEL.match(line.old), _LABEL.match(line.new)
    if old and new and (label := old["md"] or old["json"]) == (new["md"] or new["json"]):
        return label, old["value"].strip('"'), new["value"].strip('"')
    return "", line.old, line.new


def _lines(report: ReportFile, body: str) -> Iterator[_Line]:
    lines = _text(report.body, report.format), _text(body, report.format)
    headings = {figure.section.split(" › ")[-1]: figure.section for figure in report.figures.values()}
    sections = [_sections(text, headings) for text in lines]
    matcher = difflib.SequenceMatcher(None, *lines, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        for at in range(0 if kind == "equal" else max(last - first, end - start)):
            old = lines[0][first + at] if first + at < last else ""
            new = lines[1][start + at] if start + at < end else ""
            section = sections[0][first + at] if old else sections[1][start + at]
            yield _Line(first + at + 1, section, old, new)


def _sections(lines: list[str], headings: Mapping[str, str]) -> list[str]:
    """The section of each line: the one of the last heading before it."""
    sections, current = [], ""
    for line in lines:
        bare = line.removeprefix('"heading": ').strip('#", ').replace("\\", "")
        current = headings.get(bare, current) if bare else current
        sections.append(current)
    return sections


_TAG = re.compile(r"<[^>]*>")
_TERM = re.compile(r"<dt[^>]*>(.*?)</dt>")


def _text(body: str, fmt: str) -> list[str]:
    """The visible lines, without HTML's tags and without blank lines."""
    lines = (
        unescape(_TAG.sub(" ", _TERM.sub(r"- \1: ", line))) if fmt == "html" else line for line in body.split("\n")
    )
    return [text for line in lines if (text := " ".join(line.split()))]
