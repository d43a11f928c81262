"""Intervals against published examples."""

import pytest

from usertrack.core.stats import UNKNOWN, ConfidenceInterval, difference, poisson, student, wilson


def both(interval: ConfidenceInterval) -> tuple[float | None, float | None]:
    return interval.low, interval.high


def test_shares() -> None:
    assert both(wilson(81, 263)) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998a, table I
    assert both(wilson(0, 20)) == pytest.approx((0, 0.1611), abs=1e-4)
    assert wilson(0, 0) == UNKNOWN


def test_difference_of_shares() -> None:
    now, before = wilson(56, 70), wilson(48, 80)  # Newcombe 1998b, table II, method 10
    assert both(difference(56 / 70, now, 48 / 80, before)) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_counts() -> None:
    assert both(poisson(10)) == pytest.approx((4.795, 18.390), abs=0.02)  # the exact limits
    assert both(poisson(0)) == pytest.approx((0, 3.689), abs=0.1)


@pytest.mark.parametrize(("n", "t"), [(2, 12.706), (3, 4.303), (4, 3.182), (7, 2.447), (30, 2.045)])
def test_means(n: int, t: float) -> None:
    assert both(student(5, n**0.5, n)) == pytest.approx((5 - t, 5 + t), rel=5e-3)


def test_one_value_and_open_sides() -> None:
    assert student(5, 1, 1) == UNKNOWN
    assert difference(3, ConfidenceInterval(1, None), 2, ConfidenceInterval(1, 4)) == ConfidenceInterval(
        1 - 8**0.5, None
    )
