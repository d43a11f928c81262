"""The company's own events as a source that answers as PostHog does: a copy in the workspace, asked in HogQL."""

import asyncio
import hashlib
import importlib
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from math import inf
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from usertrack.core.errors import ConnectionFailed, UsertrackError
from usertrack.core.notify import Notify, Silent
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import temporary_spool
from usertrack.library.entities import OWN_EVENTS, Entity
from usertrack.library.library import Library
from usertrack.library.query import Statement
from usertrack.sources import Source, make_source
from usertrack.sources.identity import identities
from usertrack.sources.starting import Started, Starting, wait_notices
from usertrack.workspace.settings import WEEK_STARTS, Settings
from usertrack.workspace.state import state_folder

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from usertrack.server.database.store import Store

TRACKED = Entity(
    OWN_EVENTS,
    "SELECT id, nullif(distinct_id, id::text) AS person, name, created_at AS time, properties, session_id AS session"
    " FROM usertrack.event",
    tuple(column.name for column in OWN_EVENTS.columns),
    path=Path("usertrack.event"),
)
"""The events that `usertrack.track` keeps in Postgres, where the person of an anonymous one is the event's own id."""
_TOKEN = "phc_own_events"  # the same for ever: the ids of persons are made of it
_COPY, _SERVER = "usertrack.sources.event_copy", "usertrack.server.app"  # loaded by name, as sources are
_FRESH_SECONDS = 10  # between two looks at Postgres while the copy is served: a page asks a dozen questions at once
_IS_TRACKED = (
    "SELECT coalesce(has_schema_privilege(to_regnamespace('usertrack')::oid, 'USAGE')"
    " AND has_table_privilege(to_regclass('usertrack.event')::oid, 'SELECT'), false) AS there"
)

log = logging.getLogger(__name__)


def own_events(settings: Settings, library: Library) -> Entity | None:
    """Return the events of the company's own Postgres, if these answer for it; None if PostHog does, or nothing.

    Without PostHog and without ``tables/neon/events.sql``, that asks Postgres whether `usertrack.track` fills a table.
    Raises UsageError for a broken file.
    """
    if settings.uses_demo or not settings.has_postgres or not library.has_events:
        return None
    if entity := library.entities.own_events:
        return entity if not settings.has_posthog or entity.leads == "own" else None
    if settings.has_posthog:
        return None
    is_tracked = folder_of(settings).exists() or (not settings.offline and _is_tracked(settings))
    return TRACKED if is_tracked else None


def folder_of(settings: Settings) -> Path:
    """Return the folder of the copy; it need not exist."""
    name = hashlib.sha256(identities(settings).get(POSTGRES, "").encode()).hexdigest()[:16]
    return state_folder(settings, datetime.now(UTC)) / "own-events" / name


def _is_tracked(settings: Settings) -> bool:
    """Return whether there is a table of `usertrack.track`. Errors of Postgres are left to its own queries."""

    async def ask() -> bool:
        postgres = make_source(POSTGRES, settings, Silent())
        try:
            with temporary_spool() as spool:
                [[is_there]] = (await postgres.run(Statement(POSTGRES, _IS_TRACKED), spool)).rows
                return bool(is_there)
        finally:
            await postgres.close()

    try:
        return asyncio.run(ask())
    except UsertrackError:
        return False


