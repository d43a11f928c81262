"""PostHog's end of the capture protocol on loopback: it keeps what it acknowledged, and fails as it is told to."""

import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed while it is answered is no error."""


class PostHogServer:
    """``answers``: what the next requests are answered with, as (status, headers); then 200. ``refuses``: by name.

    ``flags`` are on for everybody.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.refuses: set[str] = set()
        self.flags: set[str] = set()
        self.quota_limited = False
        self.requests = 0
        self._server: ThreadingHTTPServer | None = None
        self._address = ("127.0.0.1", 0)

    def start(self) -> None:
        self._server = _Server(self._address, self._handler())
        self._address = self._server.server_address[:2]  # type: ignore[assignment]
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._address[1]}"

    def uuids(self) -> Counter[str]:
        return Counter(event["uuid"] for event in self.received)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.received if event["event"] == name]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.requests += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path.startswith("/flags"):
                    flags = {name: {"key": name, "enabled": True, "metadata": {}} for name in server.flags}
                    self._answer(200, {}, {"flags": flags, "errorsWhileComputingFlags": False})
                    return
                batch = json.loads(body)["batch"]
                status, headers = server.answers.pop(0) if server.answers else (200, {})
                if any(event["event"] in server.refuses for event in batch):
                    status = 400
                if status == 200 and not server.quota_limited:
                    server.received += batch
                limited = {"quota_limited": ["events"]} if server.quota_limited else {}
                self._answer(status, headers, {"status": 1, **limited})

            def _answer(self, status: int, headers: dict[str, str], document: dict[str, Any]) -> None:
                answer = json.dumps(document)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_: object) -> None: ...

        return Handler


@contextmanager
def posthog_server() -> Iterator[PostHogServer]:
    server = PostHogServer()
    server.start()
    yield server
    server.stop()
