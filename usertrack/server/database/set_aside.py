"""Keeps what the store cannot take, refused events and damaged files, where privacy requests reach it."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import orjson

REFUSED = "refused_events.jsonl"
_MOST = 64 << 20  # bytes: whoever knows the public token can have events refused, and must not fill the disk
_DAMAGED = ("event_log-damaged-*", "insights-damaged-*", "*.format-*")  # the last are copies before a migration


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

    def add(self, received: datetime, refused: Sequence[tuple[str, bytes]], *, browser: bool = False) -> None:
        """Keep (reason, JSON) of events as lines of a file that its owner alone may read, while there is room."""
        end = orjson.dumps(browser)
        lines = [
            b"[%s,%s,%s,%s]\n" % (orjson.dumps(received.astimezone(UTC)), orjson.dumps(reason), json, end)
            for reason, json in refused
        ]
        with self._turn:
            self._refused.touch(mode=0o600)
            if self._refused.stat().st_size < _MOST:
                with self._refused.open("ab") as file:
                    file.writelines(lines)
                    file.flush()
                    os.fsync(file.fileno())  # the log forgets it next

    def events(self) -> Iterator[KeptEvent]:
        """Yield the refused events, the oldest first."""
        lines = self._refused.read_bytes().splitlines() if self._refused.exists() else []
        for line in lines:
            try:
                received, reason, raw, browser = orjson.loads(line)
                yield KeptEvent(datetime.fromisoformat(received), reason, raw, browser)
            except (ValueError, TypeError):  # a request that an earlier version could not read
                yield KeptEvent(datetime.min.replace(tzinfo=UTC), "cannot be read", line.decode(errors="replace"), True)

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
        for path in self._files():
            if matches(path.read_bytes().decode(errors="replace")):
                path.unlink()

    def expire(self, before: datetime) -> None:
        """Delete what came before that moment."""
        first = before.astimezone(UTC).isoformat()
        self._keep(lambda line: not line.startswith('["') or line[2:] >= first)
        for path in self._files():
            if path.stat().st_mtime < before.timestamp():
                path.unlink()

    def _files(self) -> Iterator[Path]:
        return (path for pattern in _DAMAGED for path in self._folder.glob(pattern))

    def _keep(self, stays: Callable[[str], bool]) -> None:
        with self._turn:
            if not self._refused.exists():
                return
            lines = self._refused.read_bytes().decode(errors="replace").split("\n")[:-1]
            kept = [line for line in lines if stays(line)]
            if kept != lines:
                fresh = self._refused.with_suffix(".new")
                fresh.touch(mode=0o600)
                fresh.write_text("".join(f"{line}\n" for line in kept))
                fresh.replace(self._refused)
