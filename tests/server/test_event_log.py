"""The log of captured events: durable before it is acknowledged, in order, bounded, and whole after damage."""

import asyncio
import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from usertrack.server.database.set_aside import SetAside
from usertrack.server.event_log.group_commit import GroupCommit, LogFull
from usertrack.server.event_log.log import NotAppended, WaitingRequests
from usertrack.server.event_log.sqlite_log import SqliteLog

Open = Callable[[], SqliteLog]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens the log; again, as the next process would."""
    logs: list[SqliteLog] = []
    yield lambda: logs.append(SqliteLog(tmp_path / "log.sqlite")) or logs[-1]  # type: ignore[func-returns-value]
    for log in logs:
        log.close()


def bodies(log: SqliteLog, after: int = 0, size: int = 1 << 20) -> list[bytes]:
    return [entry.body for entry in log.read(after, size)]


def test_what_was_appended_is_read_in_order_from_an_offset(opened: Open) -> None:
    log = opened()
    assert (log.end(), log.read(0, 100), log.waiting()) == (0, [], WaitingRequests(0, 0))
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

    def counting(group: Sequence[bytes], events: int) -> int:
        together.append(len(group))
        return append(group, events)

    log.append = counting  # type: ignore[method-assign]
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
    [damaged] = tmp_path.glob("log-damaged-*.sqlite")
    assert damaged.name in caplog.text
    assert again.append([b"more"]) > 0
    assert bodies(again)[-1] == b"more"
    again.close()


def aged_log(path: Path) -> None:
    """A log whose offsets begin at 5 002, as on a server that has run for a while."""
    log = SqliteLog(path)
    log.append([b"old"] * 5_001)
    log.trim(5_001)
    log.append([b"%06d" % number + b"y" * 300 for number in range(2_000)])
    log.close()


def damage(path: Path, *entries: int) -> None:
    """Overwrite the page with the beginning of each of these entries of ``aged_log``."""
    content = bytearray(path.read_bytes())
    for number in entries:
        page = content.index(b"%06dyyy" % number) // 4096 * 4096
        content[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(content)


@pytest.mark.parametrize("pages", [(0,), (0, 1_999), (0, 50, 1_000), (0, 100, 150, 1_000, 1_999)])
def test_damaged_pages_take_their_own_entries_only(tmp_path: Path, pages: tuple[int, ...]) -> None:
    path = tmp_path / "log.sqlite"
    aged_log(path)
    damage(path, *pages)
    log = SqliteLog(path)
    assert len(log.read(5_001, 1 << 30)) >= 2_000 - 14 * len(pages)
    assert log.append([b"more"]) == 7_002
    log.close()


def test_a_damaged_log_is_told_until_its_file_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "event_log.sqlite"
    aged_log(path)
    damage(path, 0)
    SqliteLog(path).close()
    [problem] = SetAside(tmp_path).problems()
    [kept] = tmp_path.glob("event_log-damaged-*")
    assert kept.name in problem
    kept.unlink()
    assert SetAside(tmp_path).problems() == []


@pytest.mark.parametrize("step", range(4))
def test_who_ends_while_a_damaged_log_is_set_aside_loses_nothing(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rename, renamed = tmp_path / "log.sqlite", Path.rename, list[Path]()
    aged_log(path)
    damage(path, 0)

    def ending(self: Path, target: Path) -> Path:
        if len(renamed) == step:
            raise KeyboardInterrupt
        renamed.append(self)
        return rename(self, target)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(Path, "rename", ending)
        SqliteLog(path)
    log = SqliteLog(path)
    assert len(log.read(0, 1 << 30)) >= 1_986
    assert len(list(tmp_path.glob("*-damaged-*.sqlite"))) == 1
    assert not list(tmp_path.glob("*salvaged*"))
    log.close()


def test_offsets_grow_even_when_nothing_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    aged_log(path)
    path.write_bytes(bytes(path.stat().st_size))
    log = SqliteLog(path)
    assert log.append([b"more"]) > 7_001
    log.close()


def test_a_loss_of_power_takes_nothing_that_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk as it would be: what was written since the last step is there in part, up to any byte, or not at all."""
    monkeypatch.setattr("usertrack.server.event_log.sqlite_log.WAL_BYTES", 40_000)  # so that pages move to the file
    chance, (path, wal) = random.Random(7), (tmp_path / name for name in ("log.sqlite", "log.sqlite-wal"))
    log, acknowledged, images = SqliteLog(path), list[bytes](), list[Any]()
    log.append([b"begin"])
    trimmed = log.end()
    log.trim(trimmed)
    for step in range(60):
        file, journal, before = path.read_bytes(), wal.read_bytes(), list(acknowledged)
        if chance.random() < 0.25:
            trimmed = chance.randint(trimmed, log.end())
            log.trim(trimmed)
        else:
            group = [b"%d:" % step + chance.randbytes(chance.randrange(3_000)) for _ in range(chance.randint(1, 4))]
            acknowledged += group
            log.append(group)
        pages, now = path.read_bytes(), wal.read_bytes()
        if pages != file:  # its pages are moved after the journal is synced
            place = 4096 * chance.randrange(len(pages) // 4096 + 1)
            images.append((pages[:place] + file[place:], now, before, list(acknowledged), trimmed))
        else:
            cut = chance.randrange(len(now) + 1)
            images.append((file, now[:cut] + journal[cut:], before, list(acknowledged), trimmed))
    log.close()
    for number, (file, journal, before, after, upto) in enumerate(images):
        image = tmp_path / f"{number}.sqlite"
        image.write_bytes(file)
        image.with_name(f"{image.name}-wal").write_bytes(journal)
        opened = SqliteLog(image)
        rest = bodies(opened, 0, 1 << 30)
        assert rest in (before[len(before) - len(rest) :], after[len(after) - len(rest) :])
        assert len(rest) >= len(before) - (upto - 1)  # the first entry is none of these
        opened.close()
    assert not list(tmp_path.glob("*-damaged-*"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if not mount or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    log, acknowledged = SqliteLog(small_disk / "log.sqlite"), list[bytes]()
    with suppress(NotAppended):
        while len(acknowledged) < 1_000:
            log.append([b"%d:" % len(acknowledged) + b"x" * 10_000])
            acknowledged.append(b"%d:" % len(acknowledged) + b"x" * 10_000)
    assert len(acknowledged) < 200
    with pytest.raises(NotAppended):
        log.append([b"y" * 10_000])
    assert len(acknowledged) > 50
    assert bodies(log, 0, 1 << 30) == acknowledged
    log.close()
    again = SqliteLog(small_disk / "log.sqlite")
    assert bodies(again, 0, 1 << 30) == acknowledged
    again.trim(len(acknowledged))
    assert again.append([b"room"] * 100) == len(acknowledged) + 100
    assert bodies(again) == [b"room"] * 100
    again.close()
