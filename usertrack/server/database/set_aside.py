"""Keeps what the store cannot take, refused events and damaged files, where privacy requests reach it."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import orjson

from usertrack.core.temporary import write_whole
from usertrack.server.http import json_text

REFUSED = "refused_events.jsonl"
MOST_BYTES = 64 << 20  # bytes: whoever knows the public token can have events refused, and must not fill the disk
_DAMAGED = {
    "event_log": "what is whole of it went on",
    "insights": "`sqlite3 FILE .recover | sqlite3 insights.sqlite` reads what can be read, or put a backup there",
}


class KeptEvent(NamedTuple):
    """A refused event as it was sent, when, and why it was refused; ``browser``: whether a page may have sent it."""

    received: datetime
    reason: str
    raw: Any
    browser: bool


class SetAside:
    """The events and files that were set aside in the data directory ``folder``. Safe to call from threads."""

    _turn: ClassVar = threading.RLock()  # of all instances: they append to a file that others replace

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._refused = folder / REFUSED

    def add(self, received: datetime, refused: Sequence[tuple[str, bytes]], *, browser: bool = False) -> int:
        """Keep (reason, JSON) of events as lines of a file that its owner alone may read; returns how many had room."""
        end = orjson.dumps(browser)
        lines = [
            b"[%s,%s,%s,%s]\n" % (orjson.dumps(received.astimezone(UTC)), orjson.dumps(reason), json, end)
            for reason, json in refused
        ]
        with self._turn:
            self._refused.touch(mode=0o600)
            if self._refused.stat().st_size >= MOST_BYTES:
                return 0
            with self._refused.open("ab+") as file:
                if file.tell() and file.seek(-1, os.SEEK_END) and file.read() != b"\n":  # of a killed process
                    file.write(b"\n")
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())  # the log forgets it next
        return len(lines)

    def events(self) -> Iterator[KeptEvent]:
        """Yield the refused events, the oldest first."""
        for line in self._lines():
            try:
                received, reason, raw, browser = json_text.parse(line)
                yield KeptEvent(datetime.fromisoformat(received), reason, raw, browser)
            except (ValueError, TypeError, RecursionError):  # written in part, or by an earlier version
                yield KeptEvent(datetime.min.replace(tzinfo=UTC), "cannot be read", line, True)

    def replay(self, store: Callable[[KeptEvent], str]) -> tuple[int, int]:
        """Call ``store`` for each event, which returns why it is refused again or ""; return how many were, were not.

        What was stored is taken out at the end. A process that ends before stores it again, which its uuid tells.
        """
        with self._turn:
            reasons = [store(event) for event in self.events()]
            again = iter(reasons)
            self._keep(lambda line: bool(next(again)))
        return reasons.count(""), len(reasons) - reasons.count("")

    def forget(self, matches: Callable[[str], bool]) -> None:
        """Delete the events whose text matches, and damaged files with such a text, whose whole entries go on."""
        self._keep(lambda line: not matches(line))
        for path in self._files("-damaged-*"):
            if matches(path.read_bytes().decode(errors="replace")):
                path.unlink()

    def expire(self, before: datetime) -> None:
        """Delete what came before that moment."""
        first = before.astimezone(UTC).isoformat()
        self._keep(lambda line: not line.startswith('["') or line[2:] >= first)
        for path in self._files("-damaged-*"):
            if path.stat().st_mtime < before.timestamp():
                path.unlink()

    def problems(self) -> list[str]:
        """Return a sentence for each damaged file that was set aside and that nobody has deleted yet."""
        return [
            f"{path.name} was damaged, and is set aside: {_DAMAGED[path.name.partition('-')[0]]}; then delete it"
            for path in self._files("-damaged-*.sqlite")
        ]

    def _files(self, end: str) -> list[Path]:
        return sorted(path for name in _DAMAGED for path in self._folder.glob(f"{name}{end}"))

    def _lines(self) -> list[str]:
        """The lines of refused events; the last may be cut, of a process that was killed."""
        text = self._refused.read_bytes().decode(errors="replace") if self._refused.exists() else ""
        return [line for line in text.split("\n") if line]

    def _keep(self, stays: Callable[[str], bool]) -> None:
        with self._turn:
            lines = self._lines()
            kept = [line for line in lines if stays(line)]
            if kept != lines:
                write_whole(self._refused, "".join(f"{line}\n" for line in kept))
