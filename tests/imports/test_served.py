"""An import into a directory that a server has: the server takes the file, goes on, and nothing is ever half there.

The tests share a server, and each sends events of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from usertrack.server.capture.ingest import Ingestor
from usertrack.server.capture.payload import Payload, read_events
from usertrack.server.capture.persons import first_person_id
from usertrack.server.database.store import Store
from usertrack.server.imports.events import ImportOptions
from usertrack.server.imports.load import import_file
from usertrack.server.stored_persons import StoredPersons

from ..conftest import Cli
from .conftest import Import, imported, parquet

LOG = "user,event,time\na,{0},2024-01-01\nb,{0},2024-02-01\n"
KEYS = {"USERTRACK_PROJECT_TOKEN": "phc_served", "USERTRACK_PERSONAL_API_KEY": "phx_served"}


class Served:
    """A server of ``data``, whose keys are in its environment alone."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "usertrack", "serve", "--data", str(data), "--port", "0"]
        self.process = subprocess.Popen(command, env={**os.environ, **KEYS}, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        self.url = self.process.stderr.readline().split(" at ")[1].split(",")[0]

    def count(self, event: str) -> int:
        (count,) = self.ask(f"SELECT count() FROM events WHERE event = '{event}'")[0]
        return int(count)

    def ask(self, hogql: str) -> Any:
        body = {"query": {"kind": "HogQLQuery", "query": hogql}}
        headers = {"Authorization": "Bearer phx_served"}
        return httpx.post(f"{self.url}/api/projects/1/query/", json=body, headers=headers).json()["results"]

    def capture(self, event: str) -> int:
        batch = {"api_key": "phc_served", "batch": [{"event": event, "distinct_id": "a"}]}
        return httpx.post(f"{self.url}/batch/", json=batch).status_code

    def end(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.communicate()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served") / "data"


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[Served]:
    server = Served(data)
    yield server
    server.end()


def long(folder: Path, event: str) -> Path:
    rows = f"SELECT concat('u', i % 999) AS user_id, '{event}' AS event, 1704067200 + i AS ts"
    return parquet(folder / "long.parquet", f"{rows} FROM range(3000000) AS r(i)")


def importing(file: Path, data: Path) -> "subprocess.Popen[str]":
    """A process whose rows are being read by the server."""
    command = [sys.executable, "-m", "usertrack", "import", "events", str(file), "--data", str(data)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TERM": "dumb"})
    assert process.stderr
    while not process.stderr.readline().startswith("note: timestamp"):
        pass
    time.sleep(0.2)
    return process


def left(data: Path) -> list[str]:
    """The uploads that stay; the server removes one after its answer was sent."""
    deadline = time.monotonic() + 60
    while (names := [path.name for path in data.glob("upload*")]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return names


def test_the_server_imports(load: Import, served: Served, data: Path) -> None:
    result = load(LOG.format("sent"))
    assert result.code == 0
    assert "2 events imported" in result.out
    assert f"the server at {served.url} answers questions about them" in result.err
    again = imported(load(LOG.format("sent"), "-f", "json"))
    assert (again["events"], again["known"], again["first"]) == (0, 2, "2024-01-01T00:00:00Z")
    assert served.ask("SELECT distinct_id FROM events WHERE event = 'sent' ORDER BY timestamp") == [["a"], ["b"]]
    assert left(data) == []


def test_it_refuses_what_cannot_be_imported(load: Import, served: Served) -> None:
    text = LOG.format("bad") + ",bad,soon\nc,bad,2024-03-10 02:30\n"
    result = load(text)
    assert result.code == 2
    assert "1 has no readable timestamp (line 4; such as 'soon')" in result.err
    assert "log.csv' cannot be imported" in result.err
    assert "did you mean 'user'?" in load(text, "-m", "distinct_id=usr").err
    assert served.count("bad") == 0
    outcome = imported(load(text, "--skip-bad", "--timezone", "America/New_York", "-f", "json"))
    assert (outcome["events"], outcome["skipped"], len(outcome["notes"])) == (3, 1, 1)


def test_others_are_answered_meanwhile_and_a_second_import_waits(
    load: Import, served: Served, data: Path, tmp_path: Path
) -> None:
    process = importing(long(tmp_path, "long"), data)
    assert served.capture("live") == 200
    assert (served.count("live"), served.count("long")) == (1, 0)
    again = load(LOG.format("second"))
    assert process.wait() == 0, process.stderr
    assert (again.code, "another import is under way" in again.err) == (4, True)
    assert (served.count("live"), served.count("long"), served.count("second")) == (1, 3_000_000, 0)
    process.communicate()


def test_ctrl_c_stops_the_server_s_import(load: Import, served: Served, data: Path, tmp_path: Path) -> None:
    process = importing(long(tmp_path, "stopped"), data)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert "the server imports nothing of it" in errors
    assert left(data) == []
    assert served.count("stopped") == 0
    assert imported(load(LOG.format("after"), "-f", "json"))["events"] == 2


@pytest.mark.slow
def test_a_server_that_dies_leaves_nothing_half(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = Served(data)
    process = importing(long(tmp_path, "x"), data)
    server.end(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == 3
    assert "was lost while it imported" in errors
    with closing(Store(data)) as store:  # as the next command opens it
        assert store.rows("SELECT count() FROM posthog.events") == [[0]]
        assert store.rows("SELECT name FROM system.tables WHERE database = 'posthog' AND name LIKE 'import%'") == []
    assert left(data) == []


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file system that is full")
def test_no_room_for_the_file(cli: Cli, tmp_path: Path) -> None:
    (data := tmp_path / "data").mkdir()
    (tmp_path / "log.csv").write_text(LOG.format("x"))
    (tmp_path / "long.csv").write_text(LOG.format("x") + "c,z,2024-03-01\n" * 600_000)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(data)], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        server = Served(data)
        result = cli("import", "events", "long.csv", "--data", data)
        assert (result.code, "cannot keep the file: No space left" in result.err) == (2, True), result.err
        assert left(data) == []
        assert cli("import", "events", "log.csv", "--data", data).code == 0
    finally:
        server.end()
        subprocess.run(["umount", str(data)], check=True)


def test_only_who_has_a_key_can_import(served: Served, data: Path) -> None:
    path, log = f"{served.url}/api/projects/1/usertrack/import/", LOG.format("keyless")
    bearer = {"Authorization": "Bearer phx_served"}
    assert httpx.post(path, params={"suffix": ".csv"}, content=log).status_code == 401
    token = {"Authorization": "Bearer phc_served"}
    assert httpx.post(path, params={"suffix": ".csv"}, content=log, headers=token).status_code == 401
    for suffix in ("", "/../../x.csv", ".json"):
        assert httpx.post(path, params={"suffix": suffix}, content=log, headers=bearer).status_code == 400
    assert (data / "holder.json").stat().st_mode & 0o077 == 0
    assert served.count("keyless") == 0


def test_privacy_reaches_a_server_whatever_its_key(load: Import, served: Served, data: Path, cli: Cli) -> None:
    load(LOG.format("old"))
    result = cli("privacy", "retention", "--older-than", "400d", "--data", data, "--yes")
    assert result.code == 0, result.err
    assert served.count("old") == 0
    assert "refresh" not in cli("privacy", "retention", "--older-than", "banana").err


def test_the_order_of_the_file_is_kept_and_journeys_go_by_it(
    served: Served, load: Import, cli: Cli, clean_env: pytest.MonkeyPatch
) -> None:
    events = ("view", "open", "buy", "open")
    load("user,event,time\n" + "".join(f"lena,{event},2024-05-01 10:00:00\n" for event in events))
    for name, value in {"HOST": served.url, "PROJECT_ID": "1", "PERSONAL_API_KEY": "phx_served"}.items():
        clean_env.setenv(f"POSTHOG_{name}", value)
    result = cli("journeys", "--by", "event", "--since", "2024-05-01", "--until", "2024-05-02", "-f", "json")
    edges = json.loads(result.out)["groups"][0]["edges"]
    assert {(edge["step"], edge["source"], edge["target"]) for edge in edges if edge["target"]} == {
        (1, "view", "open"),
        (2, "open", "buy"),
        (3, "buy", "open"),
    }


def test_what_others_write_while_a_file_is_read(tmp_path: Path) -> None:
    """An id that is joined to somebody, and an event that comes both ways, between reading and the last step."""
    uuid = "0190a0b0-0000-7000-8000-000000000001"
    file = tmp_path / "log.csv"
    file.write_text(f"user,event,time,uuid\nphone,x,2024-01-01,\nphone,both,2024-01-02,{uuid}\n")
    joined = {"event": "$identify", "distinct_id": "lena", "properties": {"$anon_distinct_id": "phone"}}
    batch = [joined, {"event": "both", "distinct_id": "phone", "uuid": uuid}]
    payload = Payload(json.dumps({"api_key": "phc", "batch": batch}).encode())
    with closing(Store(tmp_path / "data")) as store:

        def progress(message: str, *, passing: bool = False) -> None:
            if message == "moving events into the store":
                now = datetime.now(UTC)
                Ingestor(store, "phc").ingest(read_events(payload, "phc", now).events, now)

        done = import_file(store, ImportOptions(file, file), "phc", datetime.now(UTC), progress)
        assert (done.events, done.known) == (1, 1)
        counts_sql = (
            "SELECT toInt32(count()), toInt32(uniqExact(uuid)), toInt32(uniqExact(person_id)) FROM posthog.events"
        )
        assert store.rows(counts_sql) == [[3, 3, 1]]
        assert store.rows("SELECT toInt32(count()) FROM posthog.persons FINAL") == [[1]]


@pytest.mark.slow
def test_a_deletion_waits_for_an_import(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text(LOG.format("x"))
    with closing(Store(tmp_path / "data")) as store:
        people = StoredPersons(store)

        def progress(message: str, *, passing: bool = False) -> None:
            if message == "looking for stored events":
                people.delete([first_person_id("phc", "a")], events=True)

        import_file(store, ImportOptions(file, file), "phc", datetime.now(UTC), progress)
        people.finish()
        assert store.rows("SELECT distinct_id FROM posthog.events") == [["b"]]
        assert [each["status"] for each in people.deletions("all")] == ["completed"]
