"""Answers for pages: the sources are opened for a question in a worker thread, and its answer is kept for a while."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from usertrack.core.notify import Silent
from usertrack.engine.connect import open_runner
from usertrack.library.library import Library, shipped_root
from usertrack.segments.analysis import Analysis
from usertrack.workspace.files import library_of
from usertrack.workspace.settings import Settings

Value = TypeVar("Value")
_MOST = 500  # answers: bounds the memory, the oldest go
_DAMAGE_LASTS = 3600.0  # seconds after the last answer that said so: each question of a page says it again
_YOUNG = 60.0  # seconds in which an answer is given again without asking; those of the demo do not age


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """A value with what is to be known beside it. ``asked_at`` (aware, UTC) is when the sources were asked."""

    value: Value
    asked_at: datetime
    as_of: datetime
    notes: tuple[str, ...] = ()
    incomplete: bool = False


@dataclass
class Notices(Silent):
    """The reports of a question while it is asked, for people to read beside the answer. Progress is left out."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, message: str, *, passing: bool = False, unseen: bool = False) -> None:
        if not passing:
            self.lines.append(message)


_used: ContextVar[list[Answer[Any]] | None] = ContextVar("_used", default=None)


@contextmanager
def answers_used() -> Iterator[list[Answer[Any]]]:
    """The answers given to this thread while this is open: what is made of them says what is missing of them."""
    answers: list[Answer[Any]] = []
    before = _used.set(answers)
    try:
        yield answers
    finally:
        _used.reset(before)


class Answers:
    """Asks the sources of one workspace. Any number of threads may ask; the same question is asked once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._answers: OrderedDict[tuple[Hashable, object], _Stored] = OrderedDict()
        self._asking: WeakValueDictionary[tuple[Hashable, object], threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._library: tuple[object, Library] | None = None
        self._forgotten = 0  # how often all was forgotten
        self._when_forgotten: list[Callable[[], None]] = []
        self._damage: tuple[tuple[str, ...], float] = (), -_DAMAGE_LASTS  # and when it was heard of

    def ask(
        self,
        question: Hashable,
        make: Callable[[Analysis], Value],
        *,
        since: datetime | None = None,
        lasts: float = _YOUNG,
    ) -> Answer[Value]:
        """The answer of ``make`` to ``question``, which names all that it depends on but sources and files.

        One that is not older than it ``lasts``, in seconds, is given again, unless a source was asked before
        ``since``: see `since_of`. Raises what ``make`` raises, which is not kept.
        """
        versioned = question, self._version()
        # one that is young does not wait for a refresh of somebody else
        answer = self._young(versioned, since) or self._answer(versioned, make, lasts, since)
        if (used := _used.get()) is not None:
            used.append(answer)
        return answer

    def _answer(
        self,
        versioned: tuple[Hashable, object],
        make: Callable[[Analysis], Value],
        lasts: float,
        since: datetime | None,
    ) -> Answer[Value]:
        with self._lock:
            asking = self._asking.setdefault(versioned, threading.Lock())  # who asks first; others wait for the answer
        with asking:
            if young := self._young(versioned, since):
                return young
            forgotten = self._forgotten
            answer = self._ask(make, refresh=since is not None)
            with self._lock:
                if forgotten != self._forgotten:
                    return answer
                for former in [answer for answer in self._answers if answer[1] != versioned[1] or self._is_old(answer)]:
                    del self._answers[former]  # everybody's profiles take room
                self._answers[versioned] = _Stored(answer, time.monotonic() + lasts)
                self._answers.move_to_end(versioned)
                while len(self._answers) > _MOST:
                    self._answers.popitem(last=False)
            return answer

    def known(self, question: Hashable) -> Answer[Any] | None:
        """The answer to ``question`` that would be given at once; never waits for a source."""
        return self._young((question, self._version()))

    def forget(self) -> None:
        """Keep none of the answers so far: what they are about has changed."""
        with self._lock:
            self._answers.clear()
            self._forgotten += 1
        for forget in self._when_forgotten:
            forget()

    def when_forgotten(self, forget: Callable[[], None]) -> None:
        """Let whoever knows things beside answers forget them, too."""
        self._when_forgotten.append(forget)

    @property
    def damage(self) -> tuple[str, ...]:
        """Return what the sources said lately of a damaged store."""
        lines, heard_at = self._damage
        return lines if time.monotonic() - heard_at < _DAMAGE_LASTS else ()

    def hear(self, damage: tuple[str, ...]) -> None:
        """Keep what a source says of a damaged store, for the pages that ask none."""
        if damage:
            self._damage = damage, time.monotonic()

    def _young(self, question: tuple[Hashable, object], since: datetime | None = None) -> Answer[Any] | None:
        with self._lock:
            if question not in self._answers or self._is_old(question):
                return None
            answer = self._answers[question].answer
            return None if since and answer.asked_at < since else answer

    def _is_old(self, question: tuple[Hashable, object]) -> bool:
        return not self.settings.uses_demo and time.monotonic() >= self._answers[question].until

    def _ask(self, make: Callable[[Analysis], Value], *, refresh: bool) -> Answer[Value]:
        begun = datetime.now(UTC)
        with self.analysis(refresh=refresh) as analysis, answers_used() as used:
            runner = analysis.runner
            try:
                value = make(analysis)
            finally:
                self.hear(runner.damage)
            notes = [*analysis.progress.lines, runner.stale, *(note for answer in used for note in answer.notes)]
            asked_at = min([runner.asked_at or begun, *(answer.asked_at for answer in used)])
            incomplete = analysis.incomplete or any(answer.incomplete for answer in used)
            return Answer(value, asked_at, runner.as_of, tuple(dict.fromkeys(filter(None, notes))), incomplete)

    @contextmanager
    def analysis(self, *, refresh: bool = False, cached: bool = True) -> "Iterator[_Analysis]":
        """The open sources, in this thread, for what is not kept. Without ``cached``, no cache on disk is used."""
        settings = replace(self.settings, refresh=True) if refresh else self.settings
        notices = Notices()
        with open_runner(settings, self.library, now=datetime.now(UTC), notify=notices, cached=cached) as runner:
            yield _Analysis(settings, runner, notices)

    @property
    def library(self) -> Library:
        """The queries and entities of the workspace, read again when a file changes."""
        version = self._version()
        with self._lock:
            if self._library is None or self._library[0] != version:
                self._library = (version, library_of(self.settings))
            return self._library[1]

    def _version(self) -> object:
        """The state of the files that answers rest on: rules, queries, entities, patterns and settings."""
        root = self.settings.root
        if root is None or root == shipped_root():
            return 0
        files = [*root.glob("*.yaml"), *root.glob("queries/**/*.sql"), *root.glob("tables/**/*.sql")]
        return tuple(sorted((str(path), _changed_at(path)) for path in files))


def since_of(query: Mapping[str, str]) -> datetime | None:
    """For a visit with ``refresh`` in its address, now: all its parts are of sources asked from here on. Else None."""
    return datetime.now(UTC) if "refresh" in query else None


@dataclass(frozen=True)
class _Stored:
    """An answer, and ``until`` when it is given, by the monotonic clock."""

    answer: Answer[Any]
    until: float


@dataclass
class _Analysis(Analysis):
    progress: Notices


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
