"""`usertrack report` on the demo: the week of the incident, what is in its file, and whether it holds."""

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from usertrack.core import embed
from usertrack.library.library import shipped_root

from ..conftest import Cli, slow_but
from . import golden

EXAMPLES = shipped_root() / "docs" / "examples"
SEGMENTS = ["Failing Users", "Frustrated Users", "High-Intent Prospects", "At-Risk Users", "Power Users"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def week(demo: Cli, folder: Path) -> Mapping[str, str]:
    """The report of the last week that is over, in every format."""
    for ending in ("html", "md", "json"):
        if not (folder / f"week.{ending}").exists():
            result = demo("report", "weekly", "-o", folder / f"week.{ending}")
            assert (result.code, result.out) == (0, "")
    return {path.suffix[1:]: path.read_text() for path in folder.glob("week.*")}


@pytest.fixture
def full(demo: Cli, folder: Path) -> Mapping[str, str]:
    """The same report in full."""
    for ending in ("md", "json"):
        if not (folder / f"full.{ending}").exists():
            assert demo("report", "weekly", "--full", "-o", folder / f"full.{ending}").code == 0
    return {path.suffix[1:]: path.read_text() for path in folder.glob("full.*")}


def headings(markdown: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]


@pytest.mark.slow
def test_it_is_short(week: Mapping[str, str]) -> None:
    provenance = embed.extract_provenance(week["md"])
    assert provenance is not None
    golden("weekly.markdown", provenance[1])
    assert headings(week["md"])[:4] == ["Week 46, 9 Nov – 15 Nov 2026", "In short", "What changed", "Segments"]
    assert len(week["md"].splitlines()) <= 120  # with the provenance at its end


@pytest.mark.slow
def test_all_of_it(full: Mapping[str, str]) -> None:
    provenance = embed.extract_provenance(full["md"])
    assert provenance is not None
    golden("weekly-full.markdown", provenance[1])
    assert headings(full["md"])[1:4] == ["In short", "Act on these first", "Scorecard"]
    assert len(full["md"]) < 45_000  # an issue of GitHub takes 65 536


def test_whom_to_act_on_is_read_once(week: Mapping[str, str]) -> None:
    sections = {section["heading"]: section["blocks"] for section in json.loads(week["json"])["sections"]}
    segments = {row["segment"]: row for row in sections["Segments"][0]["rows"]}
    assert list(segments) == SEGMENTS
    for row in segments.values():
        assert row["new"] + row["moved"] + row["same"] == row["to_act_on"]
    lines = sections["Whom to act on"][0]["rows"]
    assert len({(row["do"], row["why"]) for row in lines}) == len(lines)
    assert {row["since"] for row in lines if row["do"] != "Fix UX"} == {"new", "there"}


def test_every_part_is_there(full: Mapping[str, str]) -> None:
    document = json.loads(full["json"])
    assert (document["week"], document["finished"], document["as_of"]) == (
        "2026-W46",
        True,
        "2026-11-15T23:59:59.999999Z",
    )
    headings = [section["heading"] for section in document["sections"]]
    assert [heading.split(":")[0] for heading in headings] == [
        *("In short", "Scorecard", "Segments", *SEGMENTS, "What to write", "Power users to approach", "Who lapsed"),
        "Failures and incidents",
        *("What new users did", "Traffic", "The data behind this"),
    ]
    sections = dict(zip(headings, document["sections"], strict=True))
    assert sections["In short"]["blocks"][1]["facts"]["Platform incidents"] == (
        "Modal OOM (rc=137), 9 Nov, 13:00–16:00, 30 people hit"
    )
    failing, hit, came, *_ = sections["Failing Users: Support"]["blocks"]
    assert failing["rows"][0]["why"].startswith("19 of 22 finished runs ever failed")
    assert hit == {"text": "1 of the people hit is in Failing Users"}
    assert {row["change"] for row in came["rows"]} == {"entered"}
    assert [part["heading"] for part in sections["Traffic"]["sections"]] == [
        *("Per day", "Top pages", "Top referrers", "Top countries")
    ]
    assert len(sections["Traffic"]["sections"][0]["blocks"][1]["rows"]) == 7


def test_segments_are_those_of_the_moment(demo: Cli, week: Mapping[str, str]) -> None:
    document = json.loads(demo("segments", "--as-of", "2026-11-15", "-f", "json").out)
    rows = next(s for s in json.loads(week["json"])["sections"] if s["heading"] == "Segments")["blocks"][0]["rows"]
    assert {row["segment"]: row["people"] for row in rows} == {s["name"]: s["count"] for s in document["segments"]}


def test_every_figure_names_its_query(week: Mapping[str, str], full: Mapping[str, str]) -> None:
    known = json.loads(full["json"])["provenance"]
    names = {query["query"] for query in known["queries"]}
    assert {"posthog/traffic_days", "posthog/pages", "neon/new_users", "neon/failure_levels", "neon/accounts"} <= names
    assert all((shipped_root() / "queries" / f"{name}.sql").exists() for name in names)
    assert sum(len(group["values"]) for group in known["figures"]) > 200
    days = next(group for group in known["figures"] if group["section"] == "Traffic › Per day")
    assert days["values"]["Mon 9 Nov › Visits"] > 0
    query = known["queries"][days["query"][0]]
    assert (query["query"], query["source"], query["as_of"]) == (
        *("posthog/traffic_days", "posthog"),
        "2026-11-15T23:59:59.999999Z",
    )
    figures = json.loads(week["json"])["provenance"]["figures"]
    for ending in ("md", "html"):
        provenance = embed.extract_provenance(week[ending])
        assert provenance is not None
        assert provenance[2]["figures"] == figures


class Links(HTMLParser):
    tags: list[str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += [tag, *(f"{tag} {name}" for name, _ in attrs)]


def test_the_page_is_one_file_with_one_script_that_its_policy_allows(week: Mapping[str, str]) -> None:
    page = Links()
    page.tags = []
    page.feed(week["html"])
    assert {"template", "table"} <= set(page.tags)
    assert not {tag for tag in page.tags if re.search(r"iframe|link| src| on", tag)}
    assert page.tags.count("script") == 1
    script = week["html"].partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in week["html"]
    assert set(re.findall(r'href="(.)', week["html"])) == {"#"}
    assert not re.search(r"url\(|@import", week["html"])
    assert "</script><script>alert" not in week["html"]
    assert "prefers-color-scheme: dark" in week["html"]
    assert "@media print" in week["html"]


@pytest.mark.slow
@pytest.mark.parametrize("ending", slow_but(["md"], ["html", "md", "json"]))
def test_it_holds_until_somebody_touches_it(demo: Cli, week: Mapping[str, str], tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"week.{ending}"  # named from where it lies: a long path would break the line that is looked for
    file.write_text(week[ending])
    (tmp_path / "history.duckdb").unlink(missing_ok=True)  # of the report, if it was made for this test
    result = demo("report", "verify", file.name)
    assert (result.code, "figures and its text match" in result.out) == (0, True)
    assert not (tmp_path / "history.duckdb").exists()
    file.write_text(week[ending].replace("30 people hit", "31 people hit"))
    result = demo("report", "verify", file.name, "-f", "csv")
    assert result.code == 5
    assert re.search(r"altered,line \d+ of the text.*31 people hit.*30 people hit", result.out)


def test_a_wrong_figure_is_named(demo: Cli, week: Mapping[str, str], tmp_path: Path) -> None:
    document = json.loads(week["json"])
    values = next(g["values"] for g in document["provenance"]["figures"] if g["section"] == "Segments")
    values["Failing Users › People"] += 1
    (tmp_path / "week.json").write_text(json.dumps(document))
    result = demo("report", "verify", "week.json", "-f", "csv")
    assert result.code == 5
    value = values["Failing Users › People"]
    assert f'differs,Segments › Failing Users › People,{value},{value - 1},"neon/accounts' in result.out
    assert "1 figure or line is not what the sources say" in result.err


def test_other_sources_are_no_mismatch(demo: Cli, week: Mapping[str, str], tmp_path: Path) -> None:
    document = json.loads(week["json"])
    document["provenance"]["report"]["sources"] = "us.posthog.com/1"
    (tmp_path / "week.json").write_text(json.dumps(document))
    result = demo("report", "verify", "week.json")
    assert result.code == 2
    assert "the report is of other sources: us.posthog.com/1, not demo-" in result.err


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["weekly", "--week", "46"], "'46' is not an ISO week", "2026-W46"),
        (["weekly", "--week", "2026-W48"], "the week 2026-W48 is yet to come", "2026-W46"),
        (["weekly", "--set", "actoin"], "there is no segment set 'actoin'", "action"),
        (["segment", "faling"], "'faling'", "failing"),
        (["user", "lena@northwnd.example"], "nobody is known as", "lena@northwind.example"),
        (["verify", "nowhere.html"], "cannot read 'nowhere.html'", ""),
    ],
)
def test_wrong_input(demo: Cli, args: list[str], message: str, hint: str) -> None:
    result = demo("report", *args)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert hint in result.err


