"""The cache: the same answer as the source gave, of one moment, and never in the way of an answer."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from tests.conftest import problem
from tests.sources.engines import Server, server
from usertrack.core.errors import UsageError
from usertrack.core.spool import Spool, csv_rows
from usertrack.core.table import Column, Table
from usertrack.engine.cache import Cache, Moment
from usertrack.engine.connect import open_runner
from usertrack.engine.runner import Runner
from usertrack.engine.unavailable import NotCached
from usertrack.library.library import Library, Statement, for_key
from usertrack.sources.identity import identities
from usertrack.workspace.setting_specs import SETTINGS
from usertrack.workspace.settings import load_settings

__all__ = ["server"]

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
TICK = Statement("neon", "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", name="neon/tick")
"""Every time that Postgres is asked, the answer is another."""


class World:
    """A cache in a folder, and runs at any time that share it."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.folder, self.notes = folder / "cache", list[str]()
        self.env = {"DATABASE_URL": dsn, "USERTRACK_CACHE": str(self.folder)}

    @contextmanager
    def runner(self, hours: float = 0, purpose: str = "", **options: Any) -> Iterator[Runner]:
        env = self.env | {f"USERTRACK_{name.upper()}": str(value) for name, value in options.items()}

        def note(message: str, *, passing: bool = False) -> None:
            self.notes.append(message)

        now = NINE + timedelta(hours=hours)
        refresh = options.pop("refresh", False)
        settings = load_settings(env=env, workspace=self.folder.parent, refresh=refresh)
        with open_runner(settings, Library([]), now=now, notify=note, purpose=purpose) as opened:
            yield opened

    def ask(self, statement: Statement = TICK, hours: float = 0, **options: Any) -> Table:
        with self.runner(hours, **options) as runner:
            answer = runner.table(statement)
            return Table(answer.columns, list(answer.rows), asked_at=answer.asked_at, truncated=answer.truncated)

    def tick(self, hours: float = 0, **options: Any) -> int:
        return int(self.ask(hours=hours, **options).rows[0][0])

    @property
    def entries(self) -> list[Path]:
        return sorted(path.parent for path in self.folder.glob("*/facts.json"))


@pytest.fixture
def world(tmp_path: Path, server: Server) -> World:
    return World(tmp_path, server.dsn)


def moments(run: Runner) -> Statement:
    return Statement("neon", "SELECT {as_of} AS at, random()", {"as_of": run.as_of}, {"as_of": "timestamp"})


def test_sources_are_asked_unless_told_otherwise(world: World) -> None:
    first = world.tick(purpose="tick")
    second = world.tick(1, purpose="tick")
    assert second != first
    assert world.tick(2, purpose="tick", offline=1) == second
    assert world.tick(2, purpose="tick", max_age="1h") == second
    third = world.tick(2.5, purpose="tick", max_age="1h")
    assert third not in (first, second)
    assert world.tick(3, purpose="tick", max_age="1h") == third
    assert world.tick(3, purpose="tick", max_age="1h", refresh=True) not in (first, second, third)


def test_the_age_of_an_answer_is_told(world: World) -> None:
    with world.runner(purpose="tick") as run:
        run.table(TICK)
        assert (run.stale, run.asked_at) == ("", None)
    with world.runner(3, purpose="tick", offline=1) as run:
        assert run.table(TICK).asked_at == NINE
        assert (run.stale, run.asked_at, run.as_of) == ("from the cache, 3 h old", NINE, NINE)
    with world.runner(0.5, purpose="tick", max_age="1h") as run:
        run.run([TICK, Statement("neon", "SELECT 1")])
        assert run.stale == "1 of 2 answers from the cache, 30 min old"


def test_all_answers_are_of_one_moment(world: World) -> None:
    """At ten only one of the two was asked: together they are known of nine."""
    other = Statement("neon", "SELECT 2 AS two")
    with world.runner(0, "both") as run:
        run.run([moments(run), other])
    with world.runner(1, "one") as run:
        run.run([moments(run)])
    for options in ({"offline": 1}, {"max_age": "1d"}):
        with world.runner(2, "anything", **options) as run:
            tables = run.run([moments(run), other])
            assert [table.asked_at for table in tables if isinstance(table, Table)] == [NINE, NINE]
            assert (run.as_of, run.now) == (NINE, NINE)
            assert isinstance(tables[0], Table)
            assert tables[0].rows[0][0] == NINE.replace(tzinfo=None)


