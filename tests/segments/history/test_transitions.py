"""What a history says: sizes, who moved and why, how long people stay. Every number is counted by hand."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import problem
from tests.memberships import FIRST, RULES, Person, classified, keep_one
from usertrack.core.spool import connect
from usertrack.segments.classify import classify
from usertrack.segments.history.file import HistoryFile, open_history
from usertrack.segments.history.notes import difference_notes
from usertrack.segments.history.snapshots import snapshots
from usertrack.segments.history.timeline import HistoryQuery, Timeline, build_timeline, person_path
from usertrack.segments.history.transitions import NO_SEGMENT, NOT_THERE, record_and_compare

START = FIRST.replace(tzinfo=None)


@pytest.fixture
def place(tmp_path: Path) -> HistoryFile:
    return HistoryFile(tmp_path / "history.duckdb", "test")


def write(
    place: HistoryFile, days: Mapping[float, Mapping[str, Person]], set_name: str = "action", **options: Any
) -> None:
    for day, people in days.items():
        named = {f"{name}@x.example": facts for name, facts in people.items()}
        keep_one(place, classified(day, named, set_name, **options))


def story(place: HistoryFile, set_name: str = "action", **options: Any) -> Timeline:
    connection = connect()
    with open_history(connection, place):
        stored = snapshots(connection, place, set_name)
        return build_timeline(connection, stored, stored, HistoryQuery(set_name, "email", **options))


def moved(timeline: Timeline) -> list[tuple[str, str, str, str]]:
    assert timeline.moves
    return [
        (row["email"].removesuffix("@x.example"), row["segment"], row["change"], row["why"])
        for row in timeline.moves.dicts()
    ]


TWO_WEEKS: dict[float, dict[str, Person]] = {
    0: {
        "ann": (5, 4, 80, 0),  # about to fail
        "ben": (9, 9, 80, 0),  # fails, and will recover
        "cat": (1, 0, 60, 0),
        "dan": (1, 0, None, 0),  # nobody knows his credits yet
        "eve": (1, 0, 10, 0),
        "fay": (6, 6, 20, -8),  # quiet, will return, and will be gone
    },
    7: {
        "ann": (7, 6, 80, 6),
        "ben": (30, 9, 80, 6),
        "cat": (1, 0, 60, 0),  # nothing happened, but a week
        "dan": (1, 0, 12.5, 6),
        "eve": (1, 0, 100, 6),
        "gus": (8, 8, 100, 6),
    },
}


def test_who_moved_and_which_fact_moved_them(place: HistoryFile) -> None:
    write(place, TWO_WEEKS)
    assert moved(story(place)) == [
        ("ann", "failing", "entered", "runs 5 → 7"),
        ("gus", "failing", "entered", "not there before; runs 8; success rate 0 %"),
        ("ben", "failing", "left", "success rate 0 % → 70 %"),
        ("fay", "failing", "left", "not there any more"),
        ("dan", "poor", "entered", "credits unknown → 12.5"),
        ("eve", "poor", "left", "credits 10 → 100"),
        ("fay", "poor", "left", "not there any more"),
        ("cat", "quiet", "entered", "last run 1 Nov 2026, and time went by"),
        ("fay", "quiet", "left", "not there any more"),
    ]
    assert [row[2] for row in moved(story(place, segments=["poor"]))] == ["entered", "left", "left"]


def test_in_an_exclusive_set_an_earlier_segment_can_be_the_reason(place: HistoryFile) -> None:
    write(
        place, {0: {"ann": (3, 0, 0, 0), "ben": (0, 0, 0, 0)}, 7: {"ann": (12, 0, 0, 0), "ben": (4, 0, 0, 0)}}, "level"
    )
    assert moved(story(place, "level")) == [
        ("ann", "high", "entered", "runs 3 → 12"),
        ("ben", "low", "entered", "runs 0 → 4"),
        ("ann", "low", "left", "runs 3 → 12"),
        ("ben", "none", "left", "runs 0 → 4"),
    ]


def test_transitions_by_primary_segment(place: HistoryFile) -> None:
    write(place, TWO_WEEKS)
    matrix = story(place).matrix
    assert matrix
    assert matrix.names == ["was", "failing", "poor", "quiet", NO_SEGMENT, NOT_THERE, "people"]
    assert matrix.rows == [
        ("failing", 0, 0, 0, 1, 1, 2),  # ben recovered, fay is gone
        ("poor", 0, 0, 0, 1, 0, 1),  # eve
        ("quiet", 0, 0, 0, 0, 0, 0),
        (NO_SEGMENT, 1, 1, 1, 0, 0, 3),  # ann, dan, cat
        (NOT_THERE, 1, 0, 0, 0, 0, 1),  # gus
    ]


def test_what_was_unknown_on_one_date_is_no_change(place: HistoryFile) -> None:
    write(place, {0: TWO_WEEKS[0]}, without_credits=True)
    write(place, {7: TWO_WEEKS[7]})
    timeline = story(place)
    assert timeline.pair
    assert difference_notes(timeline.pair, "UTC") == ["Poor: not compared, because not known on 1 Nov 2026"]
    assert {row[1] for row in moved(timeline)} == {"failing", "quiet"}
    assert timeline.matrix
    assert "poor" not in timeline.matrix.names
    assert [row[3:] for row in timeline.sizes.rows if row[1] == "poor"] == [(None, None, None), (1, None, None)]


def test_a_changed_rule_is_said_to_be_the_reason(place: HistoryFile) -> None:
    same: dict[str, Person] = {"ann": (6, 6, 80, 0)}
    write(place, {0: same})
    write(place, {7: same}, rules=RULES.replace("runs > 5", "runs >= 6"))
    write(place, {8: same}, rules=RULES.replace("credits < 50", "credits < 100"))
    timeline = story(place, before=START, after=START + timedelta(days=8))
    assert timeline.pair
    assert difference_notes(timeline.pair, "UTC") == [
        "rules or queries changed between 1 Nov 2026 and 9 Nov 2026: some people may have moved for that reason alone"
    ]
    assert ("ann", "poor", "entered", "the rules changed") in moved(timeline)


def test_a_week_ago_is_compared_at_once(place: HistoryFile) -> None:
    write(place, {0: TWO_WEEKS[0], 3.4: {}})
    new = classified(7, {f"{name}@x.example": facts for name, facts in TWO_WEEKS[7].items()})
    since = record_and_compare(new, place, FIRST)
    assert since
    assert since.pair.before.as_of == START
    assert since.counts == {"failing": (2, 2), "poor": (1, 2), "quiet": (1, 1)}


@pytest.mark.parametrize(("day", "compared"), [(3.4, False), (3.6, True), (10.4, True), (10.6, False)])
def test_half_a_week_off_is_no_week(place: HistoryFile, day: float, compared: bool) -> None:  # noqa: FBT001
    write(place, {0: TWO_WEEKS[0]})
    assert (record_and_compare(classified(day, {}), place, FIRST) is not None) is compared


STAYS: dict[float, dict[str, Person]] = {
    day: {
        name: (8 if letter == "x" else 1, 8 if letter == "x" else 0, 100, day)
        for name, days in {"ann": "xxxxx", "ben": "xx...", "cat": ".xx..", "dan": "..xxx", "eve": ".x..x"}.items()
        for letter in [days[number]]
    }
    for number, day in enumerate((0, 7, 14, 21, 28))
}


def test_how_long_people_stay(place: HistoryFile) -> None:
    write(place, STAYS)
    row = story(place).dwell.dicts()[0]
    # in it now: ann 28 days and before, dan 14, eve 0; begun since: cat, dan, eve twice, of which cat (14 d) and the
    # first of eve (7 d) ended. At 7 days one of the three at risk ends, at 14 one of two: a third is left
    assert row == {
        "segment": "failing", "name": "Failing", "people": 3, "days_so_far": 14.0, "since_before": 1,
        "stays": 4, "ended": 2, "days": 14.0,
    }  # fmt: skip


def test_sizes_with_who_came_and_went(place: HistoryFile) -> None:
    write(place, STAYS)
    assert [row[3:] for row in story(place).sizes.rows if row[1] == "failing"] == [
        (2, None, None), (4, 2, 0), (3, 1, 2), (2, 0, 1), (3, 1, 0),
    ]  # fmt: skip


def test_the_path_of_one_person(place: HistoryFile) -> None:
    write(place, TWO_WEEKS)
    connection = connect()
    with open_history(connection, place):
        stored = snapshots(connection, place, "action")
        ann, gus = (person_path(connection, stored, f" {name}@X.example ") for name in ("Ann", "gus"))
        error = problem(lambda: person_path(connection, stored, "anne@x.example"))
    assert [(step.segments, step.facts.get("runs")) for step in ann] == [((), 5), (("failing",), 7)]
    assert [step.segments for step in gus] == [None, ("failing",)]
    assert "ann@x.example" in error.hint


def test_dates_without_a_snapshot(place: HistoryFile) -> None:
    write(place, TWO_WEEKS)
    assert "2026-11-01, 2026-11-08" in problem(lambda: story(place, before=START - timedelta(days=30))).hint
    assert "nothing between" in problem(lambda: story(place, before=START + timedelta(days=7))).message
    assert story(place, after=START).pair is None


facts = st.tuples(
    st.one_of(st.none(), st.integers(0, 12)),
    st.just(3),
    st.one_of(st.none(), st.just(10.0), st.just(90.0)),
    st.just(0.0),
)
weeks = st.lists(st.dictionaries(st.sampled_from(["ann", "ben", "cat", "dan", "eve"]), facts), min_size=2, max_size=4)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(weeks=weeks)
@example(weeks=[{}, {}])
def test_it_all_adds_up(weeks: list[dict[str, Person]]) -> None:
    with TemporaryDirectory() as folder:
        place = HistoryFile(Path(folder) / "history.duckdb", "test")
        for number, people in enumerate(weeks):
            of_actions = classified(7 * number, {f"{name}@x.example": facts for name, facts in people.items()})
            keep_one(place, of_actions)
            keep_one(place, classify(of_actions.profiles, of_actions.profiles.rules.set_named("level")))
        timelines = {set_name: story(place, set_name) for set_name in ("action", "level")}
    for set_name, timeline in timelines.items():
        adds_up(timeline, weeks, exclusive=set_name == "level")


def adds_up(timeline: Timeline, weeks: list[dict[str, Person]], *, exclusive: bool) -> None:
    assert timeline.pair
    assert timeline.matrix
    by_segment: dict[str, list[tuple[int, int | None, int | None]]] = {}
    for _, segment, _, people, entered, left in timeline.sizes.rows:
        by_segment.setdefault(segment, []).append((people, entered, left))
    for segment, rows in by_segment.items():
        for (before, *_), (people, entered, left) in pairwise(rows):
            assert before + (entered or 0) - (left or 0) == people
        assert timeline.counts[segment] == rows[-1][1:]
        changes = [change for _, id_, change, _ in moved(timeline) if id_ == segment]
        assert (changes.count("entered"), changes.count("left")) == timeline.counts[segment]
    cells = {row[0]: row[1:] for row in timeline.matrix.rows}
    assert all(sum(row[:-1]) == row[-1] for row in cells.values())
    assert sum(row[-1] for name, row in cells.items() if name != NOT_THERE) == len(weeks[-2])
    columns = list(zip(*cells.values(), strict=True))
    assert sum(sum(column) for column in columns[:-2]) == len(weeks[-1])
    if exclusive:
        for number, (segment, rows) in enumerate(by_segment.items()):
            assert cells[segment][-1] == rows[-2][0]
            assert sum(columns[number]) == rows[-1][0]
    assert all(why for *_, why in moved(timeline))
