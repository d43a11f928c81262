"""What is wrong with a mapping: each cause once, with its file, its line, what it stops, and a remedy."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from usertrack.checks.entities import check_entity_files
from usertrack.checks.finding import Finding
from usertrack.checks.online import check_online
from usertrack.engine.runner import Runner
from usertrack.library.library import Library
from usertrack.sources.postgres import Postgres
from usertrack.workspace.settings import load_settings

from ..conftest import Cli
from ..databases import database

SCHEMA = """
CREATE SCHEMA app;
CREATE TABLE app.people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), mail text, joined timestamptz DEFAULT now());
CREATE TABLE app.jobs (id bigserial, owner uuid, began timestamptz, state text, log text);
CREATE TABLE app.secret (id uuid, mail text, joined timestamptz);
INSERT INTO app.people (mail) SELECT 'a' || n || '@b.example' FROM generate_series(1, 4) AS n;
INSERT INTO app.jobs (owner, began, state)
SELECT id, timestamptz '2026-11-19', (ARRAY['done', 'broke', 'wei[red]rd', NULL])[n]
FROM app.people, generate_series(1, 4) AS n;
DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
GRANT USAGE ON SCHEMA app TO reader;
GRANT SELECT ON app.people, app.jobs TO reader;
"""
ACCOUNTS = """-- title: people

SELECT p.id AS account_id, p.mail AS email, p.joined AS signed_up_at
FROM app.people AS p
"""
RUNS = """-- title: jobs
-- states: {ok: [done], failed: [broke]}

-- a row per job
SELECT
    j.owner AS account_id,
    j.began AS at,
    j.state AS status
FROM app.jobs AS j
"""
UNUSED_KINDS = ("calls", "code_runs", "deployments", "agent_runs")
QUERY = "-- title: x\nSELECT a.email FROM {runs} AS r JOIN {accounts} AS a ON a.account_id = r.account_id"


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with database() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        yield make_conninfo(dsn, user="reader")


Check = Callable[..., list[Finding]]


@pytest.fixture
def check(dsn: str, tmp_path: Path) -> Check:
    """Checks a company with one query and these files of entities, at its database."""

    async def address() -> str:
        return dsn

    def findings(accounts: str = ACCOUNTS, runs: str = RUNS, **more: str) -> list[Finding]:
        entities = {"accounts": accounts, "runs": runs, **more}
        files = {"queries/neon/q": QUERY, **{f"tables/neon/{name}": text for name, text in entities.items()}}
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / f"{name}.sql").write_text(text)
        unused = [name for name in UNUSED_KINDS if name not in more]
        library = Library([tmp_path / "queries"], [tmp_path / "tables"], unused)
        moment = datetime(2026, 11, 20, tzinfo=UTC)
        with Runner(load_settings(env={}, workspace=tmp_path), library, moment, {"neon": Postgres(address)}) as runner:
            return check_online(runner, tmp_path / "segments.yaml")

    return findings


def failures(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "FAIL"]


def test_all_in_order(check: Check) -> None:
    findings = check(runs=RUNS.replace("failed: [broke]", "failed: [broke, 'wei[red]rd', '']"))
    assert failures(findings) == []
    assert findings[-1].detail == "yours: accounts, runs · none: agent_runs, calls, code_runs, deployments"


@pytest.mark.parametrize(
    ("accounts", "runs", "problem", "remedy"),
    [
        ("", ("j.state AS", "j.stat AS"), "runs.sql:8: column j.stat does not exist; this stops 1 query", '"j.state"'),
        ("", ("app.jobs", "app.job"), 'runs.sql:9: relation "app.job" does not exist', "did you mean 'app.jobs'?"),
        ("", ("j.began AS", "j.log AS"), "runs.sql:7: 'at' is no time: when it began", "write …::timestamptz AS at"),
        ("", ("j.owner AS", "j.id AS"), "runs.sql:6: 'account_id' is of another type than in accounts", "cast it"),
        ("", ("status", "statu"), "runs.sql:8: 'runs' has no column 'status'", "is it 'statu'?"),
        ("", ("[done], failed: [broke]", "[done]"), "75 % of 16 rows of the last 30 days are in no state", "`states`"),
        ("", ("[done], failed: [broke]", "[x]"), "100 % of 16 rows of the last 30 days are in no state", "`states`"),
        (
            "",
            ("app.jobs", "{runs}"),
            "runs.sql:9: the table 'runs' reads itself: runs → runs",
            "in the place of {runs}",
        ),
        (("people AS", "secret AS"), "", "accounts.sql:3: permission denied for table secret", "grant SELECT"),
        (
            ("AS p\n", "AS p JOIN app.jobs AS j ON j.owner = p.id\n"),
            "",
            "accounts.sql: 4 ids more than once, such as ",
            "DISTINCT ON",
        ),
    ],
)
def test_one_cause(check: Check, accounts: tuple[str, str], runs: tuple[str, str], problem: str, remedy: str) -> None:
    [finding] = failures(
        check(ACCOUNTS.replace(*accounts) if accounts else ACCOUNTS, RUNS.replace(*runs) if runs else RUNS)
    )
    assert problem in finding.detail
    assert remedy in finding.hint


def test_what_is_no_address_is_counted(check: Check) -> None:
    findings = check(accounts=ACCOUNTS.replace("p.mail AS email", "'a@x.example, b@x.example' AS email"))
    details = [finding.detail for finding in findings if finding.subject == "entity accounts"]
    assert "4 accounts have an e-mail that is no address, and so none" in details


AGENTS = """-- title: agents
-- states: {ok: [done], failed: [broke]}

