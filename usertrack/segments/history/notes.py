"""Notes about snapshots: which ones cannot be compared, were made later than their moment, or are incomplete."""

from collections.abc import Sequence

from usertrack.core.period import day, moment
from usertrack.core.words import number
from usertrack.segments.history.snapshots import Snapshot, SnapshotSegment
from usertrack.segments.history.transitions import MoveCounts, SnapshotPair
from usertrack.segments.view import SegmentChanges


def segment_changes(moves: MoveCounts, timezone: str) -> SegmentChanges:
    """Return the entries and exits since the earlier snapshot, as the list of segments shows them."""
    before, after = moves.pair.before, moves.pair.after
    retroactive = [snapshot for snapshot in (before, after) if snapshot.retroactive]
    return SegmentChanges(
        before.as_of,
        "Since last week" if moves.pair.is_week else f"Since {day(before.as_of, timezone)}",
        moves.counts,
        [*difference_notes(moves.pair, timezone), *retroactive_notes(retroactive, timezone)],
    )


def difference_notes(pair: SnapshotPair, timezone: str) -> list[str]:
    """Why two snapshots cannot be compared in full."""
    both = [pair.before, pair.after]
    dates = [day(snapshot.as_of, timezone) for snapshot in both]
    if dates[0] == dates[1]:
        dates = [moment(snapshot.as_of, timezone) for snapshot in both]
    notes = [
        f"{', '.join(names)}: not compared, because not known on {date}"
        for snapshot, date in zip(both, dates, strict=True)
        if (names := pair.unknown_in(snapshot))
    ]
    if not pair.same_rules:
        changed = f"rules or queries changed between {' and '.join(dates)}"
        notes.append(f"{changed}: some people may have moved for that reason alone")
    return notes


def retroactive_notes(late: Sequence[Snapshot], timezone: str) -> list[str]:
    """Which facts of the ``late`` snapshots have the values of the day on which the snapshot was made."""
    labels = dict.fromkeys(fact.label for snapshot in late for fact in snapshot.facts if fact.current)
    if not labels:
        return []
    days = _few([day(snapshot.as_of, timezone) for snapshot in late])
    recorded = _few([day(snapshot.recorded_at, timezone) for snapshot in late])
    return [f"the segments of {days} were worked out afterwards, with {', '.join(labels)} as of {recorded}"]


def moments(snapshots: Sequence[Snapshot], timezone: str) -> str:
    """The moments of the snapshots, to the minute."""
    return ", ".join(moment(snapshot.as_of, timezone).removesuffix(f" {timezone}") for snapshot in snapshots)


def incomplete_notes(snapshots: Sequence[Snapshot], timezone: str) -> list[str]:
    """Which segments are unknown in each snapshot, in which how many people are undecided, and why."""
    return [
        f"{moments([snapshot], timezone)}: incomplete, without "
        + ", ".join(_doubtful(segment) for segment in snapshot.segments if segment.unknown)
        + f" ({next(segment.unknown for segment in snapshot.segments if segment.unknown)})"
        for snapshot in snapshots
    ]


def _doubtful(segment: SnapshotSegment) -> str:
    return segment.name if segment.people is None else f"{number(segment.undecided)} people in {segment.name}"


def _few(days: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(days))
    return ", ".join(distinct) if len(distinct) <= 3 else f"{len(distinct)} days from {distinct[0]} to {distinct[-1]}"
