"""The weekly report as it is read on a Monday: what changed, who is new to act on, what failed, who came."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Facts, Field, Paragraph, Section
from usertrack.core.errors import Absent, UsertrackError
from usertrack.core.period import moment
from usertrack.core.sections import unknown_paragraph
from usertrack.core.words import number, people_words
from usertrack.failures.view import owner_blocks
from usertrack.product.scorecard.numbers import Scorecard
from usertrack.product.scorecard.view import changed_blocks
from usertrack.reports.alike import Alike, alike
from usertrack.reports.incident_effect import Effect, incident_effects
from usertrack.reports.members import segment_origins
from usertrack.reports.other_sets import other_sections
from usertrack.reports.standing import Standing, by_segment
from usertrack.reports.summary import (
    SIZES,
    failures_origins,
    inhabited,
    scorecard_origins,
    size_before,
    summary_facts,
)
from usertrack.reports.ux import FRUSTRATED, PAGES, ux_pages, ux_words
from usertrack.reports.weekly import Weekly
from usertrack.reports.weekly_facts import changed_fact, changed_segments, new_user_facts, newest, traffic_facts
from usertrack.segments.classify import SegmentCount
from usertrack.segments.rules import Segment
from usertrack.segments.view import undecided_words

NEW = 2  # lines of who is new in each segment, unless --limit says otherwise
MOVED = 2  # lines of whose figures moved, in the most urgent segment


def short_sections(
    weekly: Weekly, timezone: str, segments: Sequence[str], limit: int | None, notes: Sequence[str]
) -> Iterator[tuple[str, Block]]:
    """Every section with its id. People are those of ``segments``; ``limit`` is the user's, of lines for each.

    ``notes`` are in the last one, folded away.
    """
    effects = incident_effects(weekly)
    standings = by_segment(weekly.moved.standing, effects)
    yield "summary", _summary(weekly, standings, timezone)
    if not isinstance(weekly.scores, Absent):
        yield "scorecard", _changes(weekly)
    yield "segments", _segments(weekly, standings)
    yield "people", _people(weekly, standings, segments, limit)
    yield from other_sections(weekly, limit)
    if not isinstance(weekly.failures, Absent):
        yield "failures", _failures(weekly, effects.values(), timezone)
    yield "new_users", _facts("New users", weekly, new_user_facts(weekly), "new_users", "new_people")
    if traffic := list(traffic_facts(weekly)):
        yield "traffic", _facts("Traffic", weekly, traffic, "traffic", "pages", "referrers", "countries")
    yield "data", _data(weekly, timezone, notes)


def _summary(weekly: Weekly, standings: Mapping[str, Standing], timezone: str) -> Section:
    """Show what changed, how many are new to act on, and the figures of the week."""
    names = {segment.id: segment.name for segment in weekly.classification.segment_set.segments}
    counts = [(len(standings[id_].new), name) for id_, name in names.items() if id_ in standings]
    new = [f"{name} {number(people)}" for people, name in sorted(counts, key=lambda row: -row[0]) if people]
    figures = [(name, value) for name, value in summary_facts(weekly, timezone) if name not in ("Visits", "Pageviews")]
    lead = [figures.pop(0) for _ in figures[:1] if figures[0][0] == SIZES]
    facts = [
        *lead,
        changed_fact(weekly),
        ("New to act on", " · ".join(new) or "nobody"),
        *figures,
    ]
    scores = weekly.scores if isinstance(weekly.scores, Scorecard) else None
    origins = (
        *(scorecard_origins(scores) if scores else ()),
        *segment_origins(weekly.classification),
        *weekly.origins("traffic", "new_users"),
        *failures_origins(weekly),
    )
    return Section("In short", (Facts(tuple(facts)), *changed_segments(weekly)), origins)


def _changes(weekly: Weekly) -> Section:
    if isinstance(weekly.scores, UsertrackError):
        return Section("What changed", (unknown_paragraph(weekly.scores.message),))
    return Section("What changed", tuple(changed_blocks(weekly.scores)), scorecard_origins(weekly.scores))


# People


def _segments(weekly: Weekly, standings: Mapping[str, Standing]) -> Section:
    """Each segment's size beside last week's, and how many of whom to act on are new."""

    def stood(count: SegmentCount, number_of: Callable[[Standing], int]) -> int | None:
        known = count.segment.id in weekly.moved.counts and count.people is not None
        return number_of(standings.get(count.segment.id, Standing())) if known else None

    spared = Field("By incident only", "number") if any(standing.spared for standing in standings.values()) else None
    tags = weekly.classification.segment_set.tags
    columns: Columns[SegmentCount] = Columns(
        Attribute("segment", "VARCHAR", "segment.name", Field("Segment", "tag", tags=tags)),
        Attribute("people", "BIGINT", field=Field("People", "number")),
        Attribute("before", "BIGINT", lambda count: size_before(weekly, count), Field("A week before", "number")),
        Attribute("to_act_on", "BIGINT", field=Field("To act on", "number")),
        Attribute(
            "new", "BIGINT", lambda count: stood(count, lambda standing: len(standing.new)), Field("New", "number")
        ),
        Attribute(
            "moved",
            "BIGINT",
            lambda count: stood(count, lambda standing: len(standing.moved)),
            Field("Still in, changed", "number"),
        ),
        Attribute(
            "same",
            "BIGINT",
            lambda count: stood(count, lambda standing: standing.same),
            Field("Still in, unchanged", "number"),
        ),
        Attribute("spared", "BIGINT", lambda count: stood(count, lambda standing: standing.spared), spared),
        Attribute("action", "VARCHAR", "segment.action", Field("Action")),
    )
    return Section("Segments", (columns.listing(inhabited(weekly)),), segment_origins(weekly.classification))


def _people(weekly: Weekly, standings: Mapping[str, Standing], segments: Collection[str], limit: int | None) -> Section:
    """Show who is new in each segment and why, and who stayed and moved; people with one reason are one line."""
    lines: list[_Line] = []
    left_out = Counter[str]()
    counts = [count for count in weekly.classification.counts if count.segment.id in segments]
    for count in counts:
        standing = standings.get(count.segment.id, Standing())
        if count.segment.id == FRUSTRATED and (pages := ux_pages(weekly)):
            most = PAGES if limit is None else limit or len(pages)
            lines += [
                (count.segment, "", Alike((people_words(page["persons"]),), ux_words(page))) for page in pages[:most]
            ]
            continue
        moved = MOVED if count is counts[0] else 0
        for since, people, usual in (
            ("new", standing.new, NEW),
            ("there", standing.moved, moved),
            ("not known", standing.unknown, NEW),
        ):
            most = usual if limit is None else limit or len(people)
            together = alike(people)
            lines += [(count.segment, since, line) for line in together[:most]]
            left_out[count.segment.name] += sum(len(line.people) for line in together[most:])
    tags = weekly.classification.segment_set.task_tags
    columns: Columns[_Line] = Columns(
        Attribute("do", "VARCHAR", lambda row: row[0].task, Field("Do", "tag", tags=tags)),
        Attribute("who", "VARCHAR", lambda row: row[2].who, Field("For", "text")),
        Attribute("since", "VARCHAR", lambda row: row[1], Field("Last week")),
        Attribute("why", "VARCHAR", lambda row: row[2].why, Field("Why, or what moved", "text", grows=True)),
    )
    more = " · ".join(f"{name} {number(people)}" for name, people in left_out.items() if people)
    blocks: list[Block] = [columns.listing(lines)] if lines else [Paragraph("nobody is new, and nothing moved", "dim")]
    if more:
        blocks.append(Paragraph(f"Not named: {more}. `--limit 0` names them, `--full` everybody", "dim"))
    blocks += [
        Paragraph(f"{count.segment.name}: {undecided_words(weekly.classification, count.segment.id)}", "warning")
        for count in counts
        if count.doubt
    ]
    return Section("Whom to act on", tuple(blocks), (*segment_origins(weekly.classification), *weekly.origins("ux")))


_Line = tuple[Segment, str, Alike]


# The rest


def _failures(weekly: Weekly, effects: Collection[Effect], timezone: str) -> Section:
    failures = weekly.failures
    blocks: list[Block] = (
        [unknown_paragraph(failures.message)]
        if isinstance(failures, UsertrackError)
        else list(owner_blocks(failures, timezone))
    )
    blocks += [Paragraph(effect.words) for effect in effects]
    origins = (*failures_origins(weekly), *(segment_origins(weekly.classification) if effects else ()))
    return Section("Failures, and whose they are", tuple(blocks), origins)


def _facts(heading: str, weekly: Weekly, facts: Iterable[tuple[str, Any]], *parts: str) -> Section:
    return Section(heading, (Facts(tuple(facts)),), weekly.origins(*parts))


def _data(weekly: Weekly, timezone: str, notes: Sequence[str]) -> Section:
    """Say how the sources met, how far they reach, and the notes."""
    profiles = weekly.classification.profiles
    origins = [origin for origin in segment_origins(weekly.classification) if profiles.queries[origin.query].people]
    met = {name: value for name, value in profiles.match.as_dict().items() if value}
    facts = (
        ("How the sources met", " · ".join(f"{name.replace('_', ' ')} {number(met[name])}" for name in met)),
        ("Newest seen", " · ".join(f"{what} {moment(at, timezone)}" for what, at in newest(weekly) if at)),
        *((f"Note {at}", note) for at, note in enumerate(notes, start=1)),
    )
    blocks = (Facts(tuple((name, value) for name, value in facts if value)),)
    return Section(
        "The data behind this, and notes on it",
        blocks,
        (*origins, *weekly.origins("newest_events", "newest_rows")),
        folded=True,
    )
