"""Demo workspaces on disk: built whole or not at all, the same every time, cached, shared between processes."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any

import psycopg
import pytest

from usertrack.core.errors import ConnectionFailed, UsageError
from usertrack.demo import Demo, build, embedded_postgres, open_demo
from usertrack.server.database.store import Store

from ..conftest import slow_but
from .conftest import AS_OF

EVENTS = "SELECT count(), sum(cityHash64(* EXCEPT properties, toString(properties))) FROM posthog.events"
PERSONS = "SELECT count(), sum(cityHash64(* EXCEPT properties, toString(properties))) FROM posthog.persons"
IDS = "SELECT count(), sum(cityHash64(*)) FROM posthog.person_distinct_ids"
OPEN = (
    "import sys, pathlib, datetime; from usertrack.demo import open_demo\n"
    "now = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc)\n"
    "said = []\n"
    "demo = open_demo(pathlib.Path(sys.argv[1]), now=now, users=40, progress=lambda what, part: said.append(what))\n"
    "print('built' if 'accounts' in said else 'found', demo.postgres_dsn())\n"
)


def checksums(demo: Demo) -> dict[str, Any]:
    store = Store(demo.store_path)
    sums: dict[str, Any] = {query.split(".")[-1]: store.query(query, "TSV") for query in (EVENTS, PERSONS, IDS)}
    store.close()
    with psycopg.connect(demo.postgres_dsn()) as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            rows = f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} AS t"
            sums[table] = connection.execute(rows).fetchone()
    return sums


def small(root: Path, **options: Any) -> Demo:
    return build(root, as_of=AS_OF, **({"users": 100} | options))


@pytest.mark.slow
@pytest.mark.parametrize("step", slow_but(["indexes"], ["events", "indexes"]))
def test_an_interrupted_build_leaves_the_old_demo(place: Path, step: str) -> None:
    def interrupt(doing: str, part: float) -> None:
        if doing == step:
            raise KeyboardInterrupt

    (place / "demo").mkdir()
    (place / "demo" / "old").touch()
    with pytest.raises(KeyboardInterrupt):
        small(place / "demo", users=40, progress=interrupt)
    assert [path.name for path in place.rglob("*")] == ["demo", "old"]


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """A cache with the demo of forty users."""
    with tempfile.TemporaryDirectory(prefix="usertrack-test-") as directory:
        open_demo(Path(directory), now=AS_OF, users=40).close()
        yield Path(directory)


@pytest.fixture
def cached(place: Path, built: Path) -> Path:
    """A copy of ``built``; PostgreSQL's files are its user's."""
    subprocess.run(["cp", "-a", f"{built}/.", place], check=True)
    return place


@pytest.mark.slow
def test_the_same_parameters_give_the_same_world(cached: Path) -> None:
    parts: list[float] = []
    first = open_demo(cached, now=AS_OF, users=40)
    second = build(cached / "again", as_of=AS_OF, users=40, progress=lambda doing, part: parts.append(part))
    assert parts == sorted(parts)
    assert parts[-1] == 1
    sums = checksums(first)
    assert sums == checksums(second)
    assert len(sums) == 10
    assert all(rows for rows, *_ in sums.values())
    first.close()
    second.close()


@pytest.mark.slow
def test_a_cached_demo_is_opened_until_the_next_nine_o_clock(cached: Path) -> None:
    noon = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    [root] = cached.glob("demo-*")
    number = root.stat().st_ino
    for moment in (noon, noon + timedelta(hours=20, minutes=29)):
        demo = open_demo(cached, now=moment, users=40)
        assert (demo.as_of, demo.root.stat().st_ino) == (AS_OF, number)
        demo.close()
    later = open_demo(cached, now=noon + timedelta(hours=21), users=40)
    assert later.as_of == AS_OF + timedelta(days=1)
    assert list(cached.glob("demo-*")) == [later.root]
    later.close()


@pytest.mark.slow
def test_a_demo_in_use_stays(cached: Path) -> None:
    used = open_demo(cached, now=AS_OF, users=40)
    with pytest.raises(UsageError, match="in use"):
        open_demo(cached, now=AS_OF, users=40, reset=True)
    other = open_demo(cached, now=AS_OF, users=41)
    assert used.root.exists()
    other.close()
    used.close()
    open_demo(cached, now=AS_OF, users=40, reset=True).close()
    assert [path.name for path in cached.glob("demo-*")] == [used.root.name]


@pytest.mark.slow
def test_what_a_killed_builder_left_is_removed(cached: Path) -> None:
    (cached / ".unfinished-x" / "new").mkdir(parents=True)
    open_demo(cached, now=AS_OF, users=40).close()
    assert not (cached / ".unfinished-x").exists()


@pytest.mark.slow
def test_without_a_cache_directory_the_demo_is_temporary(place: Path) -> None:
    (place / "file").touch()
    demo = open_demo(place / "file" / "cache", now=AS_OF, users=40)
    assert "cannot be written" in demo.notes[0]
    demo.close()
    assert not demo.root.exists()


@pytest.mark.slow
def test_two_processes_build_once_and_share_the_server(place: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(place)]
    both = [subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) for _ in range(2)]
    ended = [process.communicate() for process in both]
    assert [stderr for _, stderr in ended] == ["", ""]
    outputs = [stdout.split() for stdout, _ in ended]
    assert sorted(words[0] for words in outputs) == ["built", "found"]
    assert outputs[0][1] == outputs[1][1]
    assert not list(place.glob("demo-*/postgres/postmaster.pid"))


def test_a_killed_process_does_not_keep_the_server(cached: Path) -> None:
    killed = OPEN + "import os; os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", killed, str(cached)], check=False, capture_output=True)
    assert list(cached.glob("demo-*/postgres/postmaster.pid"))
    subprocess.run([sys.executable, "-c", OPEN, str(cached)], check=True, capture_output=True)
    assert not list(cached.glob("demo-*/postgres/postmaster.pid"))


def test_postgres_listens_on_a_socket_only_and_stops_with_its_last_handle(place: Path) -> None:
    directory = place / "data"
    dsn = embedded_postgres.start(directory)
    assert embedded_postgres.start(directory) == dsn
    embedded_postgres.stop(directory)
    with psycopg.connect(dsn) as connection:
        settings = [
            connection.execute(f"SHOW {name}").fetchall()[0][0] for name in ("listen_addresses", "timezone", "fsync")
        ]
    assert settings == ["", "UTC", "off"]
    embedded_postgres.stop(directory)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)


def test_postgres_starts_in_a_locale_that_the_machine_does_not_have(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    with psycopg.connect(embedded_postgres.start(place / "data")) as connection:
        assert connection.execute("SELECT DISTINCT datcollate FROM pg_database").fetchall() == [("C",)]
    embedded_postgres.stop(place / "data")


def test_postgres_says_so_where_it_cannot_run(place: Path) -> None:
    with pytest.raises(ConnectionFailed, match="with a space"):
        embedded_postgres.start(place / "my cache")
    (place / "file").touch()
    with pytest.raises(ConnectionFailed, match="does not start"):
        embedded_postgres.start(place / "file" / "data")
