"""`usertrack query …` and `usertrack check` as typed."""

import io
import json
import re
import sys
from pathlib import Path

import pytest

from ..conftest import Cli


def test_list_and_show(cli: Cli) -> None:
    rows = json.loads(cli("query", "list", "-f", "json").out)["rows"]
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    assert {"neon/run_activity", "posthog/people"} <= {row["name"] for row in rows}
    result = cli("query", "show", "neon/run_activity")
    assert "FROM {runs} AS r" in result.out
    assert "days=30" in result.out
    assert "Fragments" in result.out
    assert json.loads(cli("query", "show", "run_activity", "-f", "json").out)["params"]["days"]["default"] == 30


@pytest.mark.parametrize("width", [80, 120])
def test_no_name_is_broken_in_the_list(cli: Cli, clean_env: pytest.MonkeyPatch, width: int) -> None:
    clean_env.setenv("COLUMNS", str(width))
    lines = cli("query", "list").out.splitlines()
    assert max(map(len, lines)) <= width
    names = [line.split()[0] for line in lines if line.startswith(("  neon/", "  posthog/"))]
    assert names == [row["name"] for row in json.loads(cli("query", "list", "-f", "json").out)["rows"]]


@pytest.mark.parametrize("fmt", ["table", "json", "jsonl", "csv", "tsv", "markdown", "html"])
def test_run_in_every_format(demo: Cli, clean_env: pytest.MonkeyPatch, fmt: str) -> None:
    clean_env.setenv("COLUMNS", "200")
    result = demo("query", "run", "posthog/mcp_connects", "--param", "days=7", "--limit", 4, "-f", fmt)
    assert result.code == 0
    assert "mcp_clicks" in result.out
    assert result.out.count("example") == 4


def test_run_into_files(demo: Cli, tmp_path: Path) -> None:
    for suffix in ("parquet", "xlsx"):
        assert demo("query", "run", "neon/accounts", "-o", f"accounts.{suffix}").code == 0
        assert (tmp_path / f"accounts.{suffix}").stat().st_size > 1000


_LINES = "SELECT 'row' || n AS word FROM generate_series(1, 250) AS n"


def _lines(demo: Cli, clean_env: pytest.MonkeyPatch, *args: object) -> str:
    clean_env.setattr(sys, "stdin", io.StringIO(_LINES))
    result = demo("query", "run", "--source", "neon", "--sql", "-", *args)
    assert result.code == 0
    return result.out


@pytest.mark.parametrize("fmt", ["json", "jsonl", "csv", "tsv"])
def test_data_is_whole_unless_limited(demo: Cli, clean_env: pytest.MonkeyPatch, fmt: str) -> None:
    assert _lines(demo, clean_env, "-f", fmt).count("row") >= 250
    assert "row250" not in _lines(demo, clean_env, "-f", fmt, "--limit", 3)


@pytest.mark.parametrize("suffix", ["csv", "md", "html", "txt"])
def test_files_are_whole_unless_limited(demo: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path, suffix: str) -> None:
    for limit, last in (((), "row250"), (("--limit", 3), "row3")):
        _lines(demo, clean_env, "-o", f"out.{suffix}", *limit)
        words = re.findall(r"row\d+", (tmp_path / f"out.{suffix}").read_text())
        assert (words[-1], len(words)) == (last, int(last[3:]))


@pytest.mark.parametrize("fmt", ["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "markdown"])
def test_a_full_disk_is_said_alike_in_every_format(demo: Cli, clean_env: pytest.MonkeyPatch, fmt: str) -> None:
    clean_env.setattr(sys, "stdin", io.StringIO(_LINES))
    result = demo("query", "run", "--source", "neon", "--sql", "-", "-f", fmt, "-o", "/dev/full")
    assert result.code == 2
    assert "cannot write '/dev/full': No space left on device" in result.err


def test_a_terminal_shows_a_hundred_and_says_how_many_more(demo: Cli, clean_env: pytest.MonkeyPatch) -> None:
    output = _lines(demo, clean_env)
    assert output.count("row") - output.count("rows") == 100
    assert "150 more · `--limit 0` shows all" in output


def test_parameters_are_bound_and_never_pasted(demo: Cli, clean_env: pytest.MonkeyPatch) -> None:
    hostile = "'; DROP TABLE wasp_user; -- {x} %s \\ [/red]"
    for source in ("posthog", "neon"):
        clean_env.setattr(sys, "stdin", io.StringIO("SELECT {word} AS word"))
        result = demo("query", "run", "--source", source, "--sql", "-", "-p", f"word={hostile}", "-f", "json")
        assert result.code == 0
        assert json.loads(result.out)["rows"] == [{"word": hostile}]


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["neon/run_actvity"], "no query named 'neon/run_actvity'", "did you mean 'neon/run_activity'"),
        ([], "say what to run: the NAME of a query, or --sql 'SELECT …'", "usertrack query list"),
        (["neon/accounts", "--sql", "x.sql"], "say what to run", "usertrack query list"),
        (["--sql", "x.sql"], "say where the SQL runs", ""),
        (["--sql", "x.sql", "--source", "postgres"], "there is no source 'postgres'", ""),
        (["--sql", "none.sql", "--source", "neon"], "cannot read 'none.sql'", "--sql takes SQL, a file, or - for"),
        (["SELECT 1"], "'SELECT 1' is no name of a query", "write SQL behind --sql"),
        (["run_activity", "-p", "days"], "'--param days' is not NAME=VALUE", "--param days=7"),
        (["run_activity", "-p", "day=7"], "query 'neon/run_activity' has no parameter 'day'", "did you mean 'days'?"),
        (["run_activity", "-p", "days=soon"], "parameter 'days' takes a whole number, not 'soon'", ""),
        (["neon/user_runs"], "query 'neon/user_runs' needs a value for 'email'", "--param email="),
    ],
)
def test_wrong_usage(demo: Cli, args: list[str], message: str, hint: str) -> None:
    result = demo("query", "run", *args)
    assert (result.code, result.out) == (2, "")
    assert f"error: {message}" in result.err
    assert hint in result.err


