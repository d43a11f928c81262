"""One process watches a folder of alerts; a second one is told which."""

import fcntl
import json
import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

from usertrack.core.errors import ConnectionFailed
from usertrack.core.json_types import JsonObject

FILE = "watcher.lock"


class WatchLock:
    """Held from creation to `release`, or to the end of the process however that comes. Raises ConnectionFailed."""

    def __init__(self, folder: Path, now: datetime) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = (folder / FILE).open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _note(self._file.name)
            self._file.close()
            raise _held(folder, holder) from None
        self._note = {"pid": os.getpid(), "host": socket.gethostname(), "since": now.isoformat()}
        self.note_deaf(None)

    def note_deaf(self, since: datetime | None) -> None:
        """Let others know since when no events can be read; None: they are."""
        note = self._note | ({"deaf_since": since.isoformat()} if since else {})
        self._file.truncate(0)
        self._file.write(json.dumps(note))
        self._file.flush()

    def release(self) -> None:
        self._file.truncate(0)
        self._file.close()  # closing drops the lock

    def __enter__(self) -> "WatchLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_watched(folder: Path) -> bool:
    """Whether a process watches ``folder``, without a lock that would keep one from it; of other hosts, as it noted."""
    holder = _note(str(folder / FILE))
    if not holder or holder.get("host") != socket.gethostname():
        return bool(holder)
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def deaf_since(folder: Path) -> datetime | None:
    """Since when the process that watches ``folder`` cannot read events; None where it can, or there is none."""
    since = _note(str(folder / FILE)).get("deaf_since")
    return datetime.fromisoformat(since) if since and is_watched(folder) else None


def _note(path: str) -> JsonObject:
    """Return the holder's note; empty while it starts or ends."""
    with suppress(OSError, ValueError):
        return dict(json.loads(Path(path).read_text(encoding="utf-8")))
    return {}


def _held(folder: Path, holder: JsonObject) -> ConnectionFailed:
    who = (
        f"process {holder['pid']} on {holder['host']}, since {holder['since'][:16]} UTC"
        if holder
        else "another process"
    )
    return ConnectionFailed(
        f"the alerts in {folder} are watched already, by {who}",
        "one watcher is enough: it sends every message; `usertrack alerts list` and `live` work beside it",
    )
