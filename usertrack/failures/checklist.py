"""The checklist of a failure investigation: seven points, each with its result in a sentence."""

from collections.abc import Callable
from datetime import datetime

from usertrack.core.period import in_zone
from usertrack.core.words import number, plural
from usertrack.failures.bursts import Incident
from usertrack.failures.causes import UNKNOWN
from usertrack.failures.investigation import Investigation, Level

_Point = tuple[str, tuple[str, ...], Callable[[], str]]
NOUNS = {"workflow": "run", "tool": "call"}


def checklist(investigation: Investigation, timezone: str) -> list[tuple[str, str]]:
    """(point, result) in the order of the investigation."""
    levels = investigation.levels
    has_tools, has_runs = "tool" in levels, "workflow" in levels
    points: list[tuple[bool, _Point]] = [
        (has_tools, ("Tool-level failures", ("levels",), lambda: _level(levels["tool"], investigation.person))),
        (has_runs, ("Workflow-level failures", ("levels",), lambda: _level(levels["workflow"], investigation.person))),
        (has_tools, ("Is the tool used at all", ("used",), lambda: _usage(investigation))),
        (has_tools, ("MCP versus default tools", ("kinds",), lambda: _kinds(investigation))),
        (True, ("Root causes", ("messages",), lambda: _causes(investigation))),
        (True, ("Timeline", ("windows", "messages", "days"), lambda: _timeline(investigation, timezone))),
        (True, ("Messages read", ("messages", "levels"), lambda: _messages(investigation))),
    ]
    return [
        (point, f"unknown: {reason}" if (reason := investigation.unknown(*parts)) else result())
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


def percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _level(level: Level, person: str) -> str:
    noun = NOUNS[level.name]
    if not level.finished:
        return f"no {noun} finished"
    people = "" if person else f", for {number(level.people_failed)} of {number(level.people)} people"
    rate = percent(level.failed / level.finished)
    return f"{number(level.failed)} of {plural(level.finished, noun)} failed ({rate}){people}"


def _usage(investigation: Investigation) -> str:
    calls = investigation.used
    if investigation.tools:
        used = ", ".join(f"{name} {number(calls[name])}×" for name in investigation.tools)
        return f"yes: {used} up to now; runs have no key to tool calls, so all runs are included"
    if not calls:
        return "no tool was called"
    most = sorted(calls, key=lambda name: (-calls[name], name))[:3]
    used = ", ".join(f"{name} {number(calls[name])}×" for name in most)
    return f"{plural(len(calls), 'tool')} called, most {used}; `--tool NAME` checks one"


def _kinds(investigation: Investigation) -> str:
    rows = investigation.kinds.dicts()
    shares = " to ".join(f"{percent(row['share'])} {row['kind']}" for row in rows)
    rates = [f"{row['kind']} {percent(row['success_rate'])}" for row in rows if row["success_rate"] is not None]
    return (
        f"{shares} of {plural(sum(row['calls'] for row in rows), 'call')}; success {', '.join(rates)}"
        if rows
        else "no calls"
    )


def _causes(investigation: Investigation) -> str:
    parts = []
    for level in investigation.levels:
        counts = sorted((-counts[level], name) for name, _, counts in by_category(investigation) if counts[level])
        words = ", ".join(f"{name} {number(-count)}" for count, name in counts)
        parts.append(f"{NOUNS[level]}s: {words or 'none failed'}")
    return "; ".join(parts)


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
    counts = [
        (NOUNS[level], investigation.levels[level].failed, len(investigation.at(level)))
        for level in investigation.levels
    ]
    parts = [f"{plural(failed, f'failed {noun}')} in {plural(texts, 'fingerprint')}" for noun, failed, texts in counts]
    unknown = sum(not fingerprint.cause.known for fingerprint in investigation.fingerprints)
    return f"{'; '.join(parts)}; {unknown or 'none'} unknown"
