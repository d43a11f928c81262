"""Keeps what the store cannot take: requests that ClickHouse refuses, damaged logs. Privacy requests reach them."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

REFUSED = "refused_events.jsonl"
_DAMAGED = "event_log-damaged-*"


class SetAside:
    """The requests and logs that were set aside in the data directory ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._refused = folder / REFUSED

    def add(self, body: bytes) -> None:
        """Keep a refused request as a line of a file, readable by the owner only."""
        self._refused.touch(mode=0o600)
        with self._refused.open("ab") as file:
            file.write(body.replace(b"\n", b" ") + b"\n")
            file.flush()
            os.fsync(file.fileno())  # the log forgets it next

    def forget(self, matches: Callable[[str], bool]) -> None:
        """Delete the requests whose text matches, and damaged logs with such a text, whose whole entries are stored."""
        self._keep(lambda line: not matches(line))
        for path in self._folder.glob(_DAMAGED):
            if matches(path.read_bytes().decode(errors="replace")):
                path.unlink()

    def expire(self, before: datetime) -> None:
        """Delete what came before that moment."""
        first = before.astimezone(UTC).isoformat()
        self._keep(lambda line: not line.startswith('["') or line[2:] >= first)
        for path in self._folder.glob(_DAMAGED):
            if path.stat().st_mtime < before.timestamp():
                path.unlink()

    def _keep(self, stays: Callable[[str], bool]) -> None:
        if not self._refused.exists():
            return
        lines = self._refused.read_bytes().decode(errors="replace").splitlines(keepends=True)
        rest = [line for line in lines if stays(line)]
        if rest != lines:
            fresh = self._refused.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text("".join(rest))
            fresh.replace(self._refused)
