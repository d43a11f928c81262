"""The report on one segment: its rule, its people and why they are in it, and who entered and left."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from usertrack.core.document import Block, Document, Facts, Paragraph, Section
from usertrack.core.period import moment
from usertrack.core.provenance import provenance
from usertrack.core.words import number
from usertrack.reports.members import moves, people, segment_origins
from usertrack.segments.classify import Classification
from usertrack.segments.history.notes import difference_notes, retroactive_notes
from usertrack.segments.history.week_ago import Moves
from usertrack.segments.view import match_notes, undecided_words

PEOPLE, MOVES = 50, 20  # that the report names; the others are counted


def segment_document(  # noqa: PLR0913
    classification: Classification,
    moved: Moves,
    id_: str,
    recipe: Mapping[str, Any],
    timezone: str,
    templates: Path | None = None,
    limit: int | None = None,
    *,
    all_members: bool = False,
) -> Document:
    """The segment ``id_`` of the set: people whose primary segment it is, or all members with ``all_members``.

    ``recipe`` is how to make the report again.
    """
    profiles = classification.profiles
    segment = next(segment for segment in classification.segment_set.segments if segment.id == id_)
    listed = people(classification, id_, PEOPLE, all_members=all_members)
    blocks = (
        Section(
            "", tuple(_blocks(classification, moved, listed, id_, timezone)), segment_origins(classification, segment)
        ),
    )
    pair = moved.pair
    late = [snapshot for snapshot in (pair.before, pair.after) if snapshot.retroactive]
    notes = (
        *profiles.notes,
        *difference_notes(pair, timezone),
        *retroactive_notes(late, timezone),
        *match_notes(profiles.match, profiles.key),
    )
    return Document(
        title=f"{segment.name} on {moment(profiles.as_of, timezone)}",
        subtitle=f"{segment.action} · rule: {segment.when}",
        blocks=blocks,
        notes=notes,
        data=lambda: {
            "segment": id_,
            "as_of": profiles.as_of,
            "timezone": timezone,
            "sections": [block.as_json(limit) for block in blocks],
            "notes": list(notes),
        },
        table=classification.people([id_], to_act_on=not all_members),
        timezone=timezone,
        as_of=profiles.as_of,
        layout="segment",
        templates=templates,
        provenance=provenance(blocks, recipe, limit),
    )


def _blocks(
    classification: Classification, moved: Moves, listed: Iterable[Block], id_: str, timezone: str
) -> Iterator[Block]:
    count = classification.count(id_)
    if count.people is None:
        yield Paragraph(undecided_words(classification, id_), "warning")
        return
    total = classification.profiles.people
    part = count.share(total)
    share = "" if part is None else f" ({100 * part:.1f} %)"
    pairs: list[tuple[str, Any]] = [("People", count.people), ("Of all", f"{number(total)}{share}")]
    if not classification.segment_set.exclusive:
        pairs.append(("To act on", "unknown" if count.to_act_on is None else count.to_act_on))
    if count.undecided:
        pairs.append(("Undecided, for want of a fact", count.undecided))
    if id_ in moved.counts:
        pairs += zip(("Entered since last week", "Left since last week"), moved.counts[id_], strict=True)
    yield Facts(tuple(pairs))
    if count.doubt:
        yield Paragraph(undecided_words(classification, id_), "warning")
    yield from listed
    yield from moves(moved, classification.profiles.key, id_, MOVES, timezone)
