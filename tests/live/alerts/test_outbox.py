import os
import signal as signals
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from tests.live.alerts.signals import T0, at, signal, told_to
from tests.live.alerts.test_slack import CALL
from tests.push.receiver import Answer, receiving
from usertrack.live.alerts.channels.webhook import WebhookSender
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.notifications import Channel
from usertrack.live.alerts.outbox import Message, Outbox, channel_state
from usertrack.live.alerts.store import AlertStore

HOOK = told_to(Channel("hook", "webhook"))
PEOPLE = 40
_DELIVERS = """
import sys
from pathlib import Path
from tests.live.alerts.signals import T0, at
from tests.live.alerts.test_slack import CALL
from usertrack.live.alerts.channels.webhook import WebhookSender
from usertrack.live.alerts.outbox import Outbox
from usertrack.live.alerts.store import AlertStore
outbox = Outbox(AlertStore(Path(sys.argv[1])), {"hook": WebhookSender(sys.argv[2], CALL)})
print("ready", flush=True)
for second in range(31, 100):
    outbox.deliver(at(second))
print("done", flush=True)
"""


def waiting_messages(folder: Path, count: int = PEOPLE) -> AlertStore:
    desk = Desk(AlertStore(folder), HOOK)
    desk.receive([signal(person=f"p{number}") for number in range(count)], T0)
    desk.tick(at(30))
    return desk.store


@pytest.mark.slow
def test_kills_while_sending_lose_nothing_and_repeat_under_the_same_id(tmp_path: Path) -> None:
    store = waiting_messages(tmp_path)
    with receiving() as server:
        command = [sys.executable, "-c", _DELIVERS, str(tmp_path), server.url]
        for reached in (5, 20):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            while len(server.bodies) < reached and process.poll() is None:
                time.sleep(0.005)
            os.kill(process.pid, signals.SIGKILL)
            process.communicate()
        Outbox(store, {"hook": WebhookSender(server.url, CALL)}).deliver(at(200))
    ids = Counter(body["id"] for body in server.bodies)
    assert len(ids) == PEOPLE
    assert len({body["alerts"][0]["person"] for body in server.bodies}) == PEOPLE
    assert sum(ids.values()) <= PEOPLE + 2  # one a kill, at the most
    assert channel_state(store, "hook").waiting == 0


@pytest.mark.parametrize("answer", [Answer(500), Answer(429), Answer(0)])
def test_an_outage_loses_nothing_and_keeps_the_order(tmp_path: Path, answer: Answer) -> None:
    store = waiting_messages(tmp_path, 5)
    with receiving(answer, answer, Answer()) as server:
        outbox = Outbox(store, {"hook": WebhookSender(server.url, CALL)})
        sent = [outbox.deliver(at(second)).sent for second in (31, 32, 36, 40, 46, 60)]
    assert sent == [0, 0, 0, 0, 5, 0]  # after 5 s, and after 10 s more
    assert [body["alerts"][0]["person"] for body in server.bodies[2:]] == [f"p{number}" for number in range(5)]


def test_a_server_that_is_down_is_told_with_how_many_wait(tmp_path: Path) -> None:
    store = waiting_messages(tmp_path, 3)
    outbox = Outbox(store, {"hook": WebhookSender("http://127.0.0.1:1/hooks/s3cr3t-s3cr3t", CALL)})
    (state,) = outbox.deliver(at(31)).failing
    assert state.error == "cannot reach the webhook: nothing answers at that address"
    assert (state.waiting, state.retry_at) == (3, at(36))
    assert "s3cr3t" not in repr(state)
    assert b"s3cr3t" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_an_erased_person_is_in_no_message_that_waits(tmp_path: Path) -> None:
    from usertrack.live.alerts.erasure import PersonInAlerts, erase

    store = waiting_messages(tmp_path, 3)
    erase(store, PersonInAlerts(frozenset({"p1"})))
    with receiving() as server:
        Outbox(store, {"hook": WebhookSender(server.url, CALL)}).deliver(at(31))
    assert [body["alerts"][0]["person"] for body in server.bodies] == ["p0", "p2"]


def test_a_fault_of_ours_in_one_channel_is_told_and_holds_up_no_other(tmp_path: Path) -> None:
    class Faulty(WebhookSender):
        def send(self, message: Message, now: datetime) -> str:
            raise ZeroDivisionError

    desk = Desk(AlertStore(tmp_path), told_to(Channel("faulty", "webhook"), Channel("hook", "webhook")))
    desk.receive([signal(person="ann")], T0)
    desk.tick(at(30))
    with receiving() as server:
        senders = {"faulty": Faulty(server.url, CALL), "hook": WebhookSender(server.url, CALL)}
        delivered = Outbox(desk.store, senders).deliver(at(31))
    (failing,) = delivered.failing
    assert (delivered.sent, failing.name, failing.waiting) == (1, "faulty", 1)
    assert failing.error == "usertrack itself failed (ZeroDivisionError)"
