import os
import signal as signals
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.live.alerts.signals import T0, at, signal, told_to
from usertrack.core.errors import SourceBusy, UsageError
from usertrack.live.alerts.codec import decode
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.life import AlertState
from usertrack.live.alerts.model import SignalState
from usertrack.live.alerts.notifications import Channel
from usertrack.live.alerts.router import Notification
from usertrack.live.alerts.store import AlertStore

SETTINGS = told_to(Channel("pager", "pagerduty"))
KEY = "stuck:ada:s1"


def desk_in(folder: Path) -> Desk:
    return Desk(AlertStore(folder), SETTINGS)


def test_every_step_of_a_life_is_kept_with_time_and_who(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal(state=SignalState.PENDING)], at(1))
    desk.receive([signal(after=60)], at(62))
    desk.acknowledge(KEY, "grace", at(90), "calling her")
    desk.snooze(KEY, at(700), "grace", at(100))
    desk.receive(
        [signal(state=SignalState.RECOVERING, after=800), signal(state=SignalState.RESOLVED, after=900)], at(901)
    )
    desk.receive([signal(after=1000)], at(1001))
    steps = desk.store.changes(KEY)
    assert [(change.state.value, (change.at - T0).total_seconds(), change.who) for change in steps] == [
        ("pending", 0, ""),
        ("firing", 60, ""),
        ("acknowledged", 90, "grace"),
        ("snoozed", 100, "grace"),
        ("recovering", 800, ""),
        ("resolved", 900, ""),
        ("reopened", 1000, ""),
    ]
    assert (steps[1].recorded_at, steps[2].comment) == (at(62), "calling her")
    assert desk.alert(KEY).state(at(1001)) is AlertState.REOPENED


def test_the_same_signals_twice_count_once(tmp_path: Path) -> None:
    steps = [signal(), signal(state=SignalState.RESOLVED, after=10)]
    assert desk_in(tmp_path).receive(steps, at(11)) == 2
    assert desk_in(tmp_path).receive(steps, at(12)) == 0
    assert desk_in(tmp_path).alert(KEY).reopened == 0


def test_a_restart_forgets_neither_what_waits_nor_what_was_told(tmp_path: Path) -> None:
    desk_in(tmp_path).receive([signal()], T0)
    assert desk_in(tmp_path).tick(at(2)) == []
    assert len(desk_in(tmp_path).tick(at(30))) == 1
    assert desk_in(tmp_path).tick(at(330)) == []
    desk_in(tmp_path).receive([signal(state=SignalState.RESOLVED, after=400)], at(400))
    assert [message.reason for message in desk_in(tmp_path).tick(at(630))] == ["resolved"]


def test_the_watcher_heeds_what_others_do_meanwhile(tmp_path: Path) -> None:
    watcher, other = desk_in(tmp_path), desk_in(tmp_path)
    watcher.receive([signal()], T0)
    other.snooze(KEY, at(200), "grace", at(1))
    assert watcher.tick(at(30)) == []
    assert len(watcher.tick(at(200))) == 1


def test_what_is_resolved_by_somebody_is_reopened_when_it_fires_again(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal()], T0)
    desk.resolve(KEY, "grace", at(10))
    assert desk.alerts() == []
    desk.receive([signal(after=20)], at(20))
    assert desk.alerts()[0].state(at(20)) is AlertState.REOPENED


@pytest.mark.parametrize("end", [SignalState.RECOVERING, SignalState.RESOLVED])
def test_what_is_resolved_by_somebody_is_no_news_because_it_ends(tmp_path: Path, end: SignalState) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal()], T0)
    desk.tick(at(30))
    desk.resolve(KEY, "grace", at(60))
    assert [message.reason for message in desk.tick(at(330))] == ["resolved"]
    desk.receive([signal(state=end, after=900)], at(900))
    assert desk.alert(KEY).resolved_at == at(60)
    assert desk.tick(at(5000)) == []


def waiting_after_two_days(folder: Path, channel: Channel) -> list[tuple[str, list[str], list[str]]]:
    """What a channel that is away has to be told: an alert an hour, each over after ten minutes, and Ada's, who waits.

    Of eve it was told before.
    """
    desk = Desk(AlertStore(folder), told_to(channel))
    desk.receive([signal(person="eve"), signal()], T0)
    desk.tick(at(31))
    desk.store.connection.execute("UPDATE outbox SET state = 'sent' WHERE body LIKE '%:eve:%'")
    for hour in range(1, 48):
        start = hour * 3600
        desk.receive([signal(person=f"p{hour}", after=start)], at(start))
        desk.tick(at(start + 31))
        desk.receive([signal(state=SignalState.RESOLVED, person=f"p{hour}", after=start + 600)], at(start + 600))
        desk.tick(at(start + 900))
    desk.receive([signal(state=SignalState.RESOLVED, person="eve", after=48 * 3600)], at(48 * 3600))
    for second in (50 * 3600, 51 * 3600 + 1, 51 * 3600 + 2):
        desk.tick(at(second))
    rows = desk.store.connection.execute("SELECT body FROM outbox WHERE state = 'waiting'").fetchall()
    messages = [decode(Notification, body) for (body,) in rows]
    return sorted(
        (each.reason.value, [alert.person for alert in each.firing], [alert.person for alert in each.resolved])
        for each in messages
    )


