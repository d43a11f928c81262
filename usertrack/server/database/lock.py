"""One process per data directory: an OS lock that dies with its holder, and a note beside it saying who that is."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

from usertrack.core.errors import ConnectionFailed

_POLL_SECONDS = 0.05

ReportWait = Callable[[object, float], None]
"""Told again and again which process (its id) holds the directory, and for how many seconds it has been waited for."""


class DirectoryServed(ConnectionFailed):
    """The directory is held by the server at ``url``, which answers in its place: to whoever has ``key``, as it said to
    those who may read the directory."""

    code = "data_served"
    url = ""
    key = ""


class DirectoryLock:
    """Held from creation to ``release``. The note is only ever read when the lock itself is taken by another."""

    def __init__(self, directory: Path, waiting: ReportWait | None = None) -> None:
        """Take the lock. Raises ``ConnectionFailed`` naming the holder, at once unless ``waiting`` is there to be told.

        A server keeps its directory, and a process that waits for itself would wait forever: both raise at once.
        """
        self._note = directory / "holder.json"
        self._file: TextIOWrapper = (directory / "lock").open("w")
        began = time.monotonic()
        try:
            while not _try_lock(self._file):
                holder = _holder(self._note)
                if waiting is None or holder.get("url") or holder.get("pid") == os.getpid():
                    raise _taken(directory, holder)
                waiting(holder.get("pid", "unknown"), time.monotonic() - began)
                time.sleep(_POLL_SECONDS)
        except BaseException:
            self._file.close()
            raise
        self.announce("", "")

    def announce(self, url: str, key: str) -> None:
        """Tell the owner's other processes that this one serves at ``url``, for ``key`` ('' when it does not serve)."""
        fresh = self._note.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({"pid": os.getpid(), "url": url, "key": key}))
        fresh.replace(self._note)

    def release(self) -> None:
        self._note.unlink(missing_ok=True)
        self._file.close()  # closing drops the lock


def _try_lock(file: TextIOWrapper) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def served_at(directory: Path) -> str:
    """The address of the server that has ``directory``, as it said; empty when none did."""
    return str(_holder(directory / "holder.json").get("url") or "")


def _holder(note: Path) -> dict[str, object]:
    """What the holder wrote of itself; nothing in the moment in which it begins or ends."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(note.read_text()))
    return {}


def _taken(directory: Path, holder: dict[str, object]) -> ConnectionFailed:
    pid, url, key = holder.get("pid", "unknown"), holder.get("url"), holder.get("key")
    message = f"the data directory {directory} is in use by the server at {url} (pid {pid})"
    if url and key:
        served = DirectoryServed(message, f"ask that server instead: set POSTHOG_HOST={url}, or stop it first")
        served.url, served.key = str(url), str(key)
        return served
    if url:
        return ConnectionFailed(f"{message}, of an older version", "stop it, and start it again")
    return ConnectionFailed(
        f"the data directory {directory} is in use by another usertrack process (pid {pid})",
        "wait until it has finished, or run `usertrack serve` there and set POSTHOG_HOST=… to share the data",
    )
