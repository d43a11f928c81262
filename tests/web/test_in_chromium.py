"""The pages of the demo in a real Chromium, by clicks and keys from a one-time link, and each page looked at."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import ARGUMENTS, CHROMIUM, axe, chromium, patient, violations  # noqa: F401
from tests.push.receiver import Receiver, receiving
from tests.web.conftest import on_port
from usertrack.web.access import Access
from usertrack.web.app import create_app
from usertrack.workspace.settings import load_settings

pytestmark = pytest.mark.slow

WIDTHS = (390, 820, 1280, 2000)
JUDGED = ((1280, "light"), (390, "dark"))
FOREIGN = ("POSTHOG_", "DATABASE_URL", "NEON_", "USERTRACK_", "SLACK_")

Links = Callable[[], str]


class Visitor:
    """Somebody who looks at the pages. ``complaints`` are those of the browser, of axe, and of what is too wide."""

    def __init__(self, page: Any, link: str, axe: str) -> None:
        self.page, self._axe = page, axe
        self.url = link.partition("/login")[0]
        self.complaints: list[str] = []
        page.on("console", lambda message: self._complain(message.text))
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on("request", lambda request: request.url.startswith(self.url) or self._complain(request.url))
        page.goto(link)

    def _complain(self, of: str) -> None:
        self.complaints.append(f"{self.page.url.removeprefix(self.url)}: {of}")

    def comes_to(self, path: str) -> None:
        """Wait for the whole page at ``path``, a regular expression."""
        self.page.wait_for_url(re.compile(re.escape(self.url) + path + "$"))

    def looks_at(self, path: str) -> None:
        """Wait for it, and look at all of it in each size and scheme."""
        self.comes_to(path)
        self.page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            if excess := self.page.evaluate("document.documentElement.scrollWidth - innerWidth"):
                self._complain(f"{excess} px too wide at {width}")
        for width, scheme in JUDGED:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.emulate_media(color_scheme=scheme)
            for violation in violations(self.page, self._axe):
                self._complain(f"{violation} ({scheme}, {width})")
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def click(self, name: str, role: str = "link", place: str = "main") -> None:
        self.page.locator(place).get_by_role(role, name=name).first.click()

    def open_first(self, path: str) -> None:
        """Follow the first link that begins with ``path``, by the keyboard."""
        self.page.locator(f'main a[href^="{path}"]').first.press("Enter")

    def back(self) -> None:
        self.page.go_back(wait_until="commit")  # a page that the browser has kept is not loaded

    def forward(self) -> None:
        self.page.go_forward(wait_until="commit")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def shows(self, text: str) -> None:
        self.page.locator("main", has_text=re.compile(text)).first.wait_for()


@pytest.fixture(scope="module")
def slack() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def links(
    engines: None, demo_cache: Path, slack: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Links]:
    """One-time links of the demo's pages, as `usertrack open --demo` serves them."""
    folder = tmp_path_factory.mktemp("open")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FOREIGN)]:
            patch.delenv(name)
        patch.setenv("XDG_CACHE_HOME", str(demo_cache))
        patch.setenv("USERTRACK_HISTORY", str(folder / "history.duckdb"))
        patch.setenv("USERTRACK_CACHE", str(folder / "cache"))
        patch.setenv("SLACK_WEBHOOK_URL", slack.url)
        # the forms that export and erase somebody read every file of ours there, also those of other tests
        patch.setattr(tempfile, "tempdir", str(folder))
        patch.chdir(folder)
        access = Access(b"key", frozenset({"127.0.0.1"}), 0)
        with on_port(create_app(load_settings(demo=True), access)) as port:
            yield lambda: access.new_link(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def session(chromium: Any, links: Links, axe: str) -> Iterator[Visitor]:
    context = patient(chromium.new_context(reduced_motion="reduce"))  # what moves while it waits takes a processor
    yield Visitor(context.new_page(), links(), axe)
    context.close()


@pytest.fixture
def visitor(session: Visitor) -> Iterator[Visitor]:
    """The visitor, wherever the test before went to: keys lead from there to everywhere."""
    session.page.wait_for_load_state()
    session.complaints.clear()
    session.press("Escape")
    yield session
    assert session.complaints == []


def test_from_today_to_a_person_and_the_form_that_erases_them(visitor: Visitor) -> None:
    visitor.looks_at("/")
    visitor.page.evaluate("document.querySelector('.parts').prepend(document.getElementById('moves'))")  # came first
    visitor.press("j", "Enter")
    visitor.looks_at("/people/[^/]+")
    visitor.page.get_by_label("Kind").select_option(index=1)
    visitor.page.get_by_role("form", name="Filter the timeline").get_by_role("button").click()
    visitor.comes_to(r"/people/[^/]+\?kind=.+#timeline")
    visitor.shows("Clear")
    visitor.click("Erase them …")
    visitor.looks_at("/erase/[^/]+")
    visitor.click("Back")
    visitor.click("Export all")
    visitor.looks_at("/export/[^/]+")


def test_people_of_a_segment_are_filtered_sorted_and_paged(visitor: Visitor) -> None:
    visitor.press("g", "s")
    visitor.looks_at("/segments")
    visitor.click("lifecycle")
    visitor.click("Dormant")
    visitor.comes_to(r"/segments/dormant\?set=lifecycle")
    visitor.page.get_by_label("Fact 1").select_option("days since signup")
    visitor.page.get_by_label("Comparison 1").select_option("at least")
    visitor.page.get_by_label("Value 1").fill("30")
    visitor.press("Enter")
    visitor.comes_to(r".*fact=[a-z_]+&op=least&value=30.*")
    people = visitor.page.get_by_role("group", name="People", exact=True)
    for order in ("email", "-email"):
        people.get_by_role("link", name="Person").click()
        visitor.comes_to(f".*&sort={order}&.*")
    visitor.click("Next")
    visitor.looks_at(".*&sort=-email&page=2&.*")
    visitor.shows("51 to 100 of")


def test_a_push_is_sent_once_wherever_the_back_button_leads(visitor: Visitor, slack: Receiver) -> None:
    visitor.page.goto(f"{visitor.url}/segments/failing/push?set=action")
    visitor.click("slack")
    visitor.looks_at(".*to=slack")
    visitor.back()
    visitor.shows("Choose a target")
    with visitor.page.expect_event("load"):
        visitor.forward()
    people = visitor.page.get_by_role("group", name="Who would be sent").get_by_role("link").all_inner_texts()
    assert slack.bodies == []
    visitor.click("Send 10 people to slack", "button")
    visitor.comes_to("/pushes/.+")
    (sent,) = map(str, slack.bodies)
    assert [person in sent for person in people] == [True] * 10

    with visitor.page.expect_event("load"):
        visitor.back()
    visitor.shows("This was confirmed .* ago")
    visitor.forward()
    visitor.shows("Failing Users to slack: 10 of 33 people")
    visitor.page.reload()
    assert len(slack.bodies) == 1


def test_a_bookmark_of_a_segment_that_was_renamed_leads_to_those_there_are(visitor: Visitor) -> None:
    with visitor.page.expect_response(f"{visitor.url}/segments/old-id?set=action") as response:
        visitor.page.goto(f"{visitor.url}/segments/old-id?set=action")
    assert response.value.status == 404
    visitor.complaints.clear()  # the browser's, of a 404
    visitor.shows("set 'action' has no segment 'old-id'")
    visitor.looks_at(".*old-id.*")
    visitor.click("Failing Users")
    visitor.comes_to("/segments/failing.*")


def test_who_keeps_no_cookies_is_told_so(chromium: Any, links: Links, tmp_path: Path) -> None:
    (tmp_path / "Default").mkdir()
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default/Preferences").write_text(json.dumps(settings))
    own = chromium.browser_type
    with own.launch_persistent_context(str(tmp_path), executable_path=CHROMIUM, args=ARGUMENTS) as context:
        page = context.new_page()
        page.goto(links())
        assert "your browser keeps no cookies" in page.locator("main").inner_text()


def test_a_path_of_the_journeys_leads_to_who_took_it(visitor: Visitor) -> None:
    visitor.press("g", "a")
    visitor.looks_at("/activity")
    visitor.page.get_by_label("Time").select_option("7 days")
    visitor.click("Show", "button")
    visitor.comes_to(r"/activity\?days=7.*")
    visitor.open_first("/activity/path")
    visitor.looks_at(r"/activity/path\?.+")
    visitor.open_first("/people/")
    visitor.shows("What would change their segments")


def test_live_alerts_plan_and_what_is_found(visitor: Visitor) -> None:
    visitor.press("g", "l")
    visitor.looks_at("/live")
    visitor.shows("nobody plays the demo's people")
    visitor.press("g", "r")
    visitor.looks_at("/alerts")
    visitor.click("What would the patterns have sent?")
    visitor.looks_at("/alerts/simulate")
    visitor.press("g", "p")
    visitor.looks_at("/plan")
    visitor.press("/")
    visitor.page.keyboard.type("churn")
    visitor.press("Enter")
    visitor.looks_at(r"/search\?q=churn")
    visitor.open_first("/queries/")
    visitor.looks_at("/queries/.+")


def test_a_query_runs_and_is_downloaded(visitor: Visitor) -> None:
    visitor.press("g", "q")
    visitor.looks_at("/queries")
    visitor.click("neon/accounts")
    visitor.click("Run", "button")
    visitor.looks_at(r"/queries/neon/accounts\?run=1")
    with visitor.page.expect_download() as download:
        visitor.click("Download", "button")
    assert download.value.suggested_filename == "neon-accounts.csv"


@pytest.fixture(scope="module")
def without_scripts(chromium: Any, session: Visitor) -> Iterator[Any]:
    context = patient(
        chromium.new_context(java_script_enabled=False, storage_state=session.page.context.storage_state())
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/", "Act on these first"),
        ("/segments", "Failing Users"),
        ("/segments/failing", "finished runs ever failed"),
        ("/segments/failing/push?to=slack", "What goes out"),
        ("/activity", "Retention"),
        ("/live", "how it was when it was loaded"),
        ("/alerts", "Nobody needs help"),
        ("/plan", "Events that arrive"),
        ("/queries", "neon/accounts"),
        ("/search?q=marc", "marc.adler"),
    ],
)
def test_a_page_without_scripts_shows_its_parts(without_scripts: Any, session: Visitor, path: str, part: str) -> None:
    without_scripts.goto(session.url + path)
    assert part in without_scripts.locator("main").inner_text()
    assert not without_scripts.get_by_role("status", name="loading").is_visible()
