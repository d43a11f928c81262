"""The history of a set over time: sizes of segments, how long people stay, and one person's path.

A snapshot in which a segment was unknown does not count for that segment, neither as in nor as out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from usertrack.core.errors import UsageError
from usertrack.core.period import in_zone
from usertrack.core.sql_file import sql_file
from usertrack.core.table import Column, Row, Table
from usertrack.library.entities import EMAIL
from usertrack.segments.history.ordinary import OrdinarySegment, ordinary_segments
from usertrack.segments.history.snapshots import WEEK, Snapshot, column_of, nearest
from usertrack.segments.history.transitions import SnapshotPair, move_counts, moves, transition_matrix
from usertrack.segments.keys import normalised, similar_keys

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def stays(connection: "DuckDBPyConnection", snapshots: Sequence[Snapshot]) -> None:
    """Make the tables `seen` (segment, snapshot, ordinal, as_of) and `stay`: segment, key, first and last ordinal.

    A stay is a run of consecutive snapshots that all have the person in the segment.
    """
    seen = [
        (segment, snapshot.id, ordinal, snapshot.as_of)
        for segment in _all_segments(snapshots)
        for ordinal, snapshot in enumerate(snapshot for snapshot in snapshots if segment in snapshot.known)
    ]
    connection.execute(
        "CREATE OR REPLACE TABLE seen (segment VARCHAR, snapshot INTEGER, ordinal INTEGER, as_of TIMESTAMP)"
    )
    if seen:
        connection.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", seen)
    connection.execute(sql_file(__package__, "stays"))


def _all_segments(snapshots: Sequence[Snapshot]) -> dict[str, str]:
    """Name by id of the segments of all snapshots, those of the last snapshot first."""
    return {segment.id: segment.name for snapshot in (*snapshots[-1:], *snapshots) for segment in snapshot.segments}


def sizes(connection: "DuckDBPyConnection", snapshots: Sequence[Snapshot], only: Sequence[str] = ()) -> Table:
    """One row per snapshot and segment: how many people, and how many entered and left since the snapshot before.

    Reads the tables of `stays`. None is an unknown size, and who entered and left before the first snapshot.
    """
    moved = {
        (segment, snapshot): (entered, left)
        for segment, snapshot, entered, left in connection.execute(sql_file(__package__, "entered_and_left")).fetchall()
    }
    rows = [
        (snapshot.as_of, segment.id, segment.name, segment.people, *moved.get((segment.id, snapshot.id), (None, None)))
        for snapshot in snapshots
        for segment in snapshot.segments
        if not only or segment.id in only
    ]
    names = {"as_of": "TIMESTAMP", "segment": "VARCHAR", "name": "VARCHAR"}
    counts = dict.fromkeys(("people", "entered", "left"), "BIGINT")
    return Table(tuple(Column(*pair) for pair in (names | counts).items()), rows, name="sizes")


def dwell(connection: "DuckDBPyConnection", snapshots: Sequence[Snapshot], only: Sequence[str] = ()) -> Table:
    """Return how many days people stay, a row per segment of the last snapshot, from the tables of `stays`.

    ``days_so_far`` is the median of the people who are in it now. ``since_before`` of them were in it at the first
    snapshot already, so that their days are a lower bound. ``days`` is the Kaplan-Meier median of the ``stays`` that
    began after the first snapshot, ``ended`` of which are over; None while fewer than half are known to be over.
    """
    rows = connection.execute(sql_file(__package__, "dwell")).fetchall()
    stays_by_segment = {row[0]: row[1:] for row in rows}
    nothing = (0, None, 0, 0, 0, None)
    segments = [s for s in (snapshots[-1].known.values() if snapshots else ()) if not only or s.id in only]
    names = {"segment": "VARCHAR", "name": "VARCHAR", "people": "BIGINT", "days_so_far": "DOUBLE"}
    names |= {"since_before": "BIGINT", "stays": "BIGINT", "ended": "BIGINT", "days": "DOUBLE"}
    return Table(
        tuple(Column(*pair) for pair in names.items()),
        [(segment.id, segment.name, *stays_by_segment.get(segment.id, nothing)) for segment in segments],
        name="dwell",
    )


@dataclass(frozen=True)
class Membership:
    """One person at one snapshot. ``segments`` is None when no source knew them; ``facts`` are by name.

    ``undecided`` are segments in which they may have been.
    """

    snapshot: Snapshot
    segments: tuple[str, ...] | None
    primary: str | None
    priority: float | None
    facts: Mapping[str, object]
    undecided: tuple[str, ...] = ()


def person_path(
    connection: "DuckDBPyConnection", snapshots: Sequence[Snapshot], name: str, key: str = EMAIL
) -> list[Membership]:
    """The segments at each snapshot of whoever has the ``key`` ``name``, oldest first.

    Raises UsageError with similar names.
    """
    columns_ = {column_of(fact) for snapshot in snapshots for fact in snapshot.facts}
    cursor = connection.execute(
        f'SELECT snapshot, segments, "primary", priority, undecided{"".join(", " + name for name in columns_)} '
        "FROM (FROM history.person UNION ALL BY NAME SELECT NULL::VARCHAR[] AS undecided WHERE false) "
        f"WHERE key = {normalised('$1', key)}",
        [name],
    )
    rows = {row[0]: (row[1:5], dict(zip(columns_, row[5:], strict=True))) for row in cursor.fetchall()}
    if not any(snapshot.id in rows for snapshot in snapshots):
        ids = ", ".join(str(snapshot.id) for snapshot in snapshots) or "0"
        people = f"(SELECT DISTINCT key FROM history.person WHERE snapshot IN ({ids}))"
        hint = similar_keys(connection, people, "key", name) or "`usertrack match` shows who is known"
        raise UsageError(f"nobody is known as '{name}' in this history", hint)
    return [_membership(snapshot, *rows.get(snapshot.id, ((None, None, None, None), {}))) for snapshot in snapshots]


def _membership(snapshot: Snapshot, own: Row, facts: Mapping[str, object]) -> Membership:
    segments, primary, priority, undecided = own
    by_name = {fact.name: facts[column_of(fact)] for fact in snapshot.facts} if facts else {}
    known = None if segments is None else tuple(segments)
    return Membership(snapshot, known, primary, priority, by_name, tuple(undecided or ()))


# The timeline


@dataclass(frozen=True)
class Timeline:
    """The history of one set. ``days`` are its snapshots, one a day. What needs two snapshots is None without them.

    ``incomplete`` are the snapshots in which a segment is unknown, whether they are among ``days`` or not; ``ordinary``
    is the week of each segment by those before the last snapshot.
    """

    set_name: str
    key: str
    days: tuple[Snapshot, ...]
    sizes: Table
    dwell: Table
    incomplete: tuple[Snapshot, ...] = ()
    pair: SnapshotPair | None = None
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    ordinary: Mapping[str, OrdinarySegment] = field(default_factory=dict)
    matrix: Table | None = None
    moves: Table | None = None


@dataclass(frozen=True)
class HistoryQuery:
    """``since`` and ``until`` bound the history; the snapshots of ``before`` and ``after`` are compared. All UTC.

    Without ``after`` it is the last snapshot, without ``before`` the one nearest to a week earlier.
    """

    set_name: str
    key: str
    segments: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: datetime | None = None
    after: datetime | None = None


def best_of_days(snapshots: Sequence[Snapshot], zone: str) -> list[Snapshot]:
    """For each day in ``zone`` the last of the snapshots with the most known segments.

    So a run while a source was down does not represent its day.
    """
    days: dict[date, Snapshot] = {}
    for snapshot in snapshots:
        day = in_zone(snapshot.as_of, zone).date()
        if day not in days or snapshot.certainty >= days[day].certainty:
            days[day] = snapshot
    return list(days.values())


def build_timeline(
    connection: "DuckDBPyConnection", snapshots: Sequence[Snapshot], days: Sequence[Snapshot], query: HistoryQuery
) -> Timeline:
    """All parts of the timeline, in memory; raises UsageError for a date without a snapshot."""
    comparable = [snapshot for snapshot in snapshots if snapshot in days or not snapshot.incomplete]
    pair = snapshots_to_compare(comparable, query.before, query.after)
    stays(connection, days)
    return Timeline(
        query.set_name,
        query.key,
        tuple(days),
        sizes(connection, days, query.segments),
        dwell(connection, days, query.segments),
        tuple(snapshot for snapshot in snapshots if snapshot.incomplete),
        pair,
        move_counts(connection, pair) if pair else {},
        ordinary_segments(connection, days, days[-1]),
        transition_matrix(connection, pair) if pair else None,
        moves(connection, pair, query.key, query.segments) if pair else None,
    )


def snapshots_to_compare(
    snapshots: Sequence[Snapshot], before: datetime | None, after: datetime | None
) -> SnapshotPair | None:
    """The two snapshots to compare; raises UsageError when there is none within a week of a requested date."""
    last = _snapshot_near(snapshots, after) if after else snapshots[-1]
    earlier = [snapshot for snapshot in snapshots if snapshot.as_of < last.as_of]
    if before:
        first = _snapshot_near(snapshots, before)
        if first.as_of >= last.as_of:
            hint = _nearest_hint(snapshots, before)
            raise UsageError(f"there is nothing between {_day(first)} and {_day(last)}", hint)
        return SnapshotPair(first, last)
    before_last = nearest(earlier, last.as_of - WEEK, timedelta.max)
    return SnapshotPair(before_last, last) if before_last else None


def _snapshot_near(snapshots: Sequence[Snapshot], moment: datetime) -> Snapshot:
    snapshot = nearest(snapshots, moment, WEEK)
    if snapshot is None:
        raise UsageError(f"there is no snapshot within a week of {moment:%Y-%m-%d}", _nearest_hint(snapshots, moment))
    return snapshot


def _nearest_hint(snapshots: Sequence[Snapshot], moment: datetime) -> str:
    closest = sorted(snapshots, key=lambda snapshot: abs(snapshot.as_of - moment))[:3]
    return f"the nearest are of {', '.join(sorted(map(_day, closest)))}"


def _day(snapshot: Snapshot) -> str:
    return f"{snapshot.as_of:%Y-%m-%d}"
