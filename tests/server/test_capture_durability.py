"""An acknowledged event survives `kill -9`; a directory has one process at a time."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from capture_fixtures import TOKEN

from usertrack.core.errors import ConnectionFailed
from usertrack.server.database.lock import DirectoryLock

SERVE = """
import os, sys
from pathlib import Path
from usertrack.server.serve import load_or_create_settings, serve
data = Path(sys.argv[1])
announce = lambda url, settings: print(url, flush=True)
serve(data, lambda: load_or_create_settings(data, os.environ), port=0, on_ready=announce)
"""
READ = """
import json, sys
from pathlib import Path
from usertrack.server.capture.ingest import store_waiting
from usertrack.server.database.store import Store
store = Store(Path(sys.argv[1]))
store_waiting(store, "phc_test")
uuids = [uuid for (uuid,) in store.rows("SELECT uuid FROM posthog.events")]
persons = "SELECT id FROM posthog.persons FINAL"
lost = store.rows(f"SELECT count() FROM posthog.events WHERE person_id NOT IN ({persons})")[0][0]
store.close()
print(json.dumps([uuids, lost]))
"""


class Process:
    """The server as a process of its own."""

    def __init__(self, data: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(data)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "USERTRACK_PROJECT_TOKEN": TOKEN},
        )
        assert self.popen.stdout
        self.url = self.popen.stdout.readline().strip()
        self.http = httpx.Client()

    def send(self, event: dict[str, object]) -> bool:
        try:
            return self.http.post(f"{self.url}/batch/", json={"api_key": TOKEN, "batch": [event]}).is_success
        except httpx.HTTPError:
            return False

    def end(self, how: signal.Signals) -> int:
        self.popen.send_signal(how)
        return self.popen.wait(30)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Starts servers on one data directory; none outlives the test."""
    started: list[Process] = []

    def start_one() -> Process:
        started.append(Process(tmp_path))
        return started[-1]

    yield start_one
    for process in started:
        process.popen.kill()
        process.popen.communicate()


@pytest.mark.slow
def test_acknowledged_events_survive_kill_9(tmp_path: Path, start: Callable[[], Process]) -> None:
    server = start()
    sent = [event(0)]
    while server.send(sent[-1]):
        if len(sent) == 20:
            threading.Timer(0.1, server.popen.kill).start()
        sent.append(event(len(sent)))
    acknowledged = sent[:-1]  # the last one may have died half written
    server.popen.wait(30)
    assert len(acknowledged) >= 20
    survived = stored(tmp_path)  # the lock of the killed one does not block
    assert {item["uuid"] for item in acknowledged} <= set(survived)
    assert len(survived) == len(set(survived))
    again = start()
    assert all(again.send(item) for item in sent[-5:])  # what an SDK does with the unanswered
    assert again.end(signal.SIGTERM) == 0
    assert stored(tmp_path) == sorted(str(item["uuid"]) for item in sent)


def event(number: int) -> dict[str, object]:
    properties = {"$anon_distinct_id": f"anon{number}", "$set": {"number": number}}
    return {"event": "$identify", "distinct_id": f"d{number % 5}", "uuid": str(uuid.uuid4()), "properties": properties}


def stored(data: Path) -> list[str]:
    """The uuids on disk, read by yet another process; nobody's person is missing."""
    done = subprocess.run([sys.executable, "-c", READ, str(data)], capture_output=True, text=True, check=True)
    uuids, lost = json.loads(done.stdout)
    assert lost == 0
    return sorted(uuids)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_second_process_is_told_who_serves(tmp_path: Path, start: Callable[[], Process], how: signal.Signals) -> None:
    server = start()
    with pytest.raises(ConnectionFailed) as caught:
        DirectoryLock(tmp_path)
    assert server.url in caught.value.message
    assert str(server.popen.pid) in caught.value.message
    assert f"POSTHOG_HOST={server.url}" in caught.value.hint
    assert server.end(how) == 0
    DirectoryLock(tmp_path).release()


def test_nobody_waits_for_himself(tmp_path: Path) -> None:
    held = DirectoryLock(tmp_path)
    with pytest.raises(ConnectionFailed, match=f"pid {os.getpid()}"):
        DirectoryLock(tmp_path, lambda holder, seconds: None)
    held.release()
    DirectoryLock(tmp_path).release()


def test_stopping_takes_back_the_note_of_who_serves(tmp_path: Path, start: Callable[[], Process]) -> None:
    server = start()
    assert server.send({"event": "e", "distinct_id": "d"})
    assert server.end(signal.SIGTERM) == 0
    assert not (tmp_path / "holder.json").exists()


def test_a_damaged_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "clickhouse").write_text("not a directory")
    code = (
        f"from pathlib import Path; from usertrack.server.database.store import Store; Store(Path({str(tmp_path)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"ConnectionFailed: cannot open the embedded ClickHouse in {tmp_path}" in done.stderr
    DirectoryLock(tmp_path).release()
