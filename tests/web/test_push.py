"""A push from the browser: shown first, sent once."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.push.receiver import Answer, receiving
from tests.web.conftest import Browser, Strangers
from usertrack.core.errors import UsageError
from usertrack.web import orders
from usertrack.web.orders import Orders


@pytest.fixture
def form(monkeypatch: pytest.MonkeyPatch, stranger: Strangers) -> "Form":
    return Form(monkeypatch, stranger)


class Form:
    """The form below what would be sent to Slack, at ``url``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stranger: Strangers) -> None:
        self._monkeypatch, self._stranger = monkeypatch, stranger
        self.browser: Browser
        self.page = ""

    def open(self, url: str, question: str = "") -> None:
        self._monkeypatch.setenv("SLACK_WEBHOOK_URL", url)
        self.browser = self._stranger()
        self.browser.enter()
        self.page = self.browser.get(f"/segments/failing/push?set=action&to=slack{question}").text

    def send(self) -> str:
        """What the page says that follows."""
        order = re.search(r'name="order" value="([^"]+)"', self.page)
        token = re.search(r'name="token" value="([^"]+)"', self.page)
        assert order
        assert token
        data = {"order": order[1], "token": token[1]}
        answer = self.browser.request("POST", "/segments/failing/push", data=data)
        assert answer.status_code == 303
        return self.browser.get(answer.headers["location"]).text


def test_a_form_that_is_sent_twice_pushes_once(form: Form) -> None:
    with receiving() as server:
        form.open(server.url)
        assert "Failing Users · 33 people" in form.page
        assert server.bodies == []
        assert [("Failing Users to slack: 10 of 33 people" in form.send()) for _ in range(2)] == [True, True]
    assert [body["text"] for body in server.bodies] == ["Failing Users · 33 people"]


@pytest.mark.slow
def test_a_filtered_segment_is_pushed_as_it_is_shown(form: Form) -> None:
    question = "&fact=run_count&op=least&value=18"
    with receiving() as server:
        form.open(server.url, question)
        shown = form.browser.get(f"/segments/failing?set=action{question}").text
        (push,) = re.findall(r'href="([^"]+)">Push to', shown)
        assert "only <bdi>runs at least 18</bdi>" in form.browser.get(push.replace("&amp;", "&")).text
        count = int(re.findall(r"(\d+) people of 33", shown)[0])
        assert f"Failing Users · {count} people" in form.page
        assert f"Failing Users (runs at least 18) to slack: {min(count, 10)} of {count} people" in form.send()
    (message,) = server.bodies
    assert "filter: runs at least 18" in str(message)
    file = form.browser.get(f"/segments/failing/push.csv?set=action{question}").text
    assert len(file.splitlines()) == 1 + count


@pytest.mark.parametrize(
    "filter_", ["where=nope+%3D+1", "where=run_count+%3E+'x'", "fact=run_count&op=least&value=many"]
)
def test_a_filter_that_cannot_be_asked_sends_nothing(form: Form, filter_: str) -> None:
    with receiving() as server:
        form.open(server.url, f"&{filter_}")
    assert 'role="alert"' in form.page
    assert "usertrack itself failed" not in form.page
    assert "<button class=" not in form.page
    assert server.bodies == []


def test_a_refusal_is_shown_and_not_repeated(form: Form) -> None:
    with receiving(Answer(403, "invalid_token")) as server:
        form.open(server.url)
        assert "Look at it again" in form.send()
        assert "Look at it again" in form.send()
    assert len(server.bodies) == 1


def test_without_a_target_nothing_can_be_sent(browser: Browser) -> None:
    page = browser.get("/segments/failing/push?set=action&to=slack").text
    assert "SLACK_WEBHOOK_URL" in page
    assert "<button class=" not in page
    assert browser.get("/segments/failing/push?to=fax").status_code == 400
    assert browser.get("/segments/failing/push.csv").text.startswith("email,segment,priority,reason,evidence")


def test_a_form_without_its_token_is_refused(browser: Browser) -> None:
    assert browser.request("POST", "/segments/failing/push", data={"order": "x"}).status_code == 403


def test_orders_are_done_once_however_many_ask() -> None:
    done: list[int] = []
    own: Orders[int] = Orders()
    order = own.prepare(lambda: done.append(1) or len(done), "/")  # type: ignore[func-returns-value]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(own.carry_out, [order] * 8))
    assert (done, own.outcome(order)) == ([1], 1)


def test_what_was_shown_long_ago_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    own: Orders[None] = Orders()
    order = own.prepare(lambda: None, "/")
    with pytest.raises(UsageError, match="not confirmed"):
        own.outcome(order)
    monkeypatch.setattr(orders, "ORDER_SECONDS", -1)
    with pytest.raises(UsageError, match="a quarter of an hour ago"):
        own.carry_out(order)
    with pytest.raises(UsageError, match="does not know this form"):
        own.carry_out("another server's")
