"""The weekly report in full: each section with the queries of its figures."""

from collections.abc import Collection, Iterator

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Facts, Field, Listing, Paragraph, Section
from usertrack.core.errors import Absent, UsertrackError
from usertrack.core.sections import unknown_paragraph
from usertrack.core.table import Column, Table
from usertrack.core.words import people_words
from usertrack.failures.view import weekly_blocks
from usertrack.product.scorecard.view import compact_blocks
from usertrack.reports.incident_effect import Effect, incident_effects
from usertrack.reports.members import moves, people, segment_origins
from usertrack.reports.other_sets import other_sections
from usertrack.reports.summary import failures_origins, inhabited, scorecard_origins, summary_section
from usertrack.reports.traffic import new_users, traffic
from usertrack.reports.ux import FRUSTRATED, ux_blocks
from usertrack.reports.weekly import Weekly
from usertrack.reports.weekly_facts import newest
from usertrack.segments.classify import SegmentCount
from usertrack.segments.view import undecided_words

PEOPLE, MOVES, FAILURES = 8, 3, 6  # rows of a list, unless --limit says otherwise


def full_sections(weekly: Weekly, timezone: str, limit: int | None) -> Iterator[tuple[str, Block]]:
    """Every section with its id; those of people have the id of their segment."""
    yield "summary", summary_section(weekly, timezone)
    if not isinstance(weekly.scores, Absent):
        yield "scorecard", _scorecard(weekly)
    yield "segments", _segments(weekly)
    effects = incident_effects(weekly)
    for count in weekly.classification.counts:
        yield count.segment.id, _segment(weekly, count, effects.get(count.segment.id), timezone)
    yield from other_sections(weekly, limit)
    if not isinstance(weekly.failures, Absent):
        yield "failures", _failures(weekly, effects.values(), timezone)
    yield from (("new_users", section) for section in new_users(weekly))
    yield from (("traffic", section) for section in traffic(weekly))
    yield "data", _data(weekly, timezone)


def _scorecard(weekly: Weekly) -> Section:
    if isinstance(weekly.scores, UsertrackError):
        return Section("Scorecard", (unknown_paragraph(weekly.scores.message),))
    return Section("Scorecard", tuple(compact_blocks(weekly.scores)), scorecard_origins(weekly.scores))


# Segments


def _segments(weekly: Weekly) -> Section:
    total = weekly.classification.profiles.people

    def moved(count: SegmentCount, at: int) -> int | None:
        return weekly.moved.counts.get(count.segment.id, (None, None))[at]

    tags = weekly.classification.segment_set.tags
    to_act_on = None if weekly.classification.segment_set.exclusive else Field("To act on", "number")
    columns: Columns[SegmentCount] = Columns(
        Attribute("segment", "VARCHAR", "segment.name", Field("Segment", "tag", tags=tags)),
        Attribute("people", "BIGINT", field=Field("People", "number")),
        Attribute("to_act_on", "BIGINT", field=to_act_on),
        Attribute("share", "DOUBLE", lambda count: count.share(total), Field("Share", "bar", full=1.0)),
        Attribute("entered", "BIGINT", lambda count: moved(count, 0), Field("Entered", "number")),
        Attribute("left", "BIGINT", lambda count: moved(count, 1), Field("Left", "number")),
        Attribute("action", "VARCHAR", "segment.action", Field("Action")),
    )
    return Section(
        "Segments",
        (
            columns.listing(inhabited(weekly)),
            Paragraph(f"of {people_words(total)} with an e-mail; a person may be in several segments", "dim"),
        ),
        segment_origins(weekly.classification),
    )


def _segment(weekly: Weekly, count: SegmentCount, effect: Effect | None, timezone: str) -> Section:
    """Show whom to act on and why, without the failures of an incident, and who entered and left."""
    segment, profiles = count.segment, weekly.classification.profiles
    doubt = [Paragraph(undecided_words(weekly.classification, segment.id), "warning")] if count.doubt else []
    return Section(
        f"{segment.name}: {segment.action}" if segment.action else segment.name,
        tuple(doubt)
        if count.people is None
        else (
            *doubt,
            *(ux_blocks(weekly) if segment.id == FRUSTRATED else ()),
            *people(weekly.classification, segment.id, PEOPLE, reasons=effect.reasons if effect else {}),
            *([Paragraph(effect.words)] if effect else []),
            *moves(weekly.moved, profiles.key, segment.id, MOVES, timezone),
        ),
        (
            *segment_origins(weekly.classification, segment),
            *(weekly.origins("ux") if segment.id == FRUSTRATED else ()),
            *(failures_origins(weekly) if effect else ()),
        ),
        f"segment-{segment.id}",
        tag=weekly.classification.segment_set.tags[segment.id],
    )


# Failures


def _failures(weekly: Weekly, effects: Collection[Effect], timezone: str) -> Section:
    failures = weekly.failures
    blocks: list[Block] = (
        [unknown_paragraph(failures.message)]
        if isinstance(failures, UsertrackError)
        else list(weekly_blocks(failures, timezone, FAILURES))
    )
    blocks += [Paragraph(effect.words) for effect in effects]
    origins = (*failures_origins(weekly), *(segment_origins(weekly.classification) if effects else ()))
    return Section("Failures and incidents", tuple(blocks), origins)


# The data itself


def _data(weekly: Weekly, timezone: str) -> Section:
    profiles = weekly.classification.profiles
    origins = tuple(
        origin for origin in segment_origins(weekly.classification) if profiles.queries[origin.query].people
    )
    match = {name.replace("_", " "): value for name, value in profiles.match.as_dict().items() if value is not None}
    fields = {"kind": Field("What"), "newest_at": Field("Newest seen")}
    table = Table(
        (Column("kind"), Column("newest_at", "TIMESTAMP")), newest(weekly), as_of=weekly.as_of, timezone=timezone
    )
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
