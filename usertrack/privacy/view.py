"""Results of the privacy commands as documents: one row per place, and no place is left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field
from usertrack.privacy.erase import Erasure
from usertrack.privacy.places import Holding
from usertrack.privacy.subject import Subject
from usertrack.privacy.upkeep import PlaceCounts


@dataclass(frozen=True)
class PlaceRow:
    """The content of a place, and what of it is left; in a survey whether it would be deleted."""

    place: str
    content: str
    held: int | None
    note: str
    left: int | None = None
    erase: str = ""


_LEFT: Attribute[PlaceRow] = Attribute("left", "BIGINT", field=Field("Left", "number"))
_ERASE: Attribute[PlaceRow] = Attribute("erase", "VARCHAR", field=Field("Erase"))


def survey_document(subject: Subject, holdings: Sequence[Holding]) -> Document:
    """Show what would be deleted, and where."""
    return _places_document(
        f"What is held on {subject.email}",
        "nothing was deleted",
        [PlaceRow(held.place, held.content, held.count, _note(held), erase=_fate(held)) for held in holdings],
        _ERASE,
    )


def erased_document(subject: Subject, results: Sequence[Erasure]) -> Document:
    """Show what was deleted, and what every place holds after it was read again."""
    left = any(erasure.held.ours and erasure.left != 0 for erasure in results)
    return _places_document(
        f"{subject.email} is not erased yet" if left else f"{subject.email} was erased",
        "every place was read again",
        [_erased_row(erasure) for erasure in results],
        _LEFT,
    )


def _erased_row(erasure: Erasure) -> PlaceRow:
    held, note = erasure.held, "" if erasure.left == 0 else erasure.note
    return PlaceRow(held.place, held.content, held.count, note, erasure.left)


def counts_document(title: str, subtitle: str, before: Sequence[PlaceCounts], after: Sequence[PlaceCounts]) -> Document:
    """Show what every place held before and holds after; `left` is empty in a dry run."""
    rows = [
        PlaceRow(was.place, was.content, was.held, was.note, now.left) for was, now in zip(before, after, strict=True)
    ]
    return _places_document(title, subtitle, rows, _LEFT)


def _fate(held: Holding) -> str:
    if not held.ours:
        return "no"
    if not held.count:
        return "nothing there"
    return "no" if held.stays else "yes"


def _note(held: Holding) -> str:
    return "`usertrack privacy pseudonymize` replaces it" if held.stays and held.count else held.note


def _places_document(title: str, subtitle: str, rows: Sequence[PlaceRow], outcome: Attribute[PlaceRow]) -> Document:
    columns = Columns(
        Attribute("place", "VARCHAR", field=Field("Place")),
        Attribute("what", "VARCHAR", "content", Field("What", "text")),
        Attribute("held", "BIGINT", field=Field("Held", "number")),
        outcome,
        Attribute("note", "VARCHAR", field=Field("Note", "text", grows=True)),
    )
    return Document(
        title=title,
        subtitle=subtitle,
        blocks=(columns.listing(rows, limit=0),),
        table=columns.table(rows, "privacy"),
        data=lambda: {"title": title, "places": columns.dicts(rows)},
    )
