"""The default demo, built once and copied for each worker process, and the command line run in this process."""

import atexit
import fcntl
import functools
import gc
import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import chdb  # noqa: F401 - it changes the folder while it is imported, and tests read files in threads
import pytest

from usertrack.checks import schema, workspace
from usertrack.cli.app import run
from usertrack.core.errors import UsageError, UsertrackError
from usertrack.library.library import Library
from usertrack.segments import classify
from usertrack.segments.expressions import to_sql
from usertrack.segments.rules import Rules
from usertrack.server.hogql import parse as hogql

from . import demo_answers

AS_OF = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAYS = 90
IN_MEMORY, ENOUGH = Path("/dev/shm"), 4 << 30
MADE_ONCE = "TESTS_MADE_ONCE"  # a folder for what several runs of the same tests may share
LONG_FILES = ("test_kills.py", "test_in_chromium.py", "test_tracker_clicks.py", "test_tracker_delivery.py")
_SETTINGS = ("POSTHOG_", "DATABASE_URL", "NEON_", "USERTRACK_", "COLUMNS", "NO_COLOR", "FORCE_COLOR")

# Last of all, and after pytest's summary, DuckDB would list what threads of servers still hold, in some fifty lines.
atexit.register(os.dup2, os.open(os.devnull, os.O_WRONLY), 2)
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):  # each process that tests start would compile everything anew
    sys.dont_write_bytecode = False
# httpcore looks for it at each lock, of which a request has three: pytest takes half a millisecond to find nothing
sys.modules["sniffio"] = cast(Any, None)
gc.set_threshold(100_000)  # as rarely as in a command: it would take 5 % of the time
if "TMPDIR" not in os.environ and os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ENOUGH:
    # nobody keeps these files, and on a disk a store takes a sixth more of a processor; with a TMPDIR they stay
    for folder in IN_MEMORY.glob("usertrack-pytest-*"):  # of a run that was killed
        if not Path("/proc", folder.name.rpartition("-")[2]).exists():
            shutil.rmtree(folder, ignore_errors=True)
    tempfile.tempdir = os.environ["TMPDIR"] = str(IN_MEMORY / f"usertrack-pytest-{os.getpid()}")
    Path(tempfile.tempdir).mkdir(0o755)  # PostgreSQL runs as a user of its own
    atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # pytest in the background: what the tests start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file that takes long begins first: in the end, one process would wait for it."""
    items.sort(key=lambda item: item.path.name not in LONG_FILES)


@dataclass(frozen=True)
class CommandResult:
    """What a command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., CommandResult]


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all worker processes of this run have in common, and in CI both runs."""
    if MADE_ONCE in os.environ:
        return Path(os.environ[MADE_ONCE])
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The ``folder``, as ``make`` fills it for the first process that wants it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")  # beside it, as nothing is renamed from one disk to another
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may be logged in somewhere: nothing of that is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        yield


@pytest.fixture(scope="session", autouse=True)
def texts_are_parsed_once(of_all_workers: Path) -> Iterator[None]:
    """Texts of HogQL, for all stores of all processes, and the tables of queries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hogql, "_read", functools.lru_cache(20_000)(_shared(of_all_workers / "trees", hogql._read)))
        patch.setattr(schema, "tables_of", _once(schema.tables_of))
        yield


def _shared(folder: Path, read: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """``read`` for the first process that calls it with these texts; then what a file in ``folder`` keeps of that."""
    folder.mkdir(exist_ok=True)

    def read_once(*texts: str) -> str:
        file = folder / hashlib.sha256(repr(texts).encode()).hexdigest()
        if not file.exists():
            unfinished = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            unfinished.write_text(read(*texts))
            unfinished.rename(file)
        return file.read_text()

    return read_once


def _once(read: Callable[..., Any]) -> Callable[..., Any]:
    """``read`` for the first time that it is called with these values; then a copy of what it returned."""
    answers: dict[str, bytes] = {}

    def read_once(*values: Any) -> Any:
        if (question := repr(values)) not in answers:
            answers[question] = pickle.dumps(read(*values))
        return pickle.loads(answers[question])

    return read_once


@pytest.fixture(scope="session", autouse=True)
def rules_are_checked_once() -> Iterator[None]:
    """Rules that are right are right the next time over the same facts, and their priorities reach as far."""
    check, extremes = classify.check_rules, workspace.extremes
    right: set[str] = set()
    bounds: dict[str, Any] = {}

    def check_once(rules: Rules, library: Library, as_of: datetime) -> None:
        with suppress(UsageError):
            declared = [(query.key, query.facts, query.params) for query in map(library.__getitem__, rules.queries)]
            if (rule_book := repr((rules, declared, as_of))) in right:
                return
        check(rules, library, as_of)
        right.add(rule_book)

    def extremes_once(connection: Any, types: Mapping[str, str], *expressions: Any) -> Any:
        question = repr((types, *map(to_sql, expressions)))
        if question not in bounds:
            bounds[question] = extremes(connection, types, *expressions)
        return bounds[question]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classify, "check_rules", check_once)
        patch.setattr(workspace, "extremes", extremes_once)
        yield


@pytest.fixture(scope="session")
def demo_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory whose demo is of the 90 days up to 20 November 2026, 09:00 UTC."""
    from usertrack.workspace.demo_choice import DemoChoice, write_choice

    cache = tmp_path_factory.getbasetemp() / "cache"
    write_choice(cache / "usertrack", DemoChoice(days=DAYS, moment=AS_OF.isoformat()))
    return cache


