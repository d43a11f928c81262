"""The weekly report as a document: short, or with `--full` all of it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from usertrack.core.document import Block, Document, Paragraph, Section
from usertrack.core.period import moment
from usertrack.core.provenance import provenance
from usertrack.failures.investigation import Investigation
from usertrack.product.scorecard.numbers import Scorecard
from usertrack.reports.weekly import Weekly
from usertrack.reports.weekly_full import full_sections
from usertrack.reports.weekly_short import short_sections
from usertrack.segments.history.notes import difference_notes, retroactive_notes
from usertrack.segments.view import match_notes
from usertrack.workspace.weekly_sections import in_order


def weekly_document(
    weekly: Weekly, recipe: Mapping[str, Any], timezone: str, templates: Path | None = None, limit: int | None = None
) -> Document:
    """The report. ``recipe`` is how to make it again, with its sections; ``limit`` is the user's --limit."""
    listed = (recipe["sections"] or "").splitlines()
    notes = tuple(_notes(weekly, timezone))
    if recipe["full"]:
        sections = _full(weekly, timezone, listed, limit)
    else:
        sections = _short(weekly, timezone, listed, limit, notes)
    is_folded = not recipe["full"] and (not listed or "data" in listed)  # the notes are in that section
    blocks = (*_not_over(weekly, timezone), *sections)
    title = f"Week {weekly.week.number}, {_span(weekly)}"
    return Document(
        title=f"{title}{'' if weekly.finished else ' (not over yet)'}",
        subtitle=f"{weekly.week} · {timezone} · as of {moment(weekly.as_of, timezone)}",
        blocks=blocks,
        notes=() if is_folded else notes,
        data=lambda: {
            "week": str(weekly.week),
            "finished": weekly.finished,
            "as_of": weekly.as_of,
            "timezone": timezone,
            "sections": [block.as_json(limit) for block in blocks if isinstance(block, Section)],
            "notes": list(notes),
        },
        timezone=timezone,
        as_of=weekly.as_of,
        layout="weekly",
        templates=templates,
        provenance=provenance(blocks, recipe, limit),
    )


def _span(weekly: Weekly) -> str:
    first, last = weekly.week.days[0], weekly.week.days[-1]
    return f"{first.day} {first:%b}{'' if first.year == last.year else f' {first.year}'} – {last.day} {last:%b %Y}"


def _not_over(weekly: Weekly, timezone: str) -> Iterator[Block]:
    if not weekly.finished:
        yield Paragraph(
            f"This week is not over: its figures end on {moment(weekly.as_of, timezone)}, and will grow", "warning"
        )


def _full(weekly: Weekly, timezone: str, listed: Sequence[str], limit: int | None) -> list[Block]:
    """The ``listed`` sections, in that order; all of them where none is listed."""
    sections = list(full_sections(weekly, timezone, limit))
    places = in_order([id_ for id_, _ in sections], listed, _segments(weekly))
    return [sections[place][1] for place in places]


def _short(
    weekly: Weekly, timezone: str, listed: Sequence[str], limit: int | None, notes: Sequence[str]
) -> list[Block]:
    """Return the sections of the short report, where people of all (or the ``listed``) segments are one section."""
    ids = _segments(weekly)
    only = [id_ for id_ in listed if id_ in ids]
    people = ids if "people" in listed else only or ids
    met = match_notes(weekly.classification.profiles.match, weekly.classification.profiles.key)
    sections = list(short_sections(weekly, timezone, people, limit, [note for note in notes if note not in met]))
    listed = ["people" if id_ in ids else id_ for id_ in listed]
    return [sections[place][1] for place in in_order([id_ for id_, _ in sections], listed, ["people"])]


def _segments(weekly: Weekly) -> list[str]:
    return [count.segment.id for count in weekly.classification.counts]


def _notes(weekly: Weekly, timezone: str) -> Iterator[str]:
    profiles = weekly.classification.profiles
    yield from profiles.notes
    yield from dict.fromkeys(weekly.missing.values())
    yield from (f"{count.segment.name}: {count.doubt}" for count in weekly.classification.counts if count.doubt)
    pair = weekly.moved.pair
    yield from difference_notes(pair, timezone)
    yield from retroactive_notes([snapshot for snapshot in (pair.before, pair.after) if snapshot.retroactive], timezone)
    yield from match_notes(profiles.match, profiles.key)
    if isinstance(weekly.failures, Investigation):
        yield from weekly.failures.notes
    if isinstance(weekly.scores, Scorecard):
        yield from (f"{s.metric.label}: unknown, because {s.unknown}" for s in weekly.scores.scores if s.unknown)
    if not weekly.finished:
        yield (
            "the scorecard is of the last 7 days that are over, and people entered or left since 7 days ago; all else "
            "is of the week so far"
        )
