"""What the size of a segment would be in an ordinary week, by the snapshots of the weeks before."""

from datetime import datetime, timedelta

from usertrack.segments.history.snapshots import Snapshot, SnapshotSegment
from usertrack.segments.history.timeline import ordinary_sizes

MONDAY = datetime(2026, 11, 16, 9)


def snapshot(weeks_ago: float, rules: str = "r", **sizes: int | None) -> Snapshot:
    moment = MONDAY - timedelta(weeks=weeks_ago)
    segments = tuple(SnapshotSegment(id_, id_, "true", people, 0, "") for id_, people in sizes.items())
    return Snapshot(0, "action", moment, moment, rules, False, 1000, {}, segments, ())


def weeks(count: int, **more: int) -> list[Snapshot]:
    """A snapshot a week, of which the last is the first of the list: 300 people, one more or less each week."""
    return [snapshot(back, failing=300 + back % 2, **more) for back in range(count)]


def test_a_size_that_jumps_is_told() -> None:
    [*past, last] = [*weeks(12)[:0:-1], snapshot(0, failing=360)]
    week = ordinary_sizes([*past, last])["failing"]
    assert (week.weeks, week.side(360), week.side(301)) == (10, "above", "within")


def test_weeks_go_back_as_far_as_they_are_weeks_of_the_same_rules() -> None:
    all_of_them = weeks(20)[::-1]
    assert ordinary_sizes(all_of_them)["failing"].weeks == 18
    assert ordinary_sizes([*all_of_them[:5], *all_of_them[6:]])["failing"].weeks == 12
    others = [snapshot(back, rules="others", failing=9) for back in range(20, 11, -1)]
    assert ordinary_sizes([*others, *weeks(12)[::-1]])["failing"].weeks == 10


def test_a_segment_that_was_unknown_then_has_fewer_weeks_than_others() -> None:
    history = [snapshot(back, power=50, failing=None if back == 4 else 300) for back in range(14, -1, -1)]
    assert {id_: week.weeks for id_, week in ordinary_sizes(history).items()} == {"power": 13, "failing": 2}


def test_daily_snapshots_are_compared_week_by_week() -> None:
    history = [snapshot(day / 7, failing=300 + (50 if day % 7 == 3 else 0)) for day in range(70, -1, -1)]
    week = ordinary_sizes(history)["failing"]
    assert (week.weeks, week.side(320)) == (9, "above")
