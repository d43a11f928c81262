"""The history of a set as a document: sizes over time, transitions, who moved and why, how long people stay."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Field, Listing, Paragraph
from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.period import day
from usertrack.core.table import MappedRows, Row, Table
from usertrack.core.words import number
from usertrack.segments.history.backfill import Backfill
from usertrack.segments.history.notes import difference_notes, incomplete_notes, retroactive_notes
from usertrack.segments.history.ordinary import MORE_WEEKS, outside_words, range_words, weeks_words
from usertrack.segments.history.snapshots import Snapshot, SnapshotSegment
from usertrack.segments.history.timeline import Timeline
from usertrack.segments.history.transitions import NO_SEGMENT, NOT_THERE
from usertrack.segments.rules import segment_tags
from usertrack.segments.view import moves_text

VIEWS = ("sizes", "transitions", "moves", "dwell")


def timeline_document(timeline: Timeline, only: Sequence[str], timezone: str, view: str | None = None) -> Document:
    """All views of the history, or only ``view``, which files then hold. Raises UsageError for an unknown one.

    ``only``: ids of the requested segments. With them the document shows who moved instead of the transitions.
    """
    if view is not None and view not in VIEWS:
        raise UsageError(f"there is no view '{view}'", did_you_mean(view, VIEWS, f"views: {', '.join(VIEWS)}"))
    tables = {"sizes": timeline.sizes, "transitions": timeline.matrix, "moves": timeline.moves, "dwell": timeline.dwell}
    if view in ("transitions", "moves") and timeline.pair is None:
        raise UsageError("one snapshot has nothing to be compared with", MORE_WEEKS)
    seen = [view] if view else ["sizes", "moves"] if only else ["sizes", "transitions", "dwell"]
    blocks: dict[str, Callable[[], list[Block]]] = {
        "sizes": lambda: _sizes(timeline, timezone),
        "transitions": lambda: _transitions(timeline, timezone),
        "moves": lambda: _moves(timeline, timezone),
        "dwell": lambda: _dwell(timeline),
    }
    pair, notes = timeline.pair, tuple(_notes(timeline, timezone, seen))
    table = tables[view or ("moves" if only and timeline.moves else "sizes")]
    return Document(
        title=f"History of the set {timeline.set_name}",
        subtitle=span(timeline.days, timezone),
        blocks=tuple(block for name in seen for block in blocks[name]()),
        notes=notes,
        data=lambda: {
            "set": timeline.set_name,
            "timezone": timezone,
            "snapshots": _SNAPSHOTS.dicts(timeline.days),
            "from": pair.before.as_of if pair else None,
            "to": pair.after.as_of if pair else None,
            "rules_changed": not pair.same_rules if pair else None,
            "ordinary": [
                {"segment": id_, "figure": figure, "low": limits.low, "high": limits.high, "weeks": limits.weeks}
                for id_, week in timeline.ordinary.items()
                for figure, limits in vars(week).items()
            ],
            **{name: answer and answer.dicts() for name, answer in tables.items() if view in (None, name)},
            "notes": list(notes),
        },
        table=table,
        timezone=timezone,
        as_of=timeline.days[-1].as_of,
    )


def span(days: Sequence[Snapshot], timezone: str) -> str:
    first, last = day(days[0].as_of, timezone), day(days[-1].as_of, timezone)
    count = f"{len(days)} snapshot{'s' * (len(days) != 1)}"
    return f"{count}, {last}" if first == last else f"{count}, {first} to {last} · {timezone}"


def _sizes(timeline: Timeline, timezone: str) -> list[Block]:
    """One row per segment: its size at each snapshot, and how many moved between the two compared snapshots."""
    people: dict[str, dict[datetime, Row]] = {}
    for row in timeline.sizes.rows:
        people.setdefault(row[1], {})[row[0]] = row
    then, now = (timeline.pair.before.as_of, timeline.pair.after.as_of) if timeline.pair else (None, None)
    last = {segment: by_time[max(by_time)] for segment, by_time in people.items()}

    def sizes(segment: str) -> list[int | None]:
        by_time = people[segment]
        return [by_time[snapshot.as_of][3] if snapshot.as_of in by_time else None for snapshot in timeline.days]

    def known(segment: str) -> list[int]:
        return [size for size in sizes(segment) if size is not None]

    tags = segment_tags(timeline.days[-1].segments)
    moved = Field(_compared(then, now, timeline, timezone), align="right") if timeline.pair else None
    too_few = weeks_words(timeline.ordinary)
    ordinary = Field("Ordinary week") if timeline.ordinary and not too_few else None
    columns: Columns[str] = Columns(
        Attribute("segment", "VARCHAR", lambda segment: last[segment][2], Field("Segment", "tag", tags=tags)),
        Attribute("people", "BIGINT", lambda segment: sizes(segment)[-1], Field("People", "number")),
        Attribute("sizes", "BIGINT[]", sizes, Field("Over time", "spark")),
        Attribute("least", "BIGINT", lambda segment: min(known(segment), default=None), Field("Least", "number")),
        Attribute("most", "BIGINT", lambda segment: max(known(segment), default=None), Field("Most", "number")),
        Attribute("ordinary", "VARCHAR", lambda segment: _ordinary(timeline, segment, sizes(segment)[-1]), ordinary),
        Attribute("moved", "VARCHAR", lambda segment: moves_text(_between(timeline, segment)), moved),
    )
    if not timeline.pair:
        more = [Paragraph(f"one snapshot has nothing to be compared with: {MORE_WEEKS}", "dim")]
    elif too_few:
        more = [Paragraph(too_few, "dim")]
    else:
        outside = " · ".join(words for *_, words in outside_words(timeline.ordinary, timeline.pair, timeline.counts))
        more = (
            [Paragraph(f"Not as in an ordinary week: {outside or 'nothing'}")] if now == timeline.days[-1].as_of else []
        )
    return [columns.listing(people, timezone=timezone), *more]


def _ordinary(timeline: Timeline, segment: str, people: int | None) -> str | None:
    """``290 to 350: above``, or how many weeks there are yet; nothing for a segment that is unknown now."""
    if segment not in timeline.ordinary:
        return None
    week = timeline.ordinary[segment].people
    side = week.side(people)
    return range_words(week) + f": {side}" * (side in ("above", "below"))


def _compared(then: datetime | None, now: datetime | None, timeline: Timeline, timezone: str) -> str:
    if then is None or now is None:
        return ""
    return f"Since {day(then, timezone)}" if now == timeline.days[-1].as_of else f"{_dates(then, now, timezone)}"


def _dates(then: datetime, now: datetime, timezone: str) -> str:
    return f"{day(then, timezone)} → {day(now, timezone)}"


def _between(timeline: Timeline, segment: str) -> tuple[int, int] | None:
    if timeline.pair is None or segment not in {segment.id for segment in timeline.pair.common}:
        return None
    return timeline.counts.get(segment, (0, 0))


def _transitions(timeline: Timeline, timezone: str) -> list[Block]:
    """Rows are the segments people were in, columns those they are in now; a transition of nobody is a blank cell."""
    if timeline.pair is None or timeline.matrix is None:
        return []
    rows_are = {segment.id: f"{n} {segment.name}" for n, segment in enumerate(timeline.pair.common, start=1)}
    columns_are = {segment.id: str(n) for n, segment in enumerate(timeline.pair.common, start=1)}
    columns_are |= {NO_SEGMENT: "in none", NOT_THERE: NOT_THERE, "people": "All", "was": " "}
    rows: list[Row] = [
        (rows_are.get(row[0], "All" if row[0] == "people" else row[0]), *(count or None for count in row[1:]))
        for row in timeline.matrix.rows
        if row[-1] or row[0] not in (NO_SEGMENT, NOT_THERE)
    ]
    dates = _dates(timeline.pair.before.as_of, timeline.pair.after.as_of, timezone)
    heading = f"{dates}, by primary segment: from the row to the column"
    places = segment_tags(timeline.pair.common)
    tags = {row: places[id_] for id_, row in rows_are.items()}
    fields = {
        column.name: Field(columns_are[column.name], "tag", tags=tags)
        if column.name == "was"
        else Field(columns_are[column.name], "number")
        for column in timeline.matrix.columns
    }
    return [Listing(Table(timeline.matrix.columns, rows, name="transitions"), heading=heading, fields=fields)]


def _moves(timeline: Timeline, timezone: str) -> list[Block]:
    if timeline.pair is None or timeline.moves is None:
        return []
    names = {segment.id: segment.name for segment in timeline.pair.after.segments}
    rows = MappedRows(timeline.moves.rows, lambda row: (row[0], names.get(row[1], row[1]), *row[2:]))
    fields = {
        timeline.key: Field("Person", "person"),
        "segment": Field("Segment", "tag", tags=segment_tags(timeline.pair.after.segments)),
        "change": Field("Change"),
        "why": Field("What changed", "text", grows=True),
    }
    heading = f"Who entered and left, {_dates(timeline.pair.before.as_of, timeline.pair.after.as_of, timezone)}"
    return [
        Listing(
            Table(timeline.moves.columns, rows, name="moves"),
            heading=heading,
            fields=fields,
            columns=tuple(fields),
            limit=20,
        )
    ]


def _dwell(timeline: Timeline) -> list[Block]:
    fields = {
        "name": Field("Segment", "tag", tags=segment_tags(timeline.days[-1].segments)),
        "people": Field("In it now", "number"),
        "days_so_far": Field("Days so far", align="right"),
        "since_before": Field("since before the first snapshot", "number"),
        "stays": Field("Stays begun since", "number"),
        "ended": Field("ended", "number"),
        "days": Field("Median stay in days", align="right"),
    }
    columns = [
        replace(column, type="VARCHAR") if column.type == "DOUBLE" else column for column in timeline.dwell.columns
    ]
    rows = [tuple(number(cell, 1) if isinstance(cell, float) else cell for cell in row) for row in timeline.dwell.rows]
    table = Table(tuple(columns), rows, name="dwell")  # a tenth of a day is enough: snapshots are further apart
    return [Listing(table, heading="How long people stay", fields=fields, columns=tuple(fields))]


def _notes(timeline: Timeline, timezone: str, seen: Sequence[str]) -> list[str]:
    compared = [timeline.pair.before, timeline.pair.after] if timeline.pair else []
    snapshots = timeline.days if {"sizes", "dwell"} & set(seen) else compared
    notes = [
        *incomplete_notes(timeline.incomplete, timezone),
        *(difference_notes(timeline.pair, timezone) if timeline.pair else []),
        *retroactive_notes([snapshot for snapshot in snapshots if snapshot.retroactive], timezone),
    ]
    if len({snapshot.rules for snapshot in timeline.days}) > 1:
        notes.append("rules or queries changed in the time shown: sizes before and after that are of different rules")
    if "dwell" in seen and len(timeline.days) > 1:
        widest = max(after.as_of - before.as_of for before, after in pairwise(timeline.days))
        notes.append(
            f"lengths of stays are exact to the distance between snapshots, {max(1, widest.days)} d at the most; "
            "people who are still in a segment count as staying at least so long in the median stay"
        )
    return list(dict.fromkeys(notes))


_SEGMENTS: Columns[SnapshotSegment] = Columns(
    Attribute("id", "VARCHAR"),
    Attribute("name", "VARCHAR"),
    Attribute("people", "BIGINT"),
    Attribute("undecided", "BIGINT"),
    Attribute("unknown", "VARCHAR", lambda segment: segment.unknown or None),
)
_SNAPSHOTS: Columns[Snapshot] = Columns(
    Attribute("as_of", "TIMESTAMP"),
    Attribute("recorded_at", "TIMESTAMP"),
    Attribute("people", "BIGINT"),
    Attribute("rules", "VARCHAR"),
    Attribute("match", "JSON"),
    Attribute("segments", "JSON", lambda snapshot: _SEGMENTS.dicts(snapshot.segments)),
)
_BACKFILLED: Columns[tuple[Snapshot, bool]] = Columns(
    Attribute("as_of", "TIMESTAMP", lambda row: row[0].as_of, Field("Moment")),
    Attribute("set", "VARCHAR", lambda row: row[0].set_name, Field("Set")),
    Attribute("people", "BIGINT", lambda row: row[0].people, Field("People", "number")),
    Attribute("sizes", "VARCHAR", lambda row: _sizes_text(row[0]), Field("Segments", "text", grows=True)),
    Attribute("done", "VARCHAR", lambda row: "classified" if row[1] else "was there", Field(" ")),
)


def _sizes_text(snapshot: Snapshot) -> str:
    sizes = ((segment.id, segment.people) for segment in snapshot.segments)
    return ", ".join(f"{id_} {'unknown' if people is None else number(people)}" for id_, people in sizes)


def backfill_document(done: Backfill, timezone: str) -> Document:
    """Each week with its sizes, and which of them are new."""
    fresh = [snapshot for snapshot, new in done.weeks if new]
    return Document(
        title=f"{len(fresh)} classification{'s' * (len(fresh) != 1)} added to the history",
        blocks=(
            _BACKFILLED.listing(done.weeks, timezone=timezone),
            Paragraph("`usertrack history` shows what they say", "dim"),
        ),
        notes=(*done.notes, *retroactive_notes([snapshot for snapshot in fresh if snapshot.retroactive], timezone)),
        table=_BACKFILLED.table(done.weeks, "backfill", timezone=timezone),
        timezone=timezone,
    )
