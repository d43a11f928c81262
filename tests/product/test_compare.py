"""A measure beside the period before."""

import pytest

from usertrack.core.document import Change
from usertrack.product.compare import Measure, change, changes


@pytest.mark.parametrize(
    ("now", "before", "expected"), [(12, 10, 0.2), (9, 10, -0.1), (0, 4, -1), (5, 0, None), (None, 4, None)]
)
def test_a_change_is_a_share_of_before(now: float | None, before: float, expected: float | None) -> None:
    assert change(now, before) == (None if expected is None else pytest.approx(expected))
    assert changes({"x": Measure("X", now)}, {"x": Measure("X", before)}) == {"x": change(now, before)}


def test_shares_change_by_points_and_all_else_by_a_percentage() -> None:
    assert Measure("X", 0.25, "share").change_from(0.2) == "+5.0 points"
    assert Measure("X", 30, "count").change_from(20) == "+50.0 %"
    assert Measure("X", 30, "count").change_from(0) is None


def test_less_churn_is_better() -> None:
    churned = Measure("Churned", 8, better="lower").judged_change(10)
    assert churned is not None
    assert churned.good is True
    assert Measure("New", 8).judged_change(10) == Change("−20.0 %", None)
