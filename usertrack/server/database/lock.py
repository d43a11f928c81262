"""One process per data directory: a file lock that ends with its process, and a note that names that process."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

from usertrack.core.errors import ConnectionFailed

_POLL_SECONDS = 0.05  # a lock that is let go is taken before anybody notices the pause

ReportWait = Callable[[object, float], None]
"""Called again and again with the id of the process that has the directory, and the seconds waited so far."""


class DirectoryServed(ConnectionFailed):
    """The directory is in use by the server at ``url``. It answers to ``key``, which it wrote into the directory."""

    code = "data_served"
    url = ""
    key = ""


class DirectoryLock:
    """Held from creation to ``release``. The note is only read when another process has the lock."""

    def __init__(self, directory: Path, waiting: ReportWait | None = None) -> None:
        """Take the lock; with ``waiting``, wait for it. Raises ``ConnectionFailed`` naming the holder.

        Nobody waits for a server, which keeps its directory, nor for its own process: both raise at once.
        """
        self._note = directory / "holder.json"
        self._file: TextIOWrapper = (directory / "lock").open("w")
        began = time.monotonic()
        try:
            while not _try_lock(self._file):
                holder = _holder(self._note)
                if waiting is None or holder.get("url") or holder.get("pid") == os.getpid():
                    raise _in_use(directory, holder)
                waiting(holder.get("pid", "unknown"), time.monotonic() - began)
                time.sleep(_POLL_SECONDS)
        except BaseException:
            self._file.close()
            raise
        self.announce("", "")

    def announce(self, url: str, key: str) -> None:
        """Note for the owner's other processes that this one serves at ``url``, with ``key`` ('': it does not)."""
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
    """The address of the server that has ``directory``; '' when no server has it."""
    return server_of(directory)[0]


def server_of(directory: Path) -> tuple[str, str]:
    """The address of the server that has ``directory``, and the key that it answers to; '' when no server has it."""
    holder = _holder(directory / "holder.json")
    return str(holder.get("url") or ""), str(holder.get("key") or "")


def running_server(directory: Path) -> tuple[str, str]:
    """Return the address and key of the server that runs on ``directory``; '' twice where none does."""
    url, key = server_of(directory)
    if not url:
        return "", ""
    with (directory / "lock").open("w") as file:
        return ("", "") if _try_lock(file) else (url, key)


def _holder(note: Path) -> dict[str, object]:
    """The note of the holder; empty in the moment in which it starts or ends."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(note.read_text()))
    return {}


def _in_use(directory: Path, holder: dict[str, object]) -> ConnectionFailed:
    pid, url, key = holder.get("pid", "unknown"), holder.get("url"), holder.get("key")
    message = f"the data directory {directory} is in use by the server at {url} (pid {pid})"
    if url and key:
        served = DirectoryServed(message, f"ask that server instead: set POSTHOG_HOST={url}, or stop it first")
        served.url, served.key = str(url), str(key)
        return served
    if url:
        return ConnectionFailed(f"{message}, which runs an older version of usertrack", "stop it, and start it again")
    return ConnectionFailed(
        f"the data directory {directory} is in use by another usertrack process (pid {pid})",
        "wait until it has finished, or run `usertrack serve` there and set POSTHOG_HOST=… to share the data",
    )
