"""`usertrack plan coverage` as people run it."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ..conftest import Cli
from .conftest import FOLDER

CODE = ("--plan", FOLDER / "tracking.yaml", "--scan", FOLDER / "scan.json")


WRITE = os.environ.get("USERTRACK_GOLDEN") == "write"


def golden(name: str, text: str) -> None:
    path = FOLDER / "golden" / name
    if WRITE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_whole_document(plan_of_demo: Cli) -> None:
    answer = plan_of_demo("coverage")
    assert (answer.code, answer.err) == (
        0,
        "note: 2 places could not be resolved: `usertrack plan scan` lists them\n",
    )
    golden("coverage-100.txt", answer.out)


def test_json_has_every_figure_with_its_denominator_and_every_site(plan_of_demo: Cli) -> None:
    answer = json.loads(plan_of_demo("coverage", "-f", "json").out)
    assert answer["figures"][2] == {"figure": "planned events in code and data", "part": 2, "total": 8, "rate": 0.25}
    run = next(event for event in answer["events"] if event["event"] == "run_completed")
    assert run["state"] == "working"
    assert run["sites"][1] == {"file": "app/runs.py", "line": 40, "pattern": None}
    assert run["sent_by"][0]["library"] == "posthog-python"


def test_markdown_html_and_a_row_per_event(plan_of_demo: Cli) -> None:
    assert "| planned events in code | 4 of 8 |" in plan_of_demo("coverage", "-f", "markdown").out
    assert '<bdi class="tag good">working' in plan_of_demo("coverage", "-f", "html").out
    assert plan_of_demo("coverage", "-f", "csv").out.count("\n") == 16


def test_one_tier_alone(plan_of_demo: Cli) -> None:
    answer = json.loads(plan_of_demo("coverage", "-f", "json", "--tier", "1").out)
    assert [event["event"] for event in answer["events"]] == ["onboarding_completed", "run_completed", "user_signed_up"]


@pytest.mark.parametrize(
    ("option", "name", "hint"),
    [("--tier", "7", "there are 1, 2"), ("--owner", "cor", "did you mean 'core'?"), ("--phase", "x", "there are 1, 2")],
)
def test_a_tier_phase_or_owner_that_there_is_not(cli: Cli, option: str, name: str, hint: str) -> None:
    answer = cli("plan", "coverage", *CODE, option, name)
    assert answer.code == 2
    assert f"the plan has no {option[2:]} '{name}'" in answer.err
    assert hint in answer.err


def test_events_of_a_file(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "distinct_id,event,timestamp,duration_ms\n"
        "a,run_completed,2020-01-01 10:00:00,5\nb,run_completed,2020-01-03 10:00:00,\n"
    )
    answer = cli("plan", "coverage", *CODE, "--events", log, "-f", "json", "--days", 2)
    covered = json.loads(answer.out)
    run = next(event for event in covered["events"] if event["event"] == "run_completed")
    assert (run["events"], run["first_at"][:10], run["state"]) == (1, "2020-01-01", "working")
    assert covered["as_of"].startswith("2020-01-03T10:00:01")


def test_where_there_is_nobody_nobody_was_asked(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tracking.yaml").write_text("events: {a: {}}\nperson_properties: {plan: string}\n")
    (tmp_path / "log.csv").write_text("distinct_id,event,timestamp\nx,a,2020-01-01 10:00:00\n")
    figures = json.loads(cli("plan", "coverage", "--events", "log.csv", "-f", "json").out)["figures"]
    persons = next(figure for figure in figures if "person" in figure["figure"])
    assert (persons["part"], persons["total"], persons["rate"]) == (None, 1, None)


def test_without_data_the_code_alone_is_told(cli: Cli) -> None:
    answer = cli("plan", "coverage", *CODE)
    assert answer.code == 0
    assert "note: the data was not asked: `usertrack login` connects yours" in answer.err
    assert "planned events in data                not asked of 8" in answer.out
    assert "not in code" in answer.out


def test_a_source_that_is_away_leaves_the_answer_incomplete(cli: Cli, clean_env: pytest.MonkeyPatch) -> None:
    for name, value in (("HOST", "http://127.0.0.1:9"), ("PROJECT_ID", "1"), ("PERSONAL_API_KEY", "phx_secret")):
        clean_env.setenv(f"POSTHOG_{name}", value)
    answer = cli("plan", "coverage", *CODE)
    assert answer.code == 6
    assert "4 of 8" in answer.out
    assert "the data could not be asked" in answer.err
    assert "phx_secret" not in answer.out + answer.err


def test_a_badge_is_rounded_down(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tracking.yaml").write_text("events: {run_completed: {}, b: {}, theme_switched: {}}")
    answer = cli("plan", "coverage", "--scan", FOLDER / "scan.json", "--badge", "badge.svg")
    assert answer.code == 0
    texts = [node.text for node in ElementTree.parse(tmp_path / "badge.svg").iter() if node.tag.endswith("}text")]
    assert texts == ["tracking", "66 %"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is JSON, and no scan"),
        ('{"sites": [{"event": "a", "pattern": "b", "file": "f", "line": 1}]}', "a site has an event or a pattern"),
        ('{"sites": [{"event": 5, "file": "f", "line": 1}]}', "5 is not a text"),
    ],
)
def test_a_file_that_is_no_scan(cli: Cli, tmp_path: Path, text: str, message: str) -> None:
    scan = tmp_path / "scan.json"
    scan.write_text(text)
    answer = cli("plan", "coverage", "--plan", FOLDER / "tracking.yaml", "--scan", scan)
    assert answer.code == 2
    assert message in answer.err


def test_no_plan(cli: Cli) -> None:
    answer = cli("plan", "coverage")
    assert answer.code == 2
    assert "there is no tracking plan 'tracking.yaml'" in answer.err


def test_the_code_is_scanned_with_the_sinks_of_the_plan(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tracking.yaml").write_text(
        "events: {opened: {}, closed: {}, left: {}}\nsinks: [{call: tell, position: 0}]\n"
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text('import posthog\n\nposthog.capture("u", "opened")\ntell("closed")\n')
    answer = json.loads(cli("plan", "coverage", "src", "-f", "json").out)
    assert {event["event"]: event["sites"] for event in answer["events"]} == {
        "left": [],
        "opened": [{"file": "src/a.py", "line": 3, "pattern": None}],
        "closed": [{"file": "src/a.py", "line": 4, "pattern": None}],
    }
