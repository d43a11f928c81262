"""The last lines of what people did."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from usertrack.signals.occurrence import Occurrence
from usertrack.web.live.scene import FeedLine

_LINES = 14


class Feed:
    """The latest line is the first; what somebody does again and again is one line."""

    def __init__(self) -> None:
        self._lines, self._numbers = deque[FeedLine](maxlen=_LINES), count(1)

    @property
    def lines(self) -> tuple[FeedLine, ...]:
        return tuple(self._lines)

    @property
    def people(self) -> set[str]:
        return {line.occurrence.person for line in self._lines if line.occurrence.person}

    def note(self, occurrences: Iterable[Occurrence]) -> None:
        for each in occurrences:
            last = self._lines[0] if self._lines else None
            if last and (last.occurrence.person, last.occurrence.name) == (each.person, each.name):
                self._lines[0] = replace(last, occurrence=each, times=last.times + 1)
            else:
                self._lines.appendleft(FeedLine(next(self._numbers), each))

    def clear(self) -> None:
        self._lines.clear()
