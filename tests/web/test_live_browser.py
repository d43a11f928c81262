"""The live page in a real Chromium: from an event to the row on the screen, and over a restart of the server."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.chromium import axe, chromium, patient, violations  # noqa: F401
from tests.web.conftest import on_port
from tests.web.live_site import Company, company, shared_store  # noqa: F401
from usertrack.web.access import Access
from usertrack.web.app import create_app

pytestmark = pytest.mark.slow

HEADER = "x-forwarded-email"


@contextmanager
def pages(company: Company, port: int = 0, access: Access | None = None) -> Iterator[int]:
    """The pages on a port, behind a proxy that names who looks, unless ``access`` is another."""
    access = access or Access(b"key", frozenset({"127.0.0.1"}), port, header=HEADER, proxies=frozenset({"127.0.0.1"}))
    with on_port(create_app(company.settings, access), port) as port:
        yield port


class Tab:
    """A page that somebody looks at. ``wrong`` is what a browser complains of, and requests to others.

    The clock of a ``timed`` one can be put forward.
    """

    def __init__(self, chromium: Any, port: int, who: str, *, timed: bool = False) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.page = patient(chromium.new_context(extra_http_headers={HEADER: who})).new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self._look_at(request.url))
        if timed:
            self.page.clock.install()
        self.page.goto(f"{self.url}/live")

    def _look_at(self, url: str) -> None:
        if not url.startswith(self.url):
            self.wrong.append(url)

    def hide(self, *, hidden: bool) -> None:
        """As when another tab is looked at."""
        self.page.evaluate(
            """(hidden) => {
                Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    def shows(self, text: str, place: str = "body") -> None:
        self.page.locator(place, has_text=text).first.wait_for()


def test_who_comes_needs_help_and_is_taken_up_in_two_tabs(chromium: Any, axe: str, company: Company) -> None:
    company.come("early@acme.example")
    with pages(company) as port:
        first, second = Tab(chromium, port, "ada@own.example"), Tab(chromium, port, "bob@own.example")
        for tab in (first, second):
            tab.shows("early@acme.example", "#live-people")
        row = first.page.locator("#live-people tr").first.element_handle()
        company.come("dana@acme.example")
        first.shows("dana@acme.example", "#live-people")
        assert row.is_visible()  # it is the same element: only what differs is touched
        company.alert("dana@acme.example")
        for tab in (first, second):
            tab.shows("4 errors in 5 minutes", "#live-alerts")
        assert "dana@acme.example needs help" in first.page.locator("#live-said").inner_text()
        assert violations(first.page, axe) == []
        first.page.get_by_role("button", name="Take up: dana@acme.example").click()
        first.shows("dana@acme.example: you look after it", "#did")
        second.shows("taken up by ada@own.example", "#live-alerts")
        assert second.page.get_by_role("button", name="Take up").count() == 0
        assert first.wrong == second.wrong == []
        for tab in (first, second):
            tab.page.context.close()


def test_who_left_leaves_nobody_on_the_screen(chromium: Any, company: Company) -> None:
    company.come("ann@acme.example")
    access = Access(b"key", frozenset({"127.0.0.1"}), 0)
    with pages(company, access=access) as port:
        tab = Tab(chromium, port, "")
        tab.page.goto(access.new_link(tab.url))
        tab.page.goto(f"{tab.url}/live")
        tab.shows("ann@acme.example", "#live-people")
        leaving = tab.page.context.new_page()
        leaving.goto(f"{tab.url}/leave")
        leaving.locator("main button").click()
        company.come("omar@acme.example")
        tab.shows("your visit has ended")
        assert "acme.example" not in tab.page.content()
        tab.page.context.close()


def test_a_page_is_whole_again_after_its_server_was_restarted(chromium: Any, company: Company) -> None:
    company.come("ann@acme.example")
    key = company.alert("dana@acme.example")
    with pages(company) as port:
        tab, alert = (Tab(chromium, port, "ada@own.example") for _ in range(2))
        tab.shows("ann@acme.example", "#live-people")
        alert.page.goto(f"{alert.url}/alerts/{key}")
        alert.page.get_by_label("Comment").fill("I call her")
    alert.page.get_by_role("button", name="Take up").click()
    alert.shows("That was not sent", "#did")
    tab.shows("trying again", "#live-state")
    company.come("omar@acme.example")
    with pages(company, port):
        alert.page.get_by_role("button", name="Take up").click()
        alert.shows("Taken up by you")
        alert.shows("I call her")
        tab.shows("omar@acme.example", "#live-people")
        assert tab.page.locator("#live-people tr").count() == 2
        tab.page.wait_for_function("document.getElementById('live-state').textContent === ''")
        company.do("omar@acme.example", "report_created")
        tab.shows("report created", "#live-feed")
        for each in (tab, alert):
            each.page.context.close()


def test_a_page_in_the_background_lets_go_and_catches_up_in_one_step(chromium: Any, company: Company) -> None:
    company.come("ann@acme.example")
    with pages(company) as port:
        tab = Tab(chromium, port, "ada@own.example", timed=True)
        tab.shows("ann@acme.example", "#live-people")
        tab.hide(hidden=True)
        tab.page.clock.fast_forward(31_000)
        for number in range(5):
            company.come(f"p{number}@acme.example")
        time.sleep(1)
        assert tab.page.locator("#live-people tr").count() == 1
        tab.hide(hidden=False)
        tab.shows("p4@acme.example", "#live-people")
        assert tab.page.locator("#live-people tr").count() == 6
        tab.page.context.close()
