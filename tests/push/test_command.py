"""`usertrack push` on the demo, as people call it."""

import csv
import io
import json
from pathlib import Path

import pytest

from ..conftest import Cli
from .receiver import receiving


@pytest.mark.slow
def test_a_cohort_on_the_demo(demo: Cli, tmp_path: Path) -> None:
    first = json.loads(demo("push", "power", "--to", "posthog-cohort", "-f", "json").out)
    assert first["verified"] is True
    assert first["cohort"]["count"] == first["persons"] == 134
    assert first["sent"] + len(first["unresolved"]) == first["people"] == 144
    assert first["members"] == 181
    again = json.loads(demo("push", "power", "--to", "posthog-cohort", "-f", "json").out)
    assert (again["added"], again["removed"], again["cohort"]) == (0, 0, first["cohort"])
    file = tmp_path / "members.sql"
    file.write_text("SELECT count() AS n FROM persons WHERE id IN COHORT 'usertrack: Power Users'")
    counted = demo("query", "run", "--source", "posthog", "--sql", file, "-f", "jsonl")
    assert json.loads(counted.out) == {"n": 134}


@pytest.mark.slow
def test_a_file_for_a_crm(demo: Cli, tmp_path: Path) -> None:
    listed = json.loads(demo("segments", "failing", "-f", "json").out)["users"]
    result = demo("push", "failing", "--to", "csv", "-o", tmp_path / "crm.csv")
    assert result.code == 0
    assert "33 of 33 people written to" in result.err
    rows = list(csv.DictReader(io.StringIO((tmp_path / "crm.csv").read_text())))
    assert list(rows[0]) == ["email", "segment", "priority", "reason", "evidence"]
    assert [row["email"] for row in rows] == [user["email"] for user in listed]
    ada = rows[0]
    assert (ada["segment"], ada["priority"], ada["evidence"]) == (
        "Failing Users",
        "9.5",
        "finished runs: 21; success rate: 10 %",
    )
    assert ada["reason"].startswith("19 of 21 finished runs ever failed")
    assert demo("push", "failing", "--to", "csv", "-n", 2).out.count("\n") == 3
    dry = demo("push", "failing", "--to", "csv", "-o", tmp_path / "dry.csv", "--dry-run")
    assert dry.out == (tmp_path / "crm.csv").read_text()
    assert not (tmp_path / "dry.csv").exists()


def test_slack_and_webhook(demo: Cli, clean_env: pytest.MonkeyPatch) -> None:
    with receiving() as server:
        clean_env.setenv("SLACK_WEBHOOK_URL", server.url)
        posted = demo("push", "failing", "--to", "slack")
        sent = demo("push", "at_risk", "--set", "lifecycle", "--to", "webhook", "--url", server.url, "-f", "json")
    digest, document = server.bodies
    assert "Failing Users to slack: 10 of 33 people" in posted.out
    assert digest["text"] == "Failing Users · 33 people"
    outcome = json.loads(sent.out)
    assert outcome["sent"] == outcome["people"] == document["total"] == len(document["people"])
    assert (document["set"], document["segment"]["name"]) == ("lifecycle", "At risk")
    assert "verysecret" not in f"{posted}{sent}"


@pytest.mark.parametrize("to", ["slack", "webhook"])
def test_a_dry_run_hides_the_secrets(demo: Cli, to: str) -> None:
    with receiving() as server:
        result = demo("push", "failing", "--to", to, "--url", server.url, "--dry-run")
        document = json.loads(demo("push", "failing", "--to", to, "--url", server.url, "--dry-run", "-f", "json").out)
    assert server.bodies == []
    assert "1 request would be sent, and none was" in result.out
    assert "ada.chan@evergreen.example" in result.out
    assert (document["dry_run"], document["sent"], len(document["requests"])) == (True, 0, 1)
    assert "verysecret" not in f"{result}{document}"


@pytest.mark.parametrize("to", ["slack", "webhook"])
def test_a_dry_run_needs_no_address(demo: Cli, to: str) -> None:
    result = demo("push", "failing", "--to", to, "--dry-run")
    assert (result.code, "POST [no address yet]" in result.out) == (0, True)
    assert demo("push", "failing", "--to", to, "--dry-run", "--url", "http://a..b/x").code == 2


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["power", "--to", "slak"], "there is no target 'slak'", "did you mean 'slack'?"),
        (["powr", "--to", "csv"], "set 'action' has no segment 'powr'", "did you mean 'power'?"),
        (["power", "--set", "lifcycle", "--to", "csv"], "no segment set 'lifcycle'", "did you mean 'lifecycle'?"),
        (["power", "--to", "slack"], "Slack needs an address", "SLACK_WEBHOOK_URL"),
        (["power", "--to", "slack", "--url", "x"], "the address for Slack does not begin", "give it to --url"),
        (["power", "--to", "csv", "--url", "https://x"], "--url is not for csv", "slack or webhook"),
        (["power", "--to", "csv", "-f", "xlsx"], "--to csv writes csv or tsv, not xlsx", "usertrack segments"),
        (["power", "--to", "csv", "-o", "a.xlsx"], "--to csv writes csv or tsv, not xlsx", "usertrack segments"),
        (["power", "--to", "posthog-cohort", "--name", " "], "--name takes 1 to 400 characters", ""),
        (["power", "--to", "slack", "--yes"], "--yes is not for slack", "posthog-cohort"),
        (["power", "--to", "posthog-cohort", "-f", "csv"], "no csv output", "table, json"),
        (["power", "--to", "slack", "--url", "https://x", "--link", "x"], "--link takes an address", "report"),
        (["power", "--to", "csv", "-n", "-1"], "-1 is less than 0", ""),
        (["power"], "missing option '--to'", ""),
    ],
)
def test_wrong_orders(demo: Cli, args: list[str], message: str, hint: str) -> None:
    answer = demo("push", *args)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert hint in answer.err
