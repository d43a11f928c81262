"""What an ordinary week of a segment is by the snapshots before: its size, and how many people enter and leave."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from usertrack.core.ordinary import OrdinaryWeek
from usertrack.core.spool import connect
from usertrack.segments.history.ordinary import OrdinarySegment, ordinary_segments, outside_words
from usertrack.segments.history.snapshots import Snapshot, SnapshotSegment
from usertrack.segments.history.transitions import SnapshotPair

MONDAY = datetime(2026, 11, 16, 9)


def ordinary(
    history: Sequence[Snapshot], people: Mapping[int, Sequence[str]] | None = None
) -> dict[str, OrdinarySegment]:
    """``people`` who are failing, by the id of the snapshot."""
    with connect() as connection:
        connection.execute("ATTACH ':memory:' AS history")
        connection.execute("CREATE TABLE history.person (snapshot INTEGER, key VARCHAR, segments VARCHAR[])")
        for id_, names in (people or {}).items():
            connection.execute("INSERT INTO history.person SELECT ?, unnest(?), ['failing']", [id_, names])
        return ordinary_segments(connection, history, history[-1])


def ordinary_sizes(history: Sequence[Snapshot]) -> dict[str, OrdinaryWeek]:
    return {id_: week.people for id_, week in ordinary(history).items()}


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


def test_an_unusual_number_of_people_who_enter_is_told_although_the_size_is_ordinary() -> None:
    history = [replace(snapshot(10 - week, failing=20), id=week) for week in range(11)]
    people = {
        week: [f"{week + place}" for place in range(20)] for week in range(10)
    }  # one enters and one leaves a week
    weeks = ordinary(history, people)
    assert [figure.weeks for figure in vars(weeks["failing"]).values()] == [9, 9, 9]
    pair = SnapshotPair(*history[-2:])
    assert not [*outside_words(weeks, pair, {"failing": (2, 2)})]
    assert [*outside_words(weeks, pair, {"failing": (15, 15)})] == [
        ("failing", "entered", "failing 15 entered (ordinarily 0 to 6)"),
        ("failing", "left", "failing 15 left (ordinarily 0 to 6)"),
    ]
    assert not [*outside_words(weeks, SnapshotPair(history[-4], history[-1]), {"failing": (15, 15)})], "three weeks"