def open_own_events(entity: Entity, settings: Settings, library: Library, postgres: Source, notify: Notify) -> Source:
    """Return the source of the events of ``entity``, which copies them from ``postgres`` when it is first asked.

    Where another process serves the copy, that is asked, and keeps it up to date.
    """
    folder, given_up = folder_of(settings), Event()
    connect = partial(_posthog, notify=notify, timeout=settings["posthog.timeout"])

    def require_wanted() -> None:
        if given_up.is_set():
            raise ConnectionFailed("your own events are wanted no more")

    async def start() -> Started:
        from usertrack.server.database.lock import running_server

        require_wanted()
        url, key = running_server(folder) if folder not in _engines else ("", "")
        if url:
            return connect(url, key), lambda: None
        stack = ExitStack()
        try:
            engine = await asyncio.to_thread(stack.enter_context, _engine(settings, notify, given_up))
            await engine.copy(entity, settings, library, postgres, notify, require_wanted)
        except BaseException:
            stack.close()
            raise
        app = engine.kept_up_to_date(entity, settings, library, postgres, notify)
        return connect("http://own-events", engine.key, app=app), stack.close

    return Starting(start, given_up)


def _posthog(url: str, key: str, *, notify: Notify, timeout: float, app: "ASGIApp | None" = None) -> Source:
    """Return the source of the copy that is served at ``url``, or by ``app``."""
    import httpx

    from usertrack.sources.posthog import PostHog

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False) if app else None
    return PostHog(url, "1", key, notify, timeout=timeout, transport=transport)


@contextmanager
def served_own_events(
    entity: Entity, settings: Settings, library: Library, url: str, notify: Notify
) -> "Iterator[ASGIApp]":
    """Open the copy as PostHog's API, to be served at ``url``, where other processes ask it meanwhile."""
    with _engine(settings, notify, Event()) as engine:
        engine.store.announce(url, engine.key)
        yield engine.kept_up_to_date(entity, settings, library, make_source(POSTGRES, settings, notify), notify)


@dataclass
class _Engine:
    """The store of a copy with PostHog's API over it, which all of a process share: only one may open the store.

    ``looked_at`` is when Postgres was looked at last, by the monotonic clock.
    """

    store: "Store"
    app: Any
    key: str
    users: int = 0
    looked_at: float = -inf
    turn: Lock = field(default_factory=Lock)

    def kept_up_to_date(self, entity: Entity, settings: Settings, *others: object) -> "ASGIApp":
        """Return the app, which copies what is new before it answers. That Postgres is away, its own queries tell."""

        async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
            try:
                await self.copy(entity, replace(settings, refresh=False), *others)
            except UsertrackError as error:
                log.warning("no new events were copied: %s", error.message)
            await self.app(scope, receive, send)

        return app

    async def copy(self, entity: Entity, settings: Settings, *others: object) -> None:
        """Copy what is new, unless that was done just before; ``others`` are of `EventCopy`."""
        await asyncio.to_thread(self.turn.acquire)
        try:
            if settings.refresh or time.monotonic() - self.looked_at > _FRESH_SECONDS:
                copy = importlib.import_module(_COPY).EventCopy(self.store, _TOKEN, entity, settings, *others)
                await copy.bring_up_to_date(datetime.now(UTC), compare=settings.refresh)
                self.looked_at = time.monotonic()
        finally:
            self.turn.release()


_engines: dict[Path, _Engine] = {}
_opening = Lock()


@contextmanager
def _engine(settings: Settings, notify: Notify, given_up: Event) -> Iterator[_Engine]:
    """Open the engine, or share that of this process; wait for another process that has it open."""
    from usertrack.server.database.store import Store
    from usertrack.server.http.server_settings import ServerSettings

    folder = folder_of(settings)
    with _opening:
        if folder not in _engines:
            store = Store(folder, wait_notices("the copy of your events", notify, given_up))
            week_start = WEEK_STARTS.index(settings["week_start"]) if settings["week_start"] else None
            served = ServerSettings(_TOKEN, f"phx_{secrets.token_urlsafe(32)}", week_start_day=week_start)
            app = importlib.import_module(_SERVER).create_app(store, served)
            _engines[folder] = _Engine(store, app, served.personal_api_key)
        engine = _engines[folder]
        engine.users += 1
    try:
        yield engine
    finally:
        with _opening:
            engine.users -= 1
            if not engine.users:
                del _engines[folder]
                engine.app.state.violations.close()
                engine.store.close()
