"""What only a process of its own can show: signals, pipes, locales, and places that cannot be written."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli, slow_but

COMMAND = [sys.executable, "-c", "from usertrack.cli.app import main; main()"]


@pytest.fixture
def env(demo_cache: Path, demo_postgres: str) -> dict[str, str]:
    names = ("PATH", "HOME", "PYTHONPATH", "TMPDIR", "LANG", "VIRTUAL_ENV", "XDG_CONFIG_HOME")
    return {name: os.environ[name] for name in names if name in os.environ} | {"XDG_CACHE_HOME": str(demo_cache)}


def run(env: dict[str, str], *args: str, **options: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*COMMAND, *args], env=env, capture_output=True, timeout=120, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_interrupted_in_the_middle_of_a_query(env: dict[str, str], demo_postgres: str) -> None:
    import psycopg

    args = ["query", "run", "--source", "neon", "--sql", "-"]
    process = subprocess.Popen(
        [*COMMAND, *args], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(b"SELECT pg_sleep(60)")
    process.stdin.close()
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    with psycopg.connect(demo_postgres, autocommit=True) as connection:
        _wait(lambda: connection.execute(running).fetchall()[0][0] > 0)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
        _wait(lambda: connection.execute(running).fetchall()[0][0] == 0)
    assert process.stdout
    assert process.stderr
    assert process.stdout.read() == b""
    error = process.stderr.read().decode()
    assert error.endswith("note: interrupted\n")
    assert "Traceback" not in error
    process.stdout.close()
    process.stderr.close()


def test_interrupted_while_it_loads() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "usertrack", "segments"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        while "typer" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
    assert process.returncode == -signal.SIGINT
    assert "note: interrupted\n" in errors
    assert "Traceback" not in errors


HOLD = """
import sys
from pathlib import Path
from usertrack.server.database.lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_demo_in_use_is_waited_for(env: dict[str, str]) -> None:
    (store,) = (Path(env["XDG_CACHE_HOME"]) / "usertrack").glob("demo-*/posthog")
    hold = [sys.executable, "-c", HOLD, str(store)]
    ask = [*COMMAND, "query", "run", "posthog/event_names", "--demo"]
    with (
        subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder,
        subprocess.Popen(ask, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as patient,
        subprocess.Popen(ask, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as interrupted,
    ):
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        for process in (patient, interrupted):
            assert process.stderr
            notice = process.stderr.readline()
            assert f"note: waiting for the demo, which another usertrack (pid {holder.pid})" in notice
        interrupted.send_signal(signal.SIGINT)
        assert interrupted.wait(20) == -signal.SIGINT
        holder.stdin.close()
        patient.communicate(timeout=60)
    assert patient.returncode == 0


def _wait(condition: "object") -> None:
    deadline = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.mark.parametrize("args", slow_but(["segments --help"], ["--help", "segments --help", "push failing --to csv"]))
def test_help_for_a_reader_who_leaves_and_for_a_full_disk(env: dict[str, str], args: str) -> None:
    line = " ".join(f"'{part}'" for part in COMMAND)
    left = subprocess.run(
        ["bash", "-c", f"{line} {args} | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}"],
        env=env | {"PYTHONUNBUFFERED": "1"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (left.returncode, b"error" in left.stderr) == (0, False)
    with open("/dev/full", "wb") as full:
        result = subprocess.run([*COMMAND, *args.split()], env=env, stdout=full, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 2
    assert b"error: cannot write to standard output: No space left on device\nhint: make room" in result.stderr


@pytest.mark.slow
def test_a_reader_who_leaves_early(env: dict[str, str]) -> None:
    line = " ".join(f"'{part}'" for part in COMMAND)
    for command in ("segments --limit 0 -f csv", "query list"):
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line} {command} | head -1"],
            env=env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == 1
        assert "Traceback" not in done.stderr
        assert "Broken pipe" not in done.stderr


@pytest.mark.slow
def test_a_locale_that_knows_ascii_alone(env: dict[str, str]) -> None:
    done = run({**env, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}, "segments", "frustrated")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert done.stderr.isascii()
    assert b"Frustrated Users" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "coloured"), [({}, True), pytest.param({"NO_COLOR": "1"}, False, marks=pytest.mark.slow)]
)
def test_colour_on_a_terminal_unless_it_is_refused(env: dict[str, str], extra: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    line = " ".join(f"'{part}'" for part in COMMAND)
    terminal = {**env, **extra, "TERM": "xterm-256color", "COLUMNS": "100"}
    typed = ["script", "-qec", f"{line} check", "/dev/null"]
    done = subprocess.run(typed, env=terminal, capture_output=True, timeout=60, check=False)
    assert b"everything is in order" in done.stdout
    assert (b"\x1b[38;2" in done.stdout or b"\x1b[38;5" in done.stdout) is coloured


@pytest.mark.slow
def test_off_a_terminal_there_is_none(env: dict[str, str]) -> None:
    done = run(env, "segments", "-n", "3")
    assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.slow  # builds a demo; tests/demo has a small one that is built and removed in the process itself
def test_a_home_that_cannot_be_written(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("t")  # short, as the name of a socket has to be
    nowhere = {**env, "HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere/cache", "TMPDIR": str(folder)}
    done = run(nowhere, "segments", "failing", "-f", "csv")
    assert done.returncode == 0
    assert b"demo not cached: /proc/nowhere/cache/usertrack cannot be written" in done.stderr
    assert done.stdout.count(b"\n") > 10
    assert list(folder.glob("usertrack-*")) == []


@pytest.mark.slow
def test_few_open_files_are_raised_or_told(env: dict[str, str], tmp_path: Path) -> None:
    def few(soft: int, hard: int) -> Callable[[], None]:
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    asked = ["segments", "failing", "--demo", "-f", "csv"]
    done = run(env, *asked, preexec_fn=few(64, 1024))
    assert (done.returncode, done.stdout) == (0, run(env, *asked).stdout)
    for cache in (env["XDG_CACHE_HOME"], str(tmp_path)):  # a demo that is there, and one to make
        told = run({**env, "XDG_CACHE_HOME": cache}, *asked, preexec_fn=few(64, 64))
        assert told.returncode in {2, 6}
        assert b"the embedded ClickHouse needs 192 open files, and 64 are allowed" in told.stderr
        assert b"Traceback" not in told.stderr


CLOSED = "error: cannot write to standard output: it is closed\nhint: open it, or use --output\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ("--version >&-", 2, CLOSED),
        pytest.param("query list >&-", 2, CLOSED, marks=pytest.mark.slow),
        pytest.param("query list -f csv -o list.csv <&- >&- 2>&-", 0, "", marks=pytest.mark.slow),
        ("query run --sql - --source neon <&-", 2, "error: "),
    ],
)
def test_streams_that_the_caller_closed(
    env: dict[str, str], tmp_path: Path, args: str, code: int, message: str
) -> None:
    line = f"'{sys.executable}' -m usertrack {args}"
    done = subprocess.run(["bash", "-c", line], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    if "-o" in args:
        assert (tmp_path / "list.csv").read_text().startswith("name,title,")


@pytest.mark.parametrize("columns", ["0", "abc", "-5", "1", "9999999999"])
def test_a_terminal_of_no_width(clean_env: pytest.MonkeyPatch, cli: Cli, columns: str) -> None:
    from usertrack.cli import streams

    clean_env.setenv("COLUMNS", columns)
    clean_env.setenv("LINES", "0")
    streams.repair()
    assert "posthog" in cli("query", "list").out
    assert "Usage: usertrack" in cli("check", "--help").out


def test_a_bug_shows_its_trace_on_request() -> None:
    bug = "from usertrack.cli import app\ndef bug(): raise RuntimeError('a bug')\napp.run = bug\napp.main()"
    env = {**os.environ, "USERTRACK_DEBUG": "1"}
    result = subprocess.run([sys.executable, "-c", bug], env=env, capture_output=True, check=False, timeout=60)
    assert (result.returncode, b"RuntimeError: a bug" in result.stderr) == (1, True)
