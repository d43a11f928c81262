"""The changes between two commits as a document."""

from collections.abc import Sequence

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Paragraph
from usertrack.core.words import plural
from usertrack.coverage.diff import PlanChange


def _name(change: PlanChange) -> str:
    name = f"{change.name} → {change.new_name}" if change.new_name else change.name
    return f"{change.event}: {name}" if change.event else name


def _breaks(change: PlanChange) -> list[str]:
    return list(dict.fromkeys(f"{use.title} ({use.part})" if use.part else use.title for use in change.breaks))


CHANGES: Columns[PlanChange] = Columns(
    Attribute("kind", "VARCHAR", field=Field("Change")),
    Attribute("of", "VARCHAR", lambda row: "property" if row.event else "event", Field("Of")),
    Attribute("place", "VARCHAR", field=Field("In")),
    Attribute("event", "VARCHAR", lambda row: row.event or row.name),
    Attribute("name", "VARCHAR", field=Field("Name"), text=_name),
    Attribute("new_name", "VARCHAR", lambda row: row.new_name or None),
    Attribute("file", "VARCHAR", field=Field("Where"), text=lambda row: f"{row.file}:{row.line}"),
    Attribute("line", "BIGINT"),
    Attribute("breaking", "BOOLEAN", lambda row: bool(row.breaks)),
    Attribute("breaks", "VARCHAR[]", _breaks, Field("Breaks", "list", grows=True)),
)


def diff_document(old: str, new: str, changes: Sequence[PlanChange]) -> Document:
    """A row for each change, what breaks something first."""
    breaking = sum(bool(change.breaks) for change in changes)
    broken = f"{breaking} breaking" if breaking else "none breaks a funnel, a segment, a query or a role"
    return Document(
        title=f"Tracking from {old} to {new}",
        subtitle=f"{plural(len(changes), 'change')}, {broken}",
        blocks=(CHANGES.listing(changes) if changes else Paragraph("nothing changed"),),
        data=lambda: {"old": old, "new": new, "changes": CHANGES.dicts(changes)},
        table=CHANGES.table(changes, "diff"),
    )
