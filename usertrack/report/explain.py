"""An explanation as a document: each rule with its facts, and what would change it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from usertrack.document import Document, Listing, Paragraph, Shown
from usertrack.explain import Explanation, Flip, Looked, Verdict
from usertrack.report.rule import rule_words, value_words
from usertrack.report.segments import moment
from usertrack.table import Column, Row, Table
from usertrack.workbench import ProfileFact, Workbench

_IN = {True: "yes", False: "no", None: "unknown"}
_MET = {True: "✓", False: "✗", None: "?"}
_SHOWN = {
    "segment": Shown("Segment", "tag"),
    "in": Shown("In"),
    "fact": Shown("Fact"),
    "value": Shown("Value"),
    "rule": Shown("Rule"),
    "met": Shown("Met"),
    "change": Shown("To change it"),
}


def explain_document(bench: Workbench, found: Explanation, timezone: str) -> Document:
    rows = [row for verdict in found.verdicts for row in _rows(verdict, bench.facts, timezone)]
    shown = Table(tuple(Column(name) for name in _SHOWN), rows, as_of=bench.as_of, timezone=timezone)
    return Document(
        title=f"{found.key} is in {_standing(found)}",
        subtitle=moment(bench.as_of, timezone),
        blocks=(
            *(Paragraph(verdict.because) for verdict in found.verdicts if verdict.because),
            Listing(shown, shown=_SHOWN),
            Paragraph(f"facts from {', '.join(_origins(bench, found))}", "dim"),
        ),
        notes=tuple(bench.notes),
        data=lambda: _json(bench, found, timezone),
        table=_table(bench, found, timezone),
        timezone=timezone,
        as_of=bench.as_of,
    )


def _standing(found: Explanation) -> str:
    members = ", ".join(segment.name for segment in found.members)
    unknown = ", ".join(verdict.segment.name for verdict in found.verdicts if verdict.member is None)
    if not unknown:
        return members or "no segment"
    return f"{members or 'no segment for sure'}; unknown: {unknown}"


def _rows(verdict: Verdict, facts: dict[str, ProfileFact], timezone: str) -> Iterator[Row]:
    """One row per comparison and for each change that would flip the verdict, the change beside the fact it is of."""
    left = list(verdict.flips)
    remark = _remark(verdict)
    who = (verdict.segment.name, _IN[verdict.member])
    for looked in verdict.looked:
        own = [flip for flip in left if flip.fact.name in looked.bases]
        left = [flip for flip in left if flip not in own]
        cells = (_labels(looked), _values(looked, timezone), rule_words(looked.atom, facts), _MET[looked.met])
        changes = [_change(flip, timezone, alone=_is_about(looked, flip)) for flip in own]
        if not changes and who[0]:
            changes, remark = [remark], ""
        yield (*who, *cells, *(changes[:1] or [""]))
        yield from (("", "", "", "", "", "", change) for change in changes[1:])
        who = ("", "")
    yield from (("", "", "", "", "", "", _change(flip, timezone)) for flip in left)
    if remark:
        yield ("", "", "", "", "", "", remark)


def _remark(verdict: Verdict) -> str:
    if verdict.unknown or verdict.earlier:
        return verdict.unknown or f"{verdict.earlier} comes first"
    return "" if verdict.flips else "no single fact would"


def _labels(looked: Looked) -> str:
    return ", ".join(fact.label for fact, _ in looked.facts)


def _values(looked: Looked, timezone: str) -> str:
    counts = {name: f" (n={count})" for name, count in looked.counts.items()}
    return ", ".join(value_words(fact, value, timezone) + counts.get(fact.name, "") for fact, value in looked.facts)


def _is_about(looked: Looked, flip: Flip) -> bool:
    return [fact.name for fact, _ in looked.facts] == [flip.fact.name]


def _change(flip: Flip, timezone: str, *, alone: bool = False) -> str:
    """``5 or less``; with its fact in front where the row is about others too."""
    was = value_words(flip.fact, flip.value, timezone)
    to = _target(flip, timezone) if flip.reach != "anything else" else f"anything but {was}"
    return to if alone else f"{flip.fact.label} {was} → {to}"


def _target(flip: Flip, timezone: str) -> str:
    if flip.fact.type == "TIMESTAMP" and flip.reach != "exactly":
        later = flip.reach == "or more"
        edge = flip.to + timedelta(seconds=-1 if later else 1)
        if not edge.second and flip.to.second:  # one second beside a round time
            return f"{'after' if later else 'before'} {value_words(flip.fact, edge, timezone)}"
        return f"{value_words(flip.fact, flip.to, timezone)} or {'later' if later else 'earlier'}"
    return value_words(flip.fact, flip.to, timezone) + ("" if flip.reach == "exactly" else f" {flip.reach}")


def _origins(bench: Workbench, found: Explanation) -> list[str]:
    names = {name for verdict in found.verdicts for looked in verdict.looked for name in looked.bases}
    return sorted({bench.facts[name].origin for name in names} - {"run", "key"})


def _table(bench: Workbench, found: Explanation, timezone: str) -> Table:
    """One row per comparison, as a program wants it."""
    names = ("segment", "member", "facts", "values", "rule", "met", "flips")
    types = ("VARCHAR", "BOOLEAN", "VARCHAR", "VARCHAR", "VARCHAR", "BOOLEAN", "VARCHAR")
    rows: list[Row] = [
        (
            verdict.segment.id,
            verdict.member,
            ", ".join(fact.name for fact, _ in looked.facts),
            ", ".join(str(value) for _, value in looked.facts),
            looked.atom.sql,
            looked.met,
            "; ".join(_change(flip, timezone) for flip in verdict.flips if flip.fact.name in looked.bases),
        )
        for verdict in found.verdicts
        for looked in verdict.looked
    ]
    columns = tuple(Column(name, kind) for name, kind in zip(names, types, strict=True))
    return Table(columns, rows, name="explain", as_of=bench.as_of, timezone=timezone)


def _json(bench: Workbench, found: Explanation, timezone: str) -> dict[str, Any]:
    return {
        "email": found.key,
        "as_of": bench.as_of,
        "timezone": timezone,
        "segments": [_verdict_json(verdict) for verdict in found.verdicts],
        "notes": bench.notes,
    }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.segment.id,
        "name": verdict.segment.name,
        "member": verdict.member,
        "earlier": verdict.earlier or None,
        "unknown": verdict.unknown or None,
        "when": verdict.segment.when,
        "because": verdict.because,
        "facts": [
            {
                "rule": looked.atom.sql,
                "before": looked.atom.before or None,
                "after": looked.atom.after or None,
                "met": looked.met,
                "values": {fact.name: value for fact, value in looked.facts},
            }
            for looked in verdict.looked
        ],
        "flips": [
            {"fact": flip.fact.name, "value": flip.value, "to": flip.to, "reach": flip.reach} for flip in verdict.flips
        ],
    }
