"""An import as a document: what it would do, or what it did."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from usertrack.document import Document, Facts, Listing, Shown
from usertrack.report.segments import number
from usertrack.table import Column, Table

if TYPE_CHECKING:
    from usertrack.server.imports.load import Imported


def preview_document(
    file: str, fates: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]], problems: Sequence[str]
) -> Document:
    """What becomes of which column, the first rows as events, and what is wrong with the file."""
    columns = (Column("timestamp", "TIMESTAMP"), Column("distinct_id"), Column("event"), Column("properties", "JSON"))
    table = Table(columns, [tuple(row) for row in rows], name="first events")
    shown = {"properties": Shown(grows=True)}
    return Document(
        title=f"{file}, as it would be imported",
        subtitle="nothing was written · times in UTC",
        blocks=(Facts(tuple(fates)), Listing(table, "First events", shown, limit=0)),
        notes=tuple(f"bad rows: {problem}" for problem in problems),
        data=lambda: {"mapping": dict(fates), "events": table.dicts(), "problems": list(problems)},
        table=table,
    )


def imported_document(file: str, found: "Imported") -> Document:
    """How many events came in, and what of the file did not."""
    pairs: list[tuple[str, Any]] = [
        ("People", number(found.people)),
        ("From", found.first),
        ("To", f"{found.last} UTC"),
    ]
    for label, count in (
        ("There already", found.known),
        ("Of a uuid in the file twice", found.repeated),
        ("Skipped, bad", found.skipped),
    ):
        if count:
            pairs.append((label, number(count)))
    return Document(
        title=f"{number(found.events)} events imported",
        subtitle=file,
        blocks=(Facts(tuple(pairs)),),
        data=lambda: asdict(found),
    )
