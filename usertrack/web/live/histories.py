"""The last days of the people whose pages are open."""

import time
from collections.abc import Awaitable, Callable, Collection, Iterable

from usertrack.core.errors import UsertrackError
from usertrack.live.signals.occurrence import Occurrence

_MOST = 30  # people, beside those who are looked at
_AGAIN = 3.0  # seconds until one that could not be read is asked for again


class Histories:
    """Each is read once, and goes on with the events that come; one that cannot be read is asked for again."""

    def __init__(self) -> None:
        self._histories: dict[str, dict[str, Occurrence]] = {}  # by person, then by uuid
        self._problems: dict[str, tuple[float, UsertrackError]] = {}

    def of(self, person: str) -> list[Occurrence]:
        return list(self._histories.get(person, {}).values())

    def problem_of(self, person: str) -> UsertrackError | None:
        """Why it could not be read."""
        return self._problems[person][1] if person in self._problems else None

    def note(self, occurrences: Iterable[Occurrence]) -> None:
        """Add those of people whose history is known."""
        for occurrence in occurrences if self._histories else ():
            if occurrence.person in self._histories:
                self._histories[occurrence.person][occurrence.uuid] = occurrence

    def is_due(self, person: str) -> bool:
        """Whether it is to be read."""
        failed_at, _ = self._problems.get(person, (None, None))
        return person not in self._histories and (failed_at is None or time.monotonic() - failed_at > _AGAIN)

    async def read(self, person: str, ask: Callable[[], Awaitable[Iterable[Occurrence]]]) -> None:
        """Read the history of a person. Where that fails, `problem_of` says why."""
        history = self._histories[person] = {}  # what comes meanwhile is noted
        try:
            history |= {occurrence.uuid: occurrence for occurrence in await ask()}
            self._problems.pop(person, None)
        except BaseException as problem:
            self._histories.pop(person, None)
            if not isinstance(problem, UsertrackError):
                raise
            self._problems[person] = time.monotonic(), problem

    def let_go(self, viewed: Collection[str]) -> None:
        """Forget the oldest of those who are not ``viewed``, where there are many."""
        unviewed = [person for person in self._histories if person not in viewed]
        for person in unviewed[: max(0, len(unviewed) - _MOST)]:
            del self._histories[person]

    def forget(self) -> None:
        self._histories.clear()
        self._problems.clear()
