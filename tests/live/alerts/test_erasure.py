from datetime import timedelta
from pathlib import Path

from tests.live.alerts.signals import T0, at, signal, told_to
from tests.push.receiver import receiving
from usertrack.live.alerts.channels.slack import SlackWebhookSender
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.erasure import Held, PersonInAlerts, erase, expire_by, held
from usertrack.live.alerts.model import SignalState
from usertrack.live.alerts.notifications import Budget, Channel, Notifications
from usertrack.live.alerts.outbox import Outbox
from usertrack.live.alerts.store import AlertStore

ADA = PersonInAlerts(frozenset({"0190-ada", "device-7"}), "ada@acme.example")
FACTS = {"email": "ada@acme.example", "name": "Ada"}
BASE = told_to(Channel("support", "slack"))
ONE_AN_HOUR = Notifications(BASE.channels, budgets={"channel": Budget(1, timedelta(hours=1))})


def busy_desk(folder: Path) -> Desk:
    """Ada is in an alert that was told, in one that waits, in a digest and a comment; so is Bob."""
    desk = Desk(AlertStore(folder), ONE_AN_HOUR)
    for person, facts in (("0190-ada", FACTS), ("0190-bob", {"email": "bob@acme.example"})):
        desk.receive([signal(person=person, facts=facts), signal("errors", person=person, facts=facts)], T0)
    desk.receive([signal("incident", person="", session="", facts={"people": 2, "first": "ada@acme.example"})], T0)
    desk.acknowledge("stuck:0190-bob:s1", "grace", at(5), "as for ada@acme.example")
    desk.tick(at(30))
    with receiving() as slack:
        Outbox(desk.store, {"support": SlackWebhookSender(slack.url, ONE_AN_HOUR)}).deliver(at(31))
    desk.receive([signal("thrashing", person="0190-ada", facts=FACTS, after=40)], at(40))
    return desk


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_after_an_erasure_no_file_has_a_byte_of_the_person(tmp_path: Path) -> None:
    desk = busy_desk(tmp_path)
    before = held(desk.store, ADA)
    assert before.alerts == 4
    assert before.messages >= 1
    assert b"ada@acme.example" in bytes_of(tmp_path)
    erase(desk.store, ADA)
    assert held(desk.store, ADA) == Held(0, 0, 0)
    for trace in (b"ada@acme.example", b"0190-ada"):
        assert trace not in bytes_of(tmp_path)
    assert {alert.person for alert in desk.alerts()} == {"0190-bob"}


def test_who_is_erased_by_e_mail_alone_may_be_told_of_again(tmp_path: Path) -> None:
    desk = Desk(AlertStore(tmp_path), BASE)
    for _ in range(2):
        desk.receive([signal(person="unknown-to-posthog", facts=FACTS)], T0)
        assert len(desk.tick(at(30))) == 1
        erase(desk.store, PersonInAlerts(frozenset(), "ada@acme.example"))
        assert b"unknown-to-posthog" not in bytes_of(tmp_path)


def test_a_watcher_goes_on_without_the_person(tmp_path: Path) -> None:
    desk = busy_desk(tmp_path)
    erase(AlertStore(tmp_path), ADA)
    (digest,) = desk.tick(at(1830))
    assert {alert.person for alert in digest.firing} == {"0190-bob"}
    assert b"0190-ada" not in bytes_of(tmp_path)


def test_an_id_within_a_longer_one_is_another_person(tmp_path: Path) -> None:
    desk = Desk(AlertStore(tmp_path), BASE)
    desk.receive([signal(person="ada-2"), signal(person="ada")], T0)
    erase(desk.store, PersonInAlerts(frozenset({"ada"})))
    assert [alert.person for alert in desk.alerts()] == ["ada-2"]


def test_old_alerts_and_messages_go_and_open_ones_stay(tmp_path: Path) -> None:
    desk = Desk(AlertStore(tmp_path), BASE)
    desk.receive([signal(), signal(person="bob")], T0)
    desk.tick(at(30))
    desk.receive([signal(state=SignalState.RESOLVED, after=60)], at(60))
    desk.tick(at(330))
    with receiving() as slack:
        Outbox(desk.store, {"support": SlackWebhookSender(slack.url, BASE)}).deliver(at(331))
    day = timedelta(days=1)
    assert expire_by(desk.store, 90 * day, 30 * day, at(0) + 31 * day).messages == 3
    desk.tick(at(0) + 91 * day)
    assert [alert.person for alert in desk.alerts(everything=True)] == ["bob"]
    assert {change.key for change in desk.store.changes()} == {"stuck:bob:s1"}
