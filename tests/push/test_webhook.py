"""JSON documents to a server of one's own, over real HTTP: whole, in batches, again and again under the same key."""

from datetime import timedelta
from typing import Any

import pytest

from usertrack.push import webhook
from usertrack.push.audience import PushAudience
from usertrack.push.order import PushOrder, PushOutcome
from usertrack.workspace.settings import load_settings

from ..conftest import problem
from .receiver import AS_OF, Answer, Receiver, audience, receiving
from .test_slack import nobody_to_ask


def push(receiver: Receiver, who: PushAudience, **options: Any) -> PushOutcome:
    settings = load_settings(env={"USERTRACK_WEBHOOK_URL": receiver.url})
    order = PushOrder(settings, pause=0.01, **options)
    webhook.check(order)
    return webhook.push(who, order, nobody_to_ask(settings), lambda text, *, passing=False: None)


def keys(receiver: Receiver) -> list[str]:
    return [headers["Idempotency-Key"] for headers in receiver.headers]


def test_the_document() -> None:
    with receiving() as server:
        assert push(server, audience("lena@x.example", total=3, others=2)).sent == 1
    assert server.bodies == [
        {
            "version": 1,
            "type": "usertrack.segment",
            "set": "action",
            "segment": {"id": "power", "name": "Power Users", "action": "Nurture"},
            "as_of": "2026-11-20T09:00:00Z",
            "total": 3,
            "members": 5,
            "batch": {"number": 1, "of": 1},
            "people": [{"email": "lena@x.example", "priority": 9.0, "reason": "ran 7×", "evidence": {"run_count": 7}}],
        }
    ]


def test_the_key_is_that_of_the_content() -> None:
    with receiving(Answer(204, "")) as server:
        for who in (
            audience("a@x.example"),
            audience("a@x.example"),
            audience("b@x.example"),
            audience("a@x.example", as_of=AS_OF + timedelta(seconds=7)),
        ):
            push(server, who)
    first, same, other, later = keys(server)
    assert first == same == later
    assert other != first


def test_ten_thousand_people_come_in_batches() -> None:
    emails = [f"p{number:05}@x.example" for number in range(10_000)]
    with receiving() as server:
        outcome = push(server, audience(*emails))
    assert outcome.sent == 10_000
    assert [person["email"] for body in server.bodies for person in body["people"]] == emails
    assert [body["batch"] for body in server.bodies] == [{"number": n, "of": 10} for n in range(1, 11)]
    assert list(outcome.details["idempotency_keys"]) == keys(server)
    assert len(set(keys(server))) == 10


def test_silence_and_failures_are_tried_again_under_the_same_key() -> None:
    with receiving(Answer(0), Answer(503), Answer(429, "", {"Retry-After": "0"}), Answer()) as server:
        assert push(server, audience("a@x.example")).sent == 1
    assert len(keys(server)) == 4
    assert len(set(keys(server))) == 1


def test_what_the_server_says_is_not_mangled() -> None:
    with receiving(Answer(422, "invalid_payload: no host in /hooks/T0/verysecret")) as server:
        assert "invalid_payload: no host in /[secret]" in problem(lambda: push(server, audience("a@x.example"))).message


def test_a_failure_midway_says_how_to_go_on() -> None:
    emails = [f"p{number}@x.example" for number in range(1500)]
    with receiving(Answer(), Answer(422, "no such field at /hooks/T0/verysecret")) as server:
        error = problem(lambda: push(server, audience(*emails)))
    assert error.message == "the webhook refused it: HTTP 422 no such field at /[secret], at document 2 of 2"
    assert "as of 2026-11-20T09:00:00Z" in error.hint


def test_a_dry_run_shows_it_all_and_sends_nothing() -> None:
    with receiving() as server:
        (request,) = push(server, audience("a@x.example"), dry_run=True).requests
        assert server.bodies == []
        push(server, audience("a@x.example"))
    assert request.body == server.bodies[0]
    assert request.headers["Idempotency-Key"] == keys(server)[0]
    assert "verysecret" not in str(request)


def test_an_empty_segment_sends_nothing() -> None:
    with receiving() as server:
        assert push(server, audience()).sent == 0
    assert server.bodies == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "needs an address"),
        ("http://hooks.example/s3cr3t", "is not https://"),
        ("ftp://hooks.example/s3cr3t", "does not begin with https://"),
        ("https://hooks.example/s3 cr3t", "does not begin with https://"),
        ("http://localhost:99999/s3cr3t", "does not begin with https://"),
        ("https://a..b/s3cr3t", "does not begin with https:// and the name of a server"),
        (f"https://{'a' * 64}.example/s3cr3t", "does not begin with https:// and the name of a server"),
    ],
)
def test_addresses_that_will_not_do(url: str | None, message: str) -> None:
    error = problem(lambda: webhook.check(PushOrder(load_settings(env={}), url=url)))
    assert message in error.message
    assert ("--url takes" if url else "set USERTRACK_WEBHOOK_URL") in error.hint
    assert "s3" not in f"{error.message}{error.hint}"
