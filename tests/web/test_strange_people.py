"""People with names that a page has to bear."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.people import Company, Office, ago, office
from tests.web.conftest import Browser
from tests.web.test_activity import part

NAMES = {
    "long@x.example": "x" * 10_000,
    "rtl@x.example": "\u202eمريم 🦊",
    "&amp{{1}}'@x.example": "<script>alert(1)</script>",
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


@pytest.mark.slow  # a company of its own; hostile texts that are typed are in test_segments.py
def test_each_is_in_the_table_and_has_a_page(visitor: Browser) -> None:
    table = visitor.get("/segments/failing").text
    assert "<script>alert" not in table
    assert "\\u202eمريم 🦊" in table
    assert "ask again" in table
    for email, name in NAMES.items():
        address = f"/people/{quote(email, safe='')}"
        assert f'href="{address}"' in table
        page = visitor.get(address)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "this is a bug" not in page.text
        assert len(page.text.split("<h1>")[1].split("</h1>")[0]) < 300, name


@pytest.mark.slow
@pytest.mark.parametrize("visitor", ["DATABASE_URL"], indirect=True)
def test_without_postgres_today_says_on_what_it_rests(visitor: Browser) -> None:
    assert "%40x.example" not in visitor.get("/").text
    assert "Postgres is not connected: people and rules rest on the other source alone" in visitor.get("/").text
    assert "0.0 %" not in part(visitor.get("/segments").text, "segments").partition("Frustrated")[0]
