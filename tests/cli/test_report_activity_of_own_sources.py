"""`usertrack report activity` on one's own sources: hostile names, wrong input, and a source that cannot be reached."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from usertrack.core import embed

from ..conftest import Cli, document_of
from ..people import Company, ago, office, served
from .test_report_activity import plain_page, rows, sections

HOSTILE = "</script><script>alert(1)</script>\x1b[31m{{7*7}}%s|`x`"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    company = Company()
    company.account("lena@northwind.example", runs={"completed": 6})
    lena = company.person("lena@northwind.example")
    company.event(lena, "user_signed_up", ago(10))
    for day in (1, 2, 8):
        session = {"p_$session_id": f"s{day}", "p_$browser": HOSTILE, "p_$os": "=1+1"}
        company.event(lena, "$pageview", ago(day), **{"p_$pathname": f"/{HOSTILE}"}, **session)
        company.event(lena, "feature_used", ago(day, -60), feature=HOSTILE, category=HOSTILE, **session)
    with office(tmp_path_factory.mktemp("northwind"), company) as opened, served(opened) as env:
        yield env


@pytest.fixture
def own(cli: Cli, clean_env: pytest.MonkeyPatch, environment: dict[str, str], tmp_path: Path) -> Cli:
    """The command line of somebody who knows one segment."""
    (tmp_path / "usertrack.yaml").touch()
    (tmp_path / "segments.yaml").write_text(
        "profile: {queries: [neon/run_activity, posthog/people]}\n"
        "sets: {action: {segments: {power: {when: run_count > 5}}}}"
    )
    for name, value in environment.items():
        clean_env.setenv(name, value)
    return cli


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["--where", "nope nope"], "does not understand 'nope nope'", "SQL editor"),
        (["--segment", "powr"], "no segment 'powr'", "power"),
        (["--since", "2026-11-10", "--until", "2026-11-01"], "the time ends", "--since"),
    ],
)
def test_wrong_input(own: Cli, args: list[str], message: str, hint: str) -> None:
    result = own("report", "activity", *args)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert hint in result.err


@pytest.mark.slow
def test_whom_and_what_it_is_about_is_in_the_file(own: Cli, tmp_path: Path) -> None:
    options = ["--segment", "power", "--days", "9", "--week-start", "sunday", "--timezone", "America/New_York"]
    narrowed = [*options, "--where", "properties.$os = '=1+1'"]
    assert own("report", "activity", *narrowed, "-o", "a.json").code == 0
    text = (tmp_path / "a.json").read_text()
    document = json.loads(text)
    assert (document["segment"], document["where"]) == ("power", "properties.$os = '=1+1'")
    assert (document["since"], document["week_start"]) == ("2026-11-12T05:00:00Z", "sunday")
    assert "@" not in text  # who the segment's people are is not told
    by_command = document_of(own, "activity", *narrowed[:4], *narrowed[6:])["now"]["mau"]
    assert rows(sections(document)["At a glance"])[2]["now"] == str(by_command) == "1"
    assert own("report", "verify", "a.json").code == 0


@pytest.mark.slow
def test_one_person_with_hostile_names(own: Cli, tmp_path: Path) -> None:
    for ending, source in (("html", ()), ("md", ["--offline"]), ("json", ["--offline"])):  # the sources are asked once
        assert own("report", "activity", *source, "-o", f"a.{ending}").code == 0
    headed = sections(json.loads((tmp_path / "a.json").read_text()))
    assert [row["now"] for row in rows(headed["At a glance"])][:3] == ["1", "1", "1"]
    assert [(row["feature"], row["uses"], row["people"]) for row in rows(headed["Features"])] == [(HOSTILE, 3, 1)]
    html, markdown = (tmp_path / "a.html").read_text(), (tmp_path / "a.md").read_text()
    plain_page(html)
    for text in (html, markdown):
        assert "\x1b" not in text
        assert "{{7*7}}" in text  # as it is, not 49
    tokens = MarkdownIt("commonmark").enable("table").parse(embed.extract_provenance(markdown)[1])  # type: ignore[index]
    inline = [token.content for each in tokens for token in each.children or () if token.type == "html_inline"]
    assert inline == []


@pytest.mark.slow
def test_a_time_with_nobody_in_it(own: Cli) -> None:
    result = own("report", "activity", "--since", "2020-01-01", "--until", "2020-01-02", "-f", "markdown")
    assert result.code == 0
    assert "| MAU, the 30 days to it | 0 | 0 | · |" in result.out
    for words in ("nobody was active in this time", "no session began", "nobody took any step", "fewer than 30"):
        assert words in result.out
    html = own("report", "activity", "--since", "2020-01-01", "--until", "2020-01-02", "-f", "html", "--offline").out
    assert "no feature was used in this time" in html


@pytest.mark.slow
def test_without_postgres(own: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_env.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert own("report", "activity", "-o", "a.html").code == 6
    page = (tmp_path / "a.html").read_text()
    assert re.search('<p class="warning">This report is incomplete: [^<]*Postgres', page)
    assert "<b>1</b>" in page


def test_without_posthog(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("POSTHOG_HOST", "http://127.0.0.1:1")
    result = own("report", "activity")
    assert (result.code, result.out) == (3, "")
    assert "cannot reach PostHog" in result.err
