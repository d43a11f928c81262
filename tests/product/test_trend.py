"""Mann and Kendall's test, on cases of the literature and ones counted by hand."""

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
    """7 weekdays rise over 3 weeks: S = 7 · 3, variance 7 · 66 / 18, z = 20 / 5.0662; weekends do no harm."""
    week = [50, 60, 55, 52, 58, 3, 2]
    trend = by_weekday([value + number for number in range(3) for value in week])
    assert trend is not None
    assert (trend.score, trend.word) == (21, "increasing")
    assert trend.p == pytest.approx(7.9e-5, abs=1e-6)
    down = by_weekday([value - number for number in range(3) for value in week])
    assert down is not None
    assert (down.score, down.word) == (-21, "decreasing")


@pytest.mark.parametrize("days", [[], [1.0], [1.0] * 13])
def test_less_than_two_weeks_tell_nothing(days: list[float]) -> None:
    assert by_weekday(days) is None


def test_the_same_every_day_is_stable() -> None:
    trend = by_weekday([4.0] * 28)
    assert trend is not None
    assert (trend.score, trend.p, trend.word) == (0, 1.0, "stable")
