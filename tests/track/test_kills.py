"""A product is killed at random points: no event that track() has returned is lost, and none is there twice."""
# PostHog's store keeps one event for each uuid; the server here counts how often each has arrived.

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

import usertrack_track as track
from tests.track.conftest import Configure
from tests.track.posthog_server import PostHogServer

KILLED = Path(__file__).with_name("killed.py")


def run_killed(kills: int, host: str, dsn: str, spool: Path) -> set[str]:
    """The uuids that a product has seen returned, which was killed so many times."""
    command = [sys.executable, str(KILLED), str(kills), "1", host, dsn, str(spool)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    return {line for line in run.stdout.split("\n") if len(line) == 36}


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_in_the_database(
    kills: int,
    configure: Configure,
    migrated: str,
    db: "psycopg.Connection[Any]",
    server: PostHogServer,
    tmp_path: Path,
) -> None:
    configure()
    server.answers = [(429, {}), (500, {})] * (kills // 4)
    returned = run_killed(kills, server.url, migrated, tmp_path / "spool")
    server.answers.clear()  # PostHog is well again, however few of them a busy machine has met
    assert track.flush(60)
    stored = {str(uuid) for (uuid,) in db.execute("SELECT id FROM usertrack.event")}
    arrived = set(server.uuids())
    assert returned
    assert returned - stored == set()
    assert stored == arrived
    assert db.execute("SELECT count(*) FROM usertrack.event").fetchone() == (len(stored),)
    same_twice(server)


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_in_files(kills: int, configure: Configure, server: PostHogServer, tmp_path: Path) -> None:
    configure(database_url=None)
    returned = run_killed(kills, server.url, "-", tmp_path / "spool")
    assert track.flush(60)
    assert returned
    assert returned - set(server.uuids()) == set()
    same_twice(server)


def same_twice(server: PostHogServer) -> None:
    """What has arrived again is the same in all by which PostHog tells events apart."""
    first: dict[str, Any] = {}
    for event in server.received:
        identity = event["event"], event["timestamp"], event["distinct_id"]
        assert first.setdefault(event["uuid"], identity) == identity
