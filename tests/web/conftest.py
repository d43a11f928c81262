"""The pages of the demo, asked as a browser asks them."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from tests.conftest import AS_OF, DAYS, Cli
from tests.people import Office, served
from tests.server.capture_fixtures import AppThread, wait_until
from usertrack.demo import open_demo
from usertrack.demo.sources import demo_server
from usertrack.server.database.store import Store
from usertrack.web.access import Access
from usertrack.web.answers import Answers
from usertrack.web.app import create_app
from usertrack.workspace.settings import Settings, load_settings


class Browser:
    """A browser that is let in: its cookies, and the token that forms carry."""

    def __init__(self, app: Any, access: Access) -> None:
        self.app, self.access = app, access
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            url = f"http://localhost:{self.access.port}"
            async with httpx.AsyncClient(transport=transport, base_url=url, cookies=self.cookies) as client:
                answer = await client.request(method, path, **options)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def enter(self) -> None:
        self.get(self.access.new_link(""))

    def post(self, path: str, page: str = "/", **fields: str) -> httpx.Response:
        """Send a form as the one that ``page`` has."""
        token = re.search(r'name="token" value="([^"]+)"', self.get(page).text)
        assert token, f"{page} has no form"
        return self.request("POST", path, data={"token": token[1], **fields})


@contextmanager
def on_port(app: Any, port: int = 0) -> Iterator[int]:
    """The pages on a port, in a thread, for browsers that are real."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


Strangers = Callable[..., Browser]


@pytest.fixture(scope="module")
def engines(demo_cache: Path, demo_postgres: str) -> Iterator[None]:
    """The demo's PostHog for all threads at once, as `usertrack open` has it: a page asks its parts side by side."""
    key = "phx_pages"
    demo = open_demo(demo_cache / "usertrack", now=AS_OF, days=DAYS)
    settings = demo_server(demo, load_settings(demo=True), key)
    with closing(demo), closing(Store(demo.store_path)) as store, AppThread(store, settings) as app:
        store.announce(app.url, key)
        yield


@pytest.fixture
def stranger(demo: Cli, monkeypatch: pytest.MonkeyPatch) -> Strangers:
    """A browser that nobody let in, at pages with these options of `Access`. There is no history."""
    monkeypatch.setenv("USERTRACK_HISTORY", "off")

    def make(settings: Settings | None = None, **options: Any) -> Browser:
        access = Access(b"key", frozenset({"localhost"}), 8766, **options)
        return Browser(create_app(settings or load_settings(demo=True), access), access)

    return make


@pytest.fixture
def browser(engines: None, stranger: Strangers) -> Browser:
    """A browser at the pages of the demo."""
    browser = stranger()
    browser.enter()
    return browser


@pytest.fixture
def visitor(place: Office, clean_env: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser at the pages of a company of the module's own, `place`; a parameter is the name of what it lacks."""
    with served(place) as env:
        for name, value in {**env, "USERTRACK_HISTORY": "off"}.items():
            if name != getattr(request, "param", ""):
                clean_env.setenv(name, value)
        access = Access(b"key", frozenset({"localhost"}), 8766)
        own = Browser(create_app(load_settings(), access), access)
        own.enter()
        yield own


@pytest.fixture
def asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of several tests have their answers in common: everybody is asked for once."""
    monkeypatch.setattr("usertrack.web.app.Answers", lambda settings: _SHARED.setdefault("", Answers(settings)))


_SHARED: dict[str, Answers] = {}
