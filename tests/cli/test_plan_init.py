"""`usertrack plan init`: what it writes, and says."""

import json
from pathlib import Path

import pytest

from usertrack.plan.read import read_plan

from ..conftest import Cli


@pytest.mark.slow
def test_the_command_on_the_demo(demo: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = demo("plan", "init", "--from", "data", "--demo", "-f", "json")
    assert first.code == 0, first.err
    added = {row["section"]: row["names"] for row in json.loads(first.out)["added"]}
    assert "mcp_connect_clicked" in added["events"]
    assert (tmp_path / "tracking.schema.json").exists()
    assert "wrote tracking.yaml" in first.err
    before = (tmp_path / "tracking.yaml").read_bytes()
    again = demo("plan", "init", "--from", "data", "--demo")
    assert "nothing is new: the file is as it was" in again.out
    assert (tmp_path / "tracking.yaml").read_bytes() == before
    assert demo("plan", "lint").code == 5


def test_the_command_on_a_file(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seed = Path(__file__).parents[1] / "plan" / "seed003.md"
    result = cli("plan", "init", "--from", str(seed), "--plan", "growth.yaml")
    assert result.code == 0, result.err
    plan = read_plan(tmp_path / "growth.yaml")
    assert len(plan.events) == 26
    assert [use.name for use in plan.events["chart_interacted"].properties] == ["chart_type", "action", "team_slug"]
    assert plan.events["chart_interacted"].scope == ("team",)
    assert {"chart_type", "action"} <= plan.properties.keys()
    wrong = cli("plan", "init", "--from", "nowhere")
    assert (wrong.code, wrong.out) == (2, "")
    assert "there is no file 'nowhere' to make a plan from" in wrong.err


def test_the_command_on_code(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "web").mkdir()
    code = tmp_path / "web" / "a.py"
    code.write_text('import posthog\nposthog.capture("u", "report_opened", {"row_count": 1})\n')
    assert cli("plan", "init", "--from", "code", "web").code == 0
    assert read_plan(tmp_path / "tracking.yaml").events["report_opened"].source == ("web/a.py",)
    code.write_text(code.read_text() + 'posthog.capture("u", "report_closed")\n')
    again = cli("plan", "init", "--from", "code")
    assert "report_closed" in again.out
    assert list(read_plan(tmp_path / "tracking.yaml").events) == ["report_opened", "report_closed"]


def test_an_empty_file_gives_an_empty_plan(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.md").write_text("")
    result = cli("plan", "init", "--from", "x.md")
    assert "no event was found: the plan is empty" in result.out
    assert "wrote tracking.yaml" in result.err


def test_without_the_extra_code_in_the_file_is_not_passed_over_in_silence(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "x.md").write_text("| Event |\n|-|\n| `paid` |\n\n```python\ntrack('paid', {'a': 1})\n```\n")
    result = cli("plan", "init", "--from", "x.md")
    assert result.code == 0
    assert "blocks of code were not read" in result.err
    assert "uv tool install --force '.[local,plan" in result.err


def test_no_plan_of_the_demo_unless_it_is_asked_for(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("plan", "init", "--from", "data")
    assert (result.code, list(tmp_path.iterdir())) == (2, [])
    assert "no source is connected" in result.err
