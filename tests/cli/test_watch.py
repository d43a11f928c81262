"""`--watch`: rounds in a pipe and on a terminal, what ends them, and what does not."""

import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from rich.console import Console
from rich.live import Live

from usertrack.cli import watching

from ..conftest import Cli

USERTRACK = [sys.executable, "-m", "usertrack"]
QUERY = "-- title: Mine\nSELECT {} AS n"


@pytest.fixture
def three_rounds(clean_env: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits between the rounds, and the reader leaves after the third."""
    ends = iter([False, False, True])
    clean_env.setattr(watching, "_is_closed", lambda *_: next(ends))
    yield
    assert list(ends) == []


@pytest.mark.usefixtures("three_rounds")
@pytest.mark.parametrize(
    ("fmt", "rounds"),
    [("jsonl", '{"n":1}\n{"n":2}\n' * 3), ("csv", "n\n1\n2\n" * 3)],
)
def test_data_has_each_round_whole_and_its_time_is_a_note(demo: Cli, fmt: str, rounds: str) -> None:
    sql = "SELECT n FROM generate_series(1, 2) AS n ORDER BY n"
    answer = demo("query", "run", "--demo", "--source", "neon", "--sql", sql, "--watch", 5, "-f", fmt)
    assert (answer.code, answer.out) == (0, rounds)
    assert answer.err.count(" UTC\n") == answer.err.count("note: ") == 3


@pytest.mark.usefixtures("three_rounds")
def test_a_table_has_its_time_above_in_the_workspaces_timezone(demo: Cli) -> None:
    answer = demo("retention", "--demo", "--watch", 5, "--timezone", "Europe/Berlin")
    assert answer.code == 0
    assert answer.out.count(" CE") == answer.out.count("retention by week") == 3


@pytest.mark.usefixtures("three_rounds")
def test_piped_sql_is_asked_in_every_round(demo: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "stdin").write_text("SELECT 7 AS n")
    with (tmp_path / "stdin").open() as file:
        clean_env.setattr(sys, "stdin", file)
        answer = demo("query", "run", "--demo", "--source", "neon", "--sql", "-", "--watch", 5, "-f", "csv")
    assert answer.out == "n\n7\n" * 3


@pytest.mark.usefixtures("three_rounds")
def test_an_error_does_not_end_it(demo: Cli) -> None:
    answer = demo("query", "run", "--demo", "--source", "neon", "--sql", "SELECT 1 / 0 AS n", "--watch", 5)
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.count("error: the SQL: division by zero") == 3


@pytest.mark.usefixtures("three_rounds")
def test_the_history_keeps_the_first_round_alone(
    demo: Cli, clean_env: pytest.MonkeyPatch, demo_postgres: str, tmp_path: Path
) -> None:
    clean_env.setenv("DATABASE_URL", demo_postgres)
    answer = demo("segments", "power", "--watch", 5)
    assert answer.out.count("Power Users") >= 3
    with duckdb.connect(str(tmp_path / "history.duckdb")) as history:
        assert history.execute("SELECT count(DISTINCT snapshot) FROM person").fetchall() == [(1,)]
        assert history.execute("SELECT count(*) FROM snapshot").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["query", "list", "--watch", "0"], "0 is not from 1 to 86400"),
        (["query", "list", "--watch", "soon"], "'soon' is not a whole number"),
        (["query", "list", "--watch", "5", "-o", "x.csv"], "--watch and --output are two different things"),
        (["query", "list", "--watch", "5", "-f", "parquet"], "--watch has no parquet"),
        (["query", "show", "neon/acounts", "--watch", "5"], "no query named 'neon/acounts'"),
        (["push", "power", "--to", "csv", "--watch", "5"], "no such option: --watch"),
    ],
)
def test_what_is_typed_wrongly_ends_it(cli: Cli, args: list[str], message: str) -> None:
    answer = cli(*args)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_the_default_format_may_be_unfit(cli: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("USERTRACK_FORMAT", "html")
    answer = cli("query", "list", "--watch", 5)
    assert (answer.code, answer.out) == (2, "")
    assert "--watch has no html" in answer.err


def test_a_file_may_be_wrong_for_a_while(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").touch()
    (folder := tmp_path / "queries/neon").mkdir(parents=True)
    file = folder / "mine.sql"
    file.write_text(QUERY.format(1))
    with subprocess.Popen(
        [*USERTRACK, "query", "show", "mine", "--watch", "1"], stdout=-1, stderr=-1, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert next(line for line in process.stdout if "AS n" in line).strip() == "SELECT 1 AS n"
        file.write_text("-- titel: Mine\nSELECT 2 AS n")
        assert next(line for line in process.stderr if "error" in line).startswith("error: queries/neon/mine.sql:1")
        file.write_text(QUERY.format(3))
        assert next(line for line in process.stdout if "AS n" in line).strip() == "SELECT 3 AS n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().endswith("note: interrupted\n")
    assert process.returncode == -signal.SIGINT


def test_it_ends_when_its_reader_leaves(clean_env: pytest.MonkeyPatch) -> None:
    command = [*USERTRACK, "query", "list", "--watch", "600"]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (0, "")


def test_on_a_terminal_it_redraws_and_the_last_answer_stays(clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("TERM", "xterm-256color")
    ours, theirs = pty.openpty()
    command = ["setsid", "--ctty", *USERTRACK, "query", "list", "--watch", "1"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    screen = b""
    while screen.count("asking …".encode()) < 3:
        screen += os.read(ours, 65536)
    os.write(ours, b"\x03")
    while b"interrupted" not in screen:
        screen += os.read(ours, 65536)
    assert process.wait(20) == -signal.SIGINT
    os.close(ours)
    redrawn, _, afterwards = screen.decode().partition("\x1b[?1049l")
    assert "more lines" in redrawn
    assert "neon/run_activity" in afterwards
    assert afterwards.endswith("note: interrupted\r\n") or "\x1b[0m: interrupted" in afterwards


def test_what_does_not_fit_is_counted_in_rows_of_the_screen() -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        watching._draw(live, "every 5 s", "x" * 10_000 + "\n", "note: one\n")
        hidden = 125 - 19  # 24 rows: the title, a blank, 19 of the answer, this sentence, a blank, the note
        assert f" {hidden} more lines" in console.file.getvalue()
