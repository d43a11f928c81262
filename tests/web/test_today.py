"""The first page."""

import re

import pytest

from tests.web.conftest import Browser, Strangers
from tests.web.test_activity import part
from usertrack.workspace.settings import load_settings


@pytest.mark.slow
def test_today_says_whom_to_act_on_and_what_changed(browser: Browser) -> None:
    page = browser.get("/").text
    act = part(page, "act")
    assert re.search(r'href="/people/[^"]+%40[^"]+"', act)
    assert "Support" in act
    assert "are new since last week" in act
    news = part(page, "news")
    assert "as in an ordinary week" in news or re.search(r"Since last week: .*Frustrated Users [\d ]+ → [\d ]+", news)
    assert "Run success rate" in part(page, "scores")
    assert "Failing Users" in part(page, "moves")
    assert "people do not fail together" in part(page, "incidents") or "People hit" in part(page, "incidents")
    assert 'role="alert"' not in page


def test_where_nothing_fires_it_says_how_alerts_begin(browser: Browser) -> None:
    assert "usertrack alerts watch" in part(browser.get("/").text, "alerts")


def test_a_page_says_that_a_source_did_not_answer(stranger: Strangers, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("DATABASE_URL", "postgres://nobody:secret@127.0.0.1:1/none")
    browser = stranger(load_settings())
    browser.enter()
    page = browser.get("/").text
    assert "check host and port in DATABASE_URL" in page
    assert "secret" not in page
