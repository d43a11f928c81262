"""`usertrack failures` on the demo: what a user sees, in every format, on the loud and on the quiet world."""

import csv
import io
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import yaml

from tests.conftest import AS_OF, DAYS, Cli, document_of, slow_but
from usertrack.demo import build
from usertrack.library.library import shipped_root

LENA = "lena@northwind.example"


@pytest.fixture(scope="module")
def quiet() -> Iterator[str]:
    """The DSN of the default demo without its incident."""
    with (
        tempfile.TemporaryDirectory(prefix="usertrack-test-") as directory,
        closing(build(Path(directory) / "quiet", as_of=AS_OF, days=DAYS, quiet=True)) as demo,
    ):
        yield demo.postgres_dsn()


@pytest.mark.slow
def test_the_incident_is_found(demo: Cli) -> None:
    document = document_of(demo, "failures")
    (incident,) = document["incidents"]
    assert (incident["label"], incident["level"]) == ("Modal OOM (rc=137)", "workflow")
    assert (incident["start"][:16], incident["end"][:16]) == ("2026-11-09T13:00", "2026-11-09T16:00")
    assert 20 <= len(incident["people"]) == len(set(incident["people"])) <= incident["failed"] <= 40
    # every figure is of the whole incident, though another stretch gave it away
    assert len(incident["people"]) <= incident["people_failed"] <= incident["people_active"] <= 60
    assert 0 < incident["people_expected_to_fail"] < incident["people_failed"] <= incident["all_failed"]
    assert document["burst_test"]["false_alarms"] == 0.01
    assert "independently of each other" in document["burst_test"]["condition"]
    output = demo("failures", "--timezone", "Europe/Berlin").out
    assert "9 Nov, 14:00–17:00" in output


@pytest.mark.slow
def test_a_quiet_demo_has_none(cli: Cli, clean_env: pytest.MonkeyPatch, quiet: str) -> None:
    clean_env.setenv("DATABASE_URL", quiet)
    for days in (7, 30, 90):
        assert document_of(cli, "failures", "--as-of", "2026-11-20T09:00", "--days", days)["incidents"] == []
    assert "No platform incident" in cli("failures", "--as-of", "2026-11-20T09:00").out


@pytest.mark.slow
def test_quiet_is_the_same_world_without_the_incident(demo_postgres: str, quiet: str) -> None:
    runs = "SELECT id, user_id, created_at FROM fastapi_run ORDER BY id"
    failed = (
        "SELECT count(*), sum((run_state = 'failed')::int) FROM fastapi_run"
        " WHERE created_at >= '2026-11-09 13:00' AND created_at < '2026-11-09 16:00'"
    )
    with psycopg.connect(demo_postgres) as loud_database, psycopg.connect(quiet) as quiet_database:
        assert loud_database.execute(runs).fetchall() == quiet_database.execute(runs).fetchall()
        [(many, struck)] = loud_database.execute(failed).fetchall()
        [(same, ordinary)] = quiet_database.execute(failed).fetchall()
    assert many == same
    assert struck > 0.8 * many
    assert ordinary < 0.4 * many


BROKEN: list[tuple[str, set[str], str]] = [
    ("tool_kinds", {"kinds"}, "What failed runs say"),
    ("failure_messages", {"incidents", "burst_test", "fingerprints", "categories"}, "MCP tools versus default"),
    ("failure_levels", {"levels"}, "Whose they are"),
    ("failure_days", {"run_days", "likely_platform"}, "Platform incidents"),
    ("top_tools", {"tools_used"}, "Platform incidents"),
]


@pytest.mark.parametrize(
    ("query", "gone", "stays"),
    slow_but(BROKEN[:2], BROKEN),
)
def test_what_can_be_answered_is_answered(demo: Cli, tmp_path: Path, query: str, gone: set[str], stays: str) -> None:
    (tmp_path / "queries/neon").mkdir(parents=True)
    (tmp_path / "usertrack.yaml").write_text("")
    # the parameters of the shipped one, so that the query fails and not its binding
    header = (shipped_root() / f"queries/neon/{query}.sql").read_text().split("-- params: ")[1].splitlines()[0]
    names = ", ".join(f"{{{name}}}" for name in yaml.safe_load(header))
    text = f"-- title: Broken\n-- params: {header}\nSELECT {names} FROM nowhere"
    (tmp_path / f"queries/neon/{query}.sql").write_text(text)
    result = demo("failures", "-f", "json")
    document = json.loads(result.out)
    assert result.code == 6
    assert {name for name, value in document.items() if value is None and name != "person"} == gone
    terminal = demo("failures")
    assert terminal.code == 6
    assert stays.lower() in terminal.out.lower()
    assert "unknown: " in terminal.out
    assert 'relation "nowhere" does not exist' in terminal.err


def test_the_numbers_agree_with_each_other(demo: Cli) -> None:
    document = document_of(demo, "failures")
    for level in ("workflow", "tool"):
        of_level = [row["failures"] for row in document["fingerprints"] if row["level"] == level]
        failed = document["levels"][level]["failed"]
        assert sum(of_level) == sum(row[level] for row in document["categories"]) == failed > 100
    for count in ("finished", "failed"):  # also of people without a failed run
        assert sum(day[count] for day in document["run_days"]) == document["levels"]["workflow"][count]
    assert sum(kind["failed"] for kind in document["kinds"]) == document["levels"]["tool"]["failed"]
    assert round(sum(kind["share"] for kind in document["kinds"]), 9) == 1
    assert len(document["checklist"]) == 7
    assert all(row["found"] for row in document["checklist"])
    assert len(document["fingerprints"]) == 129


