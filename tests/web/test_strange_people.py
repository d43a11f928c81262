"""People with names that a page has to bear."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.people import Company, Office, ago, office, served
from tests.web.conftest import Browser
from usertrack.web.access import Access
from usertrack.web.app import create_app
from usertrack.workspace.settings import load_settings

NAMES = {
    "long@x.example": "x" * 10_000,
    "rtl@x.example": "\u202eمريم 🦊",
    "<b>@x.example": "<script>alert(1)</script>",
    "a/b?c#d@x.example": "Slash",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for email, name in NAMES.items():
        company.account(email, name=name, runs={"failed": 8})
        company.event(company.person(email), "$pageview", ago(3), 2)
    with office(tmp_path_factory.mktemp("strange"), company) as opened:
        yield opened


@pytest.fixture
def browser(place: Office, clean_env: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A browser at the pages of a company of strange names."""
    with served(place) as env:
        for name, value in {**env, "USERTRACK_HISTORY": "off"}.items():
            clean_env.setenv(name, value)
        access = Access(b"key", frozenset({"localhost"}), 8766)
        own = Browser(create_app(load_settings(), access), access)
        own.enter()
        yield own


@pytest.mark.slow  # a company of its own; hostile texts that are typed are in test_segments.py
def test_each_is_in_the_table_and_has_a_page(browser: Browser) -> None:
    table = browser.get("/segments/failing").text
    assert "<script>alert" not in table
    assert "\\u202eمريم 🦊" in table
    assert "ask again" in table
    for email, name in NAMES.items():
        address = f"/people/{quote(email, safe='')}"
        assert f'href="{address}"' in table
        page = browser.get(address)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "this is a bug" not in page.text
        assert len(page.text.split("<h1>")[1].split("</h1>")[0]) < 300, name