def test_the_newest_answer_counts_whoever_asked_for_it(world: World) -> None:
    """At ten another command asked for the same: only that is as new."""
    world.tick(0, purpose="segments")
    newer = world.tick(1, purpose="explain")
    with world.runner(1.5, "less") as run:
        run.run([Statement("neon", "SELECT 1")])
    assert world.tick(2, purpose="segments", offline=1) == newer
    assert world.tick(2, purpose="segments", max_age="3h") == newer


def test_a_moment_that_was_asked_for_is_kept_to(world: World) -> None:
    old = datetime(2026, 1, 1, tzinfo=UTC)
    day: dict[str, Any] = {"as_of": old.isoformat()}
    with world.runner(0, **day) as run:
        first = list(run.table(moments(run)).rows)
    with world.runner(2, offline=1, **day) as run:
        assert list(run.table(moments(run)).rows) == first
    with world.runner(2, max_age="1h", **day) as run:
        assert list(run.table(moments(run)).rows) != first
    with world.runner(3, offline=1) as run:  # it never stands for now
        assert isinstance(run.run([moments(run)])[0], NotCached)
        assert run.remedies == []


def test_one_person_out_of_everybody(world: World) -> None:
    everybody = Statement(
        "neon", "SELECT * FROM (VALUES ('ann@a.example', 1), ('o''b\"@b.example', 2)) AS v(email, n)", key="email"
    )
    world.ask(everybody)
    for email, n in (("ann@a.example", 1), ("o'b\"@b.example", 2)):
        assert world.ask(for_key(everybody, email), 1, offline=1).rows == [(email, n)]
    assert world.ask(for_key(everybody, "nobody"), 1, offline=1).rows == []
    world.ask(cut := Statement("neon", everybody.sql, key="email", limit=1))
    assert isinstance(problem(lambda: world.ask(for_key(cut, "ann@a.example"), 1, offline=1)), NotCached)


def test_a_cut_answer_stays_a_cut_one(world: World) -> None:
    rows = "SELECT * FROM generate_series(1, 3) AS n"
    world.ask(Statement("neon", rows, limit=2))
    cached = world.ask(Statement("neon", rows, limit=2), 1, offline=1)
    assert (cached.rows, cached.truncated) == ([(1,), (2,)], True)
    assert isinstance(problem(lambda: world.ask(Statement("neon", rows), 1, offline=1)), NotCached)


def test_failures_are_not_kept(world: World) -> None:
    problem(lambda: world.ask(Statement("neon", "SELECT 1/0")))
    assert world.entries == []


@pytest.mark.parametrize(
    "other",
    [
        {"sql": "SELECT {n} AS n "},
        {"values": {"n": 2}},
        {"values": {"n": "1"}},
        {"types": {"n": "float"}},
        {"limit": 5},
        {"key": "n"},
    ],
)
def test_another_question_is_another_entry(world: World, other: dict[str, Any]) -> None:
    question: dict[str, Any] = {"sql": "SELECT {n} AS n", "values": {"n": 1}, "types": {"n": "int"}}
    world.ask(Statement("neon", **question))
    assert world.ask(Statement("neon", **question), 1, offline=1).rows == [(1,)]
    with pytest.raises(NotCached, match="is not in the cache; ask once without --offline"):
        world.ask(Statement("neon", **(question | other)), 1, offline=1)


BASE = {"DATABASE_URL": "postgresql://ann:one@db.example:5432/app", "POSTHOG_PROJECT_ID": "1"}
BASE["POSTHOG_PERSONAL_API_KEY"] = "phx_one"


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"DATABASE_URL": "postgresql://ann:two@db.example:5432/app"}, True),
        ({"DATABASE_URL": "host=db.example port=5432 dbname=app user=ann password=three"}, True),
        ({"POSTHOG_PERSONAL_API_KEY": "phx_two"}, True),
        ({"POSTHOG_HOST": "https://us.posthog.com/"}, True),
        ({"DATABASE_URL": "postgresql://bob:one@db.example:5432/app"}, False),
        ({"DATABASE_URL": "postgresql://ann:one@db.example:5433/app"}, False),
        ({"DATABASE_URL": "postgresql://ann:one@db.example:5432/test"}, False),
        ({"DATABASE_URL": "postgresql://ann:one@db.example:5432/app?options=-csearch_path%3Dold"}, False),
        ({"POSTHOG_PROJECT_ID": "2"}, False),
        ({"POSTHOG_HOST": "https://eu.posthog.com"}, False),
    ],
)
def test_what_makes_another_source(changed: dict[str, str], same: bool) -> None:  # noqa: FBT001
    assert (identities(load_settings(env=BASE)) == identities(load_settings(env=BASE | changed))) is same


