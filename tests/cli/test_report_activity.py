"""`usertrack report activity`: one page whose figures are those of the commands."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from usertrack.library.library import shipped_root

from ..conftest import Cli, document_of
from .test_report import Links

SECTIONS = [*("At a glance", "Active people", "Sessions", "Features", "Journeys", "Retention", "Cohorts", "Segments")]


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


@pytest.mark.slow
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


@pytest.mark.slow
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
