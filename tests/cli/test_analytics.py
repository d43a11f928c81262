"""The commands of product analytics on the demo: what a user sees, in every format."""

import csv
import io
import json
import re
from itertools import product
from pathlib import Path

import pytest

from usertrack.product.funnel.numbers import named_funnels

from ..conftest import Cli, document_of, problem, slow_but

COMMANDS = [
    "trends",
    "funnel activation",
    "retention",
    "cohorts",
    "lifecycle",
    "stickiness",
    "activity",
    "sessions",
    "journeys",
]
COMMANDS += ["features", "churn"]
WITH_OPTIONS = ["funnel activation --interval week", "churn --interval month", "cohorts -b person.plan --top 1"]


@pytest.mark.slow
def test_activation_narrows_from_step_to_step(demo: Cli) -> None:
    [group] = document_of(demo, "funnel", "activation")["groups"]
    people = [step["people"] for step in group["steps"]]
    assert len(people) == 5
    assert people[0] > people[1] > people[2] > people[3] > people[4] > 0
    output = demo("funnel", "activation", "--window", "90m").out
    assert "ordered, 90 minutes from step 1, best attempt per person" in output


@pytest.mark.slow
def test_conversion_of_weeks_is_that_of_all_the_time(demo: Cli) -> None:
    """The demo's people sign up once."""
    [group] = document_of(demo, "funnel", "activation", "--interval", "week", "--periods", 6)["groups"]
    for column, step in (("people", 0), ("converted", -1)):
        assert sum(week[column] for week in group["trend"]) == group["steps"][step]["people"]
    assert [week["complete"] for week in group["trend"]] == [True] * 3 + [False] * 3
    assert [week["rate"] is None for week in group["trend"]] == [False] * 3 + [True] * 3
    rows = csv.DictReader(io.StringIO(demo("funnel", "activation", "--periods", 6, "-f", "csv").out))
    assert [int(row["people"]) for row in rows] == [week["people"] for week in group["trend"]]
    result = demo("funnel", "activation", "--periods", 6)
    assert "the last 3 weeks have no share yet: the 14 days to convert in are not over for all" in result.err
    assert "trend" not in document_of(demo, "funnel", "activation")["groups"][0]


@pytest.mark.slow
def test_files_of_churn_have_its_groups(demo: Cli) -> None:
    groups = document_of(demo, "churn", "-b", "person.plan", "--top", 1)["groups"]
    rows = list(csv.DictReader(io.StringIO(demo("churn", "-b", "person.plan", "--top", 1, "-f", "csv").out)))
    assert [row["breakdown"] for row in rows] == [group["breakdown"] or "" for group in groups]
    assert [int(row["left"]) for row in rows] == [group["churn_rate"]["hits"] for group in groups]
    assert "segment" in demo("churn", "-f", "csv").out.partition("\n")[0]


def test_the_people_of_a_step_are_those_it_lost(demo: Cli) -> None:
    [group] = document_of(demo, "funnel", "activation")["groups"]
    rows = csv.DictReader(io.StringIO(demo("funnel", "activation", "--stopped-at", 3, "-f", "csv").out))
    assert len(list(rows)) == group["steps"][3]["dropped"]


@pytest.mark.slow
def test_a_segment_is_its_people(demo: Cli) -> None:
    members = {user["email"] for user in document_of(demo, "segments", "power", "--all-members")["users"]}
    lines = demo(
        "funnel", "user_signed_up", "run_completed", "--segment", "power", "--days", 90, "--stopped-at", 2, "-f", "csv"
    )
    emails = {row["email"] for row in csv.DictReader(io.StringIO(lines.out))}
    assert emails
    assert emails <= members


def test_groups_add_up_to_everybody(demo: Cli) -> None:
    [everybody] = document_of(demo, "funnel", "activation")["groups"]
    groups = document_of(demo, "funnel", "activation", "--breakdown", "person.name", "--top", 3)["groups"]
    assert len(groups) == 4
    for n, step in enumerate(everybody["steps"]):
        assert sum(group["steps"][n]["people"] for group in groups) == step["people"]


@pytest.mark.slow
def test_recurring_retention_of_a_week_is_its_active_people(demo: Cli) -> None:
    cells = document_of(demo, "retention", "--type", "recurring", "--periods", 4)["cells"]
    weeks = document_of(demo, "lifecycle", "--since", "2026-10-26")["rows"]
    assert [cell["size"] for cell in cells if cell["period"] == 0] == [week["active"] for week in weeks]
    blank = [cell for cell in cells if cell["people"] is None]
    assert blank
    assert not any(cell["complete"] for cell in blank)


@pytest.mark.slow
def test_sessions_of_journeys_add_up_in_every_table(demo: Cli) -> None:
    [group] = document_of(demo, "journeys", "--segment", "power", "--steps", 3)["groups"]
    assert group["sessions"] > 100
    for kind in ("paths", "entries", "exits"):
        assert sum(row["sessions"] for row in group[kind]) == group["sessions"]
    rows = csv.DictReader(io.StringIO(demo("journeys", "--segment", "power", "--steps", 3, "-f", "csv").out))
    edges = [row for row in rows if row["kind"] == "edge"]
    for step in group["steps"]:
        assert sum(int(row["sessions"]) for row in edges if row["step"] == str(step["step"])) == step["sessions"]


