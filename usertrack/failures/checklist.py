"""The checklist of a failure investigation: seven points, each with its result in a sentence."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from usertrack.core.period import in_zone
from usertrack.core.words import number, plural
from usertrack.failures.bursts import Incident
from usertrack.failures.investigation import Investigation
from usertrack.library.causes import NO_RULE, UNKNOWN
from usertrack.library.own_words import OwnWords

_Point = tuple[str, tuple[str, ...], Callable[[], str]]
NOUNS = {"workflow": "run", "tool": "call"}
"""What fails on each level, by its name among a company's own words."""


def checklist(investigation: Investigation, timezone: str) -> list[tuple[str, str]]:
    """(point, result) in the order of the investigation."""
    words = investigation.words
    has_tools, has_runs = (level in {*investigation.levels, *investigation.missing} for level in ("tool", "workflow"))
    kinds = "MCP versus default {tools}" if investigation.has_mcp else "{Tools} by kind"
    points: list[tuple[bool, _Point]] = [
        (has_tools, ("{Tool}-level failures", ("tool", "levels"), lambda: _level(investigation, "tool"))),
        (has_runs, ("{Workflow}-level failures", ("workflow", "levels"), lambda: _level(investigation, "workflow"))),
        (has_tools, ("Is the {tool} used at all", ("tool", "used"), lambda: _usage(investigation))),
        (has_tools and investigation.has_kinds, (kinds, ("kinds",), lambda: _kinds(investigation))),
        (True, ("Root causes", ("messages",), lambda: _causes(investigation))),
        (True, ("Timeline", ("windows", "messages", "days"), lambda: _timeline(investigation, timezone))),
        (True, ("Messages read", ("messages", "levels"), lambda: _messages(investigation))),
    ]
    return [
        (words(point), f"unknown: {reason}" if (reason := investigation.unknown(*parts)) else result())
        for applies, (point, parts, result) in points
        if applies
    ]


def span(incident: Incident, timezone: str) -> str:
    """``9 Nov, 13:00–16:00``, in ``timezone``."""
    first, last = in_zone(incident.start, timezone), in_zone(incident.end, timezone)
    return f"{_day(first)}, {first:%H:%M}–{'' if last.date() == first.date() else _day(last) + ', '}{last:%H:%M}"


def _day(day: datetime) -> str:
    return f"{day.day} {day:%b}"


def by_category(investigation: Investigation) -> list[tuple[str, str, dict[str, int]]]:
    """(name, owner, failures on each level) of each category that has any, unknown ones last."""
    listed = [(category.name, category.owner) for category in investigation.catalogue.categories] + [(UNKNOWN, "")]
    counts = [
        (
            name,
            owner,
            {
                level: sum(
                    fingerprint.failures
                    for fingerprint in investigation.at(level)
                    if fingerprint.cause.category == name
                )
                for level in investigation.levels
            },
        )
        for name, owner in listed
    ]
    return [row for row in counts if any(row[2].values())]


@dataclass(frozen=True)
class OwnedFailures:
    """The failures that one ``owner`` is to mend, by level, and the most frequent causes with their counts."""

    owner: str
    failures: Mapping[str, int]
    causes: Sequence[tuple[str, int]]


def by_owner(investigation: Investigation) -> list[OwnedFailures]:
    """The failures of each owner that has any, most first; those that no rule knows are nobody's."""
    failures: dict[str, Counter[str]] = {}
    causes: dict[str, Counter[str]] = {}
    for fingerprint in investigation.fingerprints:
        owner = fingerprint.cause.owner
        failures.setdefault(owner, Counter())[fingerprint.level] += fingerprint.failures
        causes.setdefault(owner, Counter())[fingerprint.cause.label] += fingerprint.failures
    return [
        OwnedFailures(owner, counts, sorted(causes[owner].items(), key=lambda cause: (-cause[1], cause[0])))
        for owner, counts in sorted(failures.items(), key=lambda item: (-item[1].total(), item[0]))
    ]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _nouns(level: str, words: OwnWords) -> tuple[str, str]:
    """Return the singular and plural label of what can fail on this level."""
    return words[NOUNS[level]], words[f"{NOUNS[level]}s"]


def _level(investigation: Investigation, name: str) -> str:
    level = investigation.levels[name]
    noun, nouns = _nouns(name, investigation.words)
    if not level.finished:
        return f"no {noun} finished"
    people = "" if investigation.person else f", for {number(level.people_failed)} of {number(level.people)} people"
    rate = percent(level.failed / level.finished)
    return f"{number(level.failed)} of {plural(level.finished, noun, nouns)} failed ({rate}){people}"


def _usage(investigation: Investigation) -> str:
    calls, words = investigation.used, investigation.words
    if investigation.tools:
        used = ", ".join(f"{name} {number(calls[name])}×" for name in investigation.tools)
        return f"yes: {used} up to now; " + words("{runs} have no key to {tool_calls}, so all {runs} are included")
    if not calls:
        return words("no {tool} was called")
    most = sorted(calls, key=lambda name: (-calls[name], name))[:3]
    used = ", ".join(f"{name} {number(calls[name])}×" for name in most)
    return f"{plural(len(calls), words['tool'], words['tools'])} called, most {used}; `--tool NAME` checks one"


def _kinds(investigation: Investigation) -> str:
    words = investigation.words
    rows = [{**row, "kind": row["kind"] or "of no kind"} for row in investigation.kinds.dicts()]
    shares = " to ".join(f"{percent(row['share'])} {row['kind']}" for row in rows)
    rates = [f"{row['kind']} {percent(row['success_rate'])}" for row in rows if row["success_rate"] is not None]
    calls = plural(sum(row["calls"] for row in rows), words["call"], words["calls"])
    return f"{shares} of {calls}; success {', '.join(rates)}" if rows else words("no {calls}")


def _causes(investigation: Investigation) -> str:
    parts = []
    for level in investigation.levels:
        counts = sorted((-counts[level], name) for name, _, counts in by_category(investigation) if counts[level])
        words = ", ".join(f"{NO_RULE if name == UNKNOWN else name} {number(-count)}" for count, name in counts)
        parts.append(f"{_nouns(level, investigation.words)[1]}: {words or 'none failed'}")
    return "; ".join([*parts, *_lost(investigation)])


def _lost(investigation: Investigation) -> list[str]:
    """``calls: unknown``, where a level cannot be read."""
    lost = [level for level in NOUNS if level in investigation.missing]
    return [f"{_nouns(level, investigation.words)[1]}: unknown" for level in lost]


def _timeline(investigation: Investigation, timezone: str) -> str:
    labels = [f"{incident.cause}, {span(incident, timezone)}" for incident in investigation.incidents]
    incidents = (
        f"{plural(len(labels), 'platform incident')} ({'; '.join(labels)})" if labels else "no platform incident"
    )
    if not investigation.contrasts:
        return f"{incidents}; nobody's failures are likely the platform's"
    people = (
        "1 person has" if len(investigation.contrasts) == 1 else f"{number(len(investigation.contrasts))} people have"
    )
    return f"{incidents}; {people} days of 100 % success beside failures that are likely the platform's"


def _messages(investigation: Investigation) -> str:
    parts = []
    for level in investigation.levels:
        noun, nouns = _nouns(level, investigation.words)
        failed = plural(investigation.levels[level].failed, f"failed {noun}", f"failed {nouns}")
        parts.append(f"{failed} in {plural(len(investigation.at(level)), 'fingerprint')}")
    unknown = sum(not fingerprint.cause.known for fingerprint in investigation.fingerprints)
    return "; ".join([*parts, f"{unknown or 'none'} unknown", *_lost(investigation)])
