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
    assert (figures.fired, figures.unanswered, figures.noise) == (10, 5, 5)
    assert (figures.to_detect.median, figures.to_detect.within) == (timedelta(seconds=4), 10)
    acknowledged = figures.to_acknowledge
    # five were answered after 3, 6, 9, 12 and 15 minutes, the others were over by themselves after 20
    assert (acknowledged.n, acknowledged.ended, acknowledged.within, acknowledged.due) == (10, 5, 3, 10)
    assert (acknowledged.median, acknowledged.p90) == (minutes(15), None)
    assert figures.to_resolve.median == minutes(20)


def test_what_nobody_answers_is_not_within_the_target(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    for number in range(100):
        desk.receive([signal(person=f"p{number}")], at(1))
    desk.receive([signal(person="late", after=3000)], at(3001))
    desk.acknowledge("stuck:p0:s1", "grace", at(61))
    figures = stats(desk.store.changes(), T0, at(3300))
    acknowledged = figures.to_acknowledge
    # who fired five minutes ago has five more
    assert (figures.fired, acknowledged.within, acknowledged.due) == (101, 1, 100)
    assert (figures.noise, acknowledged.median) == (0, None)


def test_an_incident_answers_for_its_people(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal(person="", session="", fingerprint="f"), signal(person="ada", fingerprint="f")], at(1))
    desk.acknowledge(next(alert.key for alert in desk.alerts() if not alert.person), "grace", at(61))
    figures = stats(desk.store.changes(), T0, at(3300), None, desk.store.incidents())
    assert (figures.fired, figures.unanswered, figures.to_acknowledge.within) == (2, 0, 2)


def test_an_alert_that_fires_again_counts_again(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal(), signal(state=SignalState.RESOLVED, after=60), signal(after=120)], at(121))
    figures = stats(desk.store.changes(), T0, at(3600), "stuck")
    assert (figures.fired, figures.to_resolve.ended, figures.to_acknowledge.median) == (2, 1, None)


def test_a_step_back_from_recovering_is_the_same_time(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal(), signal(state=SignalState.RECOVERING, after=60), signal(after=70)], at(71))
    assert stats(desk.store.changes(), T0, at(3600)).fired == 1
