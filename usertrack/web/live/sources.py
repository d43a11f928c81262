"""The live sources behind the hub. What is asked of them blocks, and runs in a thread."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from usertrack.core.errors import UsertrackError
from usertrack.core.notify import Notify, Silent
from usertrack.core.table import Table
from usertrack.demo.traffic.live_settings import live_settings
from usertrack.engine.connect import open_runner
from usertrack.engine.runner import Runner
from usertrack.live.signals.audience import Audience
from usertrack.live.signals.newcomers import names_of, names_statement
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.profiled import read_audience
from usertrack.live.signals.read import read_patterns
from usertrack.live.signals.reader import arrivals, history_of
from usertrack.segments.analysis import Analysis
from usertrack.sources.own_events import own_events
from usertrack.workspace.files import library_of, patterns_path
from usertrack.workspace.settings import Settings

HISTORY = timedelta(days=30)
"""How far back a person's timeline goes."""


@dataclass(frozen=True)
class Introduction:
    """The names of people who are new on the page. People in ``hidden`` are not shown; ``names`` has the others."""

    hidden: frozenset[str]
    names: Mapping[str, Mapping[str, object]]


class LiveSource:
    """PostHog and Postgres as they are now, opened once. For one thread."""

    def __init__(self, settings: Settings, runner: Runner) -> None:
        self.settings = settings
        self._runner = runner

    @property
    def host(self) -> str:
        """The address of its livestream; empty for the company's own events, which have none."""
        return "" if own_events(self.settings, self._runner.library) else str(self.settings["posthog.host"])

    @property
    def key(self) -> str:
        return str(self.settings["posthog.personal_api_key"])

    @property
    def damage(self) -> tuple[str, ...]:
        """Return what PostHog's answers so far say of a damaged store."""
        return self._runner.damage

    def arrivals(self, since: datetime) -> list[Occurrence]:
        """The events that came since then."""
        return arrivals(self._runner, since, datetime.now(UTC))

    def history_of(self, person: str) -> list[Occurrence]:
        """Return what somebody did in the last days, oldest first."""
        now = datetime.now(UTC)
        return history_of(self._runner, person, now - HISTORY, now)

    def introduce(self, people: Sequence[str]) -> Introduction:
        """Ask who the persons with these ids are. Raises a UsertrackError where nobody can tell who may be shown."""
        statement = self._runner.bind("posthog/signal_visible", {"people": list(people)})
        visible, names = self._runner.run([statement, names_statement(self._runner, people)])
        if not isinstance(visible, Table):
            raise visible
        return Introduction(frozenset(people) - {str(id_) for (id_,) in visible.rows}, names_of(names))


@contextmanager
def live_source(settings: Settings) -> Iterator[LiveSource]:
    """The sources, open. Raises a UsertrackError where they are not there."""
    with live_settings(settings, _no_progress) as live, _runner(live) as runner:
        yield LiveSource(live, runner)


def live_audience(settings: Settings) -> Audience:
    """Return what is known of people at this moment, beside events."""
    patterns = read_patterns(patterns_path(settings))
    with live_settings(settings, _no_progress) as live, _runner(live) as runner:
        return read_audience(runner, Analysis(live, runner, Silent()).rules(), patterns)


def _runner(settings: Settings) -> Runner:
    return open_runner(settings, library_of(settings), now=datetime.now(UTC), notify=Silent(), cached=False)


def _no_progress() -> nullcontext[Notify]:
    return nullcontext(Silent())


Result = TypeVar("Result")


class Ask(Protocol):
    """Answers a question in a thread."""

    async def __call__(self, question: Callable[[], Result]) -> Result: ...


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[LiveSource, Ask]]:
    """The live sources, and what asks them in their thread."""
    thread, stack = ThreadPoolExecutor(1, "live source"), ExitStack()

    async def ask(question: Callable[[], Result]) -> Result:
        return await in_thread(thread, question)

    try:
        yield await ask(lambda: stack.enter_context(live_source(settings))), ask
    finally:
        thread.submit(stack.close)
        thread.shutdown(wait=False)


async def in_thread(thread: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def first_of(group: BaseExceptionGroup[UsertrackError]) -> UsertrackError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, UsertrackError)
    return error
