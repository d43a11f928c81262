"""The sources of the demo: the embedded PostHog through the usual HTTP client, and PostgreSQL. No port is opened."""

import asyncio
import importlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from usertrack.core.errors import require_extra
from usertrack.core.notify import Notify
from usertrack.core.source_names import POSTGRES
from usertrack.sources import Source
from usertrack.sources.starting import Starting, wait_notices
from usertrack.workspace.demo_choice import cache_root, read_choice
from usertrack.workspace.settings import Settings

if TYPE_CHECKING:
    from usertrack.demo import Demo
    from usertrack.demo.generate import Progress
    from usertrack.server.http.server_settings import ServerSettings

_KEY = "phx_demo"  # of the embedded PostHog where client and server are both in this process
_SERVER = "usertrack.server.app"  # loaded by name, as sources are: whoever asks the demo rests on none of it


def open_demo_sources(settings: Settings, *, now: datetime, notify: Notify) -> tuple[Mapping[str, Source], datetime]:
    """Both sources of the demo, which is built on first use, and the moment at which its data end."""
    require_extra("local")
    demo = open_last_demo(cache_root(), now=now, notify=notify)
    threads = ThreadPoolExecutor()
    given_up = Event()
    starts = {
        "posthog": threads.submit(_posthog, demo, notify, settings, given_up),
        POSTGRES: threads.submit(_postgres, demo, settings),
    }
    threads.shutdown(wait=False)
    return {name: Starting(partial(asyncio.wrap_future, start), given_up) for name, start in starts.items()}, demo.as_of


def open_last_demo(root: Path, *, now: datetime, notify: Notify) -> "Demo":
    """The demo of the last `usertrack demo`, or the default one."""
    from usertrack.demo import open_demo

    choice = read_choice(root)
    moment = datetime.fromisoformat(choice.moment) if choice.moment else now
    demo = open_demo(root, now=moment, users=choice.users, days=choice.days, progress=progress_of(notify))
    for note in demo.notes:
        notify(note)
    return demo


def progress_of(notify: Notify) -> "Progress":
    """The generator's progress as notices such as ``building the demo: events 40%``."""
    return lambda step, part: notify(f"building the demo: {step} {part:.0%}", passing=True)


def _posthog(demo: "Demo", notify: Notify, settings: Settings, given_up: Event) -> tuple[Source, Callable[[], None]]:
    """The PostHog of the demo: that of an open `usertrack open`, else one in this process."""
    from usertrack.server.database.lock import running_server
    from usertrack.sources.posthog import PostHog

    def notify_here(message: str, *, passing: bool = False, **_: bool) -> None:
        notify(message, passing=passing)  # never ``unseen``: such a wait is no news

    timeout = settings["posthog.timeout"]
    url, key = running_server(demo.store_path)
    if url:
        return PostHog(url, "1", key, notify_here, timeout=timeout), lambda: None

    from usertrack.server.database.store import Store

    store = Store(demo.store_path, wait_notices("the demo", notify, given_up))
    import httpx

    app = importlib.import_module(_SERVER).create_app(store, demo_server(demo, settings))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return PostHog("http://demo", "1", _KEY, notify_here, timeout=timeout, transport=transport), store.close


def demo_server(demo: "Demo", settings: Settings, key: str = _KEY, token: str = "phc_demo") -> "ServerSettings":
    """The settings of the embedded PostHog on the demo's events: its present is the moment at which these end.

    Where it listens on a port, ``key`` and project ``token`` are secrets.
    """
    from usertrack.server.http.server_settings import ServerSettings
    from usertrack.workspace.demo_choice import demo_settings
    from usertrack.workspace.settings import WEEK_STARTS

    domain = demo_settings()["internal"][0]
    own_people = {"key": "email", "value": f"@{domain}", "operator": "not_icontains", "type": "person"}
    return ServerSettings(
        project_token=token,
        personal_api_key=key,
        week_start_day=WEEK_STARTS.index(settings["week_start"]) if settings["week_start"] else None,
        now=demo.as_of,
        test_account_filters=(own_people,),
    )


def _postgres(demo: "Demo", settings: Settings) -> tuple[Source, Callable[[], None]]:
    dsn = demo.postgres_dsn()

    async def address() -> str:
        return dsn

    from usertrack.sources.postgres import Postgres

    return Postgres(address, timeout=settings["postgres.timeout"], timezone=settings["timezone"]), demo.close
