"""The demo's engines, kept open for other processes of this user: `usertrack open` does, and commands ask them."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING

from usertrack.core.errors import ConnectionFailed, require_extra
from usertrack.core.notify import Notify
from usertrack.demo.sources import demo_server, open_last_demo
from usertrack.demo.traffic.data import live_demo_folder, prepare
from usertrack.sources.starting import wait_notices
from usertrack.workspace.demo_choice import cache_root
from usertrack.workspace.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp


@contextmanager
def demo_engines(settings: Settings, url: str, *, now: datetime, notify: Notify) -> "Iterator[ASGIApp]":
    """The demo's PostHog as an app, to be served at ``url``; while it is open, other processes ask it there.

    Waits for a command that uses the demo. Raises ConnectionFailed while another server has it.
    """
    require_extra("local")
    demo = open_last_demo(cache_root(), now=now, notify=notify)
    with suppress(ConnectionFailed):  # it is played already
        prepare(
            live_demo_folder(cache_root()), demo, is_own=True
        )  # its events are not to be copied while they are open
    from usertrack.server.app import create_app
    from usertrack.server.database.store import Store

    with closing(demo), closing(Store(demo.store_path, wait_notices("the demo", notify, Event()))) as store:
        demo.postgres_dsn()
        key, token = (f"{kind}_{secrets.token_urlsafe(32)}" for kind in ("phx", "phc"))
        app = create_app(store, replace(demo_server(demo, settings, key, token), gives_again=True))
        store.announce(url, key)
        yield app
        app.state.violations.close()
