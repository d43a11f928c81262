import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.live.alerts.signals import T0, at, signal, told_to
from tests.push.receiver import Answer, receiving
from usertrack.live.alerts.channels.slack import BotSender, SlackWebhookSender, payload
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.life import after_signal
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import Channel, Notifications
from usertrack.live.alerts.outbox import Outbox
from usertrack.live.alerts.router import Notification, Reason
from usertrack.live.alerts.store import AlertStore

CALL = Notifications(
    activity_url="https://acme.example/admin/{person}",
    call_url="https://meet.example/{person}",
    advice={"stuck": "Offer help on this page."},
)
JOHN = {
    "name": "John Doe",
    "email": "john@acme.com",
    "tier": "free_trial",
    "page": "/dashboard/analytics",
    "seconds_on_page": 383,
    "events": 45,
    "errors": 2,
    "last_active_at": T0 - timedelta(minutes=2),
    "slower_than_95_percent": "4m 10s",
}


def notification(*signals: Signal, reason: Reason = Reason.NEW) -> Notification:
    alerts = [after_signal(None, each)[0] for each in signals]
    return Notification("support", reason, T0, "ada", tuple(alerts))


def texts(message: dict[str, object]) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


def test_the_message_of_the_seed_with_our_reason_and_facts() -> None:
    john = signal(because="6m 23s on /dashboard/analytics without progress, 2 field errors", facts=JOHN)
    message = payload(notification(john), CALL, T0)
    assert message["text"] == "User Needs Support: John Doe (john@acme.com)"
    assert [block.get("text", {}).get("text") for block in message["blocks"]] == [
        "User Needs Support",
        "👤 *John Doe (john@acme.com)*\n💳 Free Trial User\n📍 Current Page: /dashboard/analytics\n"
        "⏱️ Time on Page: 6m 23s\n"
        "⚠️ Trigger: 6m 23s on /dashboard/analytics without progress, 2 field errors",
        "📊 *Activity Summary*\n• Total Events: 45\n• Errors: 2\n• Last Active: 2 min ago\n"
        "• Slower than 95 percent: 4m 10s",
        None,
        None,
    ]
    assert message["blocks"][-2]["elements"][0]["text"] == "💡 Offer help on this page."
    buttons = message["blocks"][-1]["elements"]
    assert [(button["text"]["text"], button["url"]) for button in buttons] == [
        ("View activity", "https://acme.example/admin/ada"),
        ("Start video call", "https://meet.example/ada"),
    ]


def test_hostile_names_stay_text() -> None:
    facts = {"name": "*<!channel>* <https://evil.example|click> `x` 🎉\n", "email": "a_b_c@x.de", "page": "/<script>"}
    text = texts(payload(notification(signal(person="../?x=1#", facts=facts)), CALL, T0))
    assert "<!channel>" not in text
    assert "<https" not in text
    assert "🎉" in text
    assert "a_b_c@x.de" in text
    assert "https://meet.example/..%2F%3Fx%3D1%23" in text


def test_what_a_browser_only_claims_is_told_to_nobody() -> None:
    facts = {"claimed_email": "ceo@rival.example", "claimed_tier": "enterprise"}
    assert "rival" not in texts(payload(notification(signal(facts=facts, claimed_tier="enterprise")), CALL, T0))


def test_a_message_about_many_stays_within_slacks_limits() -> None:
    people = [signal(person=f"p{number}", because="<&>" * 500, facts={"name": "<" * 900}) for number in range(200)]
    message = payload(notification(*people), CALL, T0)
    assert len(message["blocks"]) <= 50
    assert all(len(block["text"]["text"]) <= 3000 for block in message["blocks"] if "text" in block)
    assert "and 162 people" in texts(message)


def test_a_person_with_fifty_alerts_is_one_message() -> None:
    message = payload(notification(*(signal(f"p{number}", because="<" * 300) for number in range(50))), CALL, T0)
    assert len(message["blocks"]) <= 50
    assert "… and 44 more" in texts(message)