def test_every_cause_of_the_demo_has_a_specific_name_and_nothing_of_anybody_is_shown(demo: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(demo("failures", "-f", "csv").out)))
    assert len(rows) == 129
    assert list(rows[0]) == [
        *("level", "label", "category", "owner", "tool", "provider", "failures", "people"),
        *("first_at", "last_at", "fingerprint", "sample"),
    ]
    assert {(row["label"], row["category"]) for row in rows if row["level"] == "workflow"} == {
        ("Modal OOM (rc=137)", "Infrastructure"),
        ("API timeout", "Infrastructure"),
        ("Sandbox rate limit", "Infrastructure"),
        ("False credit check (the account has credits)", "Platform Bug"),
        ("Missing env var HUBSPOT_API_KEY", "Platform Bug"),
        ("HubSpot 429", "Third-party"),
        ("LinkedIn 403", "Third-party"),
        ("Invalid params: teamId", "User Code"),
        ("IndexError: list index out of range", "User Code"),
        ("", "Unknown"),
    }
    for row in rows:
        text = row["fingerprint"] + row["sample"]
        assert not re.search(r"\d{6}|@|[0-9a-f]{16}", text), text


def test_the_terminal(demo: Cli) -> None:
    lines = demo("failures").out.splitlines()
    assert all(len(line) <= 100 for line in lines)
    text = "\n".join(lines)
    for heading in ("Platform incidents", "Workflow level", "Tool level", "Whose they are", "MCP tools", "Checklist"):
        assert heading in text
    assert "No rule knows 1 fingerprint" in text
    assert "any tool" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("fmt", slow_but(["markdown", "html"], ["markdown", "html", "jsonl", "tsv"]))
def test_hostile_messages_are_data(demo: Cli, fmt: str) -> None:
    result = demo("failures", "--limit", 0, "-f", fmt)
    assert result.code == 0
    assert "FATAL" in result.out
    assert "\x1b" not in result.out
    assert fmt != "html" or "<script>alert" not in result.out


@pytest.mark.slow
def test_one_person(demo: Cli) -> None:
    document = document_of(demo, "failures", "--user", "LENA@northwind.example", "--days", 90)
    assert document["person"] == LENA
    assert {fingerprint["people"] for fingerprint in document["fingerprints"]} == {1}
    assert document["levels"]["workflow"]["people"] == 1
    assert document["incidents"]
    assert "Hit" in demo("failures", "--user", LENA).out


def test_what_is_not_of_the_tool_alone_says_so(demo: Cli) -> None:
    lines = [line.strip() for line in demo("failures", "--tool", "gmail_send_message").out.splitlines()]
    assert any(line.startswith("Workflow level: runs, with any tool ") for line in lines)
    assert "Workflow level: what failed runs say, with any tool" in lines
    assert "MCP tools versus default tools, all of them" in lines
    assert any(line.startswith("Failed runs per day, with any tool ") for line in lines)


def test_a_tool_that_somebody_does_not_use(demo: Cli) -> None:
    result = demo("failures", "--user", LENA, "--tool", "web_search")
    assert result.code == 0
    assert f"{LENA} does not use 'web_search'" in result.out
    assert "Checklist" not in result.out
    assert document_of(demo, "failures", "--user", LENA, "--tool", "web_search")["used"] is False
    assert "Checklist" in demo("failures", "--user", LENA, "--tool", "web_scrape").out


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (
            ["--user", "lena@nortwind.example"],
            "nobody is known as 'lena@nortwind.example'",
            "did you mean lena@",
        ),
        (["--user", "qqq"], "nobody is known as 'qqq'", " people with an account are known"),
        (["--user", "ops@datagen.dev"], "nobody is known as 'ops@datagen.dev'", "it is one of your own people"),
        (
            ["--tool", "gmial_send_message"],
            "nobody ever called a tool named 'gmial_send_message'",
            "did you mean 'gm",
        ),
        (["--tool", "gmail%"], "nobody ever called a tool named 'gmail%'", "17 tools are known"),
    ],
)
def test_mistakes(demo: Cli, args: list[str], message: str, hint: str) -> None:
    result = demo("failures", *args)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert hint in result.err


def test_posthog_is_not_needed_and_postgres_is(cli: Cli, clean_env: pytest.MonkeyPatch, demo_postgres: str) -> None:
    clean_env.setenv("DATABASE_URL", demo_postgres)
    result = cli("failures", "--user", LENA, "--as-of", "2026-11-20T09:00")
    assert (result.code, result.err) == (0, "")
    clean_env.delenv("DATABASE_URL")
    clean_env.setenv("POSTHOG_PROJECT_ID", "1")
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", "phx_x")
    result = cli("failures")
    assert (result.code, result.out) == (3, "")
    assert "Postgres is not connected" in result.err
    assert "DATABASE_URL" in result.err


def test_a_workspace_names_what_was_unknown(demo: Cli, tmp_path: Path) -> None:
    assert demo("init").code == 0
    rule = "rules: [{match: '^fatal', category: platform_bug, label: Fatal}]\n"
    (tmp_path / "failures.yaml").write_text(rule)
    document = document_of(demo, "failures", "--demo")
    assert {
        fingerprint["label"] for fingerprint in document["fingerprints"] if fingerprint["category"] == "Platform Bug"
    } >= {"Fatal"}
    assert [fingerprint for fingerprint in document["fingerprints"] if fingerprint["category"] == "Unknown"] == []
