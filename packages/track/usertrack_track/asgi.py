"""Failed requests of an ASGI product (Starlette, FastAPI, …): `app.add_middleware(ErrorTracking)`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from usertrack_track import track_error
from usertrack_track.errors import name_of, quietly

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ErrorTracking:
    """Tracks unhandled exceptions and responses with status 500 of ``app``; both go on as they were.

    ``person`` returns the distinct_id of a request's person, or None. ``view`` returns the name of what answers it; by
    default the template of the route, `/users/{id}`, and otherwise the endpoint's name.
    """

    def __init__(
        self,
        app: App,
        *,
        person: Callable[[Scope], str | None] = lambda scope: None,
        view: Callable[[Scope], str | None] | None = None,
    ) -> None:
        self._app = app
        self._person = person
        self._view = view or _route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        failed = False

        async def watched(message: Message) -> None:
            nonlocal failed
            failed = failed or (message["type"] == "http.response.start" and message["status"] == 500)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            await self._report(scope, error)
            raise
        if failed:
            await self._report(scope, None)

    async def _report(self, scope: Scope, error: Exception | None) -> None:
        """In a thread, as the library waits for its database."""

        def report() -> None:
            track_error(error, view=self._view(scope), distinct_id=self._person(scope))

        await asyncio.to_thread(quietly, report)


def _route(scope: Scope) -> str | None:
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else name_of(scope.get("endpoint"))
