"""One process per data directory: an OS lock that dies with its holder, and a note beside it saying who that is."""

import contextlib
import fcntl
import json
import os
import time
from io import TextIOWrapper
from pathlib import Path

from usertrack.errors import ConnectionFailed

_POLL_SECONDS = 0.05


class DirectoryServed(ConnectionFailed):
    """The directory is held by the server at ``url``, which answers in its place: to whoever has ``key``, as it said to
    those who may read the directory."""

    code = "data_served"
    url = ""
    key = ""


class DirectoryLock:
    """Held from creation to ``release``. The note is only ever read when the lock itself is taken by another."""

    def __init__(self, directory: Path, wait: float = 0.0) -> None:
        """Take the lock, waiting up to ``wait`` seconds; raises ``ConnectionFailed`` naming the holder."""
        self._note = directory / "holder.json"
        self._file: TextIOWrapper = (directory / "lock").open("w")
        deadline = time.monotonic() + wait
        while not _try_lock(self._file):
            if time.monotonic() >= deadline:
                self._file.close()
                raise _taken(directory, self._note)
            time.sleep(_POLL_SECONDS)
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


def _taken(directory: Path, note: Path) -> ConnectionFailed:
    holder: dict[str, object] = {}
    with contextlib.suppress(OSError, ValueError):
        holder = json.loads(note.read_text())
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