@pytest.mark.parametrize("args", [["weekly"], ["user", "ann@x.example"], ["activity"]])
def test_a_wrong_format_is_told_before_anything_is_asked(unreachable: Cli, args: list[str]) -> None:
    assert unreachable("report", *args).code == 3
    for wrong in (["-f", "csv"], ["-o", "week.csv"]):
        result = unreachable("report", *args, *wrong)
        assert (result.code, result.out) == (2, "")
        assert "this command has no csv output" in result.err
        assert "use --format table, json, markdown or html" in result.err


PERSON, SEGMENT = ["user", "percent%s{0}@hooli.example"], ["segment", "failing"]


@pytest.mark.slow
@pytest.mark.parametrize(("args", "ending"), slow_but([(PERSON, "html")], product([PERSON, SEGMENT], ["html", "json"])))
def test_people_and_segments_likewise(demo: Cli, tmp_path: Path, args: list[str], ending: str) -> None:
    assert demo("report", *args, "-o", f"x.{ending}").code == 0
    text = (tmp_path / f"x.{ending}").read_text()
    assert "<script>alert" not in text or ending == "json"
    assert demo("report", "verify", f"x.{ending}").code == 0


@pytest.mark.parametrize(
    ("segment", "of_today"), [("frustrated", set()), ("failing", {"failed runs", "completed runs"})]
)
def test_a_difference_is_excused_by_what_the_rule_reads(
    demo: Cli, tmp_path: Path, segment: str, of_today: set[str]
) -> None:
    """Who clicks in anger is told by events, which come late and change: that is a difference. Rows of runs change."""
    assert demo("report", "segment", segment, "-n", 1, "-o", "s.json").code == 0
    queries = json.loads((tmp_path / "s.json").read_text())["provenance"]["queries"]
    labels = {label for query in queries for label in query["current"]}
    assert (labels == of_today) if not of_today else (of_today <= labels)


