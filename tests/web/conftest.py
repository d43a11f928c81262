"""The pages of the demo, asked as a browser asks them."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Cli
from usertrack.web.access import Access
from usertrack.web.app import create_app
from usertrack.workspace.settings import load_settings


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


Strangers = Callable[..., Browser]


@pytest.fixture
def stranger(demo: Cli) -> Strangers:
    """A browser that nobody let in, at pages with these options of `Access`."""

    def make(**options: Any) -> Browser:
        access = Access(b"key", frozenset({"localhost"}), 8766, **options)
        return Browser(create_app(load_settings(demo=True), access), access)

    return make


@pytest.fixture
def browser(stranger: Strangers) -> Browser:
    """A browser at the pages of the demo."""
    browser = stranger()
    browser.enter()
    return browser
