"""The first page of the app, each part a document: whom to act on first, incidents, figures, who moved."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Field, Listing, Paragraph
from usertrack.core.period import moment
from usertrack.core.spool import identifier, quote
from usertrack.core.words import number, plural
from usertrack.failures.bursts import Incident
from usertrack.failures.checklist import span
from usertrack.failures.investigation import Investigation
from usertrack.product.scorecard.numbers import Scorecard
from usertrack.product.scorecard.view import changes_words, glance_blocks
from usertrack.segments.classify import Classification, SegmentCount
from usertrack.segments.history.ordinary import outside_words, weeks_words
from usertrack.segments.history.week_ago import Moves
from usertrack.segments.rules import Segment
from usertrack.segments.view import SegmentChanges, sizes_words

_PEOPLE, _OF_A_SEGMENT = 8, 3  # rows: one screen, and no segment fills it alone


def news_document(classification: Classification, moved: Moves, changes: SegmentChanges, timezone: str) -> Document:
    """Show which segments are not as in an ordinary week, or where that is unknown every size that changed."""
    as_of = classification.profiles.as_of
    blocks = [Paragraph(f"{as_of:%A}, {moment(as_of, timezone)}", "dim")]
    segments = {count.segment.id: count.segment for count in classification.counts}
    outside = [
        words + (_common(classification, segments[id_]) if what == "people" else "")
        for id_, what, words in outside_words(moved.ordinary, moved.pair, moved.counts)
    ]
    too_few = weeks_words(moved.ordinary)
    if outside:
        blocks.append(Paragraph(f"Not as in an ordinary week: {' · '.join(outside)}", "bold"))
    elif moved.ordinary and not too_few:
        blocks.append(Paragraph("The segments are as in an ordinary week.", "bold"))
    else:
        blocks += [
            Paragraph(_sizes(classification, changes), "bold"),
            *([Paragraph(too_few, "dim")] if too_few else []),
        ]
    return _document("News", [*blocks], classification)


def _sizes(classification: Classification, changes: SegmentChanges) -> str:
    """``Since last week: Failing 30 → 42 · Power 12 → 11``, the largest change first."""
    sizes = [
        (count.segment, count.people - entered + left, count.people)
        for count in classification.counts
        for entered, left in [changes.counts.get(count.segment.id, (0, 0))]
        if count.people is not None
    ]
    return f"{changes.heading}: {sizes_words(sizes) or 'no size changed'}"


def _common(classification: Classification, segment: Segment) -> str:
    """Return the texts that many reasons of a segment share: ``, 37 of them /billing``."""
    profiles = classification.profiles
    for name, fact in profiles.facts.items():
        if f"{{{name}}}" not in segment.because or fact.type != "VARCHAR" or fact.missing:
            continue
        row = profiles.connection.execute(
            f"SELECT {identifier(name)}, count(*) FROM classified WHERE list_contains(segments, {quote(segment.id)}) "
            f"AND {identifier(name)} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
        ).fetchone()
        if row and row[1] > 1:
            return f", {number(row[1])} of them {row[0]}"
    return ""


def people_document(classification: Classification, moved: Moves, changes: SegmentChanges) -> Document:
    """Show who is most urgent, a few of each segment, and how they stood at the earlier moment."""
    segment_set = classification.segment_set
    rows = moved.standing.dicts()

    def since(row: Mapping[str, Any]) -> str:
        return "not known" if row["new"] is None else "new" if row["new"] else row["moved"] or "there, as before"

    columns: Columns[dict[str, Any]] = Columns(
        Attribute("person", "VARCHAR", lambda row: row[classification.profiles.key], Field("Person", "person")),
        Attribute(
            "do",
            "VARCHAR",
            lambda row: segment_set[row["segment"]].task,
            Field("Do", "tag", tags=segment_set.task_tags),
        ),
        Attribute("why", "VARCHAR", lambda row: row["because"], Field("Why", "text", grows=True)),
        Attribute("since", "VARCHAR", since, Field(changes.heading, "text")),
    )
    new = sum(bool(row["new"]) for row in rows)
    total = plural(len(rows), "person", "people")
    first = f"the most urgent of {total}, at most {_OF_A_SEGMENT} of each segment"
    more = f"{first}; {number(new)} are new {_since(changes)}"
    blocks: list[Block] = [Paragraph("Nobody is to be acted on.", "dim")]
    if rows:
        blocks = [columns.listing(list(islice(_first(rows), _PEOPLE))), Paragraph(more, "dim")]
    elif classification.unknown:
        blocks = []
    blocks += [
        Paragraph(f"{count.segment.name}: {count.doubt}", "warning") for count in classification.counts if count.doubt
    ]
    return _document("Act on these first", blocks, classification)


def _first(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The most urgent first, some of each segment."""
    counts = Counter[str]()
    for row in rows:
        counts[row["segment"]] += 1
        if counts[row["segment"]] <= _OF_A_SEGMENT:
            yield row