def test_a_project_that_only_the_key_names_is_not_kept() -> None:
    assert set(identities(load_settings(env=BASE | {"POSTHOG_PROJECT_ID": "@current"}))) == {"neon"}


SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_-%", min_size=12, max_size=40).map("s3cr3t{}".format)
DSNS = st.sampled_from(
    [
        "postgresql://ann:{}@db.example/app",
        "postgresql://db.example/app?user=ann&password={}",
        "postgresql://db.example/app?sslpassword={}",
        "postgresql://ann:x{}@@db.example:5432/app",
        "host=db.example user=ann password='{}' dbname=app",
        "host=db.example passfile='{}'",
        "{}",
    ]
)


@hypothesis(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SECRETS, SECRETS, DSNS, st.sampled_from(["1", "@current"]))
def test_no_secret_is_in_any_byte(tmp_path: Path, key: str, password: str, dsn: str, project: str) -> None:
    env = {known.env: key for known in SETTINGS.values() if known.secret} | {
        "DATABASE_URL": dsn.format(password),
        "POSTHOG_PROJECT_ID": project,
        "USERTRACK_CACHE": str(tmp_path / "cache"),
    }
    settings, spool = load_settings(env=env, workspace=tmp_path), Spool(tmp_path)
    cache = Cache(tmp_path / "cache", 10**9, identities(settings), NINE, notify=lambda m, *, passing=False: None)
    spooled = spool.path("csv")
    spooled.write_text("1\n")
    for source in ("posthog", "neon"):
        table = Table((), csv_rows(spooled, [Column("n", "BIGINT")], 1, 2), name=f"{source}/n", source=source)
        cache.keep(Statement(source, "SELECT 1 AS n"), Moment(NINE, live=True), table)
    cache.close(Moment(NINE, live=True), "n")
    written = list((tmp_path / "cache").rglob("*"))
    everything = b"".join(str(path).encode() + (path.read_bytes() if path.is_file() else b"") for path in written)
    assert key.encode() not in everything
    assert password.encode() not in everything


# Damage


def _rows(entry: Path) -> Path:
    return next(entry.glob("rows.*"))


def _flip(entry: Path) -> None:
    content = _rows(entry).read_bytes()
    _rows(entry).write_bytes(bytes([content[0] ^ 1]) + content[1:])


def _change(**facts: Any) -> Callable[[Path], object]:
    def change(entry: Path) -> None:
        about = json.loads((entry / "facts.json").read_text())
        (entry / "facts.json").write_text(json.dumps(about | facts))

    return change


