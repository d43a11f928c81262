"""Doctor and the commands about people where there is nothing, or where something is broken."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Cli
from tests.people import Company, Office, office, served
from usertrack.checks.doctor import check_settings, examine
from usertrack.library.library import Library, shipped_root
from usertrack.workspace.settings import load_settings

REVOKED = "POSTHOG_PERSONAL_API_KEY", "phx_revoked"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    with office(tmp_path_factory.mktemp("empty"), company) as opened:
        yield opened


@pytest.fixture
def own(cli: Cli, clean_env: pytest.MonkeyPatch, empty: Office) -> Iterator[Cli]:
    with served(empty) as env:
        for name, value in env.items():
            clean_env.setenv(name, value)
        yield cli


def test_a_project_without_events_is_a_problem_and_queries_are_checked(empty: Office, tmp_path: Path) -> None:
    (tmp_path / "posthog").mkdir()
    (tmp_path / "posthog/one.sql").write_text("-- title: One\nSELECT 1 AS one")
    with empty.runner() as runner:
        findings = examine(runner.reading(Library([tmp_path])), runner.settings, tmp_path / "segments.yaml")
    seen = {finding.subject: (finding.level, finding.detail, finding.hint) for finding in findings}
    level, detail, hint = seen["PostHog"]
    assert (level, detail[:17], "is this the right project?" in hint) == ("FAIL", "no events at all,", True)
    assert seen["posthog/one"] == ("ok", "answers with 1 columns", "")


@pytest.mark.slow
def test_nobody_at_all(own: Cli) -> None:
    document = json.loads(own("segments", "-f", "json").out)
    assert {segment["count"] for segment in document["segments"]} == {0}
    assert document["users"] == []
    result = own("segments")
    assert result.code == 0
    assert "none" in result.out
    assert own("match").code == 0
    assert own("segments", "-f", "csv").out.startswith("email,primary,")
    assert "0 people are known" in own("explain", "lena@northwind.example").err


@pytest.mark.slow
def test_a_table_that_does_not_exist(own: Cli, empty: Office, clean_env: pytest.MonkeyPatch) -> None:
    with psycopg.connect(empty.dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE fastapi_code_execution RENAME TO code")
        try:
            segments = own("segments", "-f", "json")
            clean_env.setenv(*REVOKED)  # a table is Postgres's alone
            result = own("doctor", "-f", "json")
        finally:
            connection.execute("ALTER TABLE code RENAME TO fastapi_code_execution")
    assert (result.code, segments.code) == (5, 6)
    listed = json.loads(result.out)["rows"]
    rows = {row["what"]: row for row in listed if row["level"] == "FAIL" and row["what"] != "PostHog"}
    assert list(rows) == ["entity code_runs"]
    assert 'relation "fastapi_code_execution" does not exist; this stops ' in str(rows)
    assert " segments (" in str(rows)
    assert "`usertrack init --from-database` proposes what is yours" in str(rows)
    counts = {segment["id"]: segment["count"] for segment in json.loads(segments.out)["segments"]}
    assert counts == {"failing": 0, "frustrated": 0, "high_intent": 0, "at_risk": 0, "power": 0}  # nobody is known


@pytest.mark.slow
def test_a_column_that_does_not_exist(own: Cli, empty: Office, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv(*REVOKED)
    with psycopg.connect(empty.dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE fastapi_run RENAME COLUMN run_state TO state")
        try:
            result = own("doctor", "-f", "json")
        finally:
            connection.execute("ALTER TABLE fastapi_run RENAME COLUMN state TO run_state")
    assert result.code == 5
    failed = [row["what"] for row in json.loads(result.out)["rows"] if row["level"] == "FAIL"]
    assert failed == ["PostHog", "entity runs"]


def test_a_revoked_key_and_queries_that_were_not_checked(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv(*REVOKED)
    clean_env.setenv("COLUMNS", "200")
    result = own("doctor")
    assert result.code == 5
    assert "phx_r" not in result.out + result.err
    assert "FAIL  PostHog" in result.out
    assert "ok    Postgres" in result.out
    assert " from environment; --verbose shows all " in result.out
    assert "error: 1 problem found" in result.err
    assert re.search(r"posthog/active_days and \d+ more\s+not checked: PostHog cannot be asked", result.out)
    # all but neon/paid_churn: no account says since when it has paid
    of_postgres = len(list((shipped_root() / "queries/neon").rglob("*.sql"))) - 1
    assert re.search(rf"\b{of_postgres} of \d+ in order", result.out)


def test_settings_say_where_they_came_from(tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text(
        "timezone: Europe/Berlin\nneon:\n  api: https://user:hunter2@neon.example\n"
    )
    env = {"DATABASE_URL": "postgresql://localhost/app", "USERTRACK_INTERNAL": "datagen.dev"}
    rows = {row.subject: row.detail for row in check_settings(load_settings(workspace=tmp_path, env=env))}
    assert rows["timezone"] == "Europe/Berlin (usertrack.yaml, line 1)"
    assert rows["postgres.url"] == "set (environment, DATABASE_URL)"
    assert rows["neon.api_key"] == "not set (NEON_API_KEY)"
    assert rows["internal"] == "datagen.dev (environment, USERTRACK_INTERNAL)"
    assert "hunter2" not in str(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timezone: [", "usertrack.yaml:1: not valid YAML"),
        ("\nposthog:\n  hots: x", "usertrack.yaml:3: unknown setting 'posthog.hots'"),
        ("timezone: Mars/Base", "'Mars/Base' is not a timezone"),
        ("postgres:\n  timeout: soon", "usertrack.yaml:2: 'postgres.timeout' takes a number"),
    ],
)
def test_broken_settings(cli: Cli, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "usertrack.yaml").write_text(text)
    result = cli("doctor")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
