"""The log of captured events: durable before it is acknowledged, in order, bounded, and whole after damage.

The same contract holds for SQLite's file and for a real NATS JetStream server, whose log is written here.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nats_log import NatsLog, nats_server

from usertrack.server.event_log.group_commit import GroupCommit, LogFull
from usertrack.server.event_log.log import EventLog, Waiting
from usertrack.server.event_log.sqlite_log import SqliteLog

Open = Callable[[], EventLog]


@pytest.fixture(params=["sqlite", "nats"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the log; again, as the next process would."""
    logs: list[EventLog] = []
    if request.param == "sqlite":
        yield lambda: logs.append(SqliteLog(tmp_path / "log.sqlite")) or logs[-1]  # type: ignore[func-returns-value]
    else:
        with nats_server(tmp_path) as url:
            yield lambda: logs.append(NatsLog(url)) or logs[-1]  # type: ignore[func-returns-value]
            for log in logs:
                log.close()
            return
    for log in logs:
        log.close()


def bodies(log: EventLog, after: int = 0, size: int = 1 << 20) -> list[bytes]:
    return [entry.body for entry in log.read(after, size)]


def test_what_was_appended_is_read_in_order_from_an_offset(opened: Open) -> None:
    log = opened()
    assert (log.end(), log.read(0, 100), log.waiting()) == (0, [], Waiting(0, 0))
    assert log.append([b"one", b"two"]) == 2
    assert log.append([b"three"]) == log.end() == 3
    assert [tuple(entry) for entry in log.read(1, 100)] == [(2, b"two"), (3, b"three")]
    assert log.waiting().entries == 3


def test_a_read_is_of_a_size_but_never_of_nothing(opened: Open) -> None:
    log = opened()
    log.append([b"x" * 10, b"y" * 10, b"z" * 100])
    assert bodies(log, 0, 25) == [b"x" * 10, b"y" * 10]
    assert bodies(log, 2, 25) == [b"z" * 100]


def test_the_next_process_finds_what_was_not_trimmed_and_counts_on(opened: Open) -> None:
    log = opened()
    log.append([b"one", b"two", b"three"])
    log.trim(2)
    log.close()
    again = opened()
    assert bodies(again) == [b"three"]
    again.trim(3)
    again.close()
    last = opened()
    assert (bodies(last), last.append([b"four"])) == ([], 4)


def test_several_append_at_once(opened: Open) -> None:
    log = opened()
    threads = [threading.Thread(target=log.append, args=([b"%d" % number],)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, bodies(log))) == list(range(20))
    assert [entry.offset for entry in log.read(0, 1 << 20)] == list(range(1, 21))


def test_trimming_again_or_too_far_changes_nothing(opened: Open) -> None:
    log = opened()
    log.append([b"one"])
    for upto in (1, 1, 0):
        log.trim(upto)
    assert (log.append([b"two"]), bodies(log)) == (2, [b"two"])


def test_requests_that_wait_are_committed_together(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    together, append = list[int](), log.append

    def counting(group: object) -> int:
        together.append(len(group))  # type: ignore[arg-type]
        return append(group)  # type: ignore[arg-type]

    log.append = counting  # type: ignore[method-assign, assignment]
    commits = GroupCommit(log, 1 << 20)

    async def send() -> list[int]:
        return await asyncio.gather(*(commits.append(b"%d" % number) for number in range(100)))

    assert asyncio.run(send()) == list(range(1, 101))
    assert [int(entry.body) for entry in log.read(0, 1 << 20)] == list(range(100))
    assert len(together) < 50
    commits.close()
    log.close()


def test_what_may_wait_is_bounded(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    commits = GroupCommit(log, 100)
    commits.append_now(b"x" * 90)
    with pytest.raises(LogFull):
        commits.append_now(b"y" * 20)
    log.trim(1)
    assert commits.append_now(b"y" * 20) == 2
    commits.close()
    log.close()


def test_nothing_is_left_on_the_disk_of_what_was_trimmed(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    log.append([b"ann@x.example" * 2000, b"ben@x.example"])
    log.trim(1)
    log.purge()
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert (b"ann@x.example" in left, b"ben@x.example" in left) == (False, True)
    log.close()


@pytest.mark.parametrize("damage", ["a page", "a byte", "the head"])
def test_a_damaged_file_is_set_aside_and_what_is_whole_goes_on(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path)
    log.append([b"%d" % number * 100 for number in range(200)])
    log.close()
    content = bytearray(path.read_bytes())
    if damage == "the head":
        content[:100] = bytes(100)
    else:
        place = content.index(b"150" * 100)
        content[place : place + (4096 if damage == "a page" else 1)] = b"?" * (4096 if damage == "a page" else 1)
    path.write_bytes(content)
    again = SqliteLog(path)
    rest = bodies(again)
    assert len(rest) >= {"a page": 150, "a byte": 199, "the head": 0}[damage]
    assert rest == [body for body in (b"%d" % number * 100 for number in range(200)) if body in set(rest)]
    assert "it is kept as log-damaged-" in caplog.text
    assert [file.name for file in tmp_path.glob("log-damaged-*.sqlite")] == again.damaged
    assert again.append([b"more"]) > 0
    assert bodies(again)[-1] == b"more"
    again.close()
