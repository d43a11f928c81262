"""Short ids: what people type names one alert, however many there are."""

import itertools

import pytest

from tests.live.alerts.signals import signal
from usertrack.core.errors import UsageError
from usertrack.live.alerts.ids import alert_of, short_id, short_ids
from usertrack.live.alerts.life import Alert, after_signal
from usertrack.live.alerts.model import SignalState


def alert(person: str, state: SignalState = SignalState.FIRING) -> Alert:
    return after_signal(None, signal(person=person, state=state))[0]


def two_with_one_id() -> tuple[str, str]:
    """Two people whose alerts begin with the same six digits."""
    seen: dict[str, str] = {}
    for number in itertools.count():
        person = f"p{number}"
        other = seen.setdefault(short_id(f"stuck:{person}:s1"), person)
        if other != person:
            return other, person
    raise AssertionError


def test_ids_that_collide_are_longer_and_the_open_one_is_meant() -> None:
    first, second = two_with_one_id()
    both = [alert(first), alert(second)]
    ids = short_ids(each.key for each in both)
    assert len(set(ids.values())) == 2
    assert all(alert_of(ids[each.key], both) is each for each in both)
    with pytest.raises(UsageError) as problem:
        alert_of(short_id(both[0].key), both)
    assert all(id_ in problem.value.hint for id_ in ids.values())
    alerts = [alert(first, SignalState.RESOLVED), both[1]]
    assert alert_of(short_id(alerts[0].key), alerts) is both[1]