@pytest.fixture(scope="session")
def demo_postgres(demo_cache: Path, of_all_workers: Path) -> Iterator[str]:
    """The DSN of the demo's PostgreSQL, kept running for the whole session.

    The demo is built once, by a process of its own: a ClickHouse that a test has open would be in the way.
    """
    from usertrack.demo import open_demo

    def build(folder: Path) -> None:
        shutil.copytree(demo_cache, folder)  # which demo was chosen
        command = [sys.executable, "-m", "usertrack", "match", "--demo"]
        subprocess.run(command, env={**os.environ, "XDG_CACHE_HOME": str(folder)}, check=True, capture_output=True)

    built = made_once(of_all_workers / "built", build)
    shutil.rmtree(demo_cache)  # with a demo that a command has built there on its own
    subprocess.run(["cp", "-a", built, demo_cache], check=True)  # PostgreSQL's files are its user's
    demo = open_demo(demo_cache / "usertrack", now=AS_OF, days=DAYS)
    with demo_answers.given_once(of_all_workers / "answers", demo_cache):
        yield demo.postgres_dsn()
    demo.close()


@pytest.fixture
def clean_env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, demo_cache: Path) -> pytest.MonkeyPatch:
    """Nothing is configured, the current folder is empty, and lines are 100 columns wide."""
    for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(demo_cache))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("USERTRACK_HISTORY", str(tmp_path / "history.duckdb"))  # the demo and its own are shared
    monkeypatch.setenv("USERTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # where the embedded PostgreSQL has its lock
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("USERTRACK_DEBUG", "1")  # a bug shows its trace
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def cli(clean_env: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run `usertrack ARGS…` in this process."""

    def call(*args: object) -> CommandResult:
        clean_env.setattr(sys, "argv", ["usertrack", *map(str, args)])
        capsys.readouterr()
        code = run()
        out, err = capsys.readouterr()
        return CommandResult(code, out, err)

    return call


@pytest.fixture
def unreachable(cli: Cli, clean_env: pytest.MonkeyPatch) -> Cli:
    """Run `usertrack ARGS…` with sources that are configured and that nobody can reach: to ask them exits with 3."""
    clean_env.setenv("POSTHOG_HOST", "http://127.0.0.1:9")
    clean_env.setenv("POSTHOG_PROJECT_ID", "1")
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", "phx_test")
    clean_env.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    return cli


@pytest.fixture
def demo(cli: Cli, demo_postgres: str) -> Cli:
    """The command line on the demo."""
    return cli


def document_of(cli: Cli, *args: object) -> Any:
    """What `usertrack ARGS… -f json` writes."""
    result = cli(*args, "-f", "json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def slow_but(fast: Iterable[Any], cases: Iterable[Any]) -> list[Any]:
    """``cases`` of one rule that code shared by all of them keeps: it is shown by ``fast``, and by the others in CI."""
    fast = list(fast)
    return [case if case in fast else pytest.param(*_arguments(case), marks=pytest.mark.slow) for case in cases]


def _arguments(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)


def problem(action: Callable[[], object]) -> UsertrackError:
    """The error that ``action`` ends with."""
    with pytest.raises(UsertrackError) as caught:
        action()
    return caught.value
