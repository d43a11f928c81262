"""Segments over time, from the history: sizes of weeks, and who came and went."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.people import Company, Office, ago, office
from tests.web.conftest import Browser, Strangers
from tests.web.test_activity import part


@pytest.fixture
def browser(stranger: Strangers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Browser:
    """A browser at the pages of the demo, whose history begins with one week."""
    monkeypatch.setenv("USERTRACK_HISTORY", str(tmp_path / "history.duckdb"))
    monkeypatch.setattr("usertrack.web.population.DEMO_WEEKS", 1)
    own = stranger()
    own.enter()
    return own


@pytest.mark.slow  # everybody is asked for at two moments; tests/segments proves what a history says
def test_the_demo_has_a_past(browser: Browser) -> None:
    page = browser.get("/segments").text
    assert "2 values, least " in page
    assert "since 13 Nov 2026" in page
    assert "2 values, least " in browser.get("/segments?refresh=1").text
    moved = browser.get("/segments/failing").text
    assert "Came and went since 13 Nov 2026" in moved
    assert "success rate" in moved[moved.index("Came and went") :]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for email, days in (("ann@x.example", 6), ("ben@x.example", 3)):
        company.account(email, runs={"failed": 8}, run_at=ago(days))
        company.event(company.person(email), "$pageview", ago(20))
    company.account("dee@x.example", signed_up=ago(30))
    company.event(company.person("eve@x.example"), "$pageview", ago(20))  # who has no account
    with office(tmp_path_factory.mktemp("past"), company) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("visitor", ["USERTRACK_HISTORY"], indirect=True)
def test_today_and_the_terminal_compare_with_the_same_snapshot(visitor: Browser, cli: Cli) -> None:
    """It is of five days ago: there was one failing person less a week ago."""
    assert cli("segments", "--as-of", "2026-11-15T09:00").code == 0
    terminal = cli("segments").out
    assert "Since 15 Nov 2026" in terminal
    assert re.search(r"Failing Users +2 .* \+1 −0", terminal)
    page = visitor.get("/").text
    moves = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", part(page, "moves")))
    assert "Segments since 15 Nov 2026" in moves
    assert "Failing Users 2 1 0" in moves
    assert "compared with 15 Nov 2026, 09:00 UTC" in moves
    assert "1 are new since 15 Nov 2026" in part(page, "act")
    own = visitor.get("/segments/failing").text
    assert re.findall(r"<h3>(.*?)</h3>", part(own, "moved")) == ["1 entered", "0 left"]


NAMELESS = """\
-- title: Accounts
SELECT w.id AS account_id, w.email, w.created_at AS signed_up_at FROM wasp_user AS w
"""


@pytest.fixture
def nameless(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "usertrack.yaml").write_text("")
    (tmp_path / "tables/neon/accounts.sql").write_text(NAMELESS)


def test_accounts_without_names_have_their_segment_pages(nameless: None, visitor: Browser) -> None:
    for segment in ("failing?set=action&members=all", "power?members=all", "failing?sort=email"):
        page = visitor.get(f"/segments/{segment}")
        assert (page.status_code, "this is a bug" in page.text) == (200, False)
        assert re.findall(r'<a href="/people/([^"]+)"', page.text) == ["ann%40x.example", "ben%40x.example"]


@pytest.fixture
def broken(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "usertrack.yaml").write_text("")
    code = "-- title: Code\nSELECT c.id AS account_id, c.at, c.status FROM gone AS c\n"
    (tmp_path / "tables/neon/code_runs.sql").write_text(code)


def test_an_unknown_segment_names_who_is_undecided_in_one_number(broken: None, visitor: Browser, cli: Cli) -> None:
    said = json.loads(cli("segments", "-f", "json").out)["segments"]
    at_risk = next(segment for segment in said if segment["id"] == "at_risk")
    assert (at_risk["count"], at_risk["undecided"]) == (None, 2)
    assert re.search(r">unknown</span><br><span[^>]*>2 undecided<", visitor.get("/segments").text)
    page = visitor.get("/segments/at_risk").text
    assert re.search(r"unknown, because [^<]*gone[^<]*; 2 undecided: dee@x.example", page)


@pytest.fixture
def unsigned(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("events: {signed_up: none, feature_used: none}\ntables: none\n")


@pytest.mark.slow
@pytest.mark.parametrize("visitor", ["DATABASE_URL"], indirect=True)
def test_every_part_of_activity_has_its_heading_when_it_is_empty(unsigned: None, visitor: Browser) -> None:
    page = visitor.get("/activity?days=3").text
    for name in ("activity", "sessions", "features", "journeys", "cohorts", "adoption", "churn", "segments"):
        assert "<h2" in part(page, name), name
