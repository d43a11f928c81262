"""The Runner: the only place that runs queries. It asks both sources at once, and a failed query is an answer, too."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, TypeVar

from usertrack.core.errors import (
    Absent,
    ConnectionFailed,
    NotConnected,
    QueryError,
    UsageError,
    UsertrackError,
    is_unknown,
)
from usertrack.core.identified import IDENTIFIED
from usertrack.core.json_types import JsonObject
from usertrack.core.period import in_zone
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import Spool
from usertrack.core.table import Row, Table
from usertrack.core.temporary import temporary_folder
from usertrack.core.words import age_words
from usertrack.engine.cache import Cache, Moment
from usertrack.engine.opt_out import OptedOut, opted_out
from usertrack.engine.own_people import OwnPeople, find_own_people, own_rule
from usertrack.engine.unavailable import CONNECT, NAMES, CacheOnly, Misconfigured, NotCached
from usertrack.library.lacking import COLUMNS
from usertrack.library.library import Library
from usertrack.library.query import Query, Statement
from usertrack.sources import STORE_IS_DAMAGED, Api, Source
from usertrack.workspace.settings import Settings

_OPTED_OUT = "posthog/opted_out"
Answer = Table | UsertrackError
_COMPLETE = (Table, NotConnected, Absent)  # answers that will not be better a moment later
Done = Callable[[Statement, Answer], None]
Result = TypeVar("Result")


class Runner:
    """Runs statements on the sources of a workspace. A context manager: it owns connections and spooled results.

    ``as_of`` is the moment to answer for, ``now`` the moment of the sources' data (both UTC); nothing below reads the
    clock. All answers are of one moment. Where the cache may answer for now, the first statements that run together
    decide which moment that is; ``as_of`` and ``now`` are then that moment.
    """

    def __init__(
        self,
        settings: Settings,
        library: Library,
        as_of: datetime,
        sources: Mapping[str, Source],
        now: datetime | None = None,
        cache: Cache | None = None,
    ) -> None:
        self.settings = settings
        # its own, as others may have read entities without asking which columns there are
        self.library = library.asking(self._columns) if POSTGRES in sources else library
        self.as_of = as_of
        self.now = now or as_of
        self._sources = dict(sources)
        self._cache = cache
        self._purpose = ""
        self._done: Done = lambda statement, answer: None
        self._answers: list[Answer] = []
        self._needed: list[list[str]] = []  # the digests of what was asked for now
        self.unanswered: dict[str, UsertrackError] = {}  # by query, why it has no answer
        self._consent: list[asyncio.Task[OptedOut]] = []  # asked once, also for copies that answer for other moments

    def __enter__(self) -> "Runner":
        self._folder = ExitStack()
        try:
            self.spool = Spool(self._folder.enter_context(temporary_folder()))
        except OSError as error:
            raise UsageError(
                "there is no folder for temporary files", "set TMPDIR to one that can be written"
            ) from error
        self._loop = asyncio.Runner()
        self._closing: Future[None] | None = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.finish()
            assert self._closing
            self._closing.result()
            if self._cache:
                complete = kind is None and all(isinstance(answer, _COMPLETE) for answer in self._answers)
                self._cache.close(self._moment, self._purpose if complete else "", self._needed)
        finally:
            self._loop.close()
            self._folder.close()

    def finish(self) -> None:
        """Close the sources in the background; no query runs after this, and results stay readable."""
        if self._closing is None:
            thread = ThreadPoolExecutor(1)
            self._closing = thread.submit(self._loop.run, self._close())
            thread.shutdown(wait=False)

    @property
    def offered(self) -> dict[str, Any]:
        """The parameters that any query may use without declaring them."""
        return {
            "as_of": self.as_of,
            "entities": self.library.entities.present,
            "identified": IDENTIFIED,
            "internal": [rule for rule in map(own_rule, self.settings["internal"]) if rule],
            "opted_out": opted_out(["$opt_out", *self.settings["opt_out"]]),
            "own_people": [],  # the runner asks who they are before the source is
            "timezone": self.settings["timezone"],
        }

    @property
    def opted_out(self) -> OptedOut:
        """Return who has opted out; nobody before the first query."""
        return self._consent[0].result() if self._consent else OptedOut()

    @property
    def damage(self) -> tuple[str, ...]:
        """Return what the answers so far say of a damaged store."""
        notes = (note for answer in self._answers if isinstance(answer, Table) for note in answer.notes)
        return tuple(dict.fromkeys(note for note in notes if note.startswith(STORE_IS_DAMAGED)))

    def own_people(self) -> OwnPeople:
        """Everything that names your own people, where either source is asked."""
        return self._wait(self._own_people())

    @property
    def past(self) -> str:
        """``on 13 Nov 2026`` when ``as_of`` is more than a day before ``now``, else empty."""
        return f"on {self._day}" if self.now - self.as_of > timedelta(days=1) else ""

    @property
    def future(self) -> str:
        """``1 Jan 2099`` when ``as_of`` is more than a day after ``now``, else empty."""
        return self._day if self.as_of - self.now > timedelta(days=1) else ""

    @property
    def _day(self) -> str:
        day = in_zone(self.as_of, self.settings["timezone"])
        return f"{day.day} {day:%b %Y}"

    @property
    def asked_at(self) -> datetime | None:
        """When the source of the oldest answer so far was asked; None when all were asked in this run."""
        return min((table.asked_at for table in self._tables() if table.asked_at), default=None)

    @property
    def stale(self) -> str:
        """A note on answers from the cache; empty when there are none."""
        if self._cache is None or self.asked_at is None:
            return ""
        from_cache, total = sum(table.asked_at is not None for table in self._tables()), len(self._tables())
        part = "" if from_cache == total else f"{from_cache} of {total} answers "
        return f"{part}from the cache, {age_words(self._cache.now - self.asked_at)} old"

    @property
    def remedies(self) -> list[str]:
        """The hints of the sources that could not be reached, or that refused the key."""
        hints = [error.hint for error in self.unanswered.values() if isinstance(error, ConnectionFailed)]
        return list(filter(None, dict.fromkeys(hints)))

    @property
    def fallback(self) -> str:
        """A hint at `--offline`, when a source failed and the cache has the last answer; else empty."""
        failed = any(not isinstance(answer, _COMPLETE) for answer in self._answers)
        if self._cache is None or self._reads or not self._moment.live or not failed:
            return ""
        last = max(self._cache.answered_moments(self._purpose), default=None)
        return f"--offline shows the last answer, {age_words(self._cache.now - last)} old" if last else ""

    def _tables(self) -> list[Table]:
        return [answer for answer in self._answers if isinstance(answer, Table)]

    def begin(self, purpose: str) -> None:
        """Start at the latest moment for which the cache has all answers for the same ``purpose``.

        Offline, without such a moment, start at the latest one in the cache.
        """
        self._purpose = purpose
        if self._cache and self._may_move:
            moments = self._cache.answered_moments(purpose)
            if self.settings.offline:
                moments = moments or list(self._cache.moments())
            self._move(max(filter(self._fresh_enough, moments), default=None))

    def has(self, source: str) -> bool:
        """Whether ``source`` is configured; it may not answer all the same."""
        return source in self._sources

    def at(self, moment: datetime) -> "Runner":
        """A runner on the same sources for another moment."""
        other = copy(self)
        other.as_of = moment
        return other

    def reading(self, library: Library) -> "Runner":
        """A runner on the same sources for the queries of ``library``."""
        other = copy(self)
        other.library = library
        return other

    def watched(self, done: Done) -> "Runner":
        """A runner on the same sources that calls ``done`` with each answer as it arrives, always in one thread."""
        other = copy(self)
        other._done = done
        return other

    def together(self, actions: Sequence[Callable[[], Result]]) -> list[Result]:
        """The results of ``actions``, each run in a thread of its own, so that their queries run side by side.

        A query must have run before, so that the moment to answer for is known.
        """
        return self._loop.run(self._each(actions))

    async def _each(self, actions: Sequence[Callable[[], Result]]) -> list[Result]:
        loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(max(1, len(actions)))
        try:
            return await asyncio.gather(*(loop.run_in_executor(threads, action) for action in actions))
        finally:
            threads.shutdown(wait=False)  # Ctrl-C does not wait for answers

    def _wait(self, work: Coroutine[object, object, Result]) -> Result:
        """The result of ``work``, in the running event loop where `together` has started one."""
        loop = self._loop.get_loop()
        return asyncio.run_coroutine_threadsafe(work, loop).result() if loop.is_running() else self._loop.run(work)

    def bind(
        self,
        name: str,
        params: Mapping[str, object] | None = None,
        limit: int | None = None,
        **offered: Any,  # noqa: ANN401
    ) -> Statement:
        """The query called ``name`` with its values; ``offered`` goes before the runner's own. Raises UsageError."""
        bound = self.library[name].bind(params or {}, {**self.offered, **offered})
        return replace(bound, limit=limit, excludes=bound.leaves_out and "internal" not in offered)

    def run(self, statements: Sequence[Statement], done: Done | None = None) -> list[Answer]:
        """An answer for each statement, in order: its Table, or the error that it failed with.

        ``done`` is called with each as it arrives. The first call may move ``as_of`` to a moment of the cache.
        """
        return self._wait(self._all(self._at_best_moment(statements), done or self._done))

    def table(self, statement: Statement) -> Table:
        """The answer to one statement; raises its error."""
        answer = self.run([statement])[0]
        if isinstance(answer, UsertrackError):
            raise answer
        return answer

    def about(self) -> JsonObject:
        """PostHog's settings of the project (timezone, week_start_day, …); empty where it cannot be asked."""
        source = self._sources.get("posthog")
        return self._wait(source.about()) if isinstance(source, Api) else {}

    def call(self, method: str, path: str, body: object = None) -> JsonObject:
        """PostHog's answer to one request below ``/api/projects/<id>/``; raises its error."""
        return self._wait(self._posthog().call(method, path, body))

    def query(self, node: Mapping[str, object], name: str) -> JsonObject:
        """PostHog's answer to a query node other than HogQL; raises its error."""
        return self._wait(self._posthog().query(node, name))

    def insight(self, key: str, refresh: str) -> JsonObject:
        """A saved insight of PostHog with its result; raises its error."""
        return self._wait(self._posthog().insight(key, refresh))

    def _posthog(self) -> Api:
        source = self._sources.get("posthog")
        if isinstance(source, CacheOnly):
            raise NotCached("PostHog's own objects, such as insights, are not in the cache", "ask without --offline")
        if isinstance(source, Misconfigured):
            raise source.error
        if not isinstance(source, Api):
            raise NotConnected(f"{NAMES['posthog']} is not connected", CONNECT["posthog"])
        return source

    async def _all(self, statements: Sequence[Statement], done: Done) -> list[Answer]:
        self._ask_consent()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._consented())
            tasks = [group.create_task(self._answer(statement, done)) for statement in statements]
        return [task.result() for task in tasks]

    async def _answer(self, statement: Statement, done: Done) -> Answer:
        answer: Answer
        try:
            query = statement.query
            causes = query.absence.causes if query and query.absence.empty else frozenset()
            said = {cause.split(".")[0] for cause in causes} & {*self.settings.absent}
            if causes and (said or self.has(statement.source)):  # what settings say goes before a missing connection
                raise Absent(statement.name, causes)
            table = await self._from_cache(statement) or await self._from_source(statement)
            consent = (await self._consented()).notes() if statement.excludes else ()
            notes = (*table.notes, *self._of_today(query), *_timeless_notes(query), *consent)
            answer = replace(table, as_of=self.as_of, title=query.title if query else "", notes=notes)
        except UsertrackError as error:
            answer = error
        except OSError as error:
            message = f"{statement.name}: the result cannot be written to {self.spool.folder.parent}: {error.strerror}"
            answer = QueryError(message, "free some space there, or set TMPDIR to another folder")
        self._answers.append(answer)
        if is_unknown(answer):
            self.unanswered.setdefault(statement.name, answer)
        done(statement, answer)
        return answer

    async def _from_source(self, statement: Statement) -> Table:
        source = self._sources.get(statement.source)
        if source is None:
            raise NotConnected(f"{NAMES[statement.source]} is not connected", CONNECT[statement.source])
        table = await source.run(await self._without_opted_out(statement), self.spool)
        table = replace(table, parameters=dict(statement.values))  # for reports: without e-mails of opted-out people
        if self._cache:
            await asyncio.to_thread(self._cache.keep, statement, self._moment, table)
        return table

    def _ask_consent(self) -> None:
        """Start the query for who has opted out, once per run: as of today, whatever the moment."""
        if not self._consent and "posthog" in self._sources and _OPTED_OUT in self.library:
            self._consent.append(asyncio.get_running_loop().create_task(self._opted_out()))

    async def _opted_out(self) -> OptedOut:
        own = asyncio.create_task(self._own_people())
        try:
            rows = await self._names(_OPTED_OUT)
            refusals = OptedOut() if rows == () else OptedOut.of(rows)
            refusals = replace(refusals, accounts=await self._accounts_of(refusals))
        except UsertrackError as error:
            refusals = OptedOut(problem=error.message)
        known = await own
        return replace(
            refusals, own=known, emails=tuple(email for email in refusals.emails if email not in known.names)
        )

    async def _accounts_of(self, refusals: OptedOut) -> tuple[str, ...]:
        """Return further names of who has opted out: ids and e-mails of their accounts, as far as Postgres answers."""
        names: set[str] = set()
        with suppress(UsertrackError):  # then no answer has accounts
            rows = await self._names(f"{POSTGRES}/own_accounts", refusals.names, own=False) if refusals.names else ()
            for id_, email, more in rows:
                names |= {id_, email, *(more or ())} - {None, *refusals.emails}
        return tuple(sorted(names))

    async def _own_people(self) -> OwnPeople:
        rules = self.offered["internal"]
        try:
            return await find_own_people(rules, self._names) if rules else OwnPeople()
        except UsertrackError as error:
            return OwnPeople(rules, problem=error.message)

    def _columns(self, tables: Collection[str]) -> Mapping[str, Collection[str]]:
        """The columns of ``tables``, asked once a run, in whatever thread an entity is read; none without an answer."""
        statement = Statement(POSTGRES, COLUMNS, {"tables": list(tables)}, {"tables": "list"}, name="columns of tables")

        async def ask() -> Table:
            return await self._from_cache(statement) or await self._from_source(statement)

        columns: dict[str, set[str]] = {}
        with suppress(UsertrackError):  # the queries themselves say what is wrong
            for table, column in self._wait(ask()).rows:
                columns.setdefault(table, set()).add(column)
        return columns

    async def _names(self, query: str, names: Collection[str] = (), *, own: bool = True) -> Sequence[Row]:
        """Return the answer of a query that says who is left out; with ``own``, by `internal` too."""
        internal = self.offered["internal"] if own else []
        # in a thread of its own: to read an entity may take a question to Postgres, which this loop answers
        statement = await asyncio.to_thread(self.bind, query, internal=internal, own_people=sorted(names))
        no_accounts = statement.source == POSTGRES and self.library[query].absence.empty
        if no_accounts or statement.source not in self._sources:
            return ()
        return (await self._from_cache(statement) or await self._from_source(statement)).rows

    async def _consented(self) -> OptedOut:
        return await self._consent[0] if self._consent else OptedOut()

    async def _without_opted_out(self, statement: Statement) -> Statement:
        if not statement.excludes:
            return statement
        has_condition = statement.query is not None and "opted_out" in statement.query.used
        names = (await self._consented()).names_to_exclude(has_condition=has_condition)
        into = "own_people" if "own_people" in statement.values else "internal"
        return replace(statement, values={**statement.values, into: [*statement.values[into], *names]})

    async def _from_cache(self, statement: Statement) -> Table | None:
        if self._cache and self._moment.live and (digests := self._cache.alternatives(statement, self._moment)):
            self._needed.append(digests)
        if self._cache is None or not self._reads:
            return None
        table = await asyncio.to_thread(self._cache.find, statement, self._moment, self.spool)
        if table is None or table.asked_at is None or not self._fresh_enough(table.asked_at):
            return None
        # Postgres has no timezone of its own: times are shown in that of the workspace
        return replace(table, timezone=self.settings["timezone"]) if table.source == POSTGRES else table

    @property
    def _moment(self) -> Moment:
        return Moment(self.as_of, live=self.as_of == self.now)

    @property
    def _reads(self) -> bool:
        return self.settings.offline or self.settings.max_age is not None

    @property
    def _may_move(self) -> bool:
        return self._reads and self._moment.live and not self._answers

    def _move(self, moment: datetime | None) -> None:
        self.as_of, self.now = moment or self.as_of, moment or self.now

    def _fresh_enough(self, moment: datetime) -> bool:
        """Whether an answer of that moment may be used for now."""
        if self._cache is None or moment > self._cache.now:
            return False
        return self.settings.offline or self._cache.now - moment <= (self.settings.max_age or timedelta())

    def _at_best_moment(self, statements: Sequence[Statement]) -> Sequence[Statement]:
        """``statements`` at the latest moment for which the cache has all of them; offline, the most of them."""
        if self._cache is None or not self._may_move:
            return statements
        current = self._moment
        digests = list(filter(None, (self._cache.alternatives(statement, current) for statement in statements)))
        moments = self._cache.moments()
        usable = [at for at in moments if self._fresh_enough(at)]
        counts = {at: sum(not moments[at].isdisjoint(either) for either in digests) for at in usable}
        most = max(counts.values(), default=0)
        if counts.get(current.as_of, 0) == most or (most < len(digests) and not self.settings.offline):
            return statements
        self._move(max(at for at, count in counts.items() if count == most))
        return [_rebound(statement, current.as_of, self.as_of) for statement in statements]

    def _of_today(self, query: Query | None) -> list[str]:
        """A note on the facts of ``query`` that are those of today, when ``as_of`` is in the past."""
        labels = [fact.label for fact in query.facts.values() if fact.current] if query and self.past else []
        return [f"{self.past}: {', '.join(labels)} are as they stand today"] if labels else []

    async def _close(self) -> None:
        await asyncio.gather(*(source.close() for source in self._sources.values()))


def _timeless_notes(query: Query | None) -> list[str]:
    """Return a note for each entity of ``query`` whose tables have no time: nothing tells it from one of long ago."""
    entities = [entity for entity in query.sources if entity.timeless] if query else []
    return [
        f"{entity.kind.name} have no time (no column {entity.lacking[entity.timeless]} is there): -infinity is unknown"
        for entity in entities
    ]


def _rebound(statement: Statement, before: datetime, after: datetime) -> Statement:
    """``statement`` for another moment."""
    values = {name: after if value == before else value for name, value in statement.values.items()}
    for_all_keys = statement.for_all_keys and _rebound(statement.for_all_keys, before, after)
    return replace(statement, values=values, for_all_keys=for_all_keys)
