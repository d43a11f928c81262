"""A dossier as a document."""

from typing import Any

from usertrack.document import Block, Document, Facts, Listing, Paragraph, Section, Shown, Spark
from usertrack.person import Dossier
from usertrack.report.segments import moment
from usertrack.table import Column, Table

_WHEN = {"first_at": Shown("First", "when"), "last_at": Shown("Last", "when")}


def person_document(found: Dossier, timezone: str) -> Document:
    facts = next(iter(found.standing.values())).facts
    name = facts.get("name")
    return Document(
        title=f"{name} · {found.email}" if name else found.email,
        subtitle=f"{moment(found.as_of, timezone)}",
        blocks=(
            Facts(_account(facts)),
            *_standing(found),
            *_activity(found),
            *_listings(found, timezone),
            *_failures(found, timezone),
            *_timeline(found, timezone),
        ),
        notes=found.notes,
        data=lambda: _json(found, timezone),
        timezone=timezone,
        as_of=found.as_of,
    )


def _account(facts: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    shown = {
        "account_id": "Account",
        "signed_up_at": "Signed up",
        "credits": "Credits",
        "subscription_status": "Subscription",
        "first_seen_at": "First seen",
        "last_activity_at": "Last activity",
    }
    return tuple((label, facts[name]) for name, label in shown.items() if facts.get(name) is not None)


def _standing(found: Dossier) -> list[Block]:
    lines: list[Block] = []
    for explanation in found.standing.values():
        for verdict in explanation.verdicts:
            if verdict.member:
                lines.append(Paragraph(f"{verdict.segment.name} → {verdict.segment.action}: {verdict.because}"))
    return [Section("Segments", tuple(lines or [Paragraph("in no segment", "dim")]))]


def _activity(found: Dossier) -> list[Block]:
    total = sum(actions for _, actions in found.days)
    sessions = found.parts.get("sessions")
    words = [f"{total} actions"]
    if sessions and len(sessions.rows):
        lengths = sorted(row[1] for row in sessions.rows)
        words.append(f"{len(lengths)} sessions, median {_duration(lengths[len(lengths) // 2])}")
    return [Spark("Activity, 30 days", [actions for _, actions in found.days], " · ".join(words))]


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _listings(found: Dossier, timezone: str) -> list[Block]:
    looks: dict[str, tuple[str, dict[str, Shown]]] = {
        "mcp": ("MCP servers clicked", {"server": Shown("Server"), "clicks": Shown("Clicks", "number"), **_WHEN}),
        "tools": (
            "Tools",
            {
                "tool": Shown("Tool"),
                "uses": Shown("Uses", "number"),
                "success_rate": Shown("Success", "bar", full=1.0),
                **_WHEN,
            },
        ),
        "custom_tools": (
            "Custom tools",
            {
                "name": Shown("Tool"),
                "description": Shown("Description", "text", grows=True),
                "code_length": Shown("Characters", "number"),
                "created_at": Shown("Built", "when"),
            },
        ),
    }
    return [_listing(found, part, heading, shown) for part, (heading, shown) in looks.items() if _some(found, part)]


def _failures(found: Dossier, timezone: str) -> list[Block]:
    """Both levels, side by side in the reading and never mixed in a number."""
    blocks: list[Block] = []
    if _some(found, "runs"):
        shown = {
            "outcome": Shown("Outcome"),
            "cause": Shown("Cause", "text", grows=True),
            "runs": Shown("Runs", "number"),
            **_WHEN,
        }
        blocks.append(_listing(found, "runs", "Workflow level: runs", shown))
    if _some(found, "tool_failures"):
        shown = {
            "tool": Shown("Tool"),
            "message": Shown("Message", "text", grows=True),
            "failures": Shown("Failures", "number"),
            **_WHEN,
        }
        blocks.append(_listing(found, "tool_failures", "Tool level: failed calls", shown))
    return blocks


def _some(found: Dossier, part: str) -> bool:
    return part in found.parts and len(found.parts[part].rows) > 0


def _listing(found: Dossier, part: str, heading: str, shown: dict[str, Shown]) -> Listing:
    return Listing(found.parts[part], heading=heading, shown=shown, columns=tuple(shown), limit=10)


def _timeline(found: Dossier, timezone: str) -> list[Block]:
    names = (Column("at", "TIMESTAMP"), Column("kind"), Column("what"), Column("outcome"), Column("detail"))
    table = Table(names, list(found.timeline), name="timeline", timezone=timezone, as_of=found.as_of)
    shown = {
        "at": Shown("When", "when"),
        "kind": Shown("Kind"),
        "what": Shown("What"),
        "outcome": Shown("Outcome"),
        "detail": Shown("Detail", "text", grows=True),
    }
    return [Listing(table, heading="Timeline, 30 days", shown=shown, limit=15)] if found.timeline else []


def _json(found: Dossier, timezone: str) -> dict[str, Any]:
    facts = next(iter(found.standing.values())).facts
    return {
        "email": found.email,
        "as_of": found.as_of,
        "timezone": timezone,
        "profile": {name: value for name, value in facts.items() if name != "as_of"},
        "segments": [
            {"set": name, "id": v.segment.id, "name": v.segment.name, "action": v.segment.action, "because": v.because}
            for name, explanation in found.standing.items()
            for v in explanation.verdicts
            if v.member
        ],
        "days": [{"day": day, "actions": actions} for day, actions in found.days],
        **{
            part: table.dicts()
            for part, table in found.parts.items()
            if part not in ("events", "actions", "event_days", "action_days")
        },
        "timeline": [
            dict(zip(("at", "kind", "what", "outcome", "detail"), row, strict=True)) for row in found.timeline
        ],
        "missing": found.missing,
        "notes": list(found.notes),
    }
