"""Damage of the store on the disk is found at the start, and no answer is too short without saying so."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import pytest
from capture_fixtures import SETTINGS, AppThread, Client

from tests.conftest import Cli
from usertrack.checks.doctor import check_sources
from usertrack.checks.finding import Finding
from usertrack.core.notify import Silent
from usertrack.engine.connect import open_runner
from usertrack.library.library import Library
from usertrack.server.database.store import Store
from usertrack.workspace.settings import load_settings

KEY = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with two parts of one event, in two months."""
    with closing(Store(tmp_path)) as store, AppThread(store) as server:
        for month in (9, 10):
            Client(server.url, store).send(
                {"event": "seen", "distinct_id": "ann", "timestamp": f"2026-{month:02}-01T00:00:00Z"}
            )
            store.catch_up()
    return tmp_path


@contextmanager
def served(folder: Path) -> Iterator[Client]:
    with closing(Store(folder)) as store, AppThread(store) as server:
        store.damage.check()
        store.announce(server.url, SETTINGS.personal_api_key)
        yield Client(server.url, store)


def damage(folder: Path, change: Callable[[bytes], bytes]) -> None:
    [file] = folder.glob("clickhouse/store/*/*/202609_*/data.bin")
    file.chmod(0o600)
    file.write_bytes(change(file.read_bytes()))


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


def test_a_whole_store_is_well(folder: Path) -> None:
    with served(folder) as client:
        assert client.http.get("/health").json() == {"status": "ok"}
        assert client.http.get("/health", headers=KEY).json()["checksums_compared"]
        assert "X-Usertrack-Damaged" not in client.http.get("/api/projects/1/", headers=KEY).headers


@pytest.mark.slow
def test_a_part_that_clickhouse_leaves_out_is_told_everywhere(
    folder: Path, cli: Cli, clean_env: pytest.MonkeyPatch
) -> None:
    damage(folder, lambda content: content[:-1])
    with served(folder) as client:
        health = client.http.get("/health", headers=KEY)
        status = cli("serve", "--status", "--data", folder)
        clean_env.setenv("POSTHOG_HOST", str(client.http.base_url))
        clean_env.setenv("POSTHOG_PROJECT_ID", "1")
        clean_env.setenv("POSTHOG_PERSONAL_API_KEY", SETTINGS.personal_api_key)
        answer = cli("query", "run", "--source", "posthog", "--sql", "SELECT count() FROM events", "-f", "json")
        with open_runner(load_settings(), Library([]), now=datetime.now(UTC), notify=Silent()) as runner:
            findings = check_sources(runner)
        anonymous = client.http.get("/api/projects/1/")
    problem, day = health.json()["problems"]
    assert "1 missing" in day
    assert problem.startswith(
        "events: parts are damaged and set aside, so that rows are missing (broken-on-start_202609_1_1_0): "
    )
    assert (health.status_code, status.code, answer.code) == (503, 5, 6)
    assert f"problem      {problem}" in status.out
    note = f"numbers may be too low, since the store is damaged: {problem}; {day}"
    assert note in answer.out
    assert Finding("FAIL", "store", note) in findings
    assert "X-Usertrack-Damaged" not in anonymous.headers
    for aside in folder.glob("clickhouse/data/posthog/events/detached/*"):
        aside.rename(folder / "away")
    with closing(sqlite3.connect(folder / "event_log.sqlite")) as log, log:
        log.execute("DELETE FROM days")
    with served(folder) as client:
        assert client.http.get("/health").json() == {"status": "ok"}


def test_a_byte_within_a_part_is_found_by_its_checksum(folder: Path) -> None:
    damage(folder, flipped)
    with served(folder) as client:
        [problem] = client.http.get("/health", headers=KEY).json()["problems"]
        assert problem.startswith("events: parts are damaged, so that queries fail (202609_1_1_0): restore")
        query = {"kind": "HogQLQuery", "query": "SELECT * FROM events"}
        answer = client.http.post("/api/projects/1/query/", json={"query": query}, headers=KEY)
        assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")
    table = Path(problem.partition("move these folders away from ")[2])
    (table / "202609_1_1_0").rename(folder / "away")  # as the message says
    with served(folder) as client:
        [day] = client.http.get("/health", headers=KEY).json()["problems"]
        assert "1 missing" in day


def test_a_table_that_cannot_be_checked_keeps_no_other_from_it(folder: Path) -> None:
    damage(folder, flipped)
    with closing(Store(folder)) as store:
        store.query("CREATE TABLE posthog.`two words` ENGINE = MergeTree ORDER BY tuple() AS SELECT 1")
        store.damage.check()
        assert store.damage.is_checked
        assert len(store.problems()) == 1


@pytest.mark.slow
def test_serve_compares_checksums_when_it_starts(folder: Path) -> None:
    damage(folder, flipped)
    command = [sys.executable, "-m", "usertrack", "serve", "--port", "0", "--data", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        until_it_serves = takewhile(lambda line: "http://" not in line, process.stdout)
        told = "".join(until_it_serves)
        process.terminate()
    assert "the store is damaged: events: parts are damaged" in told
