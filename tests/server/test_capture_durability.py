"""An acknowledged event survives `kill -9`; a directory has one process at a time."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx
import pytest
from capture_fixtures import TOKEN, wait_until

from usertrack.errors import ConnectionFailed
from usertrack.server.lock import DirectoryLock

SERVE = """
import os, sys
from pathlib import Path
from usertrack.server.serve import serve
serve(Path(sys.argv[1]), os.environ, port=0, on_ready=lambda url, settings: print(url, flush=True))
"""
COUNT = """
import sys
from pathlib import Path
from usertrack.server.store import Store
store = Store(Path(sys.argv[1]))
print(sorted(uuid for (uuid,) in store.rows("SELECT uuid FROM posthog.events")))
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

    def send(self, event: dict[str, object]) -> bool:
        try:
            return httpx.post(f"{self.url}/batch/", json={"api_key": TOKEN, "batch": [event]}).is_success
        except httpx.HTTPError:
            return False

    def end(self, how: signal.Signals) -> int:
        self.popen.send_signal(how)
        return self.popen.wait(30)


def test_acknowledged_events_survive_kill_9(tmp_path: Path) -> None:
    server = Process(tmp_path)
    acknowledged: list[str] = []
    for number in range(60):
        key = str(uuid.uuid4())
        if number == 50:
            os.kill(server.popen.pid, signal.SIGKILL)
        event = {"event": "e", "distinct_id": f"d{number % 5}", "uuid": key, "properties": {"$set": {"n": number}}}
        if server.send(event):
            acknowledged.append(key)
    server.popen.wait(30)
    assert len(acknowledged) >= 50
    again = Process(tmp_path)  # the lock of the killed one does not block
    again.send({"event": "e", "distinct_id": "d", "uuid": acknowledged[0]})
    assert again.end(signal.SIGTERM) == 0
    stored = subprocess.run([sys.executable, "-c", COUNT, str(tmp_path)], capture_output=True, text=True, check=True)
    assert stored.stdout.strip() == str(sorted(acknowledged))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_second_process_is_told_who_serves(tmp_path: Path, how: signal.Signals) -> None:
    server = Process(tmp_path)
    with pytest.raises(ConnectionFailed) as caught:
        DirectoryLock(tmp_path)
    assert server.url in caught.value.message
    assert str(server.popen.pid) in caught.value.message
    assert f"POSTHOG_HOST={server.url}" in caught.value.hint
    assert server.end(how) == 0
    DirectoryLock(tmp_path).release()


def test_waiting_for_a_short_lived_holder(tmp_path: Path) -> None:
    held = DirectoryLock(tmp_path)
    with pytest.raises(ConnectionFailed, match=f"pid {os.getpid()}"):
        DirectoryLock(tmp_path)
    started = time.monotonic()
    with pytest.raises(ConnectionFailed):
        DirectoryLock(tmp_path, wait=0.2)
    assert time.monotonic() - started >= 0.2
    held.release()
    DirectoryLock(tmp_path, wait=5).release()


def test_events_of_a_busy_server_are_stored_before_it_stops(tmp_path: Path) -> None:
    server = Process(tmp_path)
    assert server.send({"event": "e", "distinct_id": "d"})
    assert server.end(signal.SIGTERM) == 0
    wait_until(lambda: not (tmp_path / "holder.json").exists(), 5)