@pytest.mark.slow
@pytest.mark.parametrize(("more", "listed"), slow_but([([], 144)], [([], 144), (["--all-members"], 181)]))
def test_a_segment_lists_whom_to_act_on(demo: Cli, tmp_path: Path, more: list[str], listed: int) -> None:
    assert demo("report", "segment", "power", *more, "-n", 0, "-o", "power.json").code == 0
    (section,) = json.loads((tmp_path / "power.json").read_text())["sections"]
    facts, people = section["blocks"][0]["facts"], section["blocks"][1]["rows"]
    assert (facts["People"], facts["To act on"], len(people)) == (181, 144, listed)
    assert demo("report", "verify", "power.json").code == 0


# The look


def page(demo: Cli, tmp_path: Path, name: str, template: str, ending: str) -> Any:
    (tmp_path / "usertrack.yaml").touch()
    (tmp_path / "templates").mkdir(exist_ok=True)
    (tmp_path / "templates" / name).write_text(template)
    return demo("report", "user", "lena@northwind.example", "-o", f"own.{ending}")


@pytest.mark.slow
def test_a_workspace_has_its_own_pages(demo: Cli, tmp_path: Path) -> None:
    html = '{% extends "shipped/user.html.j2" %}{% block header %}<h1>ACME {{ document.title }}</h1>{% endblock %}'
    assert page(demo, tmp_path, "user.html.j2", html, "html").code == 0
    assert "<h1>ACME Lena Park · lena@northwind.example" in (tmp_path / "own.html").read_text()
    assert page(demo, tmp_path, "user.md.j2", "# {{ title }} *ours* {{ '*data*' }}\n{{ body }}", "md").code == 0
    assert (tmp_path / "own.md").read_text().startswith("# Lena Park · lena@northwind.example *ours* \\*data\\*\n")
    for ending in ("html", "md"):
        assert demo("report", "verify", f"own.{ending}").code == 0


TEMPLATES = [
    ("one\n{{ nothing }}", "user.md.j2:2: 'nothing' is undefined"),
    ("{% if %}", "user.md.j2:1: Expected an expression"),
    ("{{ title.__class__ }}", "user.md.j2:1: access to attribute '__class__' of 'str' object is unsafe"),
    ("\n\n{{ section('Nope') }}", "user.md.j2:3: there is no section 'Nope'"),
    ("{% include 'nope' %}", "needs 'nope', and there is none"),
]


