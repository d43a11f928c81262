"""The front door of both servers: how many connections there are, and how slow a client may be.

uvicorn speaks HTTP. This module adds what protects it from clients that hold connections without using them. A
connection that waits for its client, for a request or the rest of one, gives way to a new one when there is no room.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from usertrack.server.http.descriptors import OF_ENGINES, raise_limit

REFUSED_CONNECTIONS = 64  # connections above the limit, so that their requests can be answered with 503
_MOST = 10_000  # connections, however many descriptors there are: more is for a proxy in front
_AT_ONCE = 32  # connections that asyncio takes at once, before any of them is counted
_QUEUE = 1024  # connections that the kernel keeps for us meanwhile
HEAD_SECONDS = 10.0  # for the headers, from their first byte on, and a TLS handshake; phones on bad lines need two
BODY_SECONDS, _BODY_RATE = 5.0, 240  # then bytes a second on average, as Kestrel demands
_BODY_WINDOW = 15.0  # seconds of such an average: else a burst would buy hours
STALL_SECONDS = 20.0  # in which a client takes nothing of its answer, as for streams of events
KEEP_ALIVE_SECONDS = 75  # more than the 60 s of nginx, so that a proxy never sends into a connection that we close


class Connections(ServerState):
    """All connections of a server. Those that wait for their clients are in ``waiting``, the longest first.

    ``tls`` has the context of each port whose connections are encrypted. ``limit`` is of requests that run.
    """

    def __init__(self, limit: int, tls: Mapping[int, ssl.SSLContext]) -> None:
        super().__init__()
        self.limit = limit
        self.tls = tls
        self.open: set[Connection] = set()
        self.waiting: dict[Connection, None] = {}

    @property
    def is_full(self) -> bool:
        return len(self.open) - len(self.waiting) >= self.limit

    def add(self, connection: "Connection") -> None:
        self.open.add(connection)
        self.wait_for(connection)
        if len(self.open) > self.limit + REFUSED_CONNECTIONS:
            waiting = [*self.waiting]
            next((waiter for waiter in waiting if not waiter.has_unsent()), waiting[0]).abort()

    def wait_for(self, connection: "Connection") -> None:
        if connection in self.open:
            self.waiting[connection] = None

    def close_slow(self) -> None:
        now = time.monotonic()
        for connection in [*self.open]:
            if connection.is_too_slow(now, waits=connection in self.waiting):
                connection.abort()


class Connection(HttpToolsProtocol):
    """A connection that knows how long it has waited for its client, and that speaks TLS where its port does."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self._door = cast(Connections, self.server_state)
        self._has_begun = False  # the next head
        self._since = self._moved = time.monotonic()  # from when on a request is measured, and its answer
        self._received = 0  # bytes of the body
        self._unsent = 0  # bytes that the client has yet to take
        self._early = b""  # what came with the end of a TLS handshake

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._socket = transport
        self._door.add(self)
        if tls := self._door.tls.get(transport.get_extra_info("sockname")[1]):
            self._has_begun = True
            self._handshake = self.loop.create_task(self._encrypt(transport, tls))
        else:
            super().connection_made(transport)

    async def _encrypt(self, transport: asyncio.Transport, context: ssl.SSLContext) -> None:
        with suppress(OSError):  # as scanners cause it: nothing was asked
            encrypted = await self.loop.start_tls(transport, self, context, server_side=True)
            if encrypted and self in self._door.open:
                self._has_begun, self._since = False, time.monotonic()
                super().connection_made(encrypted)
                if self._early:
                    self.data_received(self._early)
            return
        self.abort()

    def data_received(self, data: bytes) -> None:
        if self.transport is None:
            self._early += data
            return
        if not self._has_begun:
            self._has_begun = True
            self._since = time.monotonic()
        self._received += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._since, self._received = time.monotonic(), 0
        self.limit_concurrency = 0 if self._door.is_full else None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._door.waiting.pop(self, None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._has_begun, self._since = False, time.monotonic()
        has_next = bool(self.pipeline)  # which the next line begins
        super().on_response_complete()
        if not has_next:
            self._door.wait_for(self)

    def is_too_slow(self, now: float, *, waits: bool) -> bool:
        """Whether the client is slower than it may be with what it does now: asking, or taking its answer."""
        unsent = self._socket.get_write_buffer_size()
        if not unsent or unsent < self._unsent:  # one that only grows is taken by nobody
            self._moved = now
        self._unsent = unsent
        if now - self._moved > STALL_SECONDS:
            return True
        if not waits:
            return False
        if self.cycle is None or self.cycle.response_complete:
            return now - self._since > (HEAD_SECONDS if self._has_begun else KEEP_ALIVE_SECONDS)
        if self.flow.read_paused:  # by us
            self._since, self._received = now, 0
        is_behind = self._received < (now - self._since - BODY_SECONDS) * _BODY_RATE
        if not is_behind and now - self._since > _BODY_WINDOW:
            self._since, self._received = now, 0
        return is_behind

    def has_unsent(self) -> bool:
        return self._socket.get_write_buffer_size() > 0

    def abort(self) -> None:
        self._forget()
        self._socket.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        if self.transport is not None:
            super().connection_lost(exc)

    def _forget(self) -> None:
        self._door.open.discard(self)
        self._door.waiting.pop(self, None)


class FrontDoor(uvicorn.Server):
    """A server that serves ``app`` and closes connections whose clients are too slow."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        patience: int | None = None,
        trusted: Sequence[str] = (),
        tls: Mapping[int, ssl.SSLContext] | None = None,
    ) -> None:
        """``patience`` is how many seconds running requests have at the end, ``trusted`` the addresses of proxies."""
        config = uvicorn.Config(
            app,
            http=Connection,
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="off",
            server_header=False,
            proxy_headers=bool(trusted),
            forwarded_allow_ips=list(trusted),
            backlog=_AT_ONCE,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=patience,
        )
        super().__init__(config)
        self.connections = Connections(most_connections(), tls or {})
        self.server_state = self.connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(_QUEUE)  # asyncio gave the kernel its own, smaller number

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:  # once a second
            self.connections.close_slow()
        return await super().on_tick(counter)


def most_connections() -> int:
    """Raise the limit of descriptors, and return how many connections leave enough of them for the engines."""
    return min(_MOST, max(16, raise_limit() - OF_ENGINES - REFUSED_CONNECTIONS - _AT_ONCE))


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 or newer with this certificate, whose file may hold its chain. Raises OSError or ssl.SSLError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key or None)
    return context
