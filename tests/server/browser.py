"""A real Chromium before a real server: pages of a product, and what arrives of what is done there."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from capture_fixtures import SETTINGS, TOKEN, AppThread, Client, empty, shared_store  # noqa: F401

from tests.chromium import chromium, patient  # noqa: F401
from usertrack.server.database.store import Store

NOWHERE = "http://127.0.0.1:9"
"""An address at which no server is: events stay in the tab."""
CSP = (
    "default-src 'none'; script-src {server} 'nonce-page'; connect-src {server}; style-src 'nonce-page'; img-src 'self'"
)
PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
PAGE = """<!doctype html><html><head><title>Product</title><meta charset=utf-8>{style}
<script src="{server}{script}" {options} async></script></head><body>{body}</body></html>"""


class Site:
    """A product's web site: each path has the page that a test put there, with the tracker in it."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.pages: dict[str, str] = {}
        self.scripts: dict[str, bytes] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                kind, body, headers = site.answer(self.path.split("?")[0])
                self.send_response(200)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def answer(self, path: str) -> tuple[str, bytes, dict[str, str]]:
        if path == "/slow":
            time.sleep(3.2)
        if path.endswith(".png"):
            return "image/gif", PIXEL, {}
        if path.endswith(".zip"):
            return "application/zip", b"PK", {"Content-Disposition": "attachment"}
        if path in self.scripts:
            return "text/javascript", self.scripts[path], {}
        page = self.pages.get(path, self.pages.get("*", ""))
        policy = {"Content-Security-Policy": CSP.format(server=self.server)} if "nonce=page" in page else {}
        return "text/html", page.encode(), policy

    def put(
        self,
        body: str,
        path: str = "*",
        *,
        style: str = "",
        script: str = "/usertrack.js",
        strict: bool = True,
        **options: str,
    ) -> str:
        """The address of a page with ``body``; ``options`` are the script's, such as ``user_id``.

        ``strict`` pages have a policy that allows no script or style but those with the page's nonce.
        """
        prefix = options.pop("prefix", "data-usertrack")
        options = {"api_key": TOKEN, "consent": "granted", **options}
        attributes = " ".join(
            f'{prefix}-{name.replace("_", "-")}="{value}"' for name, value in options.items() if value
        )
        body = body.replace("<script>", "<script nonce=page>") if strict else body
        self.pages[path] = PAGE.format(
            server=self.server,
            script=script,
            options=attributes,
            body=body,
            style=f"<style nonce=page>{style}</style>" if style else "",
        )
        return self.url + ("/" if path == "*" else path)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture(scope="module")
def served(shared_store: Store) -> Iterator[Client]:
    with AppThread(shared_store) as server:
        yield Client(server.url, shared_store)


@pytest.fixture
def site(served: Client) -> Iterator[Site]:
    empty(served.store)
    site = Site(str(served.http.base_url).rstrip("/"))
    yield site
    site.close()


def events(client: Client, where: str = "1") -> list[tuple[str, dict[str, Any]]]:
    """Name and properties of what was stored, in the order in which it happened."""
    rows = client.rows(f"SELECT event, properties FROM posthog.events WHERE {where} ORDER BY timestamp, uuid")
    return [(str(name), dict(properties)) for name, properties in rows]  # type: ignore[call-overload]


def names(client: Client) -> list[str]:
    return [name for name, _ in events(client)]


def arrived(client: Client, condition: Callable[[list[str]], bool], seconds: float = 60) -> list[str]:
    """The names of the events, once ``condition`` holds of them."""
    deadline = time.monotonic() + seconds
    while not condition(sent := names(client)):
        assert time.monotonic() < deadline, f"waited in vain; there are {sent}"
        time.sleep(0.05)
    return sent


def stored_numbers(client: Client, expected: int, seconds: float = 20) -> list[int]:
    """The numbers of the events ``action``, once ``expected`` are there, or when they come no more."""
    deadline = time.monotonic() + seconds
    while True:
        numbers = [int(row["n"]) for _, row in events(client, "event = 'action'")]
        if len(numbers) >= expected or time.monotonic() > deadline:
            return numbers
        time.sleep(0.5)


def flush(page: Any) -> None:
    page.evaluate("usertrack.flush()")
