"""`usertrack report activity`: one page whose figures are those of the commands, also for one hostile person."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from usertrack.core import embed
from usertrack.library.library import shipped_root

from ..conftest import Cli, document_of
from ..people import Company, ago, office, served
from .test_report import Links

SECTIONS = [*("At a glance", "Active people", "Sessions", "Features", "Journeys", "Retention", "Cohorts", "Segments")]
HOSTILE = "</script><script>alert(1)</script>\x1b[31m{{7*7}}%s|`x`"


def sections(document: Any) -> dict[str, Any]:
    return {section["heading"]: section for section in document["sections"]}


def rows(section: Any, number: int = 0) -> list[dict[str, Any]]:
    return [block["rows"] for block in section["blocks"] if "rows" in block and isinstance(block["rows"], list)][number]


def plain_page(text: str) -> None:
    page = Links()
    page.tags = []
    page.feed(text)
    assert not {tag for tag in page.tags if re.search(r"iframe|link| src| on", tag)}
    assert page.tags.count("script") == 1
    assert set(re.findall(r'href="(.)', text)) <= {"#"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def page(demo: Cli, folder: Path) -> Mapping[str, str]:
    """The page of the demo's last 30 days."""
    for ending in ("html", "md", "json"):
        if not (folder / f"a.{ending}").exists():
            result = demo("report", "activity", "-o", folder / f"a.{ending}")
            assert (result.code, result.out) == (0, "")
    return {path.suffix[1:]: path.read_text() for path in folder.glob("a.*")}


def test_its_figures_are_those_of_the_commands(demo: Cli, page: Mapping[str, str]) -> None:
    document = json.loads(page["json"])
    assert list(sections(document)) == SECTIONS
    now = document_of(demo, "activity")["now"]
    cards = {
        row["measure"].split(",")[0]: row["now"].replace(" ", "") for row in rows(sections(document)["At a glance"])
    }
    assert cards == {
        **{name.upper(): str(now[name]) for name in ("dau", "wau", "mau")},
        "Engagement score": f"{now['engagement_score']:.1f}",
    }
    curve = sections(document)["Retention"]["blocks"][0]
    on_day_7 = document_of(demo, "cohorts")["curve"][7]
    assert curve["series"]["back"][curve["x"].index("day 7")] == on_day_7["rate"]
    counts = {segment["name"]: segment["count"] for segment in document_of(demo, "segments")["segments"]}
    assert counts.items() <= {row["segment"]: row["people"] for row in rows(sections(document)["Segments"])}.items()


def test_the_page_is_one_file_with_every_picture(page: Mapping[str, str]) -> None:
    html = page["html"]
    plain_page(html)
    assert len(html) < 350_000
    assert (html.count('class="chart trend"'), html.count('class="chart flow"'), html.count('class="tile"')) == (
        2,
        1,
        4,
    )
    assert re.findall(r"</i>(\w+ above 75 %)</li>", html) == ["core above 75 %"] * 3  # of each category
    tokens = MarkdownIt("commonmark").enable("table").parse(page["md"])
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert [heading for heading in headings if heading in SECTIONS] == SECTIONS


def test_every_figure_names_its_query(page: Mapping[str, str]) -> None:
    known = json.loads(page["json"])["provenance"]
    queries = [query["query"] for query in known["queries"]]
    assert {"posthog/active_days", "posthog/features", "posthog/journeys", "neon/accounts"} <= set(queries)
    assert sum(len(group["values"]) for group in known["figures"]) > 500
    [curve] = [group for group in known["figures"] if group["section"] == "Retention"]
    assert {queries[at] for at in curve["query"]} == {"posthog/retention"}
    assert any(name.endswith("back › day 7") for name in curve["values"])


@pytest.mark.slow
def test_the_example_in_the_docs_holds_until_somebody_touches_it(demo: Cli, tmp_path: Path) -> None:
    file, text = tmp_path / "a.html", (shipped_root() / "docs/examples/activity.html").read_text()
    file.write_text(text)
    assert demo("report", "verify", "a.html").code == 0
    file.write_text(text.replace("<b>650</b>", "<b>651</b>"))
    result = demo("report", "verify", "a.html", "-f", "csv")
    assert (result.code, "651" in result.out) == (5, True)


def test_a_part_that_cannot_be_had_is_said_on_top(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").touch()
    (tmp_path / "queries/posthog").mkdir(parents=True)
    text = (shipped_root() / "queries/posthog/journeys.sql").read_text()
    (tmp_path / "queries/posthog/journeys.sql").write_text(text.replace("FROM sessions", "FROM nothing_there"))
    result = demo("report", "activity", "-o", "a.md")
    assert result.code == 6
    page = (tmp_path / "a.md").read_text()
    assert page.splitlines()[4].startswith("**This report is incomplete: PostHog refused the query: Unknown table")
    assert "**unknown: posthog/journeys: PostHog refused the query: Unknown table" in page
    assert "| DAU, the last full day | 650 | 644 |" in page  # of the same weekday a week earlier


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["--where", "nope nope"], "does not understand 'nope nope'", "SQL editor"),
        (["--segment", "powr"], "no segment 'powr'", "power"),
        (["--since", "2026-11-10", "--until", "2026-11-01"], "when it is over", "--since"),
    ],
)
def test_wrong_input(own: Cli, args: list[str], message: str, hint: str) -> None:
    result = own("report", "activity", *args)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert hint in result.err


# One person


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
def own(cli: Cli, clean_env: pytest.MonkeyPatch, environment: dict[str, str]) -> Cli:
    for name, value in environment.items():
        clean_env.setenv(name, value)
    return cli


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
