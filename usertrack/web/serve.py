"""Serves the pages, and the demo's engines beside them, until Ctrl-C, or until nobody has used them for a while."""

import asyncio
import hashlib
import hmac
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from usertrack.core.errors import ConnectionFailed
from usertrack.core.notify import Notify
from usertrack.server.database.lock import DirectoryLock
from usertrack.server.serve import DEFAULT_HOST, end_on_signals, listen, tune_python, url_of
from usertrack.sources.identity import origin_of
from usertrack.web.access import Access, EndedVisits
from usertrack.workspace.demo_choice import cache_root
from usertrack.workspace.files import library_of
from usertrack.workspace.key import cookie_key
from usertrack.workspace.settings import Settings
from usertrack.workspace.state import state_folder

if TYPE_CHECKING:
    import ssl

    import uvicorn

DEFAULT_PORT = 8766  # the one after `serve`'s
_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_LOOKS_EVERY = 15  # seconds


def serve_pages(  # noqa: PLR0913
    create_app: Callable[[Settings, Access], ASGIApp],
    settings: Settings,
    host: str,
    port: int | None,
    on_ready: Callable[[str, str], None],
    *,
    notify: Notify,
    password: str = "",
    header: str = "",
    proxies: Sequence[str] = (),
    names: Sequence[str] = (),
    tls: "ssl.SSLContext | None" = None,
    unused: float | None = 3600,
) -> None:
    """Serve the pages of ``create_app`` until SIGINT or SIGTERM, or until nobody asked anything for ``unused`` seconds.

    ``on_ready`` gets the address and a one-time link. Raises DirectoryServed when the pages of this workspace and these
    sources are open already, and ConnectionFailed when the port is in use.
    """
    from usertrack.server.http.front_door import FrontDoor
    from usertrack.server.http.log import to_stderr

    now = datetime.now(UTC)
    with ExitStack() as stack:
        own = (cache_root() if settings.uses_demo else state_folder(settings, now)) / "pages"
        # named after these sources: pages of other sources are other pages
        folder = own if settings.uses_demo else own / hashlib.sha256(origin_of(settings, now).encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        note = DirectoryLock(folder)
        stack.callback(note.release)
        listener = stack.enter_context(closing(_listener(host, port)))
        port = listener.getsockname()[1]
        url, owner_key = url_of(host, port, tls=tls is not None), secrets.token_urlsafe(32)
        ended = EndedVisits(own / "ended")
        hosts = _LOCAL_NAMES | {host, *(name.lower().rstrip(".") for name in names)}
        access = Access(cookie_key(settings), hosts, port, password, header, frozenset(proxies), ended)
        use = Use()
        pages = LinksForOwner(create_app(settings, access), access, url, owner_key)
        by_port: dict[int, ASGIApp] = {port: pages}
        sockets = [listener]
        for_owner = url
        if tls:  # this machine's commands ask without TLS: the certificate has another name
            plain = stack.enter_context(closing(listen(DEFAULT_HOST, 0)))
            sockets.append(plain)
            for_owner = url_of(*plain.getsockname()[:2])
            by_port[plain.getsockname()[1]] = pages
        if engines_at := _engines(settings, now, notify):
            engines = stack.enter_context(closing(listen(DEFAULT_HOST, 0)))
            sockets.append(engines)
            app = stack.enter_context(engines_at(url_of(DEFAULT_HOST, engines.getsockname()[1])))
            by_port[engines.getsockname()[1]] = app
        to_stderr("text")
        server = FrontDoor(use.counting(_ByPort(by_port)), patience=2, tls={port: tls} if tls else {})
        tune_python()
        with end_on_signals(server):
            note.announce(for_owner, owner_key)
            on_ready(url, access.new_link(url))
            asyncio.run(_run(server, sockets, use, unused))


def _engines(
    settings: Settings, now: datetime, notify: Notify
) -> Callable[[str], AbstractContextManager[ASGIApp]] | None:
    """Serve the embedded PostHog at an address for other processes; None where there is none."""
    if settings.uses_demo:
        from usertrack.demo.serving import demo_engines

        return partial(demo_engines, settings, now=now, notify=notify)
    from usertrack.sources.own_events import own_events, served_own_events

    library = library_of(settings)
    own = own_events(settings, library)
    return partial(served_own_events, own, settings, library, notify=notify) if own else None


def _listener(host: str, port: int | None) -> socket.socket:
    """Without a ``port``, the usual one, or any free one while other pages have that."""
    try:
        return listen(host, DEFAULT_PORT if port is None else port)
    except ConnectionFailed:
        if port is not None:
            raise
        return listen(host, 0)


class Use:
    """Whether anybody uses the server: how many requests run, and when the last one ended."""

    def __init__(self) -> None:
        self._running = 0
        self._last = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        return 0.0 if self._running else time.monotonic() - self._last

    def counting(self, app: ASGIApp) -> ASGIApp:
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self._running += 1
            try:
                await app(scope, receive, send)
            finally:
                self._running -= 1
                self._last = time.monotonic()

        return counted


async def _run(server: "uvicorn.Server", sockets: list[socket.socket], use: Use, unused: float | None) -> None:
    serving = asyncio.create_task(server.serve(sockets=sockets))
    while not serving.done():
        await asyncio.wait([serving], timeout=_LOOKS_EVERY)
        if unused is not None and use.idle_seconds > unused:
            server.should_exit = True
    await serving


class _ByPort:
    """The app of the port that a request came to: pages and engines are different sites to a browser."""

    def __init__(self, apps: dict[int, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["server"][1]](scope, receive, send)


class LinksForOwner:
    """Middleware: a new one-time link for who can read the note of this server, which its user alone can."""

    def __init__(self, app: ASGIApp, access: Access, url: str, key: str) -> None:
        self.app = app
        self.access = access
        self.url = url
        self.key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/links" and scope["method"] == "POST":
            await self._link(Request(scope))(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _link(self, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {self.key}".encode()):
            return PlainTextResponse("not yours", 403)
        return PlainTextResponse(self.url if self.access.header else self.access.new_link(self.url))


def link_of_running(url: str, key: str) -> str:
    """A new one-time link to the pages that are open at ``url``. Raises httpx.HTTPError where they do not answer."""
    import httpx

    answer = httpx.post(f"{url}/links", headers={"authorization": f"Bearer {key}"}, timeout=10)
    return answer.raise_for_status().text
