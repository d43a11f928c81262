"""The ordinary week of each segment by the snapshots before it: its size, and how many people enter and leave."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from usertrack.core.ordinary import FEWEST_WEEKS, MOST_WEEKS, NO_WEEKS, OrdinaryWeek, ordinary_level, ordinary_week
from usertrack.core.words import number
from usertrack.segments.history.snapshots import WEEK, Snapshot, nearest
from usertrack.segments.history.transitions import SnapshotPair, move_counts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MORE_WEEKS = f"`usertrack history backfill --weeks {FEWEST_WEEKS + 1}` adds earlier ones"
FIGURES = 3  # of each segment: a page counts them among those that may lie outside by chance


@dataclass(frozen=True)
class OrdinarySegment:
    """The limits of the size of a segment, and of how many ``entered`` and ``left`` it within the week."""

    people: OrdinaryWeek = NO_WEEKS
    entered: OrdinaryWeek = NO_WEEKS
    left: OrdinaryWeek = NO_WEEKS


def ordinary_segments(
    connection: "DuckDBPyConnection", known: Sequence[Snapshot], last: Snapshot, beside: int = 0
) -> dict[str, OrdinarySegment]:
    """The ordinary week of each segment of ``last``, by the ``known`` weeks before it under the same rules.

    The weeks go back until no snapshot is of about a week before, or does not know the segment. Who entered and left in
    a step of more or less than a week, give or take a day, does not count.
    ``beside`` is how many other figures the page has.
    """
    snapshots: list[Snapshot] = []
    while len(snapshots) <= MOST_WEEKS:
        week = nearest(known, (snapshots[0] if snapshots else last).as_of - WEEK, WEEK / 2)
        if week is None or week.rules != last.rules:
            break
        snapshots.insert(0, week)
    pairs = [SnapshotPair(*pair) for pair in pairwise(snapshots)]
    moved = [move_counts(connection, pair) if pair.is_week else {} for pair in pairs]
    figures = FIGURES * len(last.known) + beside

    def limits(id_: str) -> OrdinarySegment:
        since = next((at for at in range(len(snapshots), 0, -1) if id_ not in snapshots[at - 1].known), 0)
        sizes = [week.known[id_].people or 0 for week in snapshots[since:]]
        entered, left = ([counts[id_][side] for counts in moved[since:] if counts] for side in (0, 1))
        return OrdinarySegment(
            ordinary_level(sizes, figures=figures),
            ordinary_week(entered, "count", figures=figures),
            ordinary_week(left, "count", figures=figures),
        )

    return {id_: limits(id_) for id_ in last.known}


def outside_words(
    ordinary: Mapping[str, OrdinarySegment], pair: SnapshotPair, moved: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, str, str]]:
    """A segment's id, its figure, and ``Failing 31 entered (ordinarily 2 to 8)`` where that is no ordinary week.

    ``moved`` has the people who entered and left between the two snapshots, by segment.
    """
    for segment in pair.after.known.values():
        week = ordinary.get(segment.id, OrdinarySegment())
        entered, left = moved.get(segment.id, (None, None)) if pair.is_week else (None, None)
        for value, limits, what in (
            (segment.people, week.people, "people"),
            (entered, week.entered, "entered"),
            (left, week.left, "left"),
        ):
            if value is not None and limits.side(value) in ("above", "below"):
                yield segment.id, what, f"{segment.name} {number(value)} {what} (ordinarily {range_words(limits)})"


def range_words(week: OrdinaryWeek) -> str:
    """``290 to 350``, or how many weeks there are yet."""
    if week.low is None or week.high is None:
        return week.missing
    return f"{number(math.ceil(week.low))} to {number(int(week.high))}"


def weeks_words(ordinary: Mapping[str, OrdinarySegment]) -> str:
    """Why no segment has limits yet, and what gives them; empty where one has."""
    if not ordinary or any(not week.people.missing for week in ordinary.values()):
        return ""
    weeks = max(week.people.weeks for week in ordinary.values())
    return f"what an ordinary week of a segment is: {OrdinaryWeek(weeks).missing}; {MORE_WEEKS}"
