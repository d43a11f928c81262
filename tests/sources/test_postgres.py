"""What a real PostgreSQL answers, value by value, and that nothing is ever written to it."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sources.engines import Server, in_file, refused, server, source, table, tables
from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsageError
from usertrack.core.spool import Spool
from usertrack.library.functions import refused_function
from usertrack.library.library import Statement

__all__ = ["server"]

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
NASTY = st.one_of(
    TEXTS, st.sampled_from(["", "\\N", '"', ",", "\n", "\r", "\r\n", "\\", "'", "NULL", "{x}", "%s", "%"])
)


def statement_of(sql: str, types: str, **values: Any) -> Statement:
    return Statement("neon", sql, values, dict(zip(values, types.split(), strict=True)))


@few
@given(a=NASTY, b=st.lists(NASTY, max_size=4), c=st.integers(-(2**63), 2**63 - 1), d=st.booleans())
def test_values_are_bound(server: Server, tmp_path: Path, a: str, b: list[str], c: int, *, d: bool) -> None:
    statement = statement_of("SELECT {a}, {b}, {c}, {d}, {a}", "text list int bool", a=a, b=b, c=c, d=d)
    assert list(table(server.dsn, statement, tmp_path).rows) == [(a, b, c, d, a)]


@few
@given(st.floats(), st.datetimes())
def test_numbers_and_times_are_bound(server: Server, tmp_path: Path, a: float, b: datetime) -> None:
    records = list(
        table(
            server.dsn, statement_of("SELECT {a}, {b}", "float timestamp", a=a, b=b.replace(tzinfo=UTC)), tmp_path
        ).rows
    )
    assert repr(records) == repr([(a, b.replace(fold=0))])


@few
@given(st.lists(st.one_of(st.none(), NASTY), max_size=20))
def test_one_column_of_texts(server: Server, tmp_path: Path, values: list[str | None]) -> None:
    sql = "SELECT v::json #>> '{}' FROM unnest({vs}) WITH ORDINALITY AS u(v, n) ORDER BY n"
    statement = statement_of(sql, "list", vs=[json.dumps(value) for value in values])
    assert [row[0] for row in table(server.dsn, statement, tmp_path).rows] == values


@few
@given(st.lists(st.tuples(st.none() | NASTY, st.none() | NASTY, st.none() | st.integers(0, 9)), max_size=20))
def test_several_columns(server: Server, tmp_path: Path, values: list[tuple[Any, ...]]) -> None:
    array = "SELECT v::json AS v, n FROM unnest({vs}) WITH ORDINALITY AS u(v, n)"
    sql = f"SELECT v ->> 0, v ->> 1, (v ->> 2)::int FROM ({array}) ORDER BY n"
    statement = statement_of(sql, "list", vs=list(map(json.dumps, values)))
    assert list(table(server.dsn, statement, tmp_path).rows) == values


VALUES: list[tuple[str, str, Any]] = [
    ("NULL", "VARCHAR", None),
    ("9223372036854775807", "BIGINT", 2**63 - 1),
    ("(-32768)::int2", "BIGINT", -32768),
    ("0.1::numeric(10, 2)", "DOUBLE", 0.1),
    ("12345678901234567890::numeric", "DOUBLE", 12345678901234567890.0),
    ("'NaN'::numeric > 1, 'Infinity'::numeric", "BOOLEAN", True),
    ("'-Infinity'::float8", "DOUBLE", float("-inf")),
    ("1e-300::float8", "DOUBLE", 1e-300),
    ("false", "BOOLEAN", False),
    ("date '2024-02-29'", "DATE", date(2024, 2, 29)),
    ("date 'infinity'", "DATE", date.max),
    ("date '0044-03-15 BC'", "DATE", date.min),
    ("timestamptz '2026-01-01 00:00:00.123456+02'", "TIMESTAMP", datetime(2025, 12, 31, 22, 0, 0, 123456)),
    ("timestamp '2026-01-01 00:00'", "TIMESTAMP", datetime(2026, 1, 1)),
    ("timestamptz '-infinity'", "TIMESTAMP", datetime.min),
    ("timestamptz '0044-03-15 BC'", "TIMESTAMP", datetime.min),
    ("timestamptz '294276-01-01'", "TIMESTAMP", datetime.max),
    ("NULL::timestamptz", "TIMESTAMP", None),
    ("time '10:00'", "VARCHAR", "10:00:00"),
    ("interval '1 day 2 hours'", "VARCHAR", "1 day 02:00:00"),
    ("'00000000-0000-0000-0000-00000000000a'::uuid", "VARCHAR", "00000000-0000-0000-0000-00000000000a"),
    ("'\\x00ff'::bytea", "VARCHAR", "\\x00ff"),
    ("'{\"a\": [1, null]}'::jsonb", "JSON", '{"a": [1, null]}'),
    ("'null'::json", "JSON", "null"),
    ("'\"\\ud83d\"'::json", "JSON", '"\\"\\\\ud83d\\""'),
    ("ARRAY['a', NULL, ',\"']", "VARCHAR[]", ["a", None, ',"']),
    ("ARRAY[]::int[]", "BIGINT[]", []),
    ("ARRAY[[1, 2], [3, 4]]", "BIGINT[]", [1, 2, 3, 4]),
    ("ARRAY[[1.5], [NULL]]::numeric[]", "DOUBLE[]", [1.5, None]),
    ("ARRAY[['a'], ['b']]", "VARCHAR[]", ['["a"]', '["b"]']),
    ("ARRAY[1.5, 'NaN']::numeric[] = ARRAY[1.5]", "BOOLEAN", False),
    ("ARRAY[timestamptz '2026-01-01 00:00+02']", "TIMESTAMP[]", [datetime(2025, 12, 31, 22)]),
    ("ROW(1, 'a')", "VARCHAR", "(1,a)"),
    ("'happy'::mood", "VARCHAR", "happy"),
    ("inet '10.0.0.1'", "VARCHAR", "10.0.0.1"),
    ("int4range(1, 5)", "VARCHAR", "[1,5)"),
]


@pytest.mark.parametrize(("sql", "kind", "value"), VALUES)
def test_types(server: Server, tmp_path: Path, sql: str, kind: str, value: Any) -> None:
    server.execute("DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('happy')")
    answer = table(server.dsn, f"SELECT {sql}", tmp_path)
    assert (answer.columns[0].type, answer.rows[0][0]) == (kind, value)


def test_names_and_shapes(server: Server, tmp_path: Path) -> None:
    answer = table(server.dsn, 'SELECT 1 AS a, 2 AS "A", 3 AS "say ""hi""; --", 4, 5', tmp_path)
    assert answer.names == ["a", "A_2", 'say "hi"; --', "?column?", "?column?_2"]
    assert list(answer.rows) == [(1, 2, 3, 4, 5)]
    empty = table(server.dsn, "SELECT 1 AS a, now() AS at WHERE false", tmp_path)
    assert ([column.type for column in empty.columns], list(empty.rows)) == (["BIGINT", "TIMESTAMP"], [])
    assert table(server.dsn, "VALUES (1), (2) -- both", tmp_path).rows[-1] == (2,)
    assert table(server.dsn, "TABLE pg_am", tmp_path).names[0] == "oid"


@pytest.mark.parametrize(("limit", "length", "truncated"), [(0, 0, False), (3, 3, True), (5, 5, False), (9, 5, False)])
def test_a_limit_asked_for(server: Server, tmp_path: Path, limit: int, length: int, *, truncated: bool) -> None:
    statement = Statement("neon", "SELECT g FROM generate_series(5, 1, -1) g ORDER BY g DESC", limit=limit)
    answer = table(server.dsn, statement, tmp_path)
    assert ([row[0] for row in answer.rows], answer.truncated) == ([5, 4, 3, 2, 1][:length], truncated)


def test_a_long_cell(server: Server, tmp_path: Path) -> None:
    answer = table(server.dsn, "SELECT repeat('é\n', 4000000), 1", tmp_path)
    assert answer.rows[0] == ("é\n" * 4_000_000, 1)


WRITES = [
    "INSERT INTO guarded VALUES (2)",
    "DELETE FROM guarded",
    "DROP TABLE guarded",
    "COPY guarded TO PROGRAM 'true'",
    "WITH gone AS (DELETE FROM guarded RETURNING *) SELECT * FROM gone",
    "SELECT nextval('counter')",
    "SELECT writes()",
    "SELECT * FROM guarded FOR UPDATE",
    "SELECT 1 INTO other",
    "SELECT 1) TO PROGRAM 'touch /tmp/owned' --",
    "SELECT 1; DELETE FROM guarded",
    "COMMIT; DELETE FROM guarded",
    "SELECT 1; COMMIT; DELETE FROM guarded",
    "SELECT '\\'; DELETE FROM guarded; --'",
    "SELECT set_config('transaction_read_only', 'off', false), writes()",
    "SELECT lo_create(0)",
    "DO $$ BEGIN DELETE FROM guarded; END $$",
    "CALL wipe()",
    "EXPLAIN ANALYZE DELETE FROM guarded",
    "",
    " -- nothing",
    ";",
]


@pytest.mark.parametrize("sql", WRITES)
def test_nothing_is_written(server: Server, tmp_path: Path, sql: str) -> None:
    server.execute(
        "DROP TABLE IF EXISTS guarded; CREATE TABLE guarded AS SELECT 1 AS id; CREATE SEQUENCE IF NOT EXISTS counter;"
        "CREATE OR REPLACE FUNCTION writes() RETURNS int LANGUAGE sql AS 'DELETE FROM guarded; SELECT 1';"
        "CREATE OR REPLACE PROCEDURE wipe() LANGUAGE sql AS 'DELETE FROM guarded'"
    )
    error = refused(server.dsn, sql, tmp_path)
    assert isinstance(error, UsageError | QueryError)
    assert "DECLARE" not in error.message
    assert server.execute("SELECT count(*), (SELECT is_called FROM counter) FROM guarded") == [(1, False)]


def test_a_write_is_told_that_nothing_changed(server: Server, tmp_path: Path) -> None:
    for sql in (
        "SELECT oid FROM pg_am FOR UPDATE",
        "WITH gone AS (DELETE FROM pg_class RETURNING *) SELECT * FROM gone",
    ):
        assert "nothing was changed" in refused(server.dsn, sql, tmp_path).hint


def test_a_session_never_becomes_writable(server: Server, tmp_path: Path) -> None:
    server.execute(
        "CREATE OR REPLACE FUNCTION writable() RETURNS text LANGUAGE sql AS"
        " $$ SELECT set_config('default_transaction_read_only', 'off', false) $$"
    )
    relaxed = Statement("neon", "SELECT writable()")

    async def ask() -> None:
        postgres, spool = source(server.dsn), Spool(tmp_path)
        await postgres.run(relaxed, spool)
        with pytest.raises(QueryError, match="read-only"):
            await postgres.run(Statement("neon", "SELECT FROM pg_am FOR UPDATE"), spool)
        await postgres.close()

    asyncio.run(ask())


CALLS = [
    ("set_config('statement_timeout', '0', false)", "changes settings"),
    ("pg_reload_conf()", "changes settings"),
    ("pg_advisory_lock(1)", "takes locks"),
    ("pg_try_advisory_xact_lock_shared(1)", "takes locks"),
    ("pg_notify('a', 'b')", "sends messages"),
    ("pg_cancel_backend(1)", "ends or interrupts"),
    ("pg_terminate_backend(pid) FROM pg_stat_activity", "ends or interrupts"),
    ("pg_switch_wal()", "changes the server"),
    ("pg_create_restore_point('a')", "changes the server"),
    ("pg_logical_emit_message(true, 'a', 'b')", "changes the server"),
    ("nextval('counter')", "counts a sequence on"),
    ("pg_read_file('PG_VERSION')", "files of the server"),
    ("pg_read_binary_file('PG_VERSION')", "files of the server"),
    ("pg_ls_dir('.')", "files of the server"),
    ("lo_import('/etc/passwd')", "large objects"),
    ("query_to_xml('DELETE FROM a', true, true, '')", "runs a text as SQL"),
    ("database_to_xml(true, true, '')", "runs a text as SQL"),
    ("word FROM ts_stat('SELECT 1')", "runs a text as SQL"),
    ("dblink_exec('', 'DELETE FROM a')", "asks other servers"),
    ("pg_catalog.SET_config('a.b', 'c', true)", "changes settings"),
    ("pg_catalog . \"set_config\" /* here */ ('a.b', 'c', true)", "changes settings"),
    ("(SELECT count(*) FROM (VALUES (set_config('a.b', 'c', true))) AS v)", "changes settings"),
    ("('PG_VERSION'::text).pg_read_file", "files of the server"),
    ("1 FROM ROWS FROM (pg_ls_dir('.')) AS f", "files of the server"),
    ("U&\"set\\005fconfig\"('a.b', 'c', true)", "unicode escapes"),
    ("1 AS a, t.begin show, set_config('a.b', 'c', true) FROM (SELECT 1 AS begin) AS t", "changes settings"),
]


@pytest.mark.parametrize(("call", "why"), CALLS)
def test_functions_that_do_more_than_read_tables(server: Server, tmp_path: Path, call: str, why: str) -> None:
    error = refused(server.dsn, in_file(f"SELECT\n{call}", Path("q.sql"), line=3), tmp_path)
    assert isinstance(error, QueryError)
    assert re.match(r"q\.sql:[45]: .*" + why, error.message)
    assert "changes nothing" in error.hint


def test_their_names_in_texts_and_comments_call_nothing(server: Server, tmp_path: Path) -> None:
    sql = "SELECT 'set_config()', $a$pg_notify()$a$, E'\\'pg_read_file(' /* pg_ls_dir() */ -- lo_import()"
    assert list(table(server.dsn, sql, tmp_path).rows) == [("set_config()", "pg_notify()", "'pg_read_file(")]


PIECES = [
    *("'", "''", "\\", "E'", "e'", '"', "/*", "*/", "/", "--", "\n", "\r", " ", "$$", "$a$", "$A$", "U&'", "N'"),
    *("1", "a", ",", "+", "'a'", "E'\\'", ", setval()", ", pg_catalog.setval()", ', "setval"()', "('x').setval"),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=14))
def test_a_call_is_where_postgres_sees_one(server: Server, pieces: list[str]) -> None:
    sql = "SELECT 1 " + "".join(pieces)
    try:
        server.connection.execute(sql.encode(), prepare=False)
        assert refused_function(sql) is None
    except psycopg.Error as error:
        if re.search(r"function (pg_catalog\.)?setval\(|notation \.setval applied", str(error)):
            assert refused_function(sql)


def test_the_time_limit_is_kept_from_outside(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usertrack.sources.postgres.GRACE_SECONDS", 0.3)
    server.execute(
        # an immutable function is called while the query is planned: the limit is gone before the query begins
        "CREATE OR REPLACE FUNCTION unlimited() RETURNS text IMMUTABLE LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN set_config('statement_timeout', '0', true); END $$;"
        "CREATE OR REPLACE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS $$ BEGIN FOR second IN 1..20 LOOP"
        " BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; RETURN 1; END $$"
    )
    for sql in ("SELECT unlimited(), pg_sleep(33)", "SELECT stubborn()"):
        error = refused(server.dsn, sql, tmp_path, timeout=0.3)
        assert isinstance(error, SourceBusy)
        assert "0.3 s" in error.hint
    wait_for(server, "pg_sleep(33)", 0)


def test_what_the_server_sees(server: Server, tmp_path: Path) -> None:
    sql = (
        "SELECT application_name, current_setting('transaction_read_only'), current_setting('statement_timeout'),"
        " current_setting('TimeZone') FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    )
    assert list(table(server.dsn, sql, tmp_path, timeout=7).rows) == [("usertrack", "on", "7s", "UTC")]


def test_one_connection_is_used_again(server: Server, tmp_path: Path) -> None:
    async def ask() -> set[Any]:
        postgres, spool = source(server.dsn), Spool(tmp_path)
        pids = {(await postgres.run(Statement("neon", "SELECT pg_backend_pid()"), spool)).rows[0] for _ in range(5)}
        await postgres.close()
        return pids

    assert len(asyncio.run(ask())) == 1


def test_more_queries_than_connections(server: Server, tmp_path: Path) -> None:
    slow = Statement("neon", "SELECT pg_sleep(0.3), pg_backend_pid()")
    answers = tables(server.dsn, [slow] * 12, tmp_path, connect_timeout=2, timeout=0.9)
    assert len({answer.rows[0][1] for answer in answers}) <= 4


@pytest.mark.parametrize(
    ("sql", "line", "message"),
    [
        ("SELECT 1\nFROM nowhere", 4, 'relation "nowhere" does not exist'),
        ("SELECT 1,\n  2,\n  emial\nFROM pg_am", 5, 'column "emial" does not exist'),
        ("SELECT {a},\n  {a} FROMM pg_am", 4, "syntax error"),
        ("SELECT 1 / 0", 3, "division by zero"),
        ("SELECT\nFROM pg_am", 3, "no columns"),
    ],
)
def test_errors_have_a_file_and_a_line(server: Server, tmp_path: Path, sql: str, line: int, message: str) -> None:
    error = refused(server.dsn, in_file(sql, Path("q.sql"), line=3, a="x"), tmp_path)
    assert isinstance(error, QueryError)
    assert error.message.startswith(f"q.sql:{line}: ")
    assert message in error.message


def test_what_a_role_may_not_read(server: Server, tmp_path: Path) -> None:
    server.execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN; CREATE TABLE IF NOT EXISTS secrets (id int)")
    error = refused(server.dsn.replace("postgres@", "guest@"), "SELECT * FROM secrets", tmp_path)
    assert "permission denied for table secrets" in error.message
    assert "grant SELECT" in error.hint


def test_a_value_that_postgres_lacks(server: Server, tmp_path: Path) -> None:
    error = refused(server.dsn, statement_of("SELECT {a}", "text", a="a\0b"), tmp_path)
    assert (type(error), "NUL" in error.message) == (QueryError, True)


def test_a_slow_query_is_stopped(server: Server, tmp_path: Path) -> None:
    error = refused(server.dsn, "SELECT pg_sleep(30)", tmp_path, timeout=0.3)
    assert isinstance(error, SourceBusy)
    assert "0.3 s" in error.hint
    assert "postgres.timeout" in error.hint


def test_a_connection_that_is_cut(server: Server, tmp_path: Path) -> None:
    async def ask() -> None:
        postgres = source(server.dsn)
        task = asyncio.create_task(postgres.run(Statement("neon", "SELECT pg_sleep(30)"), Spool(tmp_path)))
        await asyncio.to_thread(wait_for, server, "pg_sleep(30)", 1)
        server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {running('pg_sleep(30)')}")
        with pytest.raises(ConnectionFailed, match="broke while it answered"):
            await task
        await postgres.close()

    asyncio.run(ask())


def running(text: str) -> str:
    return f"state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%{text}%'"


def wait_for(server: Server, text: str, count: int) -> None:
    """Wait until as many queries that hold ``text`` run."""
    deadline = time.monotonic() + 60
    while server.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {running(text)}") != [(count,)]:
        assert time.monotonic() < deadline, f"waited in vain for {text}"
        time.sleep(0.02)


INTERRUPTED = """
import asyncio, sys
from pathlib import Path
from tests.sources.engines import table
table(sys.argv[1], sys.argv[3], Path(sys.argv[2]))
"""


def test_a_query_given_up_leaves_nothing_to_roll_back(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="psycopg")

    async def give_up() -> None:
        postgres = source(server.dsn)
        task = asyncio.create_task(postgres.run(Statement("neon", "SELECT pg_sleep(32)"), Spool(tmp_path)))
        await asyncio.to_thread(wait_for, server, "pg_sleep(32)", 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await postgres.close()

    asyncio.run(give_up())
    assert "rollback" not in caplog.text


@pytest.mark.parametrize("sql", ["SELECT pg_sleep(31)", "SELECT generate_series(31, 1000000000)"])
def test_ctrl_c_stops_the_query_at_the_server(server: Server, tmp_path: Path, sql: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, server.dsn, str(tmp_path), sql]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()})
    wait_for(server, "31", 1)
    process.send_signal(2)
    _, stderr = process.communicate(timeout=15)
    assert stderr.strip().endswith(b"KeyboardInterrupt")
    wait_for(server, "31", 0)


MILLION = """
import resource, sys, tracemalloc
from pathlib import Path
from tests.sources.engines import table
table(sys.argv[1], "SELECT 1", Path(sys.argv[2]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sql = "SELECT g, 'user' || g || '@example.com' AS email, now() AS at, g * 1.5 AS x FROM generate_series(1, 1000000) g"
found = table(sys.argv[1], sql, Path(sys.argv[2]))
assert len(found.rows) == 1000000 and found.rows[999999][:2] == (1000000, "user1000000@example.com")
assert sum(row[0] for row in found.rows) == 500000500000
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_a_million_rows_are_no_list(server: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MILLION, server.dsn, str(tmp_path)]
    grown = subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert int(grown.stdout) < 250  # MiB; as a list of rows it is more than 400
