"""Results of the privacy commands as documents: one row per place, and no place is left out."""

from collections.abc import Sequence

from usertrack.core.document import Document, Field, Listing
from usertrack.core.table import Column, Table
from usertrack.privacy.erase import Erasure
from usertrack.privacy.places import Holding
from usertrack.privacy.subject import Subject
from usertrack.privacy.upkeep import PlaceCounts

_COUNT = Field("Held", "number")


def survey_document(subject: Subject, holdings: Sequence[Holding]) -> Document:
    """What would be deleted, and where."""
    return _places_document(
        f"What is held on {subject.email}",
        "nothing was deleted",
        [(held.place, held.content, held.count, _fate(held), _note(held)) for held in holdings],
        {"held": _COUNT, "erase": Field("Erase")},
    )


def erased_document(subject: Subject, results: Sequence[Erasure]) -> Document:
    """What was deleted, and what every place holds after it was read again."""
    left = any(erasure.held.ours and erasure.left != 0 for erasure in results)
    return _places_document(
        f"{subject.email} is not erased yet" if left else f"{subject.email} was erased",
        "every place was read again",
        [(e.held.place, e.held.content, e.held.count, e.left, "" if e.left == 0 else e.note) for e in results],
        {"held": _COUNT, "left": Field("Left", "number")},
    )


def counts_document(title: str, subtitle: str, before: Sequence[PlaceCounts], after: Sequence[PlaceCounts]) -> Document:
    """What every place held before and holds after; `left` is empty in a dry run."""
    rows = [(was.place, was.content, was.held, now.left, was.note) for was, now in zip(before, after, strict=True)]
    return _places_document(title, subtitle, rows, {"held": _COUNT, "left": Field("Left", "number")})


def _fate(held: Holding) -> str:
    if not held.ours:
        return "no"
    if not held.count:
        return "nothing there"
    return "no" if held.stays else "yes"


def _note(held: Holding) -> str:
    return "`usertrack privacy pseudonymize` replaces it" if held.stays and held.count else held.note


def _places_document(
    title: str, subtitle: str, rows: Sequence[tuple[object, ...]], counts: dict[str, Field]
) -> Document:
    places = {"place": Field("Place"), "what": Field("What", "text")}
    fields = {**places, **counts, "note": Field("Note", "text", grows=True)}
    columns = tuple(
        Column(name, "BIGINT" if name in ("held", "left") else "VARCHAR") for name in ("place", "what", *counts, "note")
    )
    table = Table(columns, [tuple(row) for row in rows], name="privacy")
    return Document(
        title=title,
        subtitle=subtitle,
        blocks=(Listing(table, fields=fields, limit=0),),
        table=table,
        data=lambda: {"title": title, "places": table.dicts()},
    )
