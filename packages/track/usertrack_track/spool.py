"""Events that no database has: files to which lines are appended, and memory where no file can be written.

Each process writes a file of its own, `<uuid7>.jsonl`, which only its user may read. A relay sends from any of them;
`<uuid7>.sent` has the byte up to which PostHog has acknowledged. What a killed process left is sent by the next one.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from usertrack_track.message import Message, uuid7
from usertrack_track.outbox import Delivery

LOG = logging.getLogger("usertrack_track")
FULL_BYTES = 4 * 1024 * 1024  # bytes; a file of this size that is sent makes room for a new one
MOST_IN_MEMORY = 10_000


class Spool:
    """A folder of waiting messages, for all processes with the same one. ``append`` returns when a line is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._file: Path | None = None
        self._descriptor = self._relay = -1
        self._memory: deque[Message] = deque()

    def append(self, *messages: Message) -> None:
        """Write ``messages``; where the folder cannot be written, they wait in memory, the last 10 000 of them."""
        lines = b"".join(message.to_json().encode() + b"\n" for message in messages)
        with self._lock:
            try:
                self._write(lines)
            except OSError as error:
                self._remember(messages, error)

    def _write(self, lines: bytes) -> None:
        if self._file is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file, self._descriptor = self._new_file()
        before = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, lines)
        except OSError:
            written = 0
        if written < len(lines):
            os.ftruncate(self._descriptor, before)
            raise OSError("the disk is full")

    def _new_file(self) -> tuple[Path, int]:
        """A file and its descriptor, locked as long as this process lives."""
        while True:
            file = self.folder / f"{uuid7()}.jsonl"
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return file, descriptor
            os.close(descriptor)  # another process's relay has tidied it up before it was locked

    def _remember(self, messages: tuple[Message, ...], error: OSError) -> None:
        if not self._memory:
            LOG.warning("%s cannot be written (%s): events wait in memory", self.folder, type(error).__name__)
        self._memory.extend(messages)
        for _ in range(len(self._memory) - MOST_IN_MEMORY):
            lost = self._memory.popleft()
            LOG.error("an event is lost: there is room for %s in memory (%s)", MOST_IN_MEMORY, lost.uuid)

    @contextmanager
    def lease(self, limit: int) -> Iterator[SpoolLease]:
        """The oldest messages. No other relay has any meanwhile: while one holds a lease, others get none."""
        with self._only_relay() as alone:
            yield self._oldest(limit) if alone else SpoolLease([])

    @contextmanager
    def _only_relay(self) -> Iterator[bool]:
        try:
            self._relay = os.open(self.folder / "relay.lock", os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError:
            yield True  # there are no files, so what waits is in the memory of this process
            return
        try:
            fcntl.flock(self._relay, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
        finally:
            fcntl.flock(self._relay, fcntl.LOCK_UN)  # a child that was forked meanwhile has it open too
            relay, self._relay = self._relay, -1
            os.close(relay)

    def _oldest(self, limit: int) -> SpoolLease:
        for file in self._files():
            lease = FileLease(file, limit)
            if lease.messages:
                return lease
            self._tidy(file)
        with self._lock:
            return MemoryLease(self._memory, limit)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def _tidy(self, file: Path) -> None:
        """Remove a file whose messages are all sent, unless a process still writes it."""
        with self._lock:
            if file == self._file:
                if file.stat().st_size < FULL_BYTES:
                    return
                self._close()
        with suppress(OSError), file.open("rb") as content:
            fcntl.flock(content, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if FileLease(file, 1).messages:
                return  # written between the look and the lock
            file.unlink()
            file.with_suffix(".sent").unlink(missing_ok=True)

    def waiting(self) -> int:
        return len(self._memory) + sum(FileLease(file, None).count for file in self._files())

    def close(self) -> None:
        """Write no more; the next message begins a new file."""
        with self._lock:
            self._close()

    def leave_to_parent(self) -> None:
        """After a fork, in the child: let go of files whose locks mean that the parent lives, and that it sends."""
        for descriptor in (self._descriptor, self._relay):
            if descriptor >= 0:
                with suppress(OSError):
                    os.close(descriptor)

    def _close(self) -> None:
        if self._file:
            os.close(self._descriptor)
        self._file, self._descriptor = None, -1


class SpoolLease:
    """Messages, and what to do once they are settled."""

    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages

    def settle(self, delivery: Delivery) -> None: ...


class MemoryLease(SpoolLease):
    """The first messages in memory."""

    def __init__(self, memory: deque[Message], limit: int) -> None:
        super().__init__([memory[index] for index in range(min(limit, len(memory)))])
        self._memory = memory

    def settle(self, delivery: Delivery) -> None:
        done = delivery.accepted | delivery.refused.keys()
        for message in self.messages:
            if message.uuid in done:
                with suppress(ValueError):
                    self._memory.remove(message)


class FileLease(SpoolLease):
    """The first messages of a file that are not sent. What is no message is passed over, and told."""

    def __init__(self, file: Path, limit: int | None) -> None:
        super().__init__([])
        self._file = file
        self._mark = file.with_suffix(".sent")
        self._ends: dict[str, int] = {}
        self.count = 0
        with suppress(FileNotFoundError), file.open("rb") as content:
            self._begin = self._sent()
            content.seek(self._begin)
            self._read(content, limit)

    def _sent(self) -> int:
        try:
            return int(self._mark.read_text())
        except (OSError, ValueError):
            return 0

    def _read(self, lines: Iterable[bytes], limit: int | None) -> None:
        end = self._begin
        for line in lines:
            if not line.endswith(b"\n"):
                return  # being written, or of a process that died before track() returned
            end += len(line)
            self.count += 1
            if limit is None:
                continue
            try:
                message = Message.from_json(line)
            except (ValueError, KeyError, TypeError):
                LOG.error("%s has a line that is no event: it is passed over", self._file)
                continue
            self.messages.append(message)
            self._ends[message.uuid] = end
            if len(self.messages) == limit:
                return

    def settle(self, delivery: Delivery) -> None:
        """Note how far the file is settled; what is refused goes to `refused.txt`."""
        if delivery.refused:
            self._set_aside(delivery)
        done = delivery.accepted | delivery.refused.keys()
        end = self._begin
        for message in self.messages:
            if message.uuid not in done:
                break
            end = self._ends[message.uuid]
        fresh = self._mark.with_suffix(".new")
        fresh.write_text(str(end))
        fresh.replace(self._mark)

    def _set_aside(self, delivery: Delivery) -> None:
        place = self._file.with_name("refused.txt")
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "a") as refused:
            refused.writelines(m.to_json() + "\n" for m in self.messages if m.uuid in delivery.refused)
