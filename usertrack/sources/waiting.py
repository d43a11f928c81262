"""A word about whom we wait for, and for how long at the most: a source that hangs is never silent."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from usertrack.core.notify import Notify

_FIRST = 3.0  # seconds


class Waiting:
    """What one source is asked: ``notify`` hears of what takes longest, ever less often where nobody sees it pass."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._begun: list[tuple[float, str, float]] = []
        self._telling: asyncio.Task[None] | None = None

    @contextmanager
    def on(self, whom: str, most: float) -> Iterator[None]:
        """Around what ``whom`` is asked, which ends after ``most`` seconds."""
        begun = (asyncio.get_running_loop().time(), whom, most)
        self._begun.append(begun)
        self._telling = self._telling or asyncio.create_task(self._tell())
        try:
            yield
        finally:
            self._begun.remove(begun)
            if not self._begun:
                self._telling.cancel()
                self._telling = None

    async def _tell(self) -> None:
        due = _FIRST
        while True:
            await asyncio.sleep(min(1, _FIRST))
            begun, whom, most = self._begun[0]
            waited = asyncio.get_running_loop().time() - begun
            if waited >= _FIRST:
                told = f"waiting for {whom}, {waited:.0f} s of at most {most:.0f} s"
                self._notify(told, passing=True, unseen=waited >= due)
            if waited >= due:
                due *= 2