@pytest.mark.parametrize(
    ("source", "sql", "code", "message"),
    [
        ("neon", "DELETE FROM wasp_user", 2, "only SELECT may run, this begins with 'DELETE'"),
        ("neon", "WITH gone AS (DELETE FROM wasp_user RETURNING 1) SELECT * FROM gone", 1, "the query writes"),
        ("neon", "SELECT 1; SELECT 2", 2, "more than one statement"),
        ("neon", "SELECT * FROM wasp_usr", 1, 'relation "wasp_usr" does not exist'),
        ("neon", "SELECT emial FROM wasp_user", 1, 'column "emial" does not exist'),
        ("posthog", "SELECT * FROM evnts", 1, "evnts"),
        ("posthog", "INSERT INTO events SELECT 1", 2, "only SELECT may run"),
        ("posthog", "", 2, "there is no SQL here"),
    ],
)
def test_sql_that_cannot_run(
    demo: Cli, clean_env: pytest.MonkeyPatch, source: str, sql: str, code: int, message: str
) -> None:
    clean_env.setattr(sys, "stdin", io.StringIO(sql))
    result = demo("query", "run", "--source", source, "--sql", "-")
    assert (result.code, result.out) == (code, "")
    assert message in result.err


def test_sql_is_typed_read_from_a_file_or_piped_in(demo: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sql = "SELECT 7 AS n, {word} AS word"
    (tmp_path / "my query.txt").write_text(sql)
    clean_env.setattr(sys, "stdin", io.StringIO(sql))
    for sql_option in (sql, "my query.txt", "-"):
        answer = demo("query", "run", "--source", "neon", "--sql", sql_option, "-p", "word=a.sql", "-f", "csv")
        assert (answer.code, answer.out) == (0, "n,word\n7,a.sql\n")


@pytest.mark.parametrize(
    ("source", "sql", "error"),
    [
        ("neon", "SELECT 1,\n  emial FROM wasp_user", 'the SQL:2:3: column "emial" does not exist'),
        ("neon", "SELECT {a}::int, {a}, emial FROM wasp_user", 'the SQL:1:23: column "emial" does not exist'),
        ("neon", "SELECT emial FROM {runs}", 'the SQL:1:8: column "emial" does not exist'),
        ("neon", "SELECT emial, emial FROM {runs}", 'the SQL:1: column "emial" does not exist'),
        ("neon", "SELECT 1,\n  'abc", "the SQL:2:3: the SQL has a string or comment that never ends"),
        ("neon", "SELECT 1 /* abc", "the SQL:1:10: the SQL has a string or comment that never ends"),
        ("neon", "SELECT 1;  DROP TABLE x", "the SQL:1:12: this is more than one statement"),
        ("neon", "\nDROP TABLE x", "the SQL:2:1: only SELECT may run"),
        ("neon", "SELECT pg_read_file('x')", "the SQL:1:8: no query may call pg_read_file"),
        ("posthog", "SELECT 1,\n  emial FROM events", "the SQL:2:3: PostHog refused the query"),
        ("posthog", "SELECT 1,\n  (2 FROM events", "the SQL:2:6: PostHog refused the query"),
        ("posthog", "SELECT emial, emial FROM events", "the SQL: PostHog refused the query"),
    ],
)
def test_an_error_in_typed_sql_names_line_and_column(demo: Cli, source: str, sql: str, error: str) -> None:
    params = ["-p", "a=1"] if "{a}" in sql else []
    answer = demo("query", "run", "--source", source, "--sql", sql, *params)
    assert (answer.code > 0, answer.out) == (True, "")
    assert f"error: {error}" in answer.err


def test_without_source_the_only_one_that_is_connected_runs_it(
    demo: Cli, clean_env: pytest.MonkeyPatch, demo_postgres: str
) -> None:
    clean_env.setenv("DATABASE_URL", demo_postgres)
    assert demo("query", "run", "--sql", "SELECT 7 AS n", "-f", "csv").out == "n\n7\n"


def test_check(cli: Cli) -> None:
    result = cli("check")
    assert (result.code, bool(re.search(r"all \d+ in order", result.out))) == (0, True)


@pytest.mark.slow
def test_check_of_a_workspace(demo: Cli, tmp_path: Path) -> None:
    assert demo("init").code == 0
    (tmp_path / "usertrack.yaml").write_text("events: none\n")  # test_own_sources.py asks both sources
    sound = demo("check", "--online", "--demo", "-f", "json")
    assert (sound.code, {row["level"] for row in json.loads(sound.out)["rows"]}) == (0, {"ok", "note"})
    (tmp_path / "queries/neon/bad.sql").write_text("-- title: Bad\nSELECT nothing FROM nowhere")
    (tmp_path / "queries/neon/worse.sql").write_text("-- title: Worse\nDROP TABLE wasp_user")
    result = demo("check")
    assert result.code == 5
    assert "queries/neon/worse.sql:2: only SELECT may run" in result.out
    assert "error: 1 problem found" in result.err
    online = demo("check", "--online", "--demo")
    assert online.code == 5
    assert "queries/neon/bad.sql:2" in online.out
    assert 'relation "nowhere" does not exist' in online.out
    assert "error: 2 problems found" in online.err


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("\ntimezon: UTC", "usertrack.yaml:2: unknown setting 'timezon'", "did you mean 'timezone'?"),
        ("posthog:\n  hst:", "usertrack.yaml:2: unknown setting 'posthog.hst'", "did you mean 'posthog.host'"),
        ("posthgo: {}", "usertrack.yaml:1: unknown setting 'posthgo'", ""),
        ("timezone: Mars", "'Mars' is not a timezone (usertrack.yaml, line 1)", "Europe/Berlin"),
    ],
)
def test_check_of_the_settings(demo: Cli, tmp_path: Path, written: str, message: str, hint: str) -> None:
    (tmp_path / "usertrack.yaml").write_text(written)
    checked = demo("check", "-f", "json")
    (row,) = json.loads(checked.out)["rows"]
    assert (checked.code, row["level"], row["what"]) == (5, "FAIL", "usertrack.yaml")
    assert message in row["detail"]
    assert hint in (row["hint"] or "")
    assert demo("segments").code == 2