def test_ways_to_a_goal_are_those_that_got_there(demo: Cli) -> None:
    [group] = document_of(demo, "journeys", "--from", "/pricing/", "--to", "user_signed_up")["groups"]
    assert 0 < group["reached"] < group["sessions"]
    assert sum(row["sessions"] for row in group["paths"]) == group["reached"]
    assert {row["path"][0] for row in group["paths"]} == {"/pricing"}
    assert {row["path"][-1] for row in group["paths"]} == {"user_signed_up"}


@pytest.mark.slow
def test_journeys_by_group_add_up(demo: Cli) -> None:
    [everybody] = document_of(demo, "journeys")["groups"]
    groups = document_of(demo, "journeys", "--breakdown", "$browser", "--top", 2)["groups"]
    assert [group["other"] for group in groups] == [False, False, True]
    assert sum(group["sessions"] for group in groups) == everybody["sessions"]
    assert sum(group["people"] for group in groups) == everybody["people"]


def test_pages_that_are_one_by_a_pattern(demo: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("USERTRACK_PAGES", "/blog/*,/docs*")
    result = demo("journeys")
    assert "/blog/* " in result.out
    assert "/blog/agents" not in result.out
    assert "/blog/*, /docs* are one page each" in result.err


def test_stickiness_counts_everybody_once(demo: Cli) -> None:
    rows = document_of(demo, "stickiness", "--interval", "week", "--periods", 1)["rows"]
    assert rows[0]["at_least"] == sum(row["people"] for row in rows)


def test_features_that_are_known_and_unused(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("features: {known: [admin/sso, build/workflow_editor]}\n")
    rows = {row["feature"]: row for row in document_of(demo, "features", "--demo")["features"]}
    assert len(rows) == 9  # the eight of the demo, and one that nobody ever used
    assert (rows["sso"]["category"], rows["sso"]["uses"], rows["sso"]["last_at"]) == ("admin", 0, None)
    assert rows["workflow_editor"]["adoption_low"] < rows["workflow_editor"]["adoption"] <= 1
    assert "Not used in this time" in demo("features", "--demo").out


@pytest.mark.slow
def test_a_feature_is_adopted_more_by_those_who_use_all(demo: Cli) -> None:
    everybody, power = (
        {row["feature"]: row["adoption"] for row in document_of(demo, "features", *more)["features"]}
        for more in ([], ["--segment", "power"])
    )
    assert all(power[name] > share for name, share in everybody.items())


def test_churn_says_how_often_its_rule_was_right(demo: Cli) -> None:
    """Most of the demo's people who go quiet do so for good."""
    document = document_of(demo, "churn", "--people", "identified")
    tested = document["back_test"]
    assert tested["precision"]["rate"] > 2 * tested["base"]["rate"]
    assert tested["precision"]["hits"] == tested["recall"]["hits"]
    assert document["groups"][0]["churn_rate"] == {**tested["base"]}
    for risk in document["risk_segments"]:
        assert risk["low"] <= risk["churn_probability"] <= risk["high"]


def test_what_marks_who_leaves_is_seen_on_a_narrow_terminal(demo: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    output = demo("churn").out
    assert "What marks them" in output
    assert "too narrow" not in output
    assert not re.search(r"\d%", output)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "ending"), [*zip(WITH_OPTIONS, ["xlsx", "html", "md"], strict=True)])
def test_formats_of_options(demo: Cli, tmp_path: Path, command: str, ending: str) -> None:
    """Without options, tests/worlds writes each format, and looks at 80 columns."""
    result = demo(*command.split(), "-o", tmp_path / f"out.{ending}")
    assert result.code == 0, result.err
    assert (tmp_path / f"out.{ending}").stat().st_size > 300


@pytest.mark.parametrize(
    ("command", "width"),
    slow_but([("funnel activation", 120)], [*product(COMMANDS, [120]), *product(WITH_OPTIONS, [80])]),
)
def test_no_line_is_too_long(demo: Cli, clean_env: pytest.MonkeyPatch, command: str, width: int) -> None:
    clean_env.setenv("COLUMNS", str(width))
    assert max(map(len, demo(*command.split()).out.splitlines())) <= width


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["funnel", "signed_up"], "no funnel is called 'signed_up'", "there are activation; else name two steps"),
        (["funnel", "activations"], "no funnel is called 'activations'", "did you mean 'activation'?"),
        (["funnel", "user_signed_up", "run_complete"], "no event 'run_complete' ever occurred", "'run_completed'"),
        (["funnel", "activation", "--window", "0d"], "'0d' is not a time", "14d"),
        (["funnel", "activation", "--order", "strictly"], "--order takes no 'strictly'", "'strict'"),
        (["funnel", "activation", "--stopped-at", "6"], "has 5 steps, not 6", "--stopped-at"),
        (["funnel", "activation", "--exclude", "workspace_created"], "is a step and cannot be excluded", ""),
        (["funnel", "activation", "--since", "2026-11-02", "--until", "2026-11-01"], "the time ends", "--since"),
        (["retention", "--where", "1) UNION ALL (SELECT 1"], "is not a condition", "properties"),
        (["retention", "--where", "properties.$os ="], "PostHog does not understand 'properties.$os ='", ""),
        (["lifecycle", "--where", "properties.$browser = 1"], "cannot use", "no supertype for types String"),
        (["lifecycle", "--where", "count() > 1"], "cannot use 'count() > 1'", "found in WHERE"),
        (["retention", "--target", "user_signed_upp"], "no event 'user_signed_upp'", "'user_signed_up'"),
        (["retention", "--period", "dya"], "--interval takes no 'dya'", "'day'"),
        (["cohorts", "--segment", "at_risk"], "is in 2 sets", "action/at_risk or lifecycle/at_risk"),
        (["cohorts", "--segment", "powr"], "there is no segment 'powr'", "'power'"),
        (["lifecycle", "--week-start", "friday"], "--week-start takes no 'friday'", "monday"),
        (["stickiness", "--since", "2027-01-01"], "yet to come: it begins 2027-01-01 00:00", "--since"),
        (["features", "--category", "biuld"], "no feature is of the category 'biuld'", "'build'"),
        (["features", "--event", "feature_usd"], "no event 'feature_usd' ever occurred", "'feature_used'"),
        (["features", "--people", "everybody"], "--people takes no 'everybody'", "all, identified"),
        (["churn", "--interval", "hour", "--days", "90"], "churn is counted by whole days", "day, week and month"),
        (["churn", "--days", "20"], "the time has 19 whole days, and to have left takes 30", "--gone"),
        (["journeys", "--from", "/pricng"], "nobody came to '/pricng'", "'/pricing'"),
        (["journeys", "--to", "user_signd_up"], "nobody came to 'user_signd_up'", "'user_signed_up'"),
        (["journeys", "--from", "/pricing", "--to", "/pricing/"], "both '/pricing'", "one step to another"),
        (["journeys", "--steps", "1"], "2 to 20 steps, not 1", "--steps 5"),
        (["journeys", "--steps", "100"], "2 to 20 steps, not 100", "--steps 5"),
        (["journeys", "--by", "pages"], "--by takes no 'pages'", "'page'"),
        (["journeys", "--where", "1) OR (1"], "is not a condition", "properties"),
    ],
)
def test_what_is_wrong_is_said(demo: Cli, args: list[str], message: str, hint: str) -> None:
    result = demo(*args)
    assert result.code in (1, 2)
    assert message in result.err
    assert hint in result.err.partition("hint:")[2]
    assert result.out == ""


