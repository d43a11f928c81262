"""Notices about slow sources: what we are waiting for, how long, and for how long at most."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from usertrack.core.notify import Notify

FIRST_WAIT_SECONDS = 3.0  # seconds


class WaitNotices:
    """Notices about the running requests of a source: ``notify`` gets the oldest one, less and less often."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._begun: list[tuple[float, str, float]] = []
        self._notifying: asyncio.Task[None] | None = None

    @contextmanager
    def on(self, whom: str, longest: float) -> Iterator[None]:
        """Give notices inside this block, in which ``whom`` works for at most ``longest`` seconds."""
        begun = (asyncio.get_running_loop().time(), whom, longest)
        self._begun.append(begun)
        self._notifying = self._notifying or asyncio.create_task(self._notify_slow())
        try:
            yield
        finally:
            self._begun.remove(begun)
            if not self._begun:
                self._notifying.cancel()
                self._notifying = None

    async def _notify_slow(self) -> None:
        due = FIRST_WAIT_SECONDS
        while True:
            await asyncio.sleep(min(1, FIRST_WAIT_SECONDS))
            begun, whom, longest = self._begun[0]
            waited = asyncio.get_running_loop().time() - begun
            if waited >= FIRST_WAIT_SECONDS:
                message = f"waiting for {whom}, {waited:.0f} s of at most {longest:.0f} s"
                self._notify(message, passing=True, unseen=waited >= due)
            if waited >= due:
                due *= 2
