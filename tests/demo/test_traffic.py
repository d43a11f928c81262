"""The demo's people, live."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import httpx
import pytest

from usertrack.core.errors import UsageError
from usertrack.demo import Demo
from usertrack.demo.traffic.data import prepare
from usertrack.demo.traffic.player import events, message
from usertrack.demo.traffic.visits import VisitEvent, Visitor
from usertrack.server.database.lock import DirectoryLock

from ..conftest import problem

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PEOPLE = [Visitor(f"p{n}", f"p{n}@x.example", has_trouble=n % 20 == 0) for n in range(100)]
VISITORS = [*PEOPLE, *(Visitor(f"anonymous-{n}") for n in range(100))]


def until(second: float, seed: int = 1, speed: float = 60) -> list[VisitEvent]:
    return list(takewhile(lambda event: event.at < second, events(VISITORS, seed, speed)))


def test_the_same_seed_gives_the_same_visits() -> None:
    assert until(60) == until(60)
    assert until(60) != until(60, seed=2)


def test_events_come_in_their_order_and_each_has_its_own_id() -> None:
    minute = until(60)
    assert [event.at for event in minute] == sorted(event.at for event in minute)
    messages = [message(event, NOW, number) for number, event in enumerate(minute)]
    assert len({each["uuid"] for each in messages}) == len(minute)
    assert messages[0]["timestamp"] < "2026-11-22T12:00"


def test_within_a_minute_somebody_has_every_kind_of_trouble() -> None:
    by_person = Counter((event.visitor.distinct_id, event.name) for event in until(60))
    most = Counter({name: max(n for (_, of), n in by_person.items() if of == name) for _, name in by_person})
    assert most["$exception"] > 3
    assert most["form_submit"] > 2
    assert most["$rageclick"] + most["$dead_click"] > 0
    stays = [event.properties["visible_seconds"] for event in until(60) if event.name == "page_time"]
    assert max(stays) > 300


def test_an_outage_hits_a_dozen_people_at_once() -> None:
    met = [event for event in until(240) if "API timeout" in str(event.properties.get("$exception_message"))]
    assert len({event.visitor.distinct_id for event in met}) == 14


def test_a_higher_speed_means_more_visits_and_no_faster_people() -> None:
    slow, fast = (until(300, speed=speed) for speed in (60, 600))
    assert len(fast) > 5 * len(slow)
    assert max(Counter(int(event.at) for event in fast).values()) < 200


def test_invented_people_never_come_among_real_events(tmp_path: Path) -> None:
    (tmp_path / "clickhouse").mkdir()
    demo = Demo(tmp_path / "demo", NOW, 2000, 120)
    with pytest.raises(UsageError, match="not the demo's"):
        prepare(tmp_path, demo, is_own=False)
    assert (tmp_path / "clickhouse").exists()


def test_beside_open_it_says_what_is_in_use_and_leaves_nothing(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "demo", NOW, 2000, 120)
    demo.store_path.mkdir(parents=True)
    served = DirectoryLock(demo.store_path)
    served.announce("http://127.0.0.1:8766", "key")
    error = problem(lambda: prepare(tmp_path / "live", demo, is_own=False))
    assert (error.exit_code, "`usertrack open` at http://127.0.0.1:8766" in error.message) == (3, True)
    assert not (tmp_path / "live").exists()
    served.release()
    os.mkfifo(demo.store_path / "pipe")  # which cannot be copied
    with pytest.raises(OSError, match="named pipe"):
        prepare(tmp_path / "live", demo, is_own=False)
    assert not (tmp_path / "live").exists()


@pytest.mark.slow
def test_served(demo_cache: Path, demo_postgres: str, tmp_path: Path) -> None:
    arguments = ["serve", "--demo-traffic", "--data", str(tmp_path / "live"), "--port", "0"]
    env = {**os.environ, "XDG_CACHE_HOME": str(demo_cache), "USERTRACK_PERSONAL_API_KEY": "phx_test"}
    command = [sys.executable, "-m", "usertrack", *arguments]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        url = server.stderr.readline().split(" at ")[1].split(",")[0]
        deadline = time.monotonic() + 60
        while not _live_people(url):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        server.send_signal(signal.SIGTERM)
        errors = server.stderr.read()
        assert server.wait(10) == 0
    assert "Traceback" not in errors


def _live_people(url: str) -> int:
    query = "SELECT uniq(person_id) FROM events WHERE timestamp > now() - INTERVAL 5 MINUTE AND $session_id != ''"
    body = {"query": {"kind": "HogQLQuery", "query": query}}
    answer = httpx.post(f"{url}/api/projects/1/query/", json=body, headers={"Authorization": "Bearer phx_test"})
    return int(answer.json()["results"][0][0])