def moves_document(classification: Classification, changes: SegmentChanges, timezone: str) -> Document:
    """Show how large each segment is, how many came and went, and since when exactly."""

    def count_of(count: SegmentCount, at: int) -> int | None:
        counts = changes.counts.get(count.segment.id)
        return counts[at] if counts else None

    tags = classification.segment_set.tags
    columns: Columns[SegmentCount] = Columns(
        Attribute("segment", "VARCHAR", "segment.name", Field("Segment", "tag", tags=tags)),
        Attribute("people", "BIGINT", field=Field("People", "number")),
        Attribute("entered", "BIGINT", lambda count: count_of(count, 0), Field("Came", "number")),
        Attribute("left", "BIGINT", lambda count: count_of(count, 1), Field("Left", "number")),
    )
    compared = Paragraph(f"compared with {moment(changes.as_of, timezone)}", "dim")
    blocks: list[Block] = [columns.listing(classification.counts), compared]
    return _document(f"Segments {_since(changes)}", blocks, classification, changes.notes)


def _since(changes: SegmentChanges) -> str:
    return changes.heading[:1].lower() + changes.heading[1:]


def _document(title: str, blocks: list[Block], classification: Classification, notes: Sequence[str] = ()) -> Document:
    profiles = classification.profiles
    return Document(title, tuple(blocks), notes=(*notes, *profiles.notes), as_of=profiles.as_of)


def scores_document(scorecard: Scorecard, timezone: str) -> Document:
    """Show what is not as in an ordinary week, and every metric with its days."""
    outside = changes_words(scorecard)
    quiet = "Nothing is outside an ordinary week." if any(score.verdict for score in scorecard.scores) else ""
    unknown = "There are too few weeks to say what is ordinary."
    head = Paragraph(f"Not as in an ordinary week: {' · '.join(outside)}" if outside else quiet or unknown)
    return Document("Scorecard", (head, *glance_blocks(scorecard)), timezone=timezone, as_of=scorecard.until)


def incidents_document(failures: Investigation, timezone: str, days: int) -> Document:
    """When people failed together by more than chance in the last ``days``."""
    title = f"Incidents, {days} days"
    if why := failures.unknown("windows", "messages"):
        return Document(title, (Paragraph(f"unknown: {why}", "warning"),))
    if not failures.incidents:
        none = "None: people do not fail together more than by chance. Errors on pages do not count here."
        return Document(title, (Paragraph(none, "dim"),))
    columns: Columns[Incident] = Columns(
        Attribute("when", "VARCHAR", lambda incident: span(incident, timezone), Field("When")),
        Attribute("what", "VARCHAR", "cause", Field("What", "text", grows=True)),
        Attribute("people", "BIGINT", lambda incident: len(incident.people), Field("People hit", "number")),
    )
    latest: Listing = columns.listing(failures.incidents[::-1])
    return Document(title, (latest,), timezone=timezone, as_of=failures.as_of)
