"""Clients that hold connections without using them, and those that come meanwhile."""

import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from capture_fixtures import wait_until
from certificates import make_certificate
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from usertrack.server.http import front_door
from usertrack.server.http.front_door import Connections, FrontDoor, tls_context
from usertrack.server.serve import listen

LARGE = 18_000_000  # bytes; a socket takes some 6 MB
HEAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n"


class Echo:
    """Answers with what was sent; at /wait not before ``go``, at /much with more than a socket takes."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.connections = Connections(0, {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        import anyio

        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        while scope["path"] == "/wait" and not self.go.is_set():
            await anyio.sleep(0.01)
        if scope["path"] == "/drip":
            await StreamingResponse(self._drip())(scope, receive, send)
            return
        text = body.decode() or str(scope["client"][0])
        await PlainTextResponse(text * (LARGE // 9 if scope["path"] == "/much" else 1))(scope, receive, send)

    async def _drip(self) -> AsyncIterator[bytes]:
        """More than small buffers of sockets take, then a little again and again."""
        import anyio

        yield b"x" * 40_000
        while not self.go.is_set():
            yield b"x"
            await anyio.sleep(0.05)


@contextmanager
def opened(app: Echo, certificate: str = "", send_buffer: int = 0, **options: Any) -> Iterator[int]:
    with closing(listen("127.0.0.1", 0)) as listener:
        if send_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        tls = {listener.getsockname()[1]: tls_context(certificate, "")} if certificate else {}
        server = FrontDoor(app, tls=tls, **options)
        app.connections = server.connections
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield listener.getsockname()[1]
        finally:
            app.go.set()
            server.should_exit = server.force_exit = True
            thread.join(20)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors for 16 connections, and 4 above that."""
    monkeypatch.setattr(front_door, "most_connections", lambda: 16)
    monkeypatch.setattr(front_door, "REFUSED_CONNECTIONS", 4)


def connected(stack: ExitStack, port: int, count: int, data: bytes = b"") -> list[socket.socket]:
    clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)]
    for client in clients:
        client.settimeout(20)
        client.sendall(data)
    return clients


def has_ended(client: socket.socket, data: bytes = b"") -> bool:
    """Whether the server closes the connection, while the client sends ``data`` again and again."""
    client.settimeout(0.05)
    for _ in range(200):
        try:
            client.sendall(data)
            if client.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"\r\nslow"], ids=["nothing", "half a head", "half a body"])
def test_who_only_holds_connections_stops_nobody(few: None, sent: bytes) -> None:
    with opened(Echo()) as port, ExitStack() as stack:
        first, *_ = connected(stack, port, 60, sent)
        assert httpx.get(f"http://127.0.0.1:{port}").status_code == 200
        assert has_ended(first)  # who held one for longest has lost it


def test_a_request_too_many_is_told_to_come_back(few: None) -> None:
    with opened(echo := Echo()) as port, ExitStack() as stack:
        clients = connected(stack, port, 16, b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        wait_until(lambda: httpx.get(f"http://127.0.0.1:{port}").status_code == 503)
        echo.go.set()
        assert {client.recv(12) for client in clients} == {b"HTTP/1.1 200"}
        assert httpx.get(f"http://127.0.0.1:{port}").status_code == 200


@pytest.mark.parametrize("begin", [b"", HEAD, HEAD + b"\r\n"], ids=["nothing", "a head", "a body"])
def test_a_client_that_is_too_slow_is_let_go(monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr(front_door, "KEEP_ALIVE_SECONDS", 0.2)
    monkeypatch.setattr(front_door, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(front_door, "BODY_SECONDS", 0.2)
    with opened(Echo()) as port, ExitStack() as stack:
        (client,) = connected(stack, port, 1, begin)
        assert has_ended(client, b"x" if begin else b"")


def test_a_client_that_takes_no_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "STALL_SECONDS", 0.2)
    with opened(echo := Echo()) as port, ExitStack() as stack:
        (client,) = connected(stack, port, 1, b"GET /much HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        wait_until(lambda: len(echo.connections.open) == 1)
        wait_until(lambda: not echo.connections.open)
        received = 0
        with suppress(ConnectionError):
            while data := client.recv(1 << 20):
                received += len(data)
        assert received < LARGE


def test_an_answer_that_is_under_way_is_not_cut_for_others(few: None) -> None:
    with opened(Echo()) as port, ExitStack() as stack:
        (client,) = connected(stack, port, 1, b"POST /much HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n123456789")
        received = len(client.recv(10))
        connected(stack, port, 60)
        assert httpx.get(f"http://127.0.0.1:{port}").status_code == 200
        while received < LARGE:
            data = client.recv(1 << 20)
            assert data
            received += len(data)


@pytest.mark.slow
def test_who_takes_nothing_of_a_growing_answer_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "STALL_SECONDS", 1.5)
    with opened(echo := Echo(), send_buffer=4096) as port, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /drip HTTP/1.1\r\nhost: a\r\n\r\n")
        wait_until(lambda: len(echo.connections.open) == 1)
        wait_until(lambda: not echo.connections.open)


def test_a_slow_client_that_sends_enough_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "BODY_SECONDS", 0.2)
    with opened(Echo()) as port, ExitStack() as stack:
        (client,) = connected(stack, port, 1, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1500\r\n\r\n")
        for _ in range(15):
            client.sendall(b"x" * 100)
            time.sleep(0.1)
        assert client.recv(12) == b"HTTP/1.1 200"


def test_the_limit_of_descriptors_is_raised_and_bounds_the_connections() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (512, 1024))\n"
        "from usertrack.server.http.front_door import most_connections\n"
        "print(most_connections(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    limit, descriptors = map(int, output.split())
    assert descriptors == 1024
    assert 512 < limit < 900


def test_a_proxy_that_was_not_named_says_nothing_of_its_clients() -> None:
    forwarded = {"x-forwarded-for": "203.0.113.9"}
    for trusted, client in (((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.9")):
        with opened(Echo(), trusted=trusted) as port:
            assert httpx.get(f"http://127.0.0.1:{port}", headers=forwarded).text == client


@pytest.mark.slow
def test_an_idle_connection_with_tls_may_wait_as_long_as_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = tmp_path / "cert.pem"
    make_certificate(certificate)
    monkeypatch.setattr(front_door, "HEAD_SECONDS", 0.5)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with (
        opened(Echo(), str(certificate)) as port,
        socket.create_connection(("127.0.0.1", port)) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        time.sleep(2.5)  # connections are looked at once a second
        client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"


def test_tls_is_served_and_whoever_holds_a_handshake_gives_way(few: None, tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    make_certificate(certificate)
    with opened(Echo(), str(certificate)) as port, ExitStack() as stack:
        url = f"https://localhost:{port}"
        first, *_ = connected(stack, port, 60)
        trusting = ssl.create_default_context(cafile=str(certificate))
        for _ in range(20):  # what comes with the end of the handshake is not lost
            assert httpx.post(url, content=b"x" * 500, verify=trusting).text == "x" * 500
        assert has_ended(first)
