"""The hub: reads what is live once, for all who look, and wakes them when it has changed.

It follows the source's livestream; where there is none, as with PostHog Cloud, it asks every few seconds. Whatever
breaks, everything is opened anew a moment later, and a query fills the gap. It runs while somebody looks.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx

from usertrack.core.errors import ConnectionFailed, UsertrackError
from usertrack.live.signals.active import ACTIVE, ActivePeople
from usertrack.live.signals.audience import Audience, Everybody
from usertrack.live.signals.livestream import NoLivestream, livestream
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.profiled import REFRESH
from usertrack.web.live.board import AlertBoard, notifications
from usertrack.web.live.drawing import Drawing
from usertrack.web.live.histories import Histories
from usertrack.web.live.scene import Facts, Feed, OnePerson, Scene, View
from usertrack.web.live.screens import Screen
from usertrack.web.live.sources import Ask, LiveSource, first_of, in_thread, live_audience, opened
from usertrack.workspace.settings import Settings

STEP_SECONDS = 0.3  # seconds between two screens at the least
_QUIET = 1.0  # seconds between two screens at the most: alerts and ages change without events
POLL_SECONDS = 3.0  # seconds between two questions to a source without a livestream
_OVERLAP = timedelta(seconds=30)  # an event may become visible some time after it came
_AGAIN = 2.0  # seconds until what broke is opened again
_ANEW = 3600.0  # seconds after which sources are opened anew, whose answers lie on the disk until then
PATIENCE_SECONDS = 1.0  # seconds until a page is begun without what takes long
_UNUSED = 60.0  # seconds without a viewer, after which the hub rests
_SCREENS, _VIEWS = 100, 50  # screens that are known to who comes back, and views
_WATCHED_EVERY = 5.0  # seconds
_WAITING = 20_000  # events of people who are not known yet

LOG = logging.getLogger(__name__)


class Hub:
    """Fans live events out to all viewers of one workspace. Runs in the event loop that first called it."""

    def __init__(self, settings: Settings, hear: Callable[[tuple[str, ...]], None] = lambda _: None) -> None:
        self._settings, self._hear = settings, hear
        self._people, self._feed = ActivePeople(), Feed()
        self._audience: Audience = Everybody()
        self._names: dict[str, Facts] = {}  # of who is not in the audience
        self._hidden: set[str] = set()
        self._waiting: list[Occurrence] = []
        self._scene = Scene(datetime.now(UTC))
        self._problems: dict[str, UsertrackError] = {}  # by what it is that fails
        self._begin()
        self._screens: dict[View, Screen] = {}  # of the scene
        self._former: dict[str, Screen] = {}
        self._latest: dict[View, Screen] = {}
        self._histories = Histories()
        self._views = Counter[View]()  # how many have each
        self._viewers, self._used = 0, time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._drawing: Drawing | None = None

    def _begin(self) -> None:
        self._source: tuple[LiveSource, Ask] | None = None
        self._is_emptied = False
        self._is_drawn, self._has_begun = asyncio.Event(), asyncio.Event()
        self._changed, self._strangers, self._forgotten = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._turn, self._reading = asyncio.Condition(), asyncio.Lock()

    # For viewers

    async def screen(self, view: View) -> Screen:
        """Return the current screen; without people where it takes long to read who they are."""
        self._wake()
        await self._can_be_drawn(view)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._has_begun.wait()
        return self._drawn(view)

    async def messages(self, view: View, last_id: str) -> AsyncIterator[bytes]:
        """Yield server-sent events that bring a page from the screen ``last_id`` up to date and keep it there.

        Nothing queues up: who takes a message late gets the state of that moment.
        """
        self._wake()
        with self._viewer(view):
            shown = self._former.get(last_id)
            while True:
                if shown and self._is_emptied and not self._has_begun.is_set():
                    await self._is_drawn.wait()  # what was forgotten goes at once
                else:
                    await self._can_be_drawn(view)
                scene, screen = self._scene, self._drawn(view)
                if message := screen.message(shown):
                    yield message
                    shown = screen
                await self._turned(scene)

    async def _can_be_drawn(self, view: View) -> None:
        """Return when there is something to show; alerts are known before people are."""
        await self._is_drawn.wait()
        if isinstance(view, OnePerson):
            await self._has_begun.wait()
            await self._know_history(view.person)

    async def _know_history(self, person: str) -> None:
        """Read what somebody did before; where it cannot be read, their page says so."""
        async with self._reading:
            if self._source and self._histories.is_due(person):
                source, ask = self._source

                def history() -> list[Occurrence]:
                    self._learn_names(source, {person})
                    return source.history_of(person)

                await self._histories.read(person, lambda: ask(history))  # once: it may be closed between two
                self._scene = replace(self._scene)  # drawn anew
                self._screens = {}
        self._histories.let_go({view.person for view in self._views if isinstance(view, OnePerson)} | {person})

    async def history(self, person: str) -> list[Occurrence]:
        """Return what somebody did in the last days, oldest first. Raises a UsertrackError where it cannot be read."""
        await self.screen(OnePerson(person))
        if problem := self._histories.problem_of(person):
            raise problem
        return sorted(self._histories.of(person))

    async def facts(self, person: str) -> Facts:
        """Return what is known of somebody; nothing where that takes long."""
        with suppress(TimeoutError, UsertrackError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.screen(OnePerson(person))
        return self._facts(person)

    async def close(self) -> None:
        """End what runs."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _turned(self, scene: Scene) -> None:
        """Return when the scene is another one."""
        async with self._turn:
            await self._turn.wait_for(lambda: self._scene is not scene)

    @contextmanager
    def _viewer(self, view: View) -> Iterator[None]:
        self._viewers += 1
        self._views[view] += 1
        try:
            yield
        finally:
            self._viewers -= 1
            self._views[view] -= 1
            self._views += Counter()  # without those that nobody has
            self._used = time.monotonic()

    def _drawn(self, view: View) -> Screen:
        """The screen of the scene; the one of before where that shows the same."""
        if view not in self._screens:
            if self._drawing is None:
                self._drawing = Drawing(notifications(self._settings), self._settings["timezone"])
            scene = self._scene
            if isinstance(view, OnePerson):
                problem = self._histories.problem_of(view.person) or scene.problem
                scene = replace(scene, has_begun=self._has_begun.is_set(), problem=problem)
            screen, before = self._drawing.screen(scene, view), self._latest.pop(view, None)
            if before and not screen.message(before):
                screen = before
            self._screens[view] = self._latest[view] = self._former[screen.id] = screen
            while len(self._former) > _SCREENS:
                del self._former[next(iter(self._former))]
            while len(self._latest) > _VIEWS:
                del self._latest[next(iter(self._latest))]
        return self._screens[view]

    # While it runs

    def _wake(self) -> None:
        self._used = time.monotonic()
        if self._task is None or self._task.done():
            self._begin()
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Run while somebody looks; whatever fails for a reason of its own begins anew."""
        while self._viewers or time.monotonic() - self._used < _UNUSED:
            works = (self._follow(), self._learn(), self._draw(), self._until_forgotten())
            tasks = [asyncio.create_task(work) for work in works]
            resting = asyncio.create_task(self._unused())
            try:
                done, _ = await asyncio.wait([*tasks, resting], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            except Exception as problem:
                LOG.exception("what is live")
                self._problems["usertrack"] = UsertrackError(
                    f"usertrack itself failed ({type(problem).__name__})", "this is a bug, please report it"
                )
                await asyncio.sleep(_AGAIN)
            finally:
                for task in (*tasks, resting):
                    task.cancel()
                await asyncio.gather(*tasks, resting, return_exceptions=True)

    async def _unused(self) -> None:
        while self._viewers or time.monotonic() - self._used < _UNUSED:
            await asyncio.sleep(_UNUSED / 4)

    async def _follow(self) -> None:
        """Follow the events, opening everything anew when anything breaks."""
        while True:
            try:
                async with opened(self._settings) as (source, ask):
                    self._source = (source, ask)
                    try:
                        await self._fill(source, ask, datetime.now(UTC) - ACTIVE)
                        self._problems = {name: problem for name, problem in self._problems.items() if name == "people"}
                        async with asyncio.timeout(_ANEW):
                            await self._follow_source(source, ask)
                    finally:
                        self._source = None
            except* UsertrackError as group:
                self._problems["events"] = first_of(group)
            except* httpx.HTTPError:
                self._problems["events"] = ConnectionFailed("PostHog does not answer", "it is asked again and again")
            except* TimeoutError:
                pass
            self._has_begun.set()
            self._changed.set()
            await asyncio.sleep(_AGAIN)

    async def _follow_source(self, source: LiveSource, ask: Ask) -> None:
        try:
            async with livestream(source.host, source.key) as batches, asyncio.TaskGroup() as group:
                group.create_task(self._introduce(source, ask))
                group.create_task(self._fill(source, ask, datetime.now(UTC) - _OVERLAP))
                async for batch in batches:
                    self._take(batch.occurrences)
                    if batch.missed:
                        group.create_task(self._fill(source, ask, datetime.now(UTC) - _OVERLAP))
                raise ConnectionFailed("PostHog has ended", "it is asked again and again")
        except* NoLivestream:
            pass
        while True:
            since = datetime.now(UTC) - _OVERLAP
            await asyncio.sleep(POLL_SECONDS)
            await self._fill(source, ask, since)

    async def _fill(self, source: LiveSource, ask: Ask, since: datetime) -> None:
        """Take the events that came since then: the query leaves out those of whom nothing is to be seen."""
        occurrences = await ask(lambda: source.arrivals(since))
        await ask(
            lambda: self._learn_names(source, {occurrence.person for occurrence in occurrences if occurrence.person})
        )
        self._hear(source.damage)
        self._note(occurrences)
        self._has_begun.set()
        self._changed.set()

    def _learn_names(self, source: LiveSource, people: set[str]) -> None:
        """In the source's thread."""
        unknown = [person for person in people if not self._is_known(person)]
        names, hidden = self._names, self._hidden  # others, where all is forgotten meanwhile
        if unknown:
            introduction = source.introduce(unknown)
            hidden |= introduction.hidden
            names |= {person: introduction.names.get(person, {}) for person in unknown}

    async def _introduce(self, source: LiveSource, ask: Ask) -> None:
        """Ask who strangers are; until then nothing of them is shown."""
        while True:
            await self._strangers.wait()
            self._strangers.clear()
            waiting, self._waiting = self._waiting, []
            await ask(partial(self._learn_names, source, {occurrence.person for occurrence in waiting}))
            self._take(waiting)

    def _is_known(self, person: str) -> bool:
        return person in self._hidden or person in self._names or bool(self._audience.facts(person))

    def _take(self, occurrences: Iterable[Occurrence]) -> None:
        """Note the events of people who may be seen; those of strangers wait."""
        seen = []
        for occurrence in occurrences:
            if not self._is_known(occurrence.person):
                self._waiting.append(occurrence)
            elif occurrence.person not in self._hidden:
                seen.append(occurrence)
        if self._waiting:
            del self._waiting[:-_WAITING]
            self._strangers.set()
        if seen:
            self._note(seen)

    def _note(self, occurrences: Iterable[Occurrence]) -> None:
        new = self._people.feed(occurrences)
        self._histories.note(new)
        self._feed.note(new[-200:])
        self._changed.set()

    async def _learn(self) -> None:
        """Read what is known of people, now and then."""
        thread = ThreadPoolExecutor(1, "live audience")
        try:
            while True:
                try:
                    self._audience = await in_thread(thread, lambda: live_audience(self._settings))
                    self._read_people_again()
                    await self._know_who_is_shown()
                    self._problems.pop("people", None)
                    pause = REFRESH.total_seconds()
                except UsertrackError as problem:
                    self._problems["people"] = problem
                    pause = _AGAIN
                self._changed.set()
                await asyncio.sleep(pause)
        finally:
            thread.shutdown(wait=False)

    async def _know_who_is_shown(self) -> None:
        """Learn the names of new people before they are in the audience."""
        if self._source:
            source, ask = self._source
            active = {person.person for person in self._people.at(datetime.now(UTC))}
            with suppress(UsertrackError):
                await ask(partial(self._learn_names, source, active | self._feed.people))

    def _read_people_again(self) -> None:
        """Drop people who were erased or opted out. A viewer who reconnects receives only the difference."""
        self._names, self._hidden = {}, set()
        self._histories.forget()
        self._screens, self._drawing = {}, None

    def forget(self) -> None:
        """Show nothing of what is known so far: somebody was erased. Any thread may call it."""
        if self._task and not self._task.done():
            self._task.get_loop().call_soon_threadsafe(self._forget)

    def _forget(self) -> None:
        self._people, self._audience = ActivePeople(), Everybody()
        self._feed.clear()
        self._waiting.clear()
        self._read_people_again()
        self._former, self._latest = {}, {}
        self._has_begun.clear()
        self._is_drawn.clear()
        self._is_emptied = True
        self._scene = Scene(datetime.now(UTC), has_begun=False)
        self._forgotten.set()

    async def _until_forgotten(self) -> None:
        await self._forgotten.wait()
        self._forgotten.clear()

    def _facts(self, person: str) -> Facts:
        return self._audience.facts(person) or self._names.get(person, {})

    async def _draw(self) -> None:
        """Make the scene anew when something has changed, a few times a second at the most."""
        board = AlertBoard(self._settings)
        looked_at = float("-inf")
        try:
            while True:
                if time.monotonic() - looked_at > _WATCHED_EVERY:
                    looked_at, is_watched, deaf_since = time.monotonic(), board.is_watched(), board.deaf_since()
                now = datetime.now(UTC)
                self._scene = Scene(
                    now,
                    self._people.at(now),
                    board.alerts(),
                    self._feed.lines,
                    self._facts,
                    self._histories.of,
                    self._people.events,
                    self._people.rate(now),
                    is_watched,
                    deaf_since,
                    self._has_begun.is_set(),
                    next(iter(self._problems.values()), None),
                )
                self._screens = {}
                self._is_drawn.set()
                async with self._turn:
                    self._turn.notify_all()
                self._changed.clear()
                await asyncio.sleep(STEP_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(
                        _QUIET - STEP_SECONDS
                    ):  # Python 3.11's wait_for can miss that it is cancelled
                        await self._changed.wait()
        finally:
            board.close()
