"""Ctrl-C ends a command by that signal, with one line, whatever it strikes: real processes, a real signal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = """
import os, signal, sys, time
from usertrack.cli import app, interrupts
from usertrack.core.errors import ConnectionFailed

def command(**_):
    {}

app.command_line = lambda: command
app.main()
"""
DUCKDB = """
    from usertrack.core.spool import connect
    connection = connect()
    connection.execute("SET threads = 1")  # with more, DuckDB waits for the task of each, and these have no end
    print("ready", flush=True)
    connection.execute("SELECT sum(sin(range)) FROM range(1000000000000)")"""
ON_THE_WAY_OUT = """
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        raise ConnectionFailed("the engine is gone")"""
CANCELLED = """
    import asyncio
    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionFailed("the engine is gone")
    print("ready", flush=True)
    asyncio.run(work())"""
STOPPED_AT_ITS_SERVER = """
    import asyncio
    async def work():
        try:
            print("ready", flush=True)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.3)
            print("stopped")
    asyncio.run(work())"""
DESTRUCTOR = """
    class Struck:
        def __del__(self):
            print("ready", flush=True)
            for _ in range(30): time.sleep(0.01)
    Struck()
    time.sleep(60)"""
IMPORT = """
    sys.path.insert(0, os.environ["MODULES"])
    try:
        import struck
        time.sleep(60)
    finally:
        print(struck.whole)"""
NOT_BEGUN = """
    async def work(): pass
    coroutine = work()
    print("ready", flush=True)
    time.sleep(60)"""
HANGING = """
    interrupts._LONGEST_END = 0.1
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        time.sleep(60)"""


SPOOLED = """
    from usertrack.core.spool import temporary_spool
    with temporary_spool() as spool:
        spool.path("csv").write_text("ann@x.example")
        print("ready", flush=True)
        time.sleep(60)"""
CASES = [DUCKDB, ON_THE_WAY_OUT, CANCELLED, STOPPED_AT_ITS_SERVER, DESTRUCTOR, IMPORT, NOT_BEGUN, HANGING]


@pytest.mark.parametrize("doing", CASES)
def test_whatever_is_made_of_it_on_the_way_out(doing: str, tmp_path: Path) -> None:
    (tmp_path / "struck.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(0.3)\nwhole = 'whole'")
    code = COMMAND.format(doing)
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "MODULES": str(tmp_path)}, stdout=-1, stderr=-1, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (-signal.SIGINT, "note: interrupted\n")
    assert out == {IMPORT: "whole\n", STOPPED_AT_ITS_SERVER: "stopped\n"}.get(doing, "")


@pytest.mark.parametrize("doing", [SPOOLED, STOPPED_AT_ITS_SERVER])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_ends_are_as_clean(doing: str, number: signal.Signals, tmp_path: Path) -> None:
    """A service manager ends a process by SIGTERM, and a terminal that is closed by SIGHUP."""
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", COMMAND.format(doing)]
    process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=-1, stderr=-1, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (-number, "note: interrupted\n")
    assert out == {STOPPED_AT_ITS_SERVER: "stopped\n"}.get(doing, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 3, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 4, 5, 6, 7))])
def test_at_any_moment_of_a_run(part: int, clean_env: pytest.MonkeyPatch, demo_postgres: str) -> None:
    """The whole group is struck, as a terminal does it; `benchmarks/interrupts.py` takes 200 moments."""
    process = subprocess.Popen(
        [sys.executable, "-m", "usertrack", "segments", "-f", "json"],
        stdout=-1, stderr=-1, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr
    assert process.stderr.readline().startswith("note: demo data")
    time.sleep(part / 10)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=30)[1] == "note: interrupted\n"
        assert process.returncode == -signal.SIGINT


def test_a_loop_of_a_shell_ends_too() -> None:
    code = COMMAND.format('print("ready", flush=True); time.sleep(60)')
    line = ["bash", "-c", 'for round in 1 2; do "$@"; done; echo on', "bash", sys.executable, "-c", code]
    with subprocess.Popen(line, stdout=-1, stderr=-1, text=True, start_new_session=True) as shell:
        assert shell.stdout
        assert shell.stdout.readline() == "ready\n"
        os.killpg(shell.pid, signal.SIGINT)
        assert shell.communicate(timeout=30) == ("", "note: interrupted\n")


def test_whoever_starts_it_may_have_ctrl_c_ignored() -> None:
    """A shell does so with a job in the background."""
    code = COMMAND.format("os.kill(os.getpid(), signal.SIGINT); print('whole')")
    line = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", code]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "whole\n", "")
