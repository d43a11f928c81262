"""Tables that are mistyped, lost or shut are named by the file of their entity, and the rest is known."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ..conftest import Cli
from ..databases import database

SCHEMA = """
CREATE TABLE people (id int, mail text, joined timestamptz);
CREATE TABLE jobs (id int, owner int, began timestamptz, state text, log text);
CREATE TABLE requests (id int, owner int, at timestamptz, state text, log text);
INSERT INTO people SELECT n, 'p' || n || '@b.example', now() - INTERVAL '90 days' FROM generate_series(1, 3) AS n;
INSERT INTO jobs SELECT n, n, now() - INTERVAL '2 days', 'broke', 'no space' FROM generate_series(1, 3) AS n;
DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
GRANT SELECT ON people, jobs TO reader;
"""
FILES = {
    "usertrack.yaml": "events: none\ntables: {code_runs: none, deployments: none, agent_runs: none}\n",
    "tables/neon/accounts.sql": "-- title: x\nSELECT p.id AS account_id, p.mail AS email, p.joined AS signed_up_at\n"
    "FROM people AS p",
    "tables/neon/runs.sql": "-- title: x\n-- states: {ok: [done], failed: [broke]}\n\n-- a row per job\nSELECT\n"
    "    j.owner AS account_id, -- whose\n    j.began AS at,\n    j.state AS status, j.log AS error\nFROM jobs AS j",
    "tables/neon/calls.sql": "-- title: x\n-- states: {ok: [done], failed: [broke]}\nSELECT r.owner AS account_id,\n"
    "    r.at, r.state AS status, r.log AS error, 'api' AS tool\nFROM requests AS r\n"
    "JOIN {accounts} AS a ON a.account_id = r.owner",
}


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with database() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        yield make_conninfo(dsn, user="reader")


@pytest.fixture
def company(cli: Cli, clean_env: pytest.MonkeyPatch, dsn: str, tmp_path: Path) -> Cli:
    clean_env.setenv("DATABASE_URL", dsn)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return cli


@pytest.mark.parametrize(
    ("typo", "problem"),
    [
        (("j.owner AS", "j.ownerr AS"), "tables/neon/runs.sql:6: column j.ownerr does not exist"),
        (("jobs AS", "job AS"), 'tables/neon/runs.sql:9: relation "job" does not exist'),
        (("jobs AS j", "jobs AS j WHERE j.log > {as_of}"), "tables/neon/runs.sql:9: operator does not exist: text > "),
    ],
)
def test_an_error_names_the_file_of_the_entity(
    company: Cli, tmp_path: Path, typo: tuple[str, str], problem: str
) -> None:
    runs = tmp_path / "tables/neon/runs.sql"
    runs.write_text(runs.read_text().replace(*typo))
    result = company("query", "run", "--source", "neon", "--sql", "SELECT r.at\nFROM {runs} AS r WHERE r.failed")
    assert (result.code, problem in result.err) == (1, True)
    assert problem in company("segments").err


def test_runs_are_known_without_calls(company: Cli) -> None:
    result = company("failures", "-f", "json")
    document = json.loads(result.out)
    assert result.code == 6
    assert document["missing"] == {"tool": "tables/neon/calls.sql:5: permission denied for table requests"}
    assert (document["levels"]["workflow"]["failed"], document["levels"]["tool"]) == (3, None)
    assert [each["failures"] for each in document["fingerprints"]] == [3]
    output = company("failures").out
    assert "3 of 3 runs failed (100 %)" in output
    assert "calls: unknown" in output
