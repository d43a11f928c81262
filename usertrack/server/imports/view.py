"""The documents of an import: the preview of `--dry-run`, and the outcome."""

from collections.abc import Mapping, Sequence
from typing import Any

from usertrack.core.document import Document, Facts, Field, Listing
from usertrack.core.table import Column, Table
from usertrack.core.words import number, plural


def preview_document(
    file: str,
    fates: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[object]],
    problems: Sequence[str],
    notes: Sequence[str],
) -> Document:
    """The mapping of the columns, the first rows as events, the bad rows, and notes about ambiguous times."""
    columns = (Column("timestamp", "TIMESTAMP"), Column("distinct_id"), Column("event"), Column("properties", "JSON"))
    table = Table(columns, [tuple(row) for row in rows], name="first events")
    fields = {"properties": Field(grows=True)}
    return Document(
        title=f"{file}, as it would be imported",
        subtitle="nothing was written · times in UTC",
        blocks=(Facts(tuple(fates)), Listing(table, "First events", fields, limit=0)),
        notes=(*(f"bad rows: {problem}" for problem in problems), *notes),
        data=lambda: {
            "mapping": dict(fates),
            "events": table.dicts(),
            "problems": list(problems),
            "notes": list(notes),
        },
        table=table,
    )


def imported_document(file: str, imported: Mapping[str, Any], answering: str) -> Document:
    """The numbers of an import: ``imported`` has the fields of ``Imported``; ``answering``: who answers queries."""
    counts = (("There already", "known"), ("Of a uuid twice in the file", "repeated"), ("Bad rows, skipped", "skipped"))
    pairs = [
        ("People", number(imported["people"])),
        ("First", imported["first"]),
        ("Last", imported["last"]),
        *((label, number(imported[name])) for label, name in counts if imported[name]),
    ]
    return Document(
        title=f"{plural(imported['events'], 'event')} imported",
        subtitle=f"{file} · times in UTC",
        blocks=(Facts(tuple(pairs)),),
        notes=(
            *(f"left out: {problem}" for problem in imported["problems"]),
            *imported["notes"],
            f"{answering} answers questions about them",
        ),
        data=lambda: dict(imported),
    )