SELECT j.owner AS account_id, j.began AS at, j.state AS status,
    j.began + CASE WHEN j.state = 'broke' THEN -1 ELSE 1 END * INTERVAL '1 minute' AS completed_at, -5 AS duration_ms
FROM app.jobs AS j WHERE j.state IN ('done', 'broke')
"""


def test_what_ends_before_it_begins_is_told_and_in_no_mean(check: Check, dsn: str, tmp_path: Path) -> None:
    details = [finding.detail for finding in check(agent_runs=AGENTS) if finding.subject == "entity agent_runs"]
    told = "agent_runs.sql: 8 rows end before they begin: how long these took is not known"
    assert any(detail.endswith(told) for detail in details)
    library = Library([tmp_path / "queries"], [tmp_path / "tables"], ())
    query = "SELECT g.status, count(g.duration_ms), count(g.completed_at) FROM {agent_runs} AS g GROUP BY 1 ORDER BY 1"
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(library.expanded(query, "neon", ()).encode()).fetchall()
    assert rows == [("broke", 0, 0), ("done", 0, 4)]


def test_words_in_no_state_are_counted(check: Check) -> None:
    [note] = [finding for finding in check() if finding.level == "note"]
    assert note.detail == "50 % of 16 rows of the last 30 days are in no state: wei[red]rd (4), empty (4)"


RUNS_OF = """-- title: Runs
-- key: email
-- facts:
--   credits: {label: runs, type: int, absent: 0, MERGE}
SELECT a.email, 1 AS credits FROM {runs} AS r JOIN {accounts} AS a USING (account_id)
"""
RULES = "profile: {queries: [neon/of]}\nsets: {action: {segments: {many: {when: credits > 1}}}}\n"


def test_rows_that_stop_segments_are_found_and_merged_where_the_header_says_so(check: Check, tmp_path: Path) -> None:
    (tmp_path / "queries/neon").mkdir(parents=True)
    (tmp_path / "segments.yaml").write_text(RULES)
    (tmp_path / "queries/neon/of.sql").write_text(RUNS_OF.replace(", MERGE", ""))
    [finding] = failures(check())
    assert (finding.subject, finding.detail) == (
        "neon/of",
        "query 'neon/of' has several rows for one email; this stops `segments`",
    )
    assert finding.hint == "end it with GROUP BY email, or say how they become one: `merge:` of credits"
    (tmp_path / "queries/neon/of.sql").write_text(RUNS_OF.replace("MERGE", "merge: sum"))
    assert failures(check()) == []
    (tmp_path / "segments.yaml").write_text(RULES.replace("credits > 1", "(credits || 'x')::int > 1"))
    [finding] = failures(check())
    assert "Could not convert string" in finding.detail


def test_rows_that_take_long_are_not_looked_at(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usertrack.checks.entities.LOOK_SECONDS", 0.05)
    slow = "AS j, LATERAL (SELECT count(*) FROM generate_series(1, 5000000) AS n WHERE n > length(j.state)) AS slow"
    [note] = [finding for finding in check(runs=RUNS.replace("AS j\n", slow)) if finding.level == "note"]
    assert (note.subject, "its rows were not looked at" in note.detail) == ("entity runs", True)


def test_files_alone(tmp_path: Path) -> None:
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "tables/neon/runs.sql").write_text(RUNS.replace("app.jobs", "pg_ls_dir('/')"))
    (tmp_path / "tables/neon/run.sql").write_text(RUNS)
    library = Library([tmp_path / "queries"], [tmp_path / "tables"])
    refused, stranger, places = check_entity_files(library)
    assert "runs.sql:9: no query may call pg_ls_dir" in refused.detail
    assert (stranger.level, "did you mean 'runs'?" in stranger.hint) == ("FAIL", True)
    assert places.detail.startswith("as shipped, of the demo: accounts, calls, ")


def test_doctor_begins_with_what_is_wrong(cli: Cli, clean_env: pytest.MonkeyPatch, dsn: str, tmp_path: Path) -> None:
    clean_env.setenv("DATABASE_URL", dsn)
    (tmp_path / "usertrack.yaml").write_text("events: none\n")
    result = cli("doctor")
    assert result.code == 5
    text = " ".join(result.out.split())
    assert "Found FAIL entities are still those of the demo, whose tables this database does not have: acco" in text
    assert "`usertrack init --from-database` proposes what is yours" in text
    assert "PostHog not connected, and not needed" in text
    assert ", 1 from usertrack.yaml; --verbose shows all " in text.split("PostHog not connected")[1]
