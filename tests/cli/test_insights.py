"""Saved insights, definitions and errors on the demo: the nine of seed 000 work at once."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Cli, document_of
from . import golden

KINDS = {
    2625022: "trends",
    2625023: "trends",
    2625024: "retention",
    2625025: "lifecycle",
    2625026: "trends",
    2625027: "funnels",
    6126979: "trends",
    6126980: "trends",
    6876824: "hogql",
}


def answer_of(demo: Cli, insight: object) -> Any:
    return document_of(demo, "insight", "run", insight)


def test_the_nine_are_there(demo: Cli) -> None:
    listed = list(csv.DictReader(io.StringIO(demo("insight", "list", "-f", "csv").out)))
    assert {int(row["id"]): row["kind"] for row in listed if row["favourite"] == "true"} == KINDS


@pytest.mark.parametrize("insight", KINDS)
def test_each_has_numbers(demo: Cli, insight: int) -> None:
    document = answer_of(demo, insight)
    assert (document["id"], document["kind"]) == (insight, KINDS[insight])
    assert document["last_refresh"] == "2026-11-20T09:00:00+00:00"
    numbers = [cell for row in document["rows"] for cell in row.values() if isinstance(cell, int | float)]
    assert len(document["rows"]) >= 5
    assert sum(map(abs, numbers)) > 100


def test_a_dau_is_that_of_the_same_query_by_hand(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "dau.sql").write_text(
        "SELECT toDate(timestamp) AS day, uniqExact(person_id) AS people FROM events WHERE event = '$pageview'"
        " AND person.properties.email NOT ILIKE '%@datagen.dev' AND timestamp >= '2026-10-21' GROUP BY day ORDER BY day"
    )
    by_hand = json.loads(demo("query", "run", "--source", "posthog", "--sql", "dau.sql", "-f", "json").out)["rows"]
    insight = answer_of(demo, "Daily active users (DAUs)")["rows"]
    assert [row["value"] for row in insight] == [row["people"] for row in by_hand]


@pytest.mark.parametrize(
    ("name", "insight"),
    [("dau", "d4uDAU30"), ("retention", "retention"), ("lifecycle", "Growth accounting"), ("funnel", "2625027")],
)
def test_how_it_looks(demo: Cli, name: str, insight: str) -> None:
    golden(f"insight-{name}-100.txt", demo("insight", "run", insight, "-n", "9", "--refresh").out)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_how_the_list_looks(demo: Cli, clean_env: pytest.MonkeyPatch, columns: str) -> None:
    clean_env.setenv("COLUMNS", columns)
    golden(f"insight-list-{columns}.txt", demo("insight", "list").out)


@pytest.fixture
def insight_id(demo: Cli, tmp_path: Path) -> Iterator[int]:
    (tmp_path / "events.sql").write_text("SELECT event, count() AS n FROM events GROUP BY event ORDER BY n DESC")
    result = demo("insight", "create", "by hand", "--sql", "events.sql", "--description", "all", "-f", "json")
    assert result.code == 0, result.err
    yield json.loads(result.out)["id"]
    demo("insight", "delete", json.loads(result.out)["id"], "--yes")


def test_create_then_fetch_then_delete(demo: Cli, insight_id: int) -> None:
    assert answer_of(demo, "by hand")["rows"][0]["event"] == "$pageview"
    insight = json.loads(demo("insight", "show", insight_id, "-f", "json").out)
    assert (insight["id"], insight["description"]) == (insight_id, "all")
    assert "by hand" in demo("insight", "list", "--search", "by hand").out
    gone = demo("insight", "delete", "by hand", "--yes")
    assert (gone.code, gone.out) == (0, "")
    assert f"deleted by hand ({insight_id})" in gone.err
    result = demo("insight", "run", insight_id)
    assert (result.code, result.out) == (2, "")
    assert f"error: there is no insight {insight_id}: it does not exist, or it was deleted" in result.err


def test_nothing_is_deleted_unasked(demo: Cli, insight_id: int) -> None:
    result = demo("insight", "delete", insight_id)
    assert (result.code, result.out) == (2, "")
    assert f"error: there is no terminal to ask whether to delete by hand ({insight_id})" in result.err
    assert "hint: add --yes to do it without asking" in result.err
    assert answer_of(demo, insight_id)["id"] == insight_id


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "code", "message"),
    [
        ("", 1, "nothing was"),
        pytest.param("y", 0, "deleted by hand", marks=pytest.mark.slow),
        pytest.param("n", 1, "nothing was deleted", marks=pytest.mark.slow),
    ],
)
def test_on_a_terminal_one_is_asked(demo: Cli, insight_id: int, typed: str, code: int, message: str) -> None:
    command = f"'{sys.executable}' -c 'from usertrack.cli.app import main; main()' insight delete {insight_id}"
    terminal = ["script", "-qec", command, "/dev/null"]
    done = subprocess.run(terminal, input=f"{typed}\n", capture_output=True, text=True, timeout=60, check=False)
    assert f"delete by hand ({insight_id})? [y/N]" in done.stdout
    assert (done.returncode, message in done.stdout) == (code, True)
    assert demo("insight", "show", insight_id).code == (2 if typed == "y" else 0)


def test_a_name_that_is_taken_is_said(demo: Cli, insight_id: int) -> None:
    result = demo("insight", "create", "By Hand", "--sql", "events.sql", "-f", "json")
    demo("insight", "delete", json.loads(result.out)["id"], "--yes")
    assert f"note: there is another insight called 'By Hand' ({insight_id})" in result.err


def test_two_of_a_name(demo: Cli, insight_id: int, tmp_path: Path) -> None:
    other = json.loads(demo("insight", "create", "BY HAND", "--sql", "events.sql", "-f", "json").out)["id"]
    result = demo("insight", "run", "by hand")
    demo("insight", "delete", other, "-y")
    assert (result.code, result.out) == (2, "")
    assert "2 insights are called 'by hand'" in result.err
    assert f"{insight_id} (hogql), {other} (hogql)" in result.err


def test_a_query_of_the_library(demo: Cli) -> None:
    id_ = json.loads(demo("insight", "create", "pages", "--query", "posthog/pages", "-f", "json").out)["id"]
    try:
        assert (
            answer_of(demo, id_)["rows"] == json.loads(demo("query", "run", "posthog/pages", "-f", "json").out)["rows"]
        )
    finally:
        demo("insight", "delete", id_, "--yes")


def test_what_cannot_be_saved(demo: Cli) -> None:
    assert "say what to run" in demo("insight", "create", "x").err
    assert "does not run in PostHog" in demo("insight", "create", "x", "--query", "neon/accounts").err


def test_favourites_of_the_workspace_come_first(demo: Cli, tmp_path: Path, insight_id: int) -> None:
    (tmp_path / "usertrack.yaml").write_text("insights: [by hand, 2625022, 999]\n")
    result = demo("insight", "list", "-f", "jsonl", "--demo")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert next(row for row in rows if row["id"] == insight_id)["favourite"] is True
    assert "the favourite '999' of usertrack.yaml is no saved insight" in result.err


@pytest.mark.slow
def test_doctor_names_favourites_that_are_not_there(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("insights: [999]\n")
    assert "999: no saved insight in this project" in demo("doctor", "--demo", "-f", "csv").out


def test_events_and_properties(demo: Cli) -> None:
    events = {row["event"]: row for row in csv.DictReader(io.StringIO(demo("events", "-f", "csv").out))}
    assert next(iter(events)) == "$pageview"
    assert int(events["user_signed_up"]["events"]) >= int(events["user_signed_up"]["persons"]) > 0
    result = demo("properties", "mcp_connect_clicked", "-f", "csv")
    types = {row["property"]: row["type"] for row in csv.DictReader(io.StringIO(result.out))}
    assert (types["template_name"], types["has_oauth"]) == ("String", "Boolean")
    assert "duration_ms" not in types
    assert "email" in demo("properties", "--of", "person", "-f", "csv").out
    wrong = demo("properties", "mcp_conect_clicked")
    assert (wrong.code, wrong.out) == (2, "")
    assert "did you mean 'mcp_connect_clicked'" in wrong.err


def test_errors_are_ranked(demo: Cli) -> None:
    rows = json.loads(demo("errors", "--days", "30", "-f", "json").out)["rows"]
    counts = [row["occurrences"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert {"TypeError", "RangeError"} <= {row["error"] for row in rows}
    errors = json.loads(demo("errors", "--search", "oauth", "-f", "json").out)["rows"]
    assert [row["message"] for row in errors] == ["OAuth state mismatch for provider gmail"]
    assert demo("errors", "--sort", "colour").code == 2


def test_search(demo: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(demo("search", "mcp", "-f", "csv").out)))
    assert {(row["kind"], row["name"]) for row in rows} >= {
        ("insight", "MCP connect clicks by template (last 30d)"),
        ("event", "mcp_connect_clicked"),
    }
    assert demo("search", "no such thing").code == 0
