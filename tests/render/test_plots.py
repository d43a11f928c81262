"""A line is where its values are: at the top, at the end and alone, too; and numbers beside it tell rows apart."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usertrack.document import Chart
from usertrack.render.plots import trend

DAYS = [date(2026, 11, 1) + timedelta(n) for n in range(7)]
VALUES = st.none() | st.floats(-1e9, 1e9).map(lambda value: round(value, 3))


def rows(values, unit="", x=DAYS):
    """What stands beside the drawing, and the drawing, of each row from the top."""
    panel = [line.plain.partition("|") for line in trend(Chart("trend", "x", x, {"a": values}, unit), 70)]
    return [(beside.strip(), drawn.strip()) for beside, _, drawn in panel]


@pytest.mark.parametrize(("unit", "value", "row"), [("", 8, "7"), ("percent", 1.0, "87.5 %"), ("", 0, "0")])
def test_a_level_line_is_drawn_even_at_the_top(unit, value, row):
    assert len(dict(rows([value] * 7, unit))[row]) == 50


def test_a_value_alone_at_the_end_is_drawn():
    assert dict(rows([None] * 6 + [9]))["8"]


@given(st.lists(VALUES, min_size=7, max_size=7), st.sampled_from(["", "percent", "days"]))
def test_numbers_beside_are_all_different(values, unit):
    beside = [said for said, _ in rows(values, unit)[:-2]]
    assert len({*beside}) == len(beside)


@given(st.integers(0, 10**12))
def test_counts_have_whole_numbers_beside_them(top):
    assert not any("." in said for said, _ in rows([0, top, 1, 2, 3, 4, 5]))


def test_a_day_is_named_once():
    assert [part for part in rows([1, 2, 3, 4, 5, 6, 7], x=DAYS)[-1][1].split(" ") if part.isdigit()] == [*"123457"]


def test_labels_are_named_once():
    assert rows([0.4, 0.3, 0.2, 0.1], "percent", ["one", "two", "three", "four"])[-1][1].split() == [
        *("one", "two", "three", "four")
    ]


@pytest.mark.parametrize("count", [2, 5, 12, 40])
def test_labels_stand_below_their_values_and_the_last_is_one_of_them(count):
    labels = [f"{n}-Oct" for n in range(count)]
    *drawing, ticks, names = rows([8] * count, x=labels)
    said = names[1].split()
    assert said[-1] == labels[-1]
    assert [label for label in labels if label in said] == said
    assert ticks[1].count("|") == len(said)
    assert len(ticks[1]) == max(len(drawn) for _, drawn in drawing) + 1
