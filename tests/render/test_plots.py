"""A line is where its values are: at the top, at the end and alone, too; and numbers beside it tell rows apart."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usertrack.core.document import Chart, Heatmap
from usertrack.render import figures
from usertrack.render.plots import heatmap, trend

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
    beside = [label for label, _ in rows(values, unit)[:-2]]
    assert len({*beside}) == len(beside)


@given(st.integers(0, 10**12))
def test_counts_have_whole_numbers_beside_them(top):
    assert not any("." in label for label, _ in rows([0, top, 1, 2, 3, 4, 5]))


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
    words = names[1].split()
    assert words[-1] == labels[-1]
    assert [label for label in labels if label in words] == words
    assert ticks[1].count("|") == len(words)
    assert len(ticks[1]) == max(len(drawn) for _, drawn in drawing) + 1


def cohorts(periods):
    """One row: everybody in period 0, then from 22 % down to 2 %."""
    values = [1.0, *(0.22 - 0.2 * n / (periods - 2) for n in range(periods - 1))]
    return Heatmap("", ["2 Nov  n=193"], [*map(str, range(periods))], [values], "percent", base=1)


def test_shades_tell_apart_what_varies():
    head, row, legend = (line.plain for line in heatmap(cohorts(30), 80))
    assert head.split()[0] == "1"
    assert row.removeprefix("2 Nov  n=193").split() == ["█" * 16 + "▓" * 16 + "▒" * 16 + "░" * 10]
    assert legend.startswith("░░ 2.0 % to 4.9 %  ▒▒ 5.6 % to 10.6 %")
    assert "100" not in legend


def test_fewer_columns_with_numbers_where_not_even_shades_fit():
    *lines, cut = (line.plain for line in heatmap(cohorts(90), 60))
    assert lines[1].split()[3:] == ["100", "%", "22", "%", "22", "%", "22", "%", "21", "%", "21", "%"]
    assert cut == "too narrow for 84 more columns · `-f csv` has all"
    assert max(map(len, lines)) <= 60


def test_everybody_in_period_0_is_no_shade_on_a_page():
    [row] = figures.grid(cohorts(3))
    assert [(cell.text, cell.bar) for cell in row] == [
        ("100 %", None),
        ("22 %", 1.0),
        ("2 %", pytest.approx(1 / 11)),
    ]