@pytest.mark.parametrize(("kind", "reason"), [("slack", "digest"), ("webhook", "new"), ("pagerduty", "new")])
def test_a_channel_that_was_away_for_days_is_told_what_is_so_now(tmp_path: Path, kind: str, reason: str) -> None:
    waiting = waiting_after_two_days(tmp_path, Channel("support", kind))
    assert waiting == [(reason, ["ada"], []), ("resolved", [], ["eve"])]


def test_a_snooze_is_over_at_its_time(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal()], T0)
    alert = desk.snooze(KEY, at(100), "grace", at(10))
    assert (alert.state(at(99)), alert.state(at(100))) == (AlertState.SNOOZED, AlertState.FIRING)


def test_a_wrong_key_has_near_misses(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal()], T0)
    with pytest.raises(UsageError) as error:
        desk.acknowledge("stuck:ada:s2", "grace", at(1))
    assert "did you mean 'stuck:ada:s1'" in error.value.hint


def test_a_damaged_file_is_told_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "alerts.db").write_bytes(b"no database" * 1000)
    with pytest.raises(UsageError, match="is damaged"):
        AlertStore(tmp_path)
    assert (tmp_path / "alerts.db").read_bytes().startswith(b"no database")


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.receive([signal()], T0)
    (pages,) = desk.store.connection.execute("PRAGMA page_count").fetchone()
    desk.store.connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [signal(person=f"p{number}", because="x" * 5000) for number in range(20)]
    with pytest.raises(SourceBusy, match="the disk is full"):
        desk.receive(many, T0)
    assert len(desk.alerts()) == 1
    desk.store.connection.execute("PRAGMA max_page_count = 100000")
    assert desk.receive(many, T0) == 20
    assert len(desk.tick(at(30))) == 21


def test_what_failed_halfway_did_not_happen(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    broken = signal("errors", person="bob")
    object.__setattr__(broken, "labels", None)
    with pytest.raises(AttributeError):
        desk.receive([signal(), broken], T0)
    assert desk.alerts() == []
    assert desk.tick(at(30)) == []


def test_a_desk_that_is_opened_anew_at_every_step_tells_what_one_desk_tells(tmp_path: Path) -> None:
    random = Random(7)
    people = dict.fromkeys("abcdef", False)
    steps = []
    for second in sorted(random.sample(range(4000), 60)):
        person = random.choice(list(people))
        people[person] = not people[person]
        state = SignalState.FIRING if people[person] else SignalState.RESOLVED
        severity = random.choice(["info", "warning", "critical"])
        steps.append(signal(random.choice(["errors", "stuck"]), state, person=person, after=second, severity=severity))
    settings = told_to(Channel("pager", "pagerduty"), Channel("support", "slack"))
    one = Desk(AlertStore(tmp_path / "one"), settings)
    told_by_one, told_anew = [], []
    for second in range(0, 6000, 20):
        now, signals = at(second), [step for step in steps if at(second) <= step.at < at(second + 20)]
        one.receive(signals, now)
        told_by_one += one.tick(now)
        anew = Desk(AlertStore(tmp_path / "anew"), settings)
        anew.receive(signals, now)
        told_anew += anew.tick(now)
        anew.store.close()
    assert told_anew == told_by_one
    assert {message.reason for message in told_by_one} == {"new", "resolved", "digest"}


def test_who_is_told_can_change_while_an_alert_fires(tmp_path: Path) -> None:
    desk_in(tmp_path).receive([signal()], T0)
    assert len(desk_in(tmp_path).tick(at(30))) == 1
    changed = told_to(Channel("hook", "webhook"))
    told = [message for second in (60, 330, 700) for message in Desk(AlertStore(tmp_path), changed).tick(at(second))]
    assert [message.channel for message in told] == ["hook"]


_RECEIVES = """
import sys
from pathlib import Path
from random import Random
from datetime import timedelta
from tests.live.alerts.signals import T0, signal
from tests.live.alerts.test_desk import desk_in
desk = desk_in(Path(sys.argv[1]))
for number in range(10_000):
    desk.receive([signal(person=f"p{number}")], T0)
    print(number, flush=True)
    desk.tick(T0 + timedelta(seconds=30 + number))
"""


def test_a_kill_loses_no_signal_that_was_taken_and_tells_none_twice(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _RECEIVES, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    numbers = [process.stdout.readline() for _ in range(20)]
    os.kill(process.pid, signals.SIGKILL)
    process.communicate()
    desk = desk_in(tmp_path)
    assert {f"stuck:p{int(number)}:s1" for number in numbers} <= {alert.key for alert in desk.alerts()}
    desk.tick(at(3600))
    rows = (
        sqlite3.connect(tmp_path / "alerts.db")
        .execute("SELECT count(*), count(DISTINCT grouped) FROM outbox")
        .fetchone()
    )
    assert rows == (len(desk.alerts()), len(desk.alerts()))
