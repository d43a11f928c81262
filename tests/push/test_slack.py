"""The digest, and what Slack may answer to it, over real HTTP."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from usertrack.core.errors import UsertrackError
from usertrack.engine.runner import Runner
from usertrack.library.library import Library
from usertrack.push import slack
from usertrack.push.audience import PushAudience
from usertrack.push.order import PushOrder, PushOutcome
from usertrack.sources.retry import ATTEMPTS
from usertrack.workspace.settings import load_settings

from ..conftest import problem
from .receiver import AS_OF, Answer, Receiver, audience, receiving

TEN = [f"p{number}@x.example" for number in range(10)]


def nobody_to_ask(settings: Any) -> Runner:
    return Runner(settings, Library([]), AS_OF, {})


def push(receiver: Receiver, who: PushAudience, notes: list[str] | None = None, **options: Any) -> PushOutcome:
    settings = load_settings(env={"SLACK_WEBHOOK_URL": receiver.url})
    order = PushOrder(settings, pause=0.01, **options)
    slack.check(order)
    messages = [] if notes is None else notes
    return slack.push(who, order, nobody_to_ask(settings), lambda text, *, passing=False: messages.append(text))


def texts(message: dict[str, Any]) -> list[str]:
    strings = []
    for block in message["blocks"]:
        strings += [part["text"] for part in [block.get("text"), *block.get("elements", [])] if part]
    return strings


def test_the_digest() -> None:
    who = replace(audience("lena@x.example", total=214, others=30), moved=(19, 6), since=AS_OF - timedelta(days=7))
    with receiving() as slack_server:
        sent = push(slack_server, who, link="https://reports.example/w46?a=1&b=2")
    assert sent.sent == 1
    (message,) = slack_server.bodies
    assert message["text"] == "Power Users · 214 people"
    assert texts(message) == [
        "Power Users · 214 people",
        "*Nurture* · 20 Nov 2026, 09:00 UTC · 244 in the segment · +19 −6 since 13 Nov 2026",
        "*1. lena@x.example* · priority 9.0\nran 7×",
        "213 more · `usertrack segments power`",
        "<https://reports.example/w46?a=1&amp;b=2|Open the report>",
    ]


def test_the_digest_of_the_past_names_the_facts_of_today() -> None:
    with receiving() as slack_server:
        push(slack_server, replace(audience("lena@x.example"), facts_of_today=("credits", "failed runs")))
    assert "Today's values, not those of that day: credits, failed runs" in texts(slack_server.bodies[0])


def test_the_text_of_strangers_is_text() -> None:
    hostile = "<!channel> <@U1> <https://evil.example|a> & \u202e*bold*"
    with receiving() as slack_server:
        push(slack_server, audience(f"{hostile}@x.example", reason=hostile))
    text = json.dumps(slack_server.bodies[0], ensure_ascii=False)
    assert "<" not in text.replace("&lt;", "")
    assert text.count("&lt;!channel&gt;") == 2
    assert "\u202e" not in text
    assert all(block["text"]["verbatim"] for block in slack_server.bodies[0]["blocks"] if block["type"] == "section")


def test_within_the_limits_of_slack() -> None:
    many = audience(*[f"{number}{'&' * 300}@x.example" for number in range(100)], reason="<" * 5000)
    with receiving() as slack_server:
        assert push(slack_server, many, link="https://reports.example").sent == 40
    message = slack_server.bodies[0]
    assert len(message["blocks"]) <= 50
    assert max(map(len, texts(message))) <= 3000
    assert "60 more" in texts(message)[-2]


def test_an_empty_segment_sends_nothing() -> None:
    with receiving() as slack_server:
        assert push(slack_server, audience()).sent == 0
    assert slack_server.bodies == []


def test_a_dry_run_sends_nothing_and_shows_what_would_be_sent() -> None:
    with receiving() as slack_server:
        (request,) = push(slack_server, audience(*TEN), dry_run=True).requests
        assert slack_server.bodies == []
        push(slack_server, audience(*TEN))
    assert request.body == slack_server.bodies[0]
    assert request.url.endswith("/[secret]")
    assert "verysecret" not in str(request)


def test_slack_asks_to_wait_and_fails_and_takes_it() -> None:
    notes: list[str] = []
    with receiving(Answer(429, "", {"Retry-After": "1"}), Answer(500, "rollup_error"), Answer()) as slack_server:
        assert push(slack_server, audience(*TEN), notes).sent == 10
    assert len(slack_server.bodies) == 3
    assert notes == [
        "Slack asks us to slow down (HTTP 429); trying again in 1 s",
        "Slack failed: HTTP 500 rollup_error; trying again",
    ]


@pytest.mark.parametrize(
    ("answer", "code", "message", "advice", "times"),
    [
        (Answer(400, "invalid_payload"), 1, "refused the message: invalid_payload", "report it", 1),
        (Answer(404, "no_service"), 3, "no_service", "make a new incoming webhook", 1),
        (Answer(410, "channel_is_archived"), 3, "channel_is_archived", "unarchive", 1),
        (Answer(403, "action_prohibited"), 3, "action_prohibited", "administrator", 1),
        (Answer(418, "teapot verysecret"), 1, "refused it: HTTP 418 teapot [secret]", "address right", 1),
        (Answer(429, "", {"Retry-After": "3600"}), 4, "slow down", "in 60 minutes", 1),
        (Answer(500, "rollup_error"), 4, "HTTP 500 rollup_error", "later", ATTEMPTS),
        (Answer(302, "", {"Location": "/verysecret"}), 3, "redirect", "address", 1),
        (Answer(200, "<html>"), 3, "does not answer like Slack", "SLACK_WEBHOOK_URL", 1),
        (Answer(0), 4, "may have received the data or not", "check there", 1),
    ],
)
def test_what_slack_refuses(answer: Answer, code: int, message: str, advice: str, times: int) -> None:
    with receiving(answer) as slack_server:
        error = problem(lambda: push(slack_server, audience(*TEN)))
    assert (error.exit_code, len(slack_server.bodies)) == (code, times)
    assert message in error.message
    assert advice in error.hint
    assert "verysecret" not in f"{error.message}{error.hint}"


def test_nothing_answers() -> None:
    with receiving() as slack_server:
        pass
    error = problem(lambda: push(slack_server, audience(*TEN)))
    assert (error.exit_code, error.message) == (3, "cannot reach Slack: nothing answers at that address")


@pytest.mark.parametrize(
    "url", ["http://hooks.slack.com/verysecret", "hooks.slack.com/verysecret", "https://", "https://[x"]
)
def test_addresses_that_will_not_do(url: str) -> None:
    error = problem(lambda: slack.check(PushOrder(load_settings(env={}), url=url)))
    assert isinstance(error, UsertrackError)
    assert error.exit_code == 2
    assert "verysecret" not in f"{error.message}{error.hint}"
