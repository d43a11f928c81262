"""An import as a document: what it would do, or what it did."""

from collections.abc import Mapping, Sequence
from typing import Any

from usertrack.core.document import Document, Facts, Field, Listing
from usertrack.core.table import Column, Table
from usertrack.core.words import number, plural


def preview_document(
    file: str,
    fates: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[Any]],
    problems: Sequence[str],
    notes: Sequence[str],
) -> Document:
    """What becomes of which column, the first rows as events, what is wrong with the file, and what is in doubt."""
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


def imported_document(file: str, found: Mapping[str, Any], answering: str) -> Document:
    """How many events came in, and what of the file did not; ``found`` has the fields of ``Imported``, ``answering``
    says whom to ask about them."""
    counts = (("There already", "known"), ("Of a uuid twice in the file", "repeated"), ("Bad rows, skipped", "skipped"))
    pairs = [
        ("People", number(found["people"])),
        ("First", found["first"]),
        ("Last", found["last"]),
        *((label, number(found[name])) for label, name in counts if found[name]),
    ]
    return Document(
        title=f"{plural(found['events'], 'event')} imported",
        subtitle=f"{file} · times in UTC",
        blocks=(Facts(tuple(pairs)),),
        notes=(
            *(f"left out: {problem}" for problem in found["problems"]),
            *found["notes"],
            f"{answering} answers questions about them",
        ),
        data=lambda: dict(found),
    )