@pytest.mark.slow
def test_a_workspaces_own_funnels(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("timezone: Europe/Berlin\n")
    mine = tmp_path / "funnels.yaml"
    mine.write_text("running: {steps: [user_signed_up, run_completed], window: 7d, order: strict}\n")
    result = demo("funnel", "running", "--demo")
    assert "strict order, nothing in between, 7 days from step 1" in result.out
    assert "Europe/Berlin" in result.out
    for text, message in {
        "running: {steps: [a]}": "funnels.yaml:1: a funnel has two steps or more",
        "running: {steps: [a, b], windw: 1d}": "funnels.yaml:1: unknown key 'windw'",
        "a: {steps: [a, b]}\nb: {steps: a}": "funnels.yaml:2: 'steps' takes a list of events",
    }.items():
        mine.write_text(text)
        assert message in problem(lambda: named_funnels([mine])).message
    assert message in demo("funnel", "running", "--demo").err
    checked = demo("check")
    assert checked.code == 5
    assert message in " ".join(checked.out.split())


@pytest.mark.parametrize(
    ("settings", "option", "first"),
    [
        ("", [], "2026-11-02T00:00:00Z"),
        ("week_start: sunday", [], "2026-11-01T00:00:00Z"),
        ("week_start: sunday", ["--week-start", "monday"], "2026-11-02T00:00:00Z"),
    ],
)
def test_weeks_start_as_is_said(demo: Cli, tmp_path: Path, settings: str, option: list[str], first: str) -> None:
    (tmp_path / "usertrack.yaml").write_text(settings)
    assert document_of(demo, "lifecycle", *A_WEEK, *option)["since"] == first
    query = "SELECT toString(toStartOfWeek(toDate('2026-11-04'))) AS week"
    if "sunday" in settings:  # in the users' own HogQL, too
        (tmp_path / "week.sql").write_text(query)
        result = demo("query", "run", "--demo", "--source", "posthog", "--sql", "week.sql", "-f", "jsonl")
        assert json.loads(result.out) == {"week": "2026-11-01"}


A_WEEK = ["--demo", "--interval", "week", "--since", "2026-11-04"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["retention", "cohorts", "stickiness", "features", "funnel activation", "churn --gone 1"]
)
def test_weeks_start_alike_everywhere(demo: Cli, tmp_path: Path, command: str) -> None:
    (tmp_path / "usertrack.yaml").write_text("week_start: sunday")
    assert document_of(demo, *command.split(), *A_WEEK)["since"] == "2026-11-01T00:00:00Z"
