"""The weekly report as a document: each section with the queries of its figures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Facts, Field, Listing, Origin, Paragraph, Section
from usertrack.core.errors import Absent, UsertrackError
from usertrack.core.period import moment
from usertrack.core.provenance import provenance
from usertrack.core.sections import section_json, unknown_paragraph
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import people_words
from usertrack.failures.investigation import Investigation
from usertrack.failures.view import weekly_blocks
from usertrack.product.scorecard.numbers import Scorecard
from usertrack.product.scorecard.view import compact_blocks
from usertrack.reports.members import moves, people, segment_origins
from usertrack.reports.summary import failures_origins, summary_section
from usertrack.reports.traffic import new_users, traffic
from usertrack.reports.weekly import DAYS, Weekly
from usertrack.segments.classify import SegmentCount
from usertrack.segments.history.notes import difference_notes, retroactive_notes
from usertrack.segments.view import match_notes
from usertrack.workspace.weekly_sections import in_order

PEOPLE, MOVES, FAILURES = 8, 3, 6  # rows of a list, unless --limit says otherwise


def weekly_document(
    weekly: Weekly, recipe: Mapping[str, Any], timezone: str, templates: Path | None = None, limit: int | None = None
) -> Document:
    """The report. ``recipe`` is how to make it again, with its sections; ``limit`` is the user's --limit."""
    blocks = (*_not_over(weekly, timezone), *_sections(weekly, timezone, (recipe["sections"] or "").splitlines()))
    title = f"Week {weekly.week.number}, {_span(weekly)}"
    notes = tuple(_notes(weekly, timezone))
    return Document(
        title=f"{title}{'' if weekly.finished else ' (not over yet)'}",
        subtitle=f"{weekly.week} · {timezone} · as of {moment(weekly.as_of, timezone)}",
        blocks=blocks,
        notes=notes,
        data=lambda: {
            "week": str(weekly.week),
            "finished": weekly.finished,
            "as_of": weekly.as_of,
            "timezone": timezone,
            "sections": [section_json(block, limit) for block in blocks if isinstance(block, Section)],
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


def _sections(weekly: Weekly, timezone: str, listed: Sequence[str]) -> list[Block]:
    """The ``listed`` sections, in that order; all of them where none is listed."""
    sections = list(_by_id(weekly, timezone))
    segments = [count.segment.id for count in weekly.classification.counts]
    return [sections[place][1] for place in in_order([id_ for id_, _ in sections], listed, segments)]


def _by_id(weekly: Weekly, timezone: str) -> Iterator[tuple[str, Block]]:
    yield "summary", summary_section(weekly, timezone)
    if not isinstance(weekly.scores, Absent):
        yield "scorecard", _scorecard(weekly)
    yield "segments", _segments(weekly)
    yield from ((count.segment.id, _segment(weekly, count, timezone)) for count in weekly.classification.counts)
    if not isinstance(weekly.failures, Absent):
        yield "failures", _failures(weekly, timezone)
    yield from (("new_users", section) for section in new_users(weekly))
    yield from (("traffic", section) for section in traffic(weekly))
    yield "data", _data(weekly, timezone)


def _scorecard(weekly: Weekly) -> Section:
    if isinstance(weekly.scores, UsertrackError):
        return Section("Scorecard", (unknown_paragraph(weekly.scores.message),))
    origins = tuple(
        Origin(score.query.name, {"days": DAYS}, score.query.source, weekly.scores.until)
        for score in weekly.scores.scores
    )
    return Section("Scorecard", tuple(compact_blocks(weekly.scores)), origins)


# Segments


def _segments(weekly: Weekly) -> Section:
    total = weekly.classification.profiles.people

    def moved(count: SegmentCount, at: int) -> int | None:
        return weekly.moved.counts.get(count.segment.id, (None, None))[at]

    def share(count: SegmentCount) -> float | None:
        return count.people / total if count.people is not None and total else None

    to_act_on = None if weekly.classification.segment_set.exclusive else Field("To act on", "number")
    columns: Columns[SegmentCount] = Columns(
        Attribute("segment", "VARCHAR", lambda count: count.segment.name, Field("Segment", "tag")),
        Attribute("people", "BIGINT", lambda count: count.people, Field("People", "number")),
        Attribute("to_act_on", "BIGINT", lambda count: count.to_act_on, to_act_on),
        Attribute("share", "DOUBLE", share, Field("Share", "bar", full=1.0)),
        Attribute("entered", "BIGINT", lambda count: moved(count, 0), Field("Entered", "number")),
        Attribute("left", "BIGINT", lambda count: moved(count, 1), Field("Left", "number")),
        Attribute("action", "VARCHAR", lambda count: count.segment.action, Field("Action")),
    )
    return Section(
        "Segments",
        (
            columns.listing(weekly.classification.counts),
            Paragraph(f"of {people_words(total)} with an e-mail; a person may be in several segments", "dim"),
        ),
        segment_origins(weekly.classification),
    )


def _segment(weekly: Weekly, count: SegmentCount, timezone: str) -> Section:
    """Whom to act on and why, and who entered and left."""
    segment, profiles = count.segment, weekly.classification.profiles
    return Section(
        f"{segment.name}: {segment.action}" if segment.action else segment.name,
        (unknown_paragraph(count.unknown),)
        if count.people is None
        else (
            *people(weekly.classification, segment.id, PEOPLE),
            *moves(weekly.moved, profiles.key, segment.id, MOVES, timezone),
        ),
        segment_origins(weekly.classification, segment),
    )


# Failures


def _failures(weekly: Weekly, timezone: str) -> Section:
    return Section(
        "Failures and incidents",
        (unknown_paragraph(weekly.failures.message),)
        if isinstance(weekly.failures, UsertrackError)
        else tuple(weekly_blocks(weekly.failures, timezone, FAILURES)),
        failures_origins(weekly),
    )


# The data itself


_KINDS = {"runs": "{runs}", "calls": "{tool_calls}", "code_runs": "{code_runs}", "agent_runs": "{agent_runs}"}
"""What neon/newest names, in words."""


def _data(weekly: Weekly, timezone: str) -> Section:
    profiles = weekly.classification.profiles
    origins = tuple(
        origin for origin in segment_origins(weekly.classification) if profiles.queries[origin.query].people
    )
    match = {name.replace("_", " "): value for name, value in profiles.match.as_dict().items() if value is not None}
    newest: list[Row] = [
        (weekly.words(_KINDS.get(row["kind"], row["kind"])), row["newest_at"])
        for part in ("newest_events", "newest_rows")
        if part in weekly.parts
        for row in weekly.parts[part].dicts()
    ]
    fields = {"kind": Field("What"), "newest_at": Field("Newest seen")}
    table = Table((Column("kind"), Column("newest_at", "TIMESTAMP")), newest, as_of=weekly.as_of, timezone=timezone)
    return Section(
        "The data behind this",
        (
            Section("How the sources met", (Facts(tuple(match.items())),), origins),
            Section(
                "How far they reach",
                (Listing(table, fields=fields),),
                weekly.origins("newest_events", "newest_rows"),
            ),
        ),
    )


def _notes(weekly: Weekly, timezone: str) -> Iterator[str]:
    profiles = weekly.classification.profiles
    yield from profiles.notes
    yield from dict.fromkeys(weekly.missing.values())
    yield from (f"{count.segment.name}: unknown, because {count.unknown}" for count in weekly.classification.unknown)
    pair = weekly.moved.pair
    yield from difference_notes(pair)
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
