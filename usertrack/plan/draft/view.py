"""The entries that were added to a plan, as a document."""

from collections.abc import Sequence
from pathlib import Path

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Paragraph
from usertrack.core.table import Table
from usertrack.core.words import plural
from usertrack.plan.draft.write import Merge

_Added = tuple[str, Sequence[str]]
_SECTIONS: Columns[_Added] = Columns(
    Attribute("section", "VARCHAR", lambda added: added[0], Field("Added to")),
    Attribute("count", "BIGINT", lambda added: len(added[1]), Field("Entries")),
    Attribute("names", "VARCHAR[]", lambda added: list(added[1]), Field("Names", "list", grows=True)),
)


def merge_document(path: Path, merged: Merge) -> Document:
    """A row for each section of the file that something was added to."""
    sections: dict[str, list[str]] = {}
    for added in merged.added:
        sections.setdefault(".".join(added[:-1]), []).append(added[-1])
    title = f"usertrack plan init · {path}"
    before = (
        f"{plural(merged.present, 'entry', 'entries')} of it {'was' if merged.present == 1 else 'were'} there before"
    )
    rows = list(sections.items())
    nothing = "no event was found: the plan is empty" if merged.is_new else "nothing is new: the file is as it was"
    return Document(
        title=title,
        subtitle=before if merged.present else "",
        blocks=(_SECTIONS.listing(rows),) if rows else (Paragraph(nothing),),
        data=lambda: {"added": _SECTIONS.dicts(rows), "present": merged.present},
        table=_SECTIONS.table(rows, "added", source=Table((), (), title=title)),
    )
