"""A failure investigation as programs want it: one table with a row per fingerprint, and everything as JSON."""

from datetime import date, timedelta
from typing import Any

from usertrack.core.period import in_zone
from usertrack.core.table import Column, Row, Table
from usertrack.failures.bursts import CONDITION, FALSE_ALARMS, ONE_CAUSE, PEOPLE, Incident
from usertrack.failures.causes import UNKNOWN
from usertrack.failures.checklist import by_category, checklist
from usertrack.failures.days import SURE, Contrast
from usertrack.failures.investigation import Fingerprint, Investigation, Level

COLUMNS = (
    *(Column(name) for name in ("level", "label", "category", "owner", "tool", "provider")),
    *(Column(name, "BIGINT") for name in ("failures", "people")),
    *(Column(name, "TIMESTAMP") for name in ("first_at", "last_at")),
    *(Column(name) for name in ("fingerprint", "sample")),
)


def fingerprints_table(found: Investigation, timezone: str) -> Table:
    """One row per fingerprint, most failures first."""
    rows: list[Row] = [_fingerprint(one) for one in found.fingerprints]
    return Table(COLUMNS, rows, name="failures", source="neon", as_of=found.as_of, timezone=timezone)


def _fingerprint(one: Fingerprint) -> Row:
    cause = one.cause
    named = (cause.label, cause.category, cause.owner) if cause.known else (None, UNKNOWN, None)
    about = (*named, one.tool or None, one.provider or None)
    return (one.level, *about, one.failures, len(one.people), one.first_at, one.last_at, one.text, one.sample)


def days_of_runs(found: Investigation, timezone: str) -> list[tuple[date, int, int]]:
    """(day, finished, failed) of every calendar day of the window: runs of those with any failed run, oldest first.

    The first and the last day are as much of them as the window holds.
    """
    first, last = (in_zone(moment, timezone).date() for moment in (found.since, found.as_of))
    days = {first + timedelta(days=number): (0, 0) for number in range((last - first).days + 1)}
    for _, day in found.by_day:
        if day.day in days:
            finished, failed = days[day.day]
            days[day.day] = (finished + day.finished, failed + day.failed)
    return [(day, *counts) for day, counts in days.items()]


def investigation_json(found: Investigation, timezone: str) -> dict[str, Any]:
    document = _everything(found, timezone)
    return document | {name: None for name, parts in _RESTS_ON.items() if found.unknown(*parts)}


_RESTS_ON = {
    "levels": ("levels",),
    **dict.fromkeys(("incidents", "burst_test"), ("windows", "messages")),
    **dict.fromkeys(("fingerprints", "categories"), ("messages",)),
    "kinds": ("kinds",),
    "tools_used": ("used",),
    **dict.fromkeys(("run_days", "likely_platform"), ("days",)),
}
"""What is null in the document when a part is missing."""


def _everything(found: Investigation, timezone: str) -> dict[str, Any]:
    return {
        "as_of": found.as_of,
        "timezone": timezone,
        "since": found.since,
        "days": found.days,
        "person": found.person or None,
        "tools": list(found.tools),
        "levels": {level.name: _level(level) for level in found.levels.values()},
        "incidents": [_incident(one) for one in found.incidents],
        "burst_test": {
            "stretches": found.stretches,
            "false_alarms": FALSE_ALARMS,
            "condition": CONDITION,
            "least_people": PEOPLE,
            "least_share_of_one_cause": ONE_CAUSE,
        },
        "fingerprints": fingerprints_table(found, timezone).dicts(),
        "categories": [{"name": name, "owner": owner or None, **counts} for name, owner, counts in by_category(found)],
        "kinds": found.kinds.dicts(),
        "tools_used": dict(found.used),
        "run_days": [
            {"day": day, "finished": finished, "failed": failed}
            for day, finished, failed in days_of_runs(found, timezone)
        ],
        "likely_platform": {"false_alarms": SURE, "people": [_contrast(one) for one in found.contrasts]},
        "checklist": [{"checked": what, "found": said} for what, said in checklist(found, timezone)],
        "missing": dict(found.missing),
        "notes": list(found.notes),
    }


def _level(level: Level) -> dict[str, Any]:
    return {
        "finished": level.finished,
        "failed": level.failed,
        "success_rate": success(level),
        "people": level.people,
        "people_failed": level.people_failed,
        "unfinished": level.unfinished,
    }


def success(level: Level) -> float | None:
    return 1 - level.failed / level.finished if level.finished else None


def _incident(one: Incident) -> dict[str, Any]:
    return {
        "level": one.level,
        "start": one.start,
        "end": one.end,
        "label": one.cause,
        "people": list(one.people),
        "failed": one.failed,
        "all_failed": one.all_failed,
        "people_active": one.whole.people,
        "people_failed": one.whole.people_failed,
        "people_expected_to_fail": min(one.whole.expected, one.whole.people),
        "chance": one.chance,
        "tested": {
            "start": one.evidence.start,
            "hours": one.evidence.hours,
            "people": one.evidence.people,
            "people_failed": one.evidence.people_failed,
            "expected": one.evidence.expected,
        },
    }


def _contrast(one: Contrast) -> dict[str, Any]:
    return {
        "person": one.person,
        "failed": one.failed,
        "failed_in_incidents": one.struck,
        "worst_day": {"day": one.worst.day, "finished": one.worst.finished, "failed": one.worst.failed},
        "clean_days": one.clean,
        "clean_runs": one.clean_runs,
        "chance": one.chance,
    }
