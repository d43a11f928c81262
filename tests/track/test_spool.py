"""Without a database, events wait in files that only their user may read, and in memory where there can be none."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

import usertrack_track as track
from tests.track.conftest import Configure
from tests.track.posthog_server import PostHogServer
from usertrack_track import spool
from usertrack_track.message import make_message
from usertrack_track.outbox import Delivery
from usertrack_track.spool import Spool


@pytest.fixture
def folder(configure: Configure, tmp_path: Path) -> Path:
    configure(database_url=None)
    return tmp_path / "spool"


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def test_it_says_where_events_wait_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    track.track("ada", "seen")
    track.track("ada", "seen")
    assert [record.getMessage() for record in caplog.records] == [
        f"no database: events wait in {folder} until PostHog has them, and are in no table of yours"
    ]


def test_files_are_their_users_alone(folder: Path) -> None:
    track.track("ada", "seen")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in files(folder)] == [0o600]


def test_projects_do_not_share_a_folder() -> None:
    from usertrack_track.configuration import Configuration

    folders = {Configuration(key).spool_folder() for key in (None, "phc_a", "phc_b")}
    assert len(folders) == 3
    assert "phc_a" not in str(folders)


def test_what_a_dead_process_left_is_sent_and_its_file_goes(folder: Path, server: PostHogServer) -> None:
    dead = Spool(folder)
    dead.append(make_message("seen", "ada", {}))
    with files(folder)[0].open("a") as torn:
        torn.write('not json\n{"uuid": "7", "timestamp": "now"}\n{"uuid": "half a li')
    dead.close()
    track.track("bob", "seen")
    assert track.flush()
    assert sorted(event["distinct_id"] for event in server.received) == ["ada", "bob"]
    assert len(files(folder)) == 1
    track.track("bob", "again")
    assert track.flush()
    assert len(server.received) == 3


def test_a_file_that_is_written_stays(folder: Path) -> None:
    track.track("ada", "seen")
    track.flush()
    (file,) = files(folder)
    track.track("ada", "seen")
    assert files(folder) == [file]


def test_a_full_file_makes_room(folder: Path, monkeypatch: pytest.MonkeyPatch, server: PostHogServer) -> None:
    monkeypatch.setattr(spool, "FULL_BYTES", 100)
    for _ in range(3):
        track.track("ada", "seen")
        assert track.flush()
    assert (files(folder), len(server.received)) == ([], 3)


def test_another_relay_gets_none_meanwhile(folder: Path, server: PostHogServer) -> None:
    track.track("ada", "seen")
    with (folder / "relay.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not track.flush(0.1)
    assert server.received == []
    assert track.flush()


def test_where_nothing_can_be_written_memory_holds_it(
    configure: Configure, tmp_path: Path, server: PostHogServer, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    configure(database_url=None, spool=tmp_path / "file" / "spool")
    for _ in range(150):
        track.track("ada", "seen")
    assert caplog.text.count("events wait in memory") == 1
    assert track.flush()
    assert len(server.received) == 150


def test_a_full_memory_loses_the_oldest_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spool, "MOST_IN_MEMORY", 2)
    (tmp_path / "file").write_text("")
    full = Spool(tmp_path / "file" / "spool")
    messages = [make_message("seen", "ada", {}) for _ in range(3)]
    full.append(*messages)
    assert full.waiting() == 2
    assert f"an event is lost: there is room for 2 in memory ({messages[0].uuid})" in caplog.text


def test_a_new_file_that_is_tidied_before_it_is_locked_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = Spool(tmp_path), Spool(tmp_path)

    def tidied_before(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        with reader.lease(1):
            assert files(tmp_path) == []
        fcntl.flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", tidied_before)
    writer.append(make_message("seen", "ada", {}))
    assert reader.waiting() == 1


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Spool(tmp_path)
    waiting.append(make_message("first", "ada", {}))
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(spool.os, "write", lambda descriptor, data: write(descriptor, data[:10]))
        waiting.append(make_message("second", "ada", {}))
    waiting.append(make_message("third", "ada", {}))
    events = []
    for _ in range(2):
        with waiting.lease(10) as lease:
            events += [message.event for message in lease.messages]
            lease.settle(Delivery(frozenset(message.uuid for message in lease.messages)))
    assert sorted(events) == ["first", "second", "third"]
    assert waiting.waiting() == 0