def desk_of(folder: Path, channel: Channel) -> tuple[Desk, AlertStore]:
    store = AlertStore(folder)
    return Desk(store, told_to(channel)), store


def test_a_signal_becomes_a_message(tmp_path: Path) -> None:
    desk, store = desk_of(tmp_path, Channel("support", "slack"))
    desk.receive([signal(facts=JOHN), signal("errors", facts=JOHN)], T0)
    desk.tick(at(30))
    with receiving() as slack:
        done = Outbox(store, {"support": SlackWebhookSender(slack.url, CALL)}).deliver(at(31))
        assert (done.sent, len(slack.bodies)) == (1, 1)
        assert texts(slack.bodies[0]).count("Trigger") == 2


def test_a_revoked_webhook_is_told_and_tried_again_after_a_quarter_of_an_hour(tmp_path: Path) -> None:
    desk, store = desk_of(tmp_path, Channel("support", "slack"))
    desk.receive([signal()], T0)
    desk.tick(at(30))
    with receiving(Answer(404, "no_service"), Answer()) as slack:
        outbox = Outbox(store, {"support": SlackWebhookSender(slack.url, CALL)})
        (state,) = outbox.deliver(at(31)).failing
        assert (state.error, state.waiting) == ("Slack does not take the message: no_service", 1)
        assert "make a new incoming webhook" in state.hint
        assert outbox.deliver(at(60)).sent == 0
        assert outbox.deliver(at(31 + 900)).sent == 1
        assert len(slack.bodies) == 2


BOT = Answer(body='{"ok": true, "channel": "C1", "ts": "17.1"}')


def test_a_message_is_edited_when_the_alert_is_resolved(tmp_path: Path) -> None:
    desk, store = desk_of(tmp_path, Channel("support", "slack", room="#support"))
    with receiving(BOT) as slack:
        outbox = Outbox(store, {"support": BotSender("xoxb-secret", "#support", slack.url, CALL)})
        desk.receive([signal(facts=JOHN)], T0)
        desk.tick(at(30))
        outbox.deliver(at(31))
        desk.acknowledge("stuck:ada:s1", "grace", at(40))
        outbox.deliver(at(41))
        desk.receive([signal(state=SignalState.RESOLVED, after=60)], at(60))
        desk.tick(at(330))
        outbox.deliver(at(331))
        assert [path.rsplit("/", 1)[1] for path in slack.paths] == ["chat.postMessage", "chat.update", "chat.update"]
        assert slack.bodies[1]["ts"] == "17.1"
        assert "acknowledged by grace" in texts(slack.bodies[1])
        assert slack.bodies[2]["text"].startswith("Resolved: John Doe")
        assert slack.headers[0]["Authorization"] == "Bearer xoxb-secret"


@pytest.mark.parametrize(
    "answer", [Answer(429, headers={"Retry-After": "120"}), Answer(503, headers={"Retry-After": "120"})]
)
def test_slack_is_not_asked_before_it_wants_to_be(tmp_path: Path, answer: Answer) -> None:
    desk, store = desk_of(tmp_path, Channel("support", "slack"))
    desk.receive([signal()], T0)
    desk.tick(at(30))
    with receiving(answer, Answer()) as slack:
        outbox = Outbox(store, {"support": SlackWebhookSender(slack.url, CALL)})
        assert [outbox.deliver(at(second)).sent for second in (31, 100, 152)] == [0, 0, 1]
        assert len(slack.bodies) == 2


def test_a_wrong_token_is_told_without_the_token(tmp_path: Path) -> None:
    desk, store = desk_of(tmp_path, Channel("support", "slack", room="#support"))
    desk.receive([signal()], T0)
    desk.tick(at(30))
    with receiving(Answer(body='{"ok": false, "error": "token_revoked"}')) as slack:
        outbox = Outbox(store, {"support": BotSender("xoxb-secret", "#support", slack.url, CALL)})
        (state,) = outbox.deliver(at(31)).failing
    assert state.error == "Slack does not accept the bot token: token_revoked"
    assert "xoxb" not in repr(state)
