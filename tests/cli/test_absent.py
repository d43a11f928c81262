"""A company without runs: what rests on them is not there, and nothing is unknown."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from usertrack.library.library import shipped_root


@pytest.fixture
def company(demo: Cli, tmp_path: Path) -> Cli:
    (tmp_path / "usertrack.yaml").write_text("tables: {runs: none}\n")
    return lambda *args: demo(*args, "--demo")


@pytest.mark.slow
def test_segments(company: Cli) -> None:
    answer = company("segments", "--limit", 1)
    assert answer.code == 0
    assert "Power Users" in answer.out
    assert "At-Risk" not in answer.out
    assert "unknown" not in answer.out.replace("unknown to PostHog", "")


@pytest.mark.slow
def test_other_questions(company: Cli) -> None:
    assert "Run success rate" not in company("metrics").out
    assert "code" in company("query", "run", "new_users").out
    assert "run_ok" not in company("query", "run", "new_users").out
    assert "Workflow level" not in company("failures").out
    assert "unknown:" not in company("failures").out


@pytest.mark.parametrize(
    "args", [("sessions", "--segment", "failing"), ("query", "run", "run_activity"), ("metrics", "run_success")]
)
def test_who_asks_for_them_is_told(company: Cli, args: tuple[str, ...]) -> None:
    answer = company(*args)
    assert (answer.code, answer.out) == (2, "")
    assert "rests on what is not here: runs" in answer.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("events: none", ["Failing Users", "At-Risk Users", "Power Users"]),
        pytest.param("tables: none", ["Frustrated Users"], marks=pytest.mark.slow),
    ],
)
def test_one_source_is_enough_for_what_needs_it_alone(
    demo: Cli, tmp_path: Path, text: str, segments: list[str]
) -> None:
    (tmp_path / "usertrack.yaml").write_text(text)
    answer = demo("segments", "--demo", "-f", "json", "--limit", 1)
    assert answer.code == 0
    assert [each["name"] for each in json.loads(answer.out)["segments"]] == segments
    assert demo("segments", "--demo", "--set", "lifecycle", "--limit", 1).code == 0
    report = demo("report", "weekly", "--demo", "-f", "json")
    assert report.code == 0
    assert "unknown:" not in report.out


def test_what_costs_credits_is_nothing_where_nobody_has_any(demo: Cli, tmp_path: Path) -> None:
    shipped = (shipped_root() / "tables/neon/accounts.sql").read_text()
    (tmp_path / "usertrack.yaml").write_text("")
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "tables/neon/accounts.sql").write_text(shipped.replace("    w.credits,\n", ""))
    assert "utilisation" not in demo("metrics", "--demo").out


@pytest.mark.slow
def test_check_says_what_is_left_out(company: Cli) -> None:
    answer = company("check")
    assert answer.code == 0
    assert "cannot be evaluated: it rests on runs" in answer.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tables: {runs: app.jobs}", "usertrack.yaml:1: 'tables.runs' takes none, not 'app.jobs'"),
        ("events: {rage: [1]}", "usertrack.yaml:1: 'events.rage' is no event"),
        ("tables: {run: none}", "usertrack.yaml:1: unknown setting 'tables.run'"),
    ],
)
def test_wrong_settings(demo: Cli, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "usertrack.yaml").write_text(text)
    assert message in demo("metrics").err


@pytest.mark.slow
def test_calls_without_a_kind_of_tool(demo: Cli, tmp_path: Path) -> None:
    shipped = (shipped_root() / "tables/neon/calls.sql").read_text()
    (tmp_path / "usertrack.yaml").write_text("")
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "tables/neon/calls.sql").write_text(shipped.replace("    t.tool_type AS kind,\n", ""))
    for person in ((), ("--user", "lena@northwind.example")):
        answer = demo("failures", *person, "--demo")
        assert answer.code == 0
        assert "None" not in answer.out
        assert "MCP versus" not in answer.out
        assert "by kind" not in answer.out


@pytest.mark.slow
def test_the_dossier_of_somebody_whom_posthog_alone_knows(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("tables: none\n")
    people = json.loads(demo("segments", "--demo", "--set", "lifecycle", "-f", "json", "--limit", 1).out)["users"]
    for command in (("user",), ("report", "user")):
        answer = demo(*command, people[0]["email"], "--demo")
        assert (answer.code, "Timeline, 30 days" in answer.out) == (0, True)
        assert "unknown" not in answer.out
