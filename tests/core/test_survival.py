"""Kaplan and Meier's estimate on the data that every textbook has."""

import pytest

from usertrack.core.survival import kaplan_meier

# Remission of leukaemia under 6-MP, in weeks (Freireich 1963; Klein & Moeschberger 2003, table 4.1): ended, still in it
SIX_MP = [
    *((6, 3, 1), (7, 1, 0), (9, 0, 1), (10, 1, 1), (11, 0, 1), (13, 1, 0), (16, 1, 0), (17, 0, 1), (19, 0, 1)),
    *((20, 0, 1), (22, 1, 0), (23, 1, 0), (25, 0, 1), (32, 0, 2), (34, 0, 1), (35, 0, 1)),
]


def test_remission_under_six_mp() -> None:
    curve = kaplan_meier(SIX_MP)
    shares = {point.time: (round(point.share, 3), round(point.error, 4)) for point in curve.points if point.ended}
    assert shares == {
        6: (0.857, 0.0764),
        7: (0.807, 0.0869),
        10: (0.753, 0.0963),
        13: (0.690, 0.1068),
        16: (0.627, 0.1141),
        22: (0.538, 0.1282),
        23: (0.448, 0.1346),
    }
    assert (curve.n, curve.ended, curve.horizon, curve.median) == (21, 9, 35, 23)
    assert (curve.median_interval.low, curve.median_interval.high) == (13, None)  # as SAS's LIFETEST has it
    assert curve.mean == pytest.approx(23.287, abs=1e-3)  # up to 35 weeks; R's survfit: 23.29, error 2.83
    low, high = curve.mean_interval.low, curve.mean_interval.high
    assert low is not None
    assert high is not None
    assert (high - low) / 2 / 1.959964 == pytest.approx(2.83, abs=5e-3)


def test_without_censoring_it_is_what_is_left() -> None:
    curve = kaplan_meier([(1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0)])
    assert [point.share for point in curve.points] == [0.75, 0.5, 0.25, 0]
    assert (curve.median, curve.mean) == (2, 2.5)
    last = curve.at(99)
    assert last is not None
    assert last.share == 0


def test_nothing_ended() -> None:
    curve = kaplan_meier([(3, 0, 2), (5, 0, 1)])
    assert (curve.median, curve.mean, curve.at(6)) == (None, 5, None)
    assert (curve.median_interval.low, curve.mean_interval.low) == (None, 5)


def test_nobody_and_one() -> None:
    nobody = kaplan_meier([])
    assert (nobody.n, nobody.median, nobody.mean, nobody.at(0)) == (0, None, None, None)
    lone = kaplan_meier([(0, 1, 0)])
    assert (lone.median, lone.mean, lone.points[0].share) == (0, 0, 0)