DAMAGE: list[Callable[[Path], object]] = [
    _flip,
    lambda entry: _rows(entry).write_bytes(b""),
    lambda entry: (entry / "facts.json").write_text("{"),
    lambda entry: (entry / "facts.json").write_bytes(b"\xff\x00"),
    lambda entry: (entry / "facts.json").write_text("[]"),
    _change(version=99),
    _change(what="something else"),
    _change(columns=[["n", "BIGINT) FROM read_text('/etc/passwd') --"]]),
    _change(rows_in="../../outside.csv"),
    _change(rows="many"),
    _change(asked_at="yesterday"),
    _change(notes=7),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_asked_anew(world: World, damage: Callable[[Path], object]) -> None:
    first = world.tick(purpose="tick")
    damage(world.entries[0])
    with pytest.raises(NotCached):
        world.tick(0.5, purpose="tick", offline=1)
    second = world.tick(0.5, purpose="tick", max_age="1h")
    assert second != first
    assert world.notes[-1] == "neon/tick: its cached answer is damaged, and is not used"
    assert world.tick(0.6, purpose="tick", max_age="1h") == second


def test_what_is_not_ours_is_left_alone(world: World) -> None:
    world.tick()
    foreign = ["notes.txt", "now-20261399T000000000000-" + "0" * 32 + ".x", "at-x"]
    for name in foreign:
        (world.folder / name).write_text("mine")
    assert world.tick(1, offline=1) > 0
    with world.runner(cache_size="1kB") as run:
        run.table(TICK)
        assert run._cache is not None
        run._cache.clear()
    assert sorted(path.name for path in world.folder.iterdir()) == sorted([".gitignore", *foreign])


# The folder


def test_only_the_owner_may_look(world: World) -> None:
    before = os.umask(0)
    try:
        world.tick(purpose="tick")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [world.folder, *world.folder.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file() and path.name != ".gitignore"} == {0o600}


def test_what_was_used_longest_ago_goes_first(world: World) -> None:
    big = [Statement("neon", f"SELECT repeat('{letter}', 40000)") for letter in "abc"]
    for at, statement in enumerate(big[:2]):
        world.ask(statement, at)
        os.utime(world.entries[-1], (at + 1, at + 1))
    world.ask(big[0], 2, offline=1)  # it is used, which makes it younger than the other
    world.ask(big[2], 3, cache_size="100kB")
    assert len(world.entries) == 2
    assert world.ask(big[0], 4, offline=1).rows == [("a" * 40000,)]
    with pytest.raises(NotCached):
        world.ask(big[1], 4, offline=1)
    assert sum(path.stat().st_size for path in world.folder.rglob("rows.*")) <= 100_000


def test_what_was_replaced_or_never_finished_goes(world: World) -> None:
    past: dict[str, Any] = {"as_of": "2026-11-01"}
    first = world.tick(**past)
    (left := world.folder / ".unfinished-x").mkdir()
    for path in (left, *world.entries):
        os.utime(path, (NINE.timestamp(), NINE.timestamp()))
    second = world.tick(1, **past)
    assert [len(world.entries), left.exists()] == [1, False]
    assert world.tick(2, offline=1, **past) == second != first


def test_an_answer_larger_than_the_cache(world: World) -> None:
    large = Statement("neon", "SELECT repeat('x', 5000)", name="neon/large")
    assert world.ask(large, cache_size="4kB").rows == [("x" * 5000,)]
    assert world.entries == []
    assert world.notes == ["neon/large is not cached: its answer is larger than cache_size"]


def test_a_cache_that_is_off(world: World) -> None:
    assert world.tick(cache="off") > 0
    assert not world.folder.exists()
    with pytest.raises(UsageError, match="--offline needs the cache"):
        world.tick(cache="off", offline=1)


def test_no_folder_can_be_made(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with world.runner(cache=tmp_path / "file/below") as run:
        first, second = run.run([TICK, TICK])
    assert isinstance(first, Table)
    assert isinstance(second, Table)
    assert world.notes == [f"answers are not cached: {tmp_path}/file/below cannot be written (File exists)"]


ASK = """
import sys
from datetime import UTC, datetime
from usertrack.library.library import Library, Statement
from usertrack.engine.connect import open_runner
from usertrack.workspace.settings import load_settings

def note(message, **_):
    print("note:", message)

moment = datetime(2026, 11, 20, 9, tzinfo=UTC)
for number in range(int(sys.argv[1])):
    with open_runner(load_settings(), Library([]), now=moment, notify=note, purpose="n") as run:
        sql = "SELECT g, random()::text || repeat('x', 200) FROM generate_series(1, 1000) AS g"
        print(len(run.table(Statement("neon", sql)).rows))
"""


def asking(world: World, times: int, *around: str) -> "subprocess.Popen[str]":
    command = [*around, sys.executable, "-c", ASK, str(times)]
    return subprocess.Popen(
        command, env=os.environ | world.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_two_processes_write_at_once(world: World) -> None:
    world.env["USERTRACK_AS_OF"] = "2026-11-20T08:00"  # the same name for both
    both = [asking(world, 12), asking(world, 12)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (set(out.split()), err) == ({"1000"}, "")
    assert not list(world.folder.glob(".unfinished*"))
    sql = "SELECT g, random()::text || repeat('x', 200) FROM generate_series(1, 1000) AS g"
    assert len(world.ask(Statement("neon", sql), 1, offline=1).rows) == 1000
    assert world.notes == []


@pytest.mark.parametrize(("mount", "why"), [("size=64k", "No space left on device"), ("ro", "Read-only file system")])
def test_a_disk_that_takes_nothing(world: World, mount: str, why: str) -> None:
    """A file system of its own in a mount namespace that ends with the process; the answer comes all the same."""
    world.folder.mkdir()
    shell = f"mount -t tmpfs -o {mount} tmpfs '{world.folder}'"
    if subprocess.run(["unshare", "-m", "sh", "-c", shell], capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs here")
    out, err = asking(world, 1, "unshare", "-m", "sh", "-c", f'{shell} && exec "$@"', "sh").communicate(timeout=60)
    assert out.splitlines() == [f"note: answers are not cached: {world.folder} cannot be written ({why})", "1000"]
    assert err == ""
