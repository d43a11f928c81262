"""The weekly report as a document: each section with the queries that its figures come from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from usertrack.core.document import Block, Document, Facts, Listing, Origin, Paragraph, Section, Field
from usertrack.core.errors import UsertrackError
from usertrack.core.period import moment
from usertrack.core.provenance import provenance
from usertrack.core.sections import section_json, unknown
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import people_words
from usertrack.failures.investigation import Investigation
from usertrack.failures.view import in_week
from usertrack.product.scorecard.numbers import Scorecard
from usertrack.product.scorecard.view import one_table
from usertrack.reports.members import moves, origins_of, people
from usertrack.reports.summary import failures_origins, in_short
from usertrack.reports.traffic import asked, new_users, traffic
from usertrack.reports.weekly import DAYS, Weekly
from usertrack.segments.classify import SegmentCount
from usertrack.segments.view import afterwards_notes, difference_notes, match_notes

PEOPLE, MOVES, FAILURES = 8, 3, 6  # rows of a list, unless --limit says otherwise


def weekly_document(
    found: Weekly, recipe: Mapping[str, Any], timezone: str, templates: Path | None = None, limit: int | None = None
) -> Document:
    """The whole report. ``recipe`` is how to have it again; ``limit`` is what the user asked for."""
    blocks = tuple(_blocks(found, timezone))
    title = f"Week {found.week.number}, {_span(found)}"
    notes = tuple(_notes(found, timezone))
    return Document(
        title=f"{title}{'' if found.finished else ' (not over yet)'}",
        subtitle=f"{found.week} · {timezone} · as of {moment(found.as_of, timezone)}",
        blocks=blocks,
        notes=notes,
        data=lambda: {
            "week": str(found.week),
            "finished": found.finished,
            "as_of": found.as_of,
            "timezone": timezone,
            "sections": [section_json(block, limit) for block in blocks if isinstance(block, Section)],
            "notes": list(notes),
        },
        timezone=timezone,
        as_of=found.as_of,
        layout="weekly",
        templates=templates,
        provenance=provenance(blocks, recipe, limit),
    )


def _span(found: Weekly) -> str:
    first, last = found.week.days[0], found.week.days[-1]
    return f"{first.day} {first:%b}{'' if first.year == last.year else f' {first.year}'} – {last.day} {last:%b %Y}"


def _blocks(found: Weekly, timezone: str) -> Iterator[Block]:
    if not found.finished:
        yield Paragraph(
            f"This week is not over: its figures end on {moment(found.as_of, timezone)}, and will grow", "warning"
        )
    yield in_short(found, timezone)
    yield _scorecard(found)
    yield _segments(found)
    yield from (_segment(found, count, timezone) for count in found.classification.counts)
    yield _failures(found, timezone)
    yield new_users(found)
    yield from traffic(found)
    yield _data(found, timezone)


def _scorecard(found: Weekly) -> Section:
    if isinstance(found.scores, UsertrackError):
        return Section("Scorecard", (unknown(found.scores.message),))
    origins = tuple(
        Origin(score.query.name, {"days": DAYS}, score.query.source, found.scores.until)
        for score in found.scores.scores
    )
    return Section("Scorecard", tuple(one_table(found.scores)), origins)


# Segments


def _segments(found: Weekly) -> Section:
    total = found.classification.bench.people
    rows: list[Row] = []
    for count in found.classification.counts:
        entered, left = found.moved.counts.get(count.segment.id, (None, None))
        share = count.people / total if count.people is not None and total else None
        rows.append((count.segment.name, count.people, count.to_act_on, share, entered, left, count.segment.action))
    types = ("VARCHAR", "BIGINT", "BIGINT", "DOUBLE", "BIGINT", "BIGINT", "VARCHAR")
    shown = {
        "segment": Field("Segment", "tag"),
        "people": Field("People", "number"),
        "to_act_on": Field("To act on", "number", hidden=found.classification.segment_set.exclusive),
        "share": Field("Share", "bar", full=1.0),
        "entered": Field("Entered", "number"),
        "left": Field("Left", "number"),
        "action": Field("Action"),
    }
    return Section(
        "Segments",
        (
            Listing(Table(tuple(map(Column, shown, types)), rows), fields=shown),
            Paragraph(f"of {people_words(total)} with an e-mail; a person may be in several segments", "dim"),
        ),
        origins_of(found.classification),
    )


def _segment(found: Weekly, count: SegmentCount, timezone: str) -> Section:
    """Whom to act on and why, and who came and went."""
    segment, profiles = count.segment, found.classification.bench
    return Section(
        f"{segment.name}: {segment.action}" if segment.action else segment.name,
        (unknown(count.unknown),)
        if count.people is None
        else (
            *people(found.classification, segment.id, PEOPLE),
            *moves(found.moved, profiles.key, segment.id, MOVES, timezone),
        ),
        origins_of(found.classification, segment),
    )


# Failures


def _failures(found: Weekly, timezone: str) -> Section:
    return Section(
        "Failures and incidents",
        (unknown(found.failures.message),)
        if isinstance(found.failures, UsertrackError)
        else tuple(in_week(found.failures, timezone, FAILURES)),
        failures_origins(found),
    )


# The data itself


def _data(found: Weekly, timezone: str) -> Section:
    profiles = found.classification.bench
    who = tuple(origin for origin in origins_of(found.classification) if profiles.queries[origin.query].people)
    match = {name.replace("_", " "): value for name, value in profiles.match.as_dict().items() if value is not None}
    newest: list[Row] = [
        (row["kind"], row["newest_at"])
        for part in ("newest_events", "newest_rows")
        if part in found.parts
        for row in found.parts[part].dicts()
    ]
    shown = {"kind": Field("What"), "newest_at": Field("Newest seen")}
    table = Table((Column("kind"), Column("newest_at", "TIMESTAMP")), newest, as_of=found.as_of, timezone=timezone)
    return Section(
        "The data behind this",
        (
            Section("How the sources met", (Facts(tuple(match.items())),), who),
            Section("How far they reach", (Listing(table, fields=shown),), asked(found, "newest_events", "newest_rows")),
        ),
    )


def _notes(found: Weekly, timezone: str) -> Iterator[str]:
    profiles = found.classification.bench
    yield from profiles.notes
    yield from dict.fromkeys(found.missing.values())
    yield from (f"{count.segment.name}: unknown, because {count.unknown}" for count in found.classification.unknown)
    pair = found.moved.pair
    yield from difference_notes(pair)
    yield from afterwards_notes([snapshot for snapshot in (pair.before, pair.after) if snapshot.afterwards], timezone)
    yield from match_notes(profiles.match)
    if isinstance(found.failures, Investigation):
        yield from found.failures.notes
    if isinstance(found.scores, Scorecard):
        yield from (f"{s.metric.label}: unknown, because {s.unknown}" for s in found.scores.scores if s.unknown)
    if not found.finished:
        yield (
            "the scorecard is of the last 7 days that are over, and people entered or left since 7 days ago; all else "
            "is of the week so far"
        )
