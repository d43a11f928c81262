import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.live.alerts.mail_server import OPENSSL, certificate, mailbox
from tests.live.alerts.signals import T0, at, signal, told_to
from tests.live.alerts.test_slack import CALL, JOHN
from tests.push.receiver import Answer, receiving
from usertrack.core.errors import UsageError
from usertrack.live.alerts.channels.alertmanager import AlertmanagerSender
from usertrack.live.alerts.channels.email import MailSender
from usertrack.live.alerts.channels.pagerduty import PagerDutySender
from usertrack.live.alerts.channels.senders import senders
from usertrack.live.alerts.channels.webhook import WebhookSender
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.model import SignalState
from usertrack.live.alerts.notifications import Channel
from usertrack.live.alerts.outbox import Delivered, Message, Outbox, Sender
from usertrack.live.alerts.store import AlertStore
from usertrack.workspace.settings import settings_of_values

EMAIL = Channel("desk", "email", False, recipients=("help@acme.example",), sender="usertrack@acme.example")
JOHN_STUCK = signal(facts=JOHN)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AlertStore]:
    with closing(AlertStore(tmp_path)) as opened:
        yield opened


def deliveries(store: AlertStore, channel: Channel, sender: Sender, *seconds: float) -> list[Delivered]:
    """One alert that fires, and turns of the outbox at these seconds."""
    desk = Desk(store, told_to(channel))
    desk.receive([JOHN_STUCK], T0)
    desk.tick(at(30))
    outbox = Outbox(store, {channel.name: sender})
    return [outbox.deliver(at(second)) for second in seconds]


def mail_sender(server: str, user: str = "", password: str = "") -> MailSender:
    return MailSender(EMAIL, server, user, lambda: password, CALL)


def test_an_e_mail_is_text_of_one_thread(store: AlertStore) -> None:
    with mailbox() as box:
        (done,) = deliveries(store, EMAIL, mail_sender(box.server), 31)
    assert done.sent == 1
    (message,) = box.messages
    assert box.recipients == [["help@acme.example"]]
    assert message["Subject"] == "User Needs Support: John Doe (john@acme.com)"
    assert message["Message-ID"].endswith("@acme.example>")
    assert message["References"]
    text = message.get_content().replace("\r\n", "\n")
    assert "Current Page: /dashboard/analytics\nTime on Page: 6m 23s\nTrigger: 8 minutes on /export" in text
    assert "Start video call: https://meet.example/ada" in text


def test_a_name_makes_no_header(store: AlertStore) -> None:
    desk = Desk(store, told_to(EMAIL))
    desk.receive([signal(facts={"name": "x\r\nBcc: all@acme.example\ud800"})], T0)
    desk.tick(at(30))
    with mailbox() as box:
        assert Outbox(store, {"desk": mail_sender(box.server)}).deliver(at(31)).sent == 1
    assert box.messages[0]["Bcc"] is None
    assert box.recipients == [["help@acme.example"]]


def test_a_mail_server_that_is_busy_is_tried_again(store: AlertStore) -> None:
    with mailbox("451 later", "250 OK") as box:
        first, second = deliveries(store, EMAIL, mail_sender(box.server), 31, 40)
    assert first.failing[0].error == "the mail server answered 451"
    assert second.sent == 1


def test_a_message_that_is_refused_is_set_aside_and_told(store: AlertStore) -> None:
    with mailbox("554 spam") as box:
        (done,) = deliveries(store, EMAIL, mail_sender(box.server), 31)
    assert done.refused == ("desk: the mail server answered 554",)
    assert not done.failing


@pytest.mark.skipif(OPENSSL is None, reason="needs openssl")
def test_a_login_needs_tls_and_the_password_is_in_no_error(
    store: AlertStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))
    with mailbox(certificate=tmp_path / "localhost.pem", password="right") as box:
        (failed,) = deliveries(store, EMAIL, mail_sender(box.server, "usertrack", "wr0ng-secret"), 31)
        assert failed.failing[0].error == "the mail server does not accept smtp.user (535)"
        assert "wr0ng" not in repr(failed)
        right = Outbox(store, {"desk": mail_sender(box.server, "usertrack", "right")})
        assert right.deliver(at(31 + 900)).sent == 1