def test_a_broken_rule_stops_segments_before_anything_is_asked(demo: Cli, tmp_path: Path) -> None:
    demo("init")
    rules = tmp_path / "segments.yaml"
    rules.write_text(rules.read_text().replace("finished_runs > 5 AND", "run_cout > 5 AND"))
    result = demo("segments")
    assert (result.code, result.out) == (2, "")
    assert "error: segments.yaml:46: unknown fact 'run_cout'" in result.err
    assert "did you mean 'run_count'" in result.err
    assert demo("check").code == 5


def test_a_segment_of_ones_own(demo: Cli, tmp_path: Path) -> None:
    demo("init")
    demo("query", "new", "neon/big_spenders")
    query = tmp_path / "queries/neon/big_spenders.sql"
    query.write_text(
        query.read_text()
        .replace("count(*) AS big_spenders", "100 - min(a.credits) AS spent")
        .replace("big_spenders: {label: big spenders, type: int", "spent: {label: credits spent, type: float")
        .replace("days: 30", "days: 365")
    )
    rules = tmp_path / "segments.yaml"
    rules.write_text(
        rules.read_text()
        .replace("    - posthog/people", "    - neon/big_spenders\n    - posthog/people")
        .replace("precedence: [failing,", "precedence: [spender, failing,", 1)
        .replace(
            "      failing:\n",
            "      spender:\n        name: Big Spenders\n        when: spent > 90\n"
            '        because: "spent {spent} credits"\n      failing:\n',
            1,
        )
    )
    assert demo("check").code == 0
    document = json.loads(demo("segments", "spender", "-f", "json").out)
    assert document["users"]
    assert all(user["profile"]["spent"] > 90 for user in document["users"])
    assert document["users"][0]["because"][0].startswith("spent 9")


def test_a_fact_of_another_type_than_declared(demo: Cli, tmp_path: Path) -> None:
    demo("init")
    demo("query", "new", "posthog/people")
    query = tmp_path / "queries/posthog/people.sql"
    query.write_text(query.read_text().replace("sum(there) AS persons", "'many' AS persons"))
    result = demo("segments")
    assert (result.code, result.out) == (2, "")
    assert "query 'posthog/people' returns a value that is not of its fact's type" in result.err


def test_doctor_with_nothing_configured(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("events: none\n")
    result = demo("doctor")
    assert result.code == 0
    assert "sources" in result.out
    assert "the demo" in result.out
    assert "no problems, but 2 segments and 2 metrics cannot be evaluated" in result.out
