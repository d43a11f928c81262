"""An explanation as a document: each rule with its facts, and what would change it."""

from datetime import datetime
from typing import Any

from usertrack.document import Document, Listing, Paragraph, Shown
from usertrack.explain import Explanation, Flip, Looked, Verdict
from usertrack.report.segments import moment
from usertrack.table import Column, Row, Table
from usertrack.workbench import ProfileFact, Workbench

_VERDICT = {True: "yes", False: "no", None: "unknown"}
_COLUMNS = ("segment", "in", "fact", "value", "rule", "met", "to change it")


def explain_document(bench: Workbench, found: Explanation, timezone: str) -> Document:
    rows = [row for verdict in found.verdicts for row in _rows(verdict)]
    table = Table(tuple(Column(name) for name in _COLUMNS), rows, name="explain", as_of=bench.as_of, timezone=timezone)
    members = ", ".join(segment.name for segment in found.members) or "no segment"
    shown = {
        "segment": Shown("Segment", "tag"),
        "in": Shown("In"),
        "fact": Shown("Fact"),
        "value": Shown("Value"),
        "rule": Shown("Rule", "text", grows=True),
        "met": Shown("Met"),
        "to change it": Shown("To change it"),
    }
    origins = sorted(
        {fact.origin for verdict in found.verdicts for looked in verdict.looked for fact, _ in looked.facts}
        - {"derived"}
    )
    return Document(
        title=f"{found.key} is in {members}",
        subtitle=moment(bench.as_of, timezone),
        blocks=(
            *(Paragraph(verdict.because) for verdict in found.verdicts if verdict.because and not verdict.earlier),
            Listing(table, shown=shown, limit=0),
            Paragraph(f"facts from {', '.join(origins)}, and derived in segments.yaml", "dim"),
        ),
        notes=tuple(bench.notes),
        data=lambda: _json(bench, found, timezone),
        table=table,
        timezone=timezone,
        as_of=bench.as_of,
    )


def _rows(verdict: Verdict) -> list[Row]:
    """One row per comparison, then one per change that would flip the verdict and that no comparison shows."""
    rows: list[Row] = []
    flips = {flip.fact.name: flip for flip in verdict.flips}
    for looked in verdict.looked:
        rule = f"{looked.joint} {looked.sql}".strip()
        change = next((_change(flips.pop(fact.name)) for fact, _ in looked.facts if fact.name in flips), "")
        rows.append((*_who(verdict, not rows), _labels(looked), _values(looked), rule, _VERDICT[looked.met], change))
    rows += [
        (None, None, flip.fact.label, _value(flip.fact, flip.value), None, None, _change(flip))
        for flip in flips.values()
    ]
    if verdict.unknown:
        rows.append((None, None, verdict.unknown, None, None, None, None))
    return rows


def _who(verdict: Verdict, first: bool) -> tuple[str | None, str | None]:  # noqa: FBT001
    if not first:
        return None, None
    return (
        verdict.segment.name,
        f"no, {verdict.earlier} comes first" if verdict.member and verdict.earlier else _VERDICT[verdict.member],
    )


def _labels(looked: Looked) -> str:
    return ", ".join(fact.label for fact, _ in looked.facts)


def _values(looked: Looked) -> str:
    return ", ".join(_value(fact, value) for fact, value in looked.facts)


def _value(fact: ProfileFact, value: Any) -> str:
    if value is None:
        return "unknown" if fact.missing else "none"
    if fact.unit == "percent":
        return f"{100 * value:.0f} %"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _change(flip: Flip) -> str:
    return f"{flip.fact.label}: {_value(flip.fact, flip.value)} → {_value(flip.fact, flip.to)}"


def _json(bench: Workbench, found: Explanation, timezone: str) -> dict[str, Any]:
    return {
        "email": found.key,
        "as_of": bench.as_of,
        "timezone": timezone,
        "segments": [
            {
                "id": v.segment.id,
                "name": v.segment.name,
                "member": v.member,
                "earlier": v.earlier or None,
                "unknown": v.unknown or None,
                "because": v.because,
                "facts": [
                    {
                        "rule": looked.sql,
                        "joint": looked.joint or None,
                        "met": looked.met,
                        "values": {fact.name: value for fact, value in looked.facts},
                    }
                    for looked in v.looked
                ],
                "flips": [{"fact": flip.fact.name, "value": flip.value, "to": flip.to} for flip in v.flips],
            }
            for v in found.verdicts
        ],
        "notes": bench.notes,
    }