@pytest.mark.skipif(OPENSSL is None, reason="needs openssl")
def test_a_certificate_that_nobody_trusts_is_not_trusted(store: AlertStore, tmp_path: Path) -> None:
    with mailbox(certificate=certificate(tmp_path)) as box:
        (done,) = deliveries(store, EMAIL, mail_sender(box.server), 31)
    assert done.failing[0].error == "the mail server's certificate is not trusted"
    assert box.messages == []


PAGER, AM = Channel("pager", "pagerduty"), Channel("am", "alertmanager")
ALERTMANAGER = shutil.which("prometheus-alertmanager")


def test_pagerduty_has_one_event_an_alert_through_its_life(store: AlertStore) -> None:
    desk = Desk(store, told_to(PAGER))
    with receiving(Answer(202, '{"status": "success"}')) as pagerduty:
        outbox = Outbox(store, {"pager": PagerDutySender(pagerduty.url, "r0uting-key", CALL)})
        desk.receive([JOHN_STUCK], T0)
        desk.tick(at(30))
        outbox.deliver(at(30))
        desk.acknowledge("stuck:ada:s1", "grace", at(40))
        outbox.deliver(at(41))
        desk.receive([signal(state=SignalState.RESOLVED, after=60)], at(60))
        desk.tick(at(330))
        outbox.deliver(at(330))
    sent = [(body["event_action"], body["dedup_key"], body["routing_key"]) for body in pagerduty.bodies]
    actions = ("trigger", "acknowledge", "resolve")
    assert sent == [(action, "stuck:ada:s1", "r0uting-key") for action in actions]
    trigger = pagerduty.bodies[0]["payload"]
    assert trigger["summary"] == "John Doe (john@acme.com): 8 minutes on /export without progress"
    assert trigger["severity"] == "warning"


def test_a_wrong_routing_key_is_told_without_the_key(store: AlertStore) -> None:
    answer = Answer(400, '{"message": "r0uting-key is wrong", "errors": ["routing_key"]}')
    with receiving(answer) as pagerduty:
        (done,) = deliveries(store, PAGER, PagerDutySender(pagerduty.url, "r0uting-key", CALL), 31)
    assert "PAGERDUTY_ROUTING_KEY" in done.failing[0].hint
    assert "r0uting" not in repr(done)


def test_a_webhook_gets_all_that_is_known_under_one_key(store: AlertStore) -> None:
    hook = Channel("hook", "webhook")
    with receiving(Answer(0), Answer()) as server:
        first, second = deliveries(store, hook, WebhookSender(server.url, CALL), 31, 40)
        assert (first.sent, second.sent) == (0, 1)
        assert first.failing[0].error == "the webhook did not answer in time"
        keys = [headers["Idempotency-Key"] for headers in server.headers]
        assert keys == [keys[0]] * 2
        (alert,) = server.bodies[1]["alerts"]
        assert (alert["state"], alert["facts"]["tier"], alert["because"]) == (
            "firing",
            "free_trial",
            "8 minutes on /export without progress",
        )
        assert "verysecret" not in repr((first, second))


def test_an_alertmanager_gets_labels_and_times(store: AlertStore) -> None:
    with receiving() as server:
        url = server.url.rsplit("/hooks", 1)[0]
        (done,) = deliveries(store, AM, AlertmanagerSender(url, CALL), 31)
    assert done.sent == 1
    assert server.paths == ["/api/v2/alerts"]
    (alert,) = server.bodies[0]
    assert alert["labels"]["alertname"] == "stuck"
    assert alert["annotations"]["summary"] == "8 minutes on /export without progress"
    assert alert["generatorURL"] == "https://acme.example/admin/ada"


