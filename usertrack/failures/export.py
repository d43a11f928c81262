"""A failure investigation for programs: a table with a row per fingerprint, and the whole as JSON."""

from datetime import date, timedelta
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Field
from usertrack.core.period import in_zone
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Table
from usertrack.failures.bursts import CONDITION, FALSE_ALARMS, ONE_CAUSE, PEOPLE, Incident
from usertrack.failures.checklist import by_category, checklist
from usertrack.failures.days import SIGNIFICANCE, Contrast
from usertrack.failures.investigation import Fingerprint, Investigation, Level
from usertrack.library.causes import LEVELS, NO_RULE, UNKNOWN

FINGERPRINTS: Columns[Fingerprint] = Columns(
    Attribute("level", "VARCHAR"),
    Attribute(
        "label",
        "VARCHAR",
        lambda fingerprint: fingerprint.cause.label if fingerprint.cause.known else None,
        Field("Cause"),
        lambda fingerprint: fingerprint.cause.label if fingerprint.cause.known else NO_RULE,
    ),
    Attribute(
        "category",
        "VARCHAR",
        lambda fingerprint: fingerprint.cause.category if fingerprint.cause.known else UNKNOWN,
        Field("Category", "tag"),
        lambda fingerprint: fingerprint.cause.category if fingerprint.cause.known else "",
    ),
    Attribute(
        "owner",
        "VARCHAR",
        lambda fingerprint: fingerprint.cause.owner if fingerprint.cause.known else None,
        Field("Owner"),
        lambda fingerprint: fingerprint.cause.owner or "nobody yet",
    ),
    Attribute("tool", "VARCHAR", lambda fingerprint: fingerprint.tool or None),
    Attribute("provider", "VARCHAR", lambda fingerprint: fingerprint.provider or None),
    Attribute("failures", "BIGINT", field=Field("Failed", "number")),
    Attribute("people", "BIGINT", lambda fingerprint: len(fingerprint.people), Field("People", "number")),
    Attribute("first_at", "TIMESTAMP"),
    Attribute("last_at", "TIMESTAMP", field=Field("Last", "when")),
    Attribute("fingerprint", "VARCHAR", "text"),
    Attribute(
        "sample",
        "VARCHAR",
        field=Field("Sample", "text", grows=True),
        text=lambda fingerprint: _short_sample(fingerprint),
    ),
)


def _short_sample(fingerprint: Fingerprint) -> str:
    sample = fingerprint.sample.split(" ⏎ ")[0]
    return f"{fingerprint.tool}: {sample}" if fingerprint.tool else sample


def fingerprints_table(investigation: Investigation, timezone: str) -> Table:
    """One row per fingerprint, most failures first."""
    source, fingerprints = Table((), (), source=POSTGRES), investigation.fingerprints
    return FINGERPRINTS.table(fingerprints, "failures", source=source, timezone=timezone, as_of=investigation.as_of)


def days_of_runs(investigation: Investigation, timezone: str) -> list[tuple[date, int, int]]:
    """(day, finished, failed) of every calendar day of the window, oldest first: runs of people with any failed run.

    The first and the last day may be partial.
    """
    first, last = (in_zone(moment, timezone).date() for moment in (investigation.since, investigation.as_of))
    days = {first + timedelta(days=number): (0, 0) for number in range((last - first).days + 1)}
    for _, day in investigation.by_day:
        if day.day in days:
            finished, failed = days[day.day]
            days[day.day] = (finished + day.finished, failed + day.failed)
    return [(day, *counts) for day, counts in days.items()]


def investigation_json(investigation: Investigation, timezone: str) -> dict[str, Any]:
    document = {
        "as_of": investigation.as_of,
        "timezone": timezone,
        "since": investigation.since,
        "days": investigation.days,
        "person": investigation.person or None,
        "tools": list(investigation.tools),
        "levels": {
            **{level.name: _level(level) for level in investigation.levels.values()},
            **{name: None for name in LEVELS if name in investigation.missing},
        },
        "incidents": [_incident(incident) for incident in investigation.incidents],
        "burst_test": {
            "stretches": investigation.stretches,
            "false_alarms": FALSE_ALARMS,
            "condition": CONDITION,
            "least_people": PEOPLE,
            "least_share_of_one_cause": ONE_CAUSE,
        },
        "fingerprints": FINGERPRINTS.dicts(investigation.fingerprints),
        "categories": [
            {"name": name, "owner": owner or None, **counts} for name, owner, counts in by_category(investigation)
        ],
        "kinds": investigation.kinds.dicts(),
        "tools_used": dict(investigation.used),
        "run_days": [
            {"day": day, "finished": finished, "failed": failed}
            for day, finished, failed in days_of_runs(investigation, timezone)
        ],
        "likely_platform": {
            "false_alarms": SIGNIFICANCE,
            "people": [_contrast(contrast) for contrast in investigation.contrasts],
        },
        "checklist": [{"checked": point, "found": result} for point, result in checklist(investigation, timezone)],
        "missing": dict(investigation.missing),
        "notes": list(investigation.notes),
    }
    return document | {name: None for name, parts in _RESTS_ON.items() if investigation.unknown(*parts)}


_RESTS_ON = {
    "levels": ("levels",),
    **dict.fromkeys(("incidents", "burst_test"), ("windows", "messages")),
    **dict.fromkeys(("fingerprints", "categories"), ("messages",)),
    "kinds": ("tool", "kinds"),
    "tools_used": ("tool", "used"),
    **dict.fromkeys(("run_days", "likely_platform"), ("workflow", "days")),
}
"""The keys of the document, each with the parts without which it is null."""


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


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "level": incident.level,
        "start": incident.start,
        "end": incident.end,
        "label": incident.cause,
        "people": list(incident.people),
        "failed": incident.failed,
        "all_failed": incident.all_failed,
        "people_active": incident.full_stretch.people,
        "people_failed": incident.full_stretch.people_failed,
        "people_expected_to_fail": min(incident.full_stretch.expected, incident.full_stretch.people),
        "chance": incident.chance,
        "tested": {
            "start": incident.evidence.start,
            "hours": incident.evidence.hours,
            "people": incident.evidence.people,
            "people_failed": incident.evidence.people_failed,
            "expected": incident.evidence.expected,
        },
    }


def _contrast(contrast: Contrast) -> dict[str, Any]:
    return {
        "person": contrast.person,
        "failed": contrast.failed,
        "failed_in_incidents": contrast.in_incidents,
        "worst_day": {"day": contrast.worst.day, "finished": contrast.worst.finished, "failed": contrast.worst.failed},
        "clean_days": contrast.clean,
        "clean_runs": contrast.clean_runs,
        "chance": contrast.chance,
    }
