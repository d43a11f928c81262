"""Alerts of now and of before, one with its life, and the simulator."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.web.conftest import Browser
from tests.web.live_site import Company, company, shared_store  # noqa: F401
from usertrack.live.alerts.ids import short_id
from usertrack.web.access import Access
from usertrack.web.app import create_app
from usertrack.web.links import in_path
from usertrack.web.live.actions import act, open_desk


@pytest.fixture
def browser(company: Company) -> Browser:
    access = Access(b"key", frozenset({"localhost"}), 8766)
    browser = Browser(create_app(company.settings, access), access)
    browser.enter()
    return browser


def people(page: str) -> list[str]:
    return re.findall(r'"/live/\w+%40acme.example">(?:<bdi>)?(\w+)@acme\.example', page)


def test_alerts_are_filtered_paged_and_lead_to_people(company: Company, browser: Browser) -> None:
    for number in range(52):
        company.alert(f"p{number:02}@acme.example")
    first, second = browser.get("/alerts").text, browser.get("/alerts?page=2").text
    assert len(people(first)) == 50
    assert sorted(people(first) + people(second)) == [f"p{number:02}" for number in range(52)]
    assert "1 to 50 of 52" in first
    assert 'href="/alerts?state=open&amp;page=2"' in first
    assert people(browser.get("/alerts?q=P07").text) == ["p07"]
    assert "No alert is of this kind" in browser.get("/alerts?state=resolved").text
    assert people(browser.get("/alerts?page=").text) == people(first)
    assert "there is no page &#39;x&#39;" in browser.get("/alerts?page=x").text
    assert "To the last one" in browser.get("/alerts?page=99").text
    assert "known: open, resolved, all" in browser.get("/alerts?state=xx").text
    assert 'href="/live/p07%40acme.example"' in first
    assert "52 alerts in 30 days" in first


def test_an_alert_is_resolved_with_a_comment_and_its_life_says_so(company: Company, browser: Browser) -> None:
    path = f"/alerts/{short_id(company.alert('dana@acme.example'))}"
    id_ = path.rpartition("/")[2]
    done = browser.post("/alerts/act", page=path, do=f"resolve {id_}", back=path, comment="the <card> was expired")
    page = browser.get(done.headers["location"]).text
    assert "dana@acme.example: it is over" in page
    assert "the &lt;card&gt; was expired" in page
    assert '<form method="post"' not in page
    assert browser.get("/alerts/ffffff").status_code == 404
    other = f"/alerts/{short_id(company.alert('omar@acme.example'))}"
    odd = company.alert("ann@acme.example", person="ann\n/x")
    assert "ann@acme.example" in browser.get(f"/alerts/{in_path(odd)}").text
    assert browser.get("/alerts/").headers["location"].endswith("/alerts")
    both = browser.post("/alerts/act", page=other, do=f"acknowledge {in_path(odd)} gone")
    assert "you look after it. there is no alert &#39;gone&#39;" in browser.get(both.headers["location"]).text
    assert "nothing that can be done" in browser.post("/alerts/act", page=other, do=f"eat {id_}").text


def test_a_link_to_an_alert_is_its_key_whatever_that_has(company: Company, browser: Browser) -> None:
    path = f"/alerts/{in_path(company.alert('a/b%#@acme.example'))}"
    assert path in browser.get("/alerts?q=a/b").text
    assert path in browser.get("/").text
    page = browser.get(path).text
    assert "a/b%#@acme.example" in page
    assert "Nobody has taken it up" in page


def test_the_simulator_answers_with_what_it_has_done_so_far(company: Company, browser: Browser) -> None:
    company.come("dana@acme.example")
    page = browser.get("/alerts/simulate?days=3&within=2d").text
    assert page.index("reading events: done") < page.index("messages a day")
    assert "write churned, converted" in browser.get("/alerts/simulate?days=3&outcome=rich").text
    assert "is no number of days" in browser.get("/alerts/simulate?days=x").text


def test_what_fires_is_on_the_first_page_whatever_else_has_no_answer(company: Company, browser: Browser) -> None:
    company.alert("dana@acme.example")
    page = browser.get("/").text
    fires = page[page.index('<section slot="alerts"') :]
    assert "dana@acme.example" in fires[: fires.index("</section>")]


def test_an_alert_says_who_looks_after_it_and_two_at_once_are_not_both_told_so(
    company: Company, browser: Browser
) -> None:
    key = company.alert("dana@acme.example", last_active_at="2026-11-23T04:05:10.047739+00:00", errors=0, session="5f")
    path, now = f"/alerts/{short_id(key)}", datetime.now(UTC)

    def take_up(who: str) -> str:
        with open_desk(company.settings, now) as desk:
            return act(desk, "acknowledge", key, who, now)

    before = browser.get(path).text
    assert "Nobody has taken it up" in before
    assert "2026-11-23 04:05" in before
    assert "047739" not in before
    assert "<dt>errors</dt>" not in before
    with ThreadPoolExecutor() as threads:
        answers = sorted(threads.map(take_up, ("ann", "bob")))
    assert ["you look after it" in each for each in answers].count(True) == 1
    after = browser.get(path).text
    assert re.search("Taken up by (ann|bob)", after)
    assert "acknowledge " not in after
