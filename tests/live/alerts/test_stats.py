from datetime import timedelta
from pathlib import Path

from tests.live.alerts.signals import T0, at, signal
from tests.live.alerts.test_desk import desk_in
from usertrack.live.alerts.model import SignalState
from usertrack.live.alerts.stats import stats


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_times_to_detect_acknowledge_and_resolve(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    for number in range(10):
        fired = 60.0 * number
        desk.receive([signal(person=f"p{number}", after=fired)], at(fired + 4))
        if number < 5:
            desk.acknowledge(f"stuck:p{number}:s1", "grace", at(fired + 4 + 60 * 3 * (number + 1)))
        desk.receive([signal(state=SignalState.RESOLVED, person=f"p{number}", after=fired + 1200)], at(fired + 1201))
    figures = stats(desk.store.changes(), T0, at(3600))
    assert (figures.fired, figures.unanswered) == (10, 5)
    assert (figures.to_detect.median, figures.to_detect.within) == (timedelta(seconds=4), 10)
    acknowledged = figures.to_acknowledge
    assert (acknowledged.n, acknowledged.median, acknowledged.within) == (5, minutes(9), 3)
    assert acknowledged.p90 == minutes(13.8)
    assert figures.to_resolve.median == minutes(20)


def test_an_alert_that_fires_again_counts_again(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal(), signal(state=SignalState.RESOLVED, after=60), signal(after=120)], at(121))
    figures = stats(desk.store.changes(), T0, at(3600), "stuck")
    assert (figures.fired, figures.to_resolve.n, figures.to_acknowledge.median) == (2, 1, None)


def test_a_step_back_from_recovering_is_the_same_time(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal(), signal(state=SignalState.RECOVERING, after=60), signal(after=70)], at(71))
    assert stats(desk.store.changes(), T0, at(3600)).fired == 1
