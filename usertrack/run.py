"""The one place that executes a query: both sources at once, each failure kept beside the answers that did come."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from usertrack.errors import ConnectionFailed, QueryError, UsageError, UsertrackError
from usertrack.library import Library, Query, Statement
from usertrack.period import in_zone
from usertrack.settings import Settings
from usertrack.sources import Api, Notify, Source, make
from usertrack.spool import Spool
from usertrack.table import Table

NAMES = {"posthog": "PostHog", "neon": "Postgres"}
_CONNECT = {
    "posthog": "set POSTHOG_PROJECT_ID and POSTHOG_PERSONAL_API_KEY",
    "neon": "set DATABASE_URL, or NEON_API_KEY with neon.project_id and neon.database in usertrack.yaml",
}

Answer = Table | UsertrackError
Done = Callable[[Statement, Answer], None]


class NotConnected(ConnectionFailed):
    """Nobody has said where this source is."""


class Runner:
    """Runs statements on the sources of a workspace. A context manager: it owns connections and spooled results.

    ``as_of`` is the moment to answer for, ``now`` the one at which the sources stand (both UTC); nothing below reads
    the clock.
    """

    def __init__(
        self,
        settings: Settings,
        library: Library,
        as_of: datetime,
        sources: Mapping[str, Source],
        now: datetime | None = None,
    ) -> None:
        self.settings = settings
        self.library = library
        self.as_of = as_of
        self.now = now or as_of
        self._sources = dict(sources)

    def __enter__(self) -> "Runner":
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="usertrack-", ignore_cleanup_errors=True)
        except OSError as error:
            raise UsageError(
                "there is no folder for temporary files", "set TMPDIR to one that can be written"
            ) from error
        self._loop = asyncio.Runner()
        self._closing: Future[None] | None = None
        self.spool = Spool(Path(self._folder.name))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.finish()
            assert self._closing
            self._closing.result()
        finally:
            self._loop.close()
            self._folder.cleanup()

    def finish(self) -> None:
        """Nothing more will be asked: the sources close in the background, and what they gave stays."""
        if self._closing is None:
            thread = ThreadPoolExecutor(1)
            self._closing = thread.submit(self._loop.run, self._close())
            thread.shutdown(wait=False)

    @property
    def offered(self) -> dict[str, Any]:
        """The parameters that any query may use without declaring them."""
        return {
            "as_of": self.as_of,
            "internal": [item for item in map(_own, self.settings["internal"]) if item],
            "timezone": self.settings["timezone"],
        }

    @property
    def past(self) -> str:
        """``on 13 Nov 2026`` when the moment to answer for is more than a day before the sources' own, else nothing."""
        return f"on {self._day}" if self.now - self.as_of > timedelta(days=1) else ""

    @property
    def future(self) -> str:
        """``1 Jan 2099`` when the moment to answer for is more than a day after the sources' own, else nothing."""
        return self._day if self.as_of - self.now > timedelta(days=1) else ""

    @property
    def _day(self) -> str:
        day = in_zone(self.as_of, self.settings["timezone"])
        return f"{day.day} {day:%b %Y}"

    def at(self, moment: datetime) -> "Runner":
        """The same sources, asked for another moment."""
        other = copy(self)
        other.as_of = moment
        return other

    def bind(
        self, name: str, params: Mapping[str, Any] | None = None, limit: int | None = None, **offered: Any
    ) -> Statement:
        """The query called ``name`` with its values, ``offered`` before what is offered anyway; raises UsageError."""
        return replace(self.library[name].bind(params or {}, {**self.offered, **offered}), limit=limit)

    def run(self, statements: Sequence[Statement], done: Done | None = None) -> list[Answer]:
        """An answer for each statement, in their order: its Table, or the error that stands in its place.

        ``done`` is told of each as it arrives.
        """
        return self._loop.run(self._all(statements, done or (lambda statement, answer: None)))

    def one(self, statement: Statement) -> Table:
        """The answer to one statement; raises its error."""
        answer = self.run([statement])[0]
        if isinstance(answer, UsertrackError):
            raise answer
        return answer

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """PostHog's answer to one request below ``/api/projects/<id>/``: what no query can do; raises its error."""
        return self._loop.run(self._posthog().call(method, path, body))

    def query(self, node: Mapping[str, Any], name: str) -> dict[str, Any]:
        """PostHog's answer to a query that is no HogQL; raises its error."""
        return self._loop.run(self._posthog().query(node, name))

    def insight(self, key: str, refresh: str) -> dict[str, Any]:
        """A saved insight of PostHog with its result; raises its error."""
        return self._loop.run(self._posthog().insight(key, refresh))

    def _posthog(self) -> Api:
        source = self._sources.get("posthog")
        if not isinstance(source, Api):
            raise NotConnected(f"{NAMES['posthog']} is not connected", _CONNECT["posthog"])
        return source

    async def _all(self, statements: Sequence[Statement], done: Done) -> list[Answer]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._answer(statement, done)) for statement in statements]
        return [task.result() for task in tasks]

    async def _answer(self, statement: Statement, done: Done) -> Answer:
        answer: Answer
        try:
            source = self._sources.get(statement.source)
            if source is None:
                raise NotConnected(f"{NAMES[statement.source]} is not connected", _CONNECT[statement.source])
            table = await source.run(statement, self.spool)
            query = statement.query
            notes = (*table.notes, *self._of_today(query))
            answer = replace(table, as_of=self.as_of, title=query.title if query else "", notes=notes)
        except UsertrackError as error:
            answer = error
        except OSError as error:
            full = f"{statement.name}: the result cannot be kept in {self.spool.folder.parent}: {error.strerror}"
            answer = QueryError(full, "free some space there, or set TMPDIR to another folder")
        done(statement, answer)
        return answer

    def _of_today(self, query: Query | None) -> list[str]:
        """The facts of ``query`` whose past values nobody knows, when its answer is about the past."""
        labels = [fact.label for fact in query.facts.values() if fact.current] if query and self.past else []
        return [f"{self.past}: {', '.join(labels)} are as they stand today"] if labels else []

    async def _close(self) -> None:
        await asyncio.gather(*(source.close() for source in self._sources.values()))


def _own(item: str) -> str:
    """A domain or e-mail of your own people as queries take it: lower-case, a domain without `@` or dot in front."""
    return item.strip().lower().lstrip("@.")


def open_runner(settings: Settings, library: Library, *, now: datetime, notify: Notify) -> Runner:
    """A Runner on the demo, or on every source that is configured. Raises UsertrackError."""
    wanted = _as_of(settings)  # a wrong one is said before anything is opened
    if settings.uses_demo:
        from usertrack.sources.demo import open_demo_sources

        sources, as_of = open_demo_sources(settings, now=now, notify=notify)
    else:
        configured = {"posthog": settings.has_posthog, "neon": settings.has_postgres}
        sources = {name: make(name, settings, notify) for name, there in configured.items() if there}
        as_of = now
    return Runner(settings, library, wanted or as_of, sources, now=as_of)


def _as_of(settings: Settings) -> datetime | None:
    from usertrack.period import parse_moment

    return parse_moment(settings["as_of"], settings["timezone"]) if settings["as_of"] else None