@pytest.mark.slow
@pytest.mark.skipif(ALERTMANAGER is None, reason="needs Debian's package prometheus-alertmanager")
def test_a_real_alertmanager_has_an_alert_until_it_is_over(store: AlertStore, tmp_path: Path) -> None:
    with alertmanager(tmp_path) as url:
        desk, channel = Desk(store, told_to(AM)), {"am": AlertmanagerSender(url, CALL)}
        now = datetime.now(UTC)
        fires = replace(JOHN_STUCK, at=now)
        desk.receive([fires], now)
        desk.tick(now + timedelta(seconds=5))
        outbox = Outbox(store, channel)
        assert outbox.deliver(now).sent == 1
        (alert,) = httpx.get(f"{url}/api/v2/alerts").json()
        assert alert["labels"] == {"alertname": "stuck", **desk.alert(fires.key).labels}
        assert alert["annotations"]["email"] == "john@acme.com"
        desk.resolve(fires.key, "grace", now + timedelta(milliseconds=1))
        desk.tick(now + timedelta(minutes=6))
        assert outbox.deliver(now).sent == 1
        assert httpx.get(f"{url}/api/v2/alerts").json() == []


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """The address of Debian's Alertmanager with one receiver, which tells nobody."""
    (folder / "am.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    files = [f"--config.file={folder}/am.yml", f"--storage.path={folder}/am", "--cluster.listen-address="]
    process = subprocess.Popen(
        [str(ALERTMANAGER), *files, f"--web.listen-address={address}"], stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None:
            with suppress(httpx.TransportError):
                httpx.get(f"http://{address}/-/ready").raise_for_status()
                break
            time.sleep(0.05)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def test_a_channel_that_holds_its_messages_holds_up_no_other(store: AlertStore) -> None:
    both = told_to(Channel("hook", "webhook"), PAGER)
    desk = Desk(store, both)
    desk.receive([JOHN_STUCK], T0)
    desk.tick(at(30))
    with receiving(Answer(500)) as down, receiving() as well:
        well_sender = PagerDutySender(well.url, "key", CALL)
        done = Outbox(store, {"hook": WebhookSender(down.url, CALL), "pager": well_sender}).deliver(at(31))
    assert (done.sent, [state.name for state in done.failing]) == (1, ["hook"])


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        (Channel("support", "slack"), "the channel 'support' needs slack.webhook_url"),
        (Channel("support", "slack", room="#s"), "the channel 'support' needs slack.bot_token"),
        (PAGER, "the channel 'pager' needs pagerduty.routing_key"),
        (EMAIL, "the channel 'desk' needs smtp.server"),
    ],
)
def test_a_channel_without_its_secret_is_told_at_once(channel: Channel, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        senders(told_to(channel), settings_of_values({}))


def test_an_address_that_others_could_read_along_is_refused() -> None:
    settings = settings_of_values({"webhook.url": "http://hooks.example/s3cr3t"})
    with pytest.raises(UsageError, match="is not https://") as error:
        senders(told_to(Channel("hook", "webhook")), settings)
    assert "s3cr3t" not in str(error.value)


def test_a_channel_that_hangs_holds_up_no_other(store: AlertStore) -> None:
    hanging = threading.Event()

    class Hanging(WebhookSender):
        def send(self, message: Message, now: datetime) -> str:
            hanging.wait()
            return super().send(message, now)

    desk = Desk(store, told_to(Channel("hook", "webhook"), PAGER))
    desk.receive([signal(person="ann"), signal(person="bea")], T0)
    desk.tick(at(30))
    with receiving() as slow, receiving() as well:
        outbox = Outbox(store, {"hook": Hanging(slow.url, CALL), "pager": PagerDutySender(well.url, "key", CALL)})
        turns = [outbox.deliver(at(second)).sent for second in (31, 32)]
        hanging.set()
        turns.append(outbox.deliver(at(33)).sent)
    assert turns == [2, 0, 2]
    assert len({body["id"] for body in slow.bodies}) == len(slow.bodies) == 2


def test_critical_alerts_go_first(store: AlertStore) -> None:
    desk = Desk(store, told_to(Channel("hook", "webhook")))
    desk.receive([signal(person="ann"), signal(person="bea"), signal(person="cat", severity="critical")], T0)
    desk.tick(at(30))
    with receiving() as server:
        Outbox(store, {"hook": WebhookSender(server.url, CALL)}).deliver(at(31))
    assert [body["alerts"][0]["person"] for body in server.bodies] == ["cat", "ann", "bea"]
