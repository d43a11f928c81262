"""Mann and Kendall's test, on cases of the literature and ones counted by hand."""

import random

import pytest

from usertrack.product.features.trend import by_weekday, mann_kendall


def test_epas_example() -> None:
    """EPA QA/G-9 (2000), Box 4-17: eight pairs rise, two fall. The variance is 5 · 4 · 15 / 18, z = 5 / 4.0825."""
    trend = mann_kendall([[5, 6, 11, 8, 10]])
    assert (trend.score, trend.word) == (6, "stable")
    assert trend.p == pytest.approx(0.2207, abs=1e-4)


def test_ties_make_the_variance_smaller() -> None:
    """8 · 7 · 21 / 18 less 2 · 1 · 9 / 18 for the one tie: 64.33; S = 27, z = 26 / 8.0208."""
    trend = mann_kendall([[1, 2, 3, 3, 4, 5, 6, 7]])
    assert trend.score == 27
    assert trend.p == pytest.approx(0.00119, abs=1e-5)


def test_seasons_are_compared_with_themselves_alone() -> None:
    """7 weekdays rise alike over 4 weeks: S = 7 · 6, variance 49 · 156 / 18, z = 41 / 20.607; weekends do no harm."""
    week = [50, 60, 55, 52, 58, 3, 2]
    trend = by_weekday([value + number for number in range(4) for value in week])
    assert trend is not None
    assert (trend.score, trend.word) == (42, "increasing")
    assert trend.p == pytest.approx(0.0466, abs=1e-4)
    down = by_weekday([value - number for number in range(4) for value in week])
    assert down is not None
    assert (down.score, down.word) == (-42, "decreasing")


def test_days_that_remember_the_day_before_have_no_trend() -> None:
    """Of 200 series of 8 weeks with memory 0.8, some 8 % have one; without covariances of weekdays 29 % had."""
    rng, trends = random.Random(1984), 0
    for _ in range(200):
        days, value = [], 0.0
        for _ in range(56):
            value = 0.8 * value + rng.gauss(0, 1)
            days.append(value)
        trend = by_weekday(days)
        assert trend is not None
        trends += trend.word != "stable"
    assert trends <= 28


def test_an_unknown_day_is_in_the_middle_of_its_weekday() -> None:
    days: list[float | None] = [value + week for week in range(6) for value in (50, 60, 55, 52, 58, 3, 2)]
    days[10] = days[25] = None
    trend = by_weekday(days)
    assert trend is not None
    assert (trend.score, trend.word) == (5 * 15 + 2 * 10, "increasing")


@pytest.mark.parametrize("days", [[], [1.0], [1.0] * 27])
def test_less_than_four_weeks_tell_nothing(days: list[float]) -> None:
    assert by_weekday(days) is None


def test_the_same_every_day_is_stable() -> None:
    trend = by_weekday([4.0] * 28)
    assert trend is not None
    assert (trend.score, trend.p, trend.word) == (0, 1.0, "stable")