@pytest.mark.parametrize(("template", "message"), slow_but(TEMPLATES[::2], TEMPLATES))
def test_what_is_wrong_in_a_template_is_said_with_its_line(
    demo: Cli, tmp_path: Path, template: str, message: str
) -> None:
    result = page(demo, tmp_path, "user.md.j2", template, "md")
    assert (result.code, message in result.err) == (2, True), result.err
    assert not (tmp_path / "own.md").exists()


# What the docs show


def test_the_workflow_has_the_commands_of_the_script(week: Mapping[str, str]) -> None:
    workflow = yaml.safe_load((EXAMPLES / "weekly-report.yml").read_text())
    steps = {step.get("name"): step.get("run") for step in workflow["jobs"]["report"]["steps"]}
    assert steps["Write"].splitlines() == [
        "usertrack report weekly --output week.html || [ $? -eq 6 ]",
        "usertrack report weekly --output week.md || [ $? -eq 6 ]",
        "usertrack report verify week.html || [ $? -eq 6 ]",
    ]
    assert "head -n 1 week.md | cut -c 3-" in steps["Tell"]
    assert week["md"].splitlines()[0][2:] == "Week 46, 9 Nov – 15 Nov 2026"


COMMAND_WITHOUT_A_SOURCE = """#!/bin/sh
echo "$@" >> commands
exit 6
"""


@pytest.mark.slow
def test_the_script_for_cron_runs(demo: Cli, tmp_path: Path, clean_env: pytest.MonkeyPatch) -> None:
    crontab = (EXAMPLES / "weekly-report.cron").read_text()
    line = crontab.splitlines()[-1].split()
    assert line[:5] == ["0", "6", "*", "*", "1"]
    assert line[5].endswith("/weekly-report.sh")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "usertrack").write_text(COMMAND_WITHOUT_A_SOURCE)
    (tools / "date").write_text('#!/bin/sh\nexec /bin/date -u -d "2026-11-16 06:00 $2" "$3"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    (path,) = (text.removeprefix("PATH=") for text in crontab.splitlines() if text.startswith("PATH="))
    clean_env.setenv("PATH", path.replace("/home/ann/.local/bin", str(tools)))
    done = subprocess.run([EXAMPLES / "weekly-report.sh", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = [demo(*command.split()) for command in (tmp_path / "commands").read_text().splitlines()]
    assert [result.code for result in results] == [0, 0, 0]
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["2026-W46.html", "2026-W46.md"]
    assert "figures and its text match" in results[-1].out


@pytest.mark.slow
def test_a_workspace_chooses_sections_and_metrics(demo: Cli, tmp_path: Path) -> None:
    own = tmp_path / "usertrack.yaml"
    own.write_text("sections: [data, Failing users, Traffic, scorecard]\nmetrics: [run_success, connect_rate]\n")
    week = tmp_path / "week.json"
    assert demo("report", "weekly", "-o", week).code == 0
    sections = {section["heading"].split(":")[0]: section for section in json.loads(week.read_text())["sections"]}
    assert list(sections) == ["The data behind this, and notes on it", "Whom to act on", "Traffic", "What changed"]
    assert {row["do"] for row in sections["Whom to act on"]["blocks"][0]["rows"]} == {"Support"}
    queries = {query["query"] for query in json.loads(week.read_text())["provenance"]["queries"]}
    assert queries & {"neon/run_success", "neon/first_run"} == {"neon/run_success"}
    assert demo("report", "weekly", "--full", "-o", tmp_path / "full.json").code == 0
    sections = [
        section["heading"].split(":")[0] for section in json.loads((tmp_path / "full.json").read_text())["sections"]
    ]
    assert sections == ["The data behind this", "Failing Users", "Traffic", "Scorecard"]
    own.write_text("sections: [summary]\n")
    assert demo("report", "verify", week).code == 0


NOT_THERE = [
    ("\nsections: [scorcard]", "usertrack.yaml:2: the weekly report has no section 'scorcard'", "'scorcard'"),
    ("metrics: [run_sucess]", "usertrack.yaml:1: no query named 'run_sucess'", "'run_success'"),
    ("metrics: [accounts]", "usertrack.yaml:1: 'neon/accounts' is not a metric", "`metric:` in its header"),
]


@pytest.mark.parametrize(("text", "message", "hint"), slow_but(NOT_THERE[:1], NOT_THERE))
def test_sections_and_metrics_that_are_not_there(demo: Cli, tmp_path: Path, text: str, message: str, hint: str) -> None:
    (tmp_path / "usertrack.yaml").write_text(text)
    for command in (["report", "weekly"], ["check"]):
        result = demo(*command)
        assert result.code != 0
        assert message in " ".join((result.err + result.out).split())
    assert hint in " ".join(demo("report", "weekly").err.split())
