"""What an ordinary week is: quiet worlds stay quiet, real drops are seen, and growth is no news."""

import math
import random

import pytest

from usertrack.core.ordinary import ordinary_level, ordinary_week


def poisson(rng: random.Random, mean: float) -> int:
    return max(0, round(rng.gauss(mean, math.sqrt(mean))))


@pytest.mark.parametrize("growth", [1, 1.03, 0.97])
def test_quiet_pages_stay_quiet_and_a_fifth_less_is_seen(growth: float) -> None:
    rng, alarms, seen, pages = random.Random(26), 0, 0, 100
    for _ in range(pages):
        figures = [[poisson(rng, 3500 * growth**week) for week in range(14)] for _ in range(10)]
        charts = [ordinary_week(weeks[:-1], "count", figures=10) for weeks in figures]
        alarms += any(chart.side(weeks[-1]) != "within" for chart, weeks in zip(charts, figures, strict=True))
        seen += charts[0].side(0.8 * figures[0][-1]) == "below"
    assert alarms <= 8  # 4 are promised; 8 or fewer happen in 97 of 100 runs of that
    assert seen >= 95


def test_a_straight_line_goes_on() -> None:
    chart = ordinary_week([10, 20, 30, 40, 50, 60, 70, 80], "measure")
    assert (chart.low, chart.high) == pytest.approx((90, 90))


def test_the_prediction_interval_of_a_textbook() -> None:
    """The spread is that of the regression; 96 % of Student's t with six degrees lie within 2.61 (95 % within 2.45)."""
    values = [2.0, 4.0, 5.0, 4.0, 5.0, 7.0, 8.0, 9.0]
    chart = ordinary_week(values, "measure")
    slope, middle = 0.9047619, 5.5
    residuals = [y - middle - slope * (x - 4.5) for x, y in enumerate(values, 1)]
    deviation = math.sqrt(sum(r * r for r in residuals) / 6)
    reach = 2.61 * deviation * math.sqrt(1 + 1 / 8 + 4.5**2 / 42)  # t at 96 %
    assert chart.low is not None
    assert chart.high is not None
    assert (chart.low + chart.high) / 2 == pytest.approx(middle + slope * 4.5)
    assert (chart.high - chart.low) / 2 == pytest.approx(reach, rel=2e-3)


def test_large_samples_do_not_make_every_change_one() -> None:
    """A share of a million things that strays by 2 points from week to week strays by 2 points this week."""
    past = [0.50, 0.52, 0.49, 0.51, 0.53, 0.50, 0.48, 0.51, 0.52, 0.50]
    chart = ordinary_week(past, "share", sizes=[1e6] * 10, size=1e6)
    assert chart.side(0.53) == "within"
    assert chart.side(0.40) == "below"


def test_few_things_make_wide_limits() -> None:
    same = [0.5] * 10
    assert ordinary_week(same, "share", sizes=[10] * 10, size=10).side(0.8) == "within"
    assert ordinary_week(same, "share", sizes=[1000] * 10, size=1000).side(0.8) == "above"


def test_too_few_weeks_say_so() -> None:
    chart = ordinary_week([1, 2, 3, 4, 5], "count")
    assert (chart.side(100), chart.missing) == ("", "not enough weeks yet (5 of 8)")


def test_a_level_moves_by_its_usual_steps() -> None:
    """It has climbed from 300 to 390 by some 10 a week: 400 is ordinary, and so is 396; 300 and 520 are not."""
    chart = ordinary_level([300, 312, 319, 332, 339, 352, 360, 369, 381, 390])
    assert [chart.side(size) for size in (400, 396, 300, 520)] == ["within", "within", "below", "above"]


def test_one_person_more_is_no_news_of_a_segment_that_never_changed() -> None:
    chart = ordinary_level([3] * 12, figures=5)
    assert [chart.side(size) for size in (3, 4, 2, 30)] == ["within", "within", "within", "above"]


def test_a_level_of_few_weeks_says_so() -> None:
    assert ordinary_level([5] * 8).missing == "not enough weeks yet (7 of 8)"
