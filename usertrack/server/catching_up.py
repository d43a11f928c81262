"""Whoever reads sees what was acknowledged before: reading requests wait until it is stored, for some seconds at most.

An answer that could not wait for all of it says in a header how many requests with events it lacks.
"""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from usertrack.server.database.store import Store

HEADER = "X-Usertrack-Waiting"
_POLLED = ("/query/", "/usertrack/jobs/")  # what was asked before, and is only fetched


class CatchingUp:
    """Middleware: requests to PostHog's private API wait for what is acknowledged, for at most ``seconds``."""

    def __init__(self, app: ASGIApp, store: Store, seconds: float) -> None:
        self._app, self._store, self._seconds = app, store, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _reads(scope) or not self._store.log.waiting().entries:
            await self._app(scope, receive, send)
            return
        waiting = await run_in_threadpool(self._store.catch_up, self._seconds)

        async def send_with_waiting(message: Message) -> None:
            if waiting and message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = str(waiting)
            await send(message)

        await self._app(scope, receive, send_with_waiting)


def _reads(scope: Scope) -> bool:
    path = str(scope["path"])
    return path.startswith("/api/") and not (scope["method"] != "POST" and any(part in path for part in _POLLED))
