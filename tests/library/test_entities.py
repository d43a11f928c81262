"""Entities: their files, and how they stand in front of a query."""

from pathlib import Path

import psycopg
import pytest

from tests.conftest import problem
from tests.databases import database
from usertrack.library.entities import KINDS
from usertrack.library.library import Library

JOBS = """-- title: jobs
-- states: {ok: [2], failed: ["it's over", 3]}
SELECT j.owner AS account_id, j.began AS at, j.state AS status FROM app.jobs AS j
"""


def library(folder: Path, unused: tuple[str, ...] = (), **entities: str) -> Library:
    (folder / "tables" / "neon").mkdir(parents=True, exist_ok=True)
    for name, text in entities.items():
        (folder / "tables" / "neon" / f"{name}.sql").write_text(text)
    return Library([folder / "queries"], [folder / "tables"], unused)


def test_stands_in_front_of_a_query(tmp_path: Path) -> None:
    sql = library(tmp_path, runs=JOBS).expanded("SELECT count(*)\nFROM {runs} AS r WHERE r.at < {as_of}", "neon", ())
    assert sql.startswith("WITH usertrack_runs AS NOT MATERIALIZED (SELECT ")
    assert "status::text IN ('it''s over', '3') AS failed" in sql
    assert sql.count("\n") == 1, "the lines of a query keep their numbers"
    assert sql.endswith("FROM usertrack_runs AS r WHERE r.at < {as_of}")


@pytest.mark.parametrize(
    ("sql", "start"),
    [
        ("WITH a AS (SELECT 1) SELECT * FROM {runs} AS r", "WITH usertrack_runs AS NOT"),
        ("WITH RECURSIVE a AS (SELECT 1) SELECT * FROM {runs} AS r", "WITH usertrack_runs AS NOT"),
        ("(SELECT r.at FROM {runs} AS r) UNION SELECT now()", "WITH usertrack_runs AS NOT"),
    ],
)
def test_stands_in_front_of_what_the_query_has_of_its_own(tmp_path: Path, sql: str, start: str) -> None:
    assert library(tmp_path, runs=JOBS).expanded(sql, "neon", ()).startswith(start)


def test_reads_the_table_and_no_cte_of_its_name(tmp_path: Path) -> None:
    jobs = JOBS.replace("app.jobs", "jobs")
    query = "SELECT count(*) FROM {runs} AS r JOIN jobs ON jobs.n = r.account_id"
    own = "jobs (n) AS (SELECT 7 UNION ALL SELECT n + 1 FROM jobs WHERE n < 9)"
    with database() as dsn, psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE jobs AS SELECT 7 AS owner, now() AS began, 2 AS state")
        sql = library(tmp_path, runs=jobs).expanded(f"-- ours\nWITH RECURSIVE {own}\n{query} -- all", "neon", ())
        assert connection.execute(sql.encode()).fetchall() == [(1,)]
        assert sql.splitlines()[2].startswith("SELECT count(*)")


def test_reads_another_one(tmp_path: Path) -> None:
    jobs = JOBS.replace("FROM app.jobs AS j", "FROM {accounts} AS a JOIN app.jobs AS j ON j.owner = a.account_id")
    sql = library(tmp_path, runs=jobs).expanded("SELECT 1 FROM {runs} AS r", "neon", ())
    assert sql.index("usertrack_accounts AS") < sql.index("usertrack_runs AS")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (JOBS.replace("j.began AS at", "j.began AS att"), "3: 'runs' has no column 'at'", "is it 'att'? name it at"),
        (
            JOBS.replace(", j.began AS at", ""),
            "3: 'runs' has no column 'at': when it began",
            "add it to the SELECT: … AS at",
        ),
        (JOBS.replace("j.state AS status", "j.log AS eror, j.state AS status"), "no column 'error'", "is it 'eror'?"),
        (JOBS.replace("j.state AS status", "*"), "3: the SELECT does not name its columns", "write each as"),
        (JOBS.replace("failed:", "fail:"), "2: there is no state 'fail'", "'failed'"),
        (JOBS.replace("3]", "2]"), "2: '2' is both ok and failed", "it can mean one of them"),
        (JOBS.replace("[2]", "2"), "2: 'ok' takes a list of words", "write `ok: [done, finished]`"),
        (JOBS.replace("[2],", "[2], ok: [7],"), "2: 'ok' is there twice", "take one of them out"),
        (JOBS.replace("--", "-- title: all\n--", 1), "2: 'title' is there twice", "take one of them out"),
        (JOBS.replace("states", "params"), "2: a table has no 'params'", "title, about, states, same_as and timezone"),
        (
            JOBS.replace("app.jobs AS j", "{runs} AS j"),
            "runs.sql:3: the table 'runs' reads itself",
            "in the place of {runs}",
        ),
        (JOBS.replace("app.jobs AS j", "app.jobs AS j WHERE j.n > {since}"), "3: a table has no parameter 'since'", ""),
        (JOBS.replace("jobs AS j", "jobs AS j WHERE j.at < '{as_of}'"), "3: {as_of} is inside quotes", "without the"),
        (JOBS.replace("j.state AS status", "j.state AS status, j.x AS ok"), "3: 'ok' is what the library makes", ""),
        (JOBS.replace("[2]", "['{DONE}']"), "2: '{DONE}' is no word of a status", "a brace"),
        (JOBS + "; DROP TABLE x", "more than one statement", "keep one SELECT"),
        ("-- title: jobs\nDELETE FROM app.jobs", "only SELECT may run", "never writes"),
        (JOBS.replace("app.jobs AS j", "app.jobs AS j WHERE ("), "", ""),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, message: str, hint: str) -> None:
    wrong = problem(lambda: library(tmp_path, runs=text).expanded("SELECT 1 FROM {runs} AS r", "neon", ()))
    assert message in wrong.message
    assert hint in wrong.hint
    assert wrong.message.startswith(str(tmp_path / "tables/neon/runs.sql"))


def test_words_of_a_status_are_as_they_are_written(tmp_path: Path) -> None:
    jobs = JOBS.replace("[2]", "[yes, 010]").replace("3]", "no, null]")
    sql = library(tmp_path, runs=jobs).expanded("SELECT 1 FROM {runs} AS r", "neon", ())
    assert "IN ('yes', '010') AS ok" in sql
    assert "'no', 'null') AS failed" in sql


def test_who_is_called_active_and_does_not_pay(tmp_path: Path) -> None:
    columns = "u.id AS account_id, u.email, u.born AS signed_up_at, u.plan AS subscription_status"
    accounts = f'-- title: a\n-- states: {{active: [paid]}}\nSELECT {columns}, u.x AS "My x" FROM u'
    sql = library(tmp_path, accounts=accounts).expanded("SELECT 1 FROM {accounts} AS a", "neon", ())
    assert "WHEN subscription_status::text NOT IN ('active') THEN subscription_status::text END END" in sql
    assert '"My x"' in sql


def test_all_have_a_file_and_what_it_may_leave_out_is_known() -> None:
    shipped = Library([]).entities
    assert sorted(shipped.files) == sorted(KINDS)
    for name, entity in shipped.items():
        assert {column.name for column in KINDS[name].columns if column.required} <= set(entity.mapped)
