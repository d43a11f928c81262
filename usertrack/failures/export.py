"""A failure investigation for programs: a table with a row per fingerprint, and the whole as JSON."""

from datetime import date, timedelta

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Field
from usertrack.core.period import in_zone
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Table
from usertrack.failures.bursts import CONDITION, FALSE_ALARMS, ONE_CAUSE, PEOPLE, Incident, Stretch
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


LEVEL_COLUMNS: Columns[Level] = Columns(
    Attribute("finished", "BIGINT", field=Field("Finished", "number")),
    Attribute("failed", "BIGINT", field=Field("Failed", "number")),
    Attribute("success_rate", "DOUBLE", field=Field("Success", "bar", full=1.0)),
    Attribute("people", "BIGINT"),
    Attribute("people_failed", "BIGINT"),
    Attribute("unfinished", "BIGINT"),
)
_TESTED: Columns[Stretch] = Columns(
    Attribute("start", "TIMESTAMP"),
    Attribute("hours", "BIGINT"),
    Attribute("people", "BIGINT"),
    Attribute("people_failed", "BIGINT"),
    Attribute("expected", "DOUBLE"),
)
_INCIDENTS: Columns[Incident] = Columns(
    Attribute("level", "VARCHAR"),
    Attribute("start", "TIMESTAMP"),
    Attribute("end", "TIMESTAMP"),
    Attribute("label", "VARCHAR", "cause"),
    Attribute("people", "VARCHAR[]", lambda incident: list(incident.people)),
    Attribute("failed", "BIGINT"),
    Attribute("all_failed", "BIGINT"),
    Attribute("people_active", "BIGINT", "full_stretch.people"),
    Attribute("people_failed", "BIGINT", "full_stretch.people_failed"),
    Attribute("people_expected_to_fail", "DOUBLE", "full_stretch.expected_people"),
    Attribute("chance", "DOUBLE"),
    Attribute("tested", "JSON", lambda incident: _TESTED.dicts([incident.evidence])[0]),
)
_CONTRASTS: Columns[Contrast] = Columns(
    Attribute("person", "VARCHAR"),
    Attribute("failed", "BIGINT"),
    Attribute("failed_in_incidents", "BIGINT", "in_incidents"),
    Attribute("worst_day", "JSON", lambda contrast: vars(contrast.worst)),
    Attribute("clean_days", "BIGINT", "clean"),
    Attribute("clean_runs", "BIGINT"),
    Attribute("chance", "DOUBLE"),
)


def _short_sample(fingerprint: Fingerprint) -> str:
    sample = fingerprint.sample.split(" ⏎ ")[0]
    return f"{fingerprint.tool}: {sample}" if fingerprint.tool else sample


def fingerprints_table(investigation: Investigation, timezone: str) -> Table:
    """One row per fingerprint, most failures first."""
    source, fingerprints = Table((), (), source=POSTGRES), investigation.fingerprints
    return FINGERPRINTS.table(fingerprints, "failures", source=source, timezone=timezone, as_of=investigation.as_of)


def days_of_runs(investigation: Investigation, timezone: str) -> list[tuple[date, int, int]]:
    """(day, finished, failed) of every calendar day of the window, oldest first.

    The first and the last day may be partial.
    """
    first, last = (in_zone(moment, timezone).date() for moment in (investigation.since, investigation.as_of))
    days = {first + timedelta(days=number): (0, 0) for number in range((last - first).days + 1)}
    for _, day in investigation.by_day:
        if day.day in days:
            finished, failed = days[day.day]
            days[day.day] = (finished + day.finished, failed + day.failed)
    return [(day, *counts) for day, counts in days.items()]


def investigation_json(investigation: Investigation, timezone: str) -> dict[str, object]:
    document = {
        "as_of": investigation.as_of,
        "timezone": timezone,
        "since": investigation.since,
        "days": investigation.days,
        "person": investigation.person or None,
        "tools": list(investigation.tools),
        "levels": {
            **dict(zip(investigation.levels, LEVEL_COLUMNS.dicts(investigation.levels.values()), strict=True)),
            **{name: None for name in LEVELS if name in investigation.missing},
        },
        "incidents": _INCIDENTS.dicts(investigation.incidents),
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
            "people": _CONTRASTS.dicts(investigation.contrasts),
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
