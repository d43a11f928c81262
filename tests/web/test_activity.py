"""Activity: the dashboard, in parts that come as they are answered."""

import html
import re

import pytest

from tests.web.conftest import Browser

PARTS = ("activity", "sessions", "features", "journeys", "cohorts", "adoption", "churn", "segments")


def part(page: str, name: str) -> str:
    """What came for this part of the page."""
    section = re.search(rf'<section slot="{name}".*?</section>', page, re.DOTALL)
    assert section, f"no {name}"
    return section[0]


@pytest.mark.slow
def test_every_part_comes_in_its_place(browser: Browser) -> None:
    page = browser.get("/activity").text
    for name in PARTS:
        assert page.index(f'<slot name="{name}">') < page.index(part(page, name))
    assert 'role="alert"' not in page
    assert len(ids := re.findall(r' id="([^"]+)"', page)) == len(set(ids))


@pytest.mark.slow
def test_the_address_is_the_whole_question(browser: Browser) -> None:
    params = {"days": "7", "segment": "power", "breakdown": "$browser", "step": ["user_signed_up", "run_completed"]}
    page = browser.get("/activity", params=params).text
    assert "14 Nov – 20 Nov 2026" in part(page, "scope")
    assert "segment power" in part(page, "scope")
    assert "Chrome" in part(page, "activity")
    assert "run_completed" in part(page, "adoption")
    assert '<option value="power" selected>' in page


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"segment": "powre"}, "did you mean 'power'"),
        (
            {"since": "2026-11-10", "until": "2026-11-01"},
            "the time ends (2026-11-02 00:00) before",
        ),
        ({"since": "2027-01-01"}, "this time is yet to come"),
        ({"days": "many"}, "is not 1 to 3660 days"),
        ({"breakdown": "contry"}, "no event in this time has a property 'contry'"),
        pytest.param({"where": "1 +"}, "PostHog does not understand '1 +'", marks=pytest.mark.slow),  # for each part
    ],
)
def test_what_cannot_be_asked_is_said_once(browser: Browser, params: dict[str, str], why: str) -> None:
    page = browser.get("/activity", params=params).text
    assert why in page.replace("&#39;", "'")
    assert page.count('role="alert"') == 1


@pytest.mark.slow
def test_a_step_that_no_event_has_is_an_error_in_its_place(browser: Browser) -> None:
    page = browser.get("/activity", params={"step": ["user_signed_up", "run_complet"]}).text
    assert "run_completed" in part(page, "adoption")
    assert 'value="run_complet"' in part(page, "adoption")
    assert page.count('role="alert"') == 1


@pytest.mark.slow
def test_a_path_leads_to_who_took_it_and_on_to_each_of_them(browser: Browser) -> None:
    journeys = part(browser.get("/activity").text, "journeys")
    link = re.search(r'href="(/activity/path[^"]+)" aria-label="[^"]*: ([\d ]+) journeys"', html.unescape(journeys))
    assert link
    page = browser.get(link[1]).text
    assert f"{link[2]} journeys of" in part(page, "people")
    assert 'href="/people/' in part(page, "people")
    assert browser.get("/activity/path?position=1").status_code == 400
    assert browser.get("/activity/path?source=a&target=b&position=" + "9" * 5000).status_code == 400
    assert "nobody took this path" in browser.get("/activity/path?position=3&source=/nowhere&target=/here").text


@pytest.mark.slow
def test_a_figure_leads_to_its_query_as_it_was_asked(browser: Browser) -> None:
    journeys = html.unescape(part(browser.get("/activity").text, "journeys"))
    address = re.search(r'href="(/queries/posthog/journeys\?[^"]+)"', journeys)
    assert address
    assert "since=2026-10-22" in address[1]
    assert browser.get(address[1]).status_code == 200
