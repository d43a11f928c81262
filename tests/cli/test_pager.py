"""A long answer on a terminal goes to the pager, which a real shell runs."""

import io
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from usertrack.cli import pager

from ..conftest import Cli, CommandResult

SQL = "SELECT 'row' || n AS word FROM generate_series(1, {}) AS n"
OnTerminal = Callable[..., CommandResult]


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(demo: Cli, clean_env: pytest.MonkeyPatch) -> OnTerminal:
    """Run SQL for so many rows on a terminal of 12 lines; ``out`` is what the terminal itself shows."""

    def call(rows: int, *args: object) -> CommandResult:
        terminal = _Terminal(io.BytesIO(), encoding="utf-8")
        clean_env.setattr(sys, "stdout", terminal)
        answer = demo("query", "run", "--demo", "--source", "neon", "--sql", SQL.format(rows), *args)
        terminal.flush()
        return CommandResult(answer.code, terminal.buffer.getvalue().decode(), answer.err)  # type: ignore[attr-defined]

    clean_env.setenv("LINES", "12")
    clean_env.setenv("TERM", "xterm-256color")
    clean_env.delenv("PAGER", raising=False)
    clean_env.setenv("USERTRACK_PAGER", "cat > paged.txt")
    return call


def paged() -> str:
    file = Path("paged.txt")
    return file.read_text() if file.exists() else ""


def test_only_what_is_longer_than_the_screen_is_paged(on_terminal: OnTerminal) -> None:
    assert "row7" in on_terminal(7).out
    assert paged() == ""
    assert on_terminal(9).out == ""
    assert "row9" in paged()


def test_colours_are_kept_and_control_characters_are_not(on_terminal: OnTerminal) -> None:
    on_terminal(50)
    assert "\x1b[" in paged()
    on_terminal(1, "--sql", "SELECT repeat(E'\\x1b]0;x\\n', 40) AS a", "-f", "csv")
    assert "\x1b" not in paged()
    assert paged().count("]0;x") == 40


@pytest.mark.parametrize("pager", ["", "cat", "off", "no-such-pager", "/etc/passwd"])
def test_without_a_pager_the_terminal_has_it_all(
    on_terminal: OnTerminal, clean_env: pytest.MonkeyPatch, pager: str
) -> None:
    clean_env.setenv("USERTRACK_PAGER", pager)
    answer = on_terminal(50)
    assert (answer.code, answer.out.count("row50")) == (0, 1)


def test_options_formats_and_other_outputs(on_terminal: OnTerminal, clean_env: pytest.MonkeyPatch) -> None:
    assert "row50" in on_terminal(50, "--no-pager").out
    assert on_terminal(50, "-o", "rows.csv").out == ""
    clean_env.setenv("TERM", "dumb")
    assert "row50" in on_terminal(50).out
    assert paged() == ""
    clean_env.setenv("TERM", "xterm")
    on_terminal(50, "-f", "jsonl")
    assert paged().startswith('{"word":"row1"}\n')


def test_the_pager_is_a_command_of_the_shell_as_in_git(on_terminal: OnTerminal, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.delenv("USERTRACK_PAGER")
    clean_env.setenv("PAGER", "head -c 20 > head.txt; touch 'x y'")
    assert on_terminal(50).code == 0
    assert {"head.txt", "x y"} <= set(os.listdir())


def test_a_very_long_answer_goes_to_the_terminal_as_it_comes(
    on_terminal: OnTerminal, clean_env: pytest.MonkeyPatch
) -> None:
    clean_env.setattr(pager, "MOST_BYTES", 10_000)
    answer = on_terminal(500, "-f", "csv", "--sql", "SELECT repeat('x', 100) AS x FROM generate_series(1, 500) AS n")
    assert (answer.out.count("x" * 100), paged()) == (500, "")


def test_a_pager_that_is_left_early_or_fails_changes_nothing(
    on_terminal: OnTerminal, clean_env: pytest.MonkeyPatch
) -> None:
    for command in ("true", "false", "head -1 > /dev/null"):
        clean_env.setenv("USERTRACK_PAGER", command)
        answer = on_terminal(50_000, "-f", "jsonl")
        assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_notes_follow_the_pager_and_the_exit_code_is_the_commands(
    on_terminal: OnTerminal, clean_env: pytest.MonkeyPatch
) -> None:
    clean_env.setenv("USERTRACK_PAGER", "cat >> paged.txt; exit 1")
    answer = on_terminal(50, "--limit", 20)
    assert (answer.code, answer.err) == (0, "note: the source has more rows than these\n")


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/usr/bin/less", os.X_OK), reason="there is no less")
def test_less_itself_with_ctrl_c(on_terminal: OnTerminal, clean_env: pytest.MonkeyPatch) -> None:
    """Ctrl-C in `less` is for less; the command ends with its own code once somebody quits."""
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "usertrack", "query", "list"]
    clean_env.setenv("USERTRACK_PAGER", "less")
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *line], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    screen = b""
    while b"\n:" not in screen[-40:] and b"\r:" not in screen[-40:]:
        screen += os.read(ours, 4096)
    os.write(ours, b"\x03")
    time.sleep(0.2)
    assert process.poll() is None
    while process.poll() is None:  # less throws away what was typed just before an interrupt
        os.write(ours, b"q")
        time.sleep(0.1)
    assert process.returncode == 0
    os.close(ours)
