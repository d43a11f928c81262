"""Whoever reads sees what was acknowledged before: reading requests wait until it is stored, for some seconds at most.

An answer that could not wait for all of it says in a header how many requests with events it lacks, and each answer of
a damaged store what is damaged.
"""

import json
from collections.abc import Sequence
from itertools import accumulate

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import authenticate
from usertrack.server.http.requests import read_body
from usertrack.server.http.server_settings import ServerSettings

HEADER, DAMAGED = "X-Usertrack-Waiting", "X-Usertrack-Damaged"
_POLLED = ("/query/", "/usertrack/jobs/")  # what was asked before, and is only fetched
_CAPTURE = "/api/track/"  # takes events, and needs no personal key
_MOST_TOLD = 1000  # bytes: proxies refuse an answer whose headers take more than 4 or 8 KB


class CatchingUp:
    """Middleware: who has the key of PostHog's private API waits for what is acknowledged, as long as settings say."""

    def __init__(self, app: ASGIApp, store: Store, settings: ServerSettings) -> None:
        self._app, self._store, self._settings = app, store, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _reads(scope):
            await self._app(scope, receive, send)
            return
        damage = _told(self._store.problems())
        if not damage and not self._store.log.waiting().entries:
            await self._app(scope, receive, send)
            return
        try:
            has_key, receive = await self._authenticated(scope, receive)
        except ApiError as error:
            await error.response()(scope, receive, send)
            return
        except HTTPException as error:  # too many large bodies: no handler of the app is around a middleware
            refusal = ApiError(error.status_code, "too_busy", error.detail, headers=error.headers)
            await refusal.response()(scope, receive, send)
            return
        except ClientDisconnect:
            return
        waiting = await run_in_threadpool(self._store.catch_up, self._settings.catch_up) if has_key else 0

        async def send_with_waiting(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = {HEADER: str(waiting or ""), DAMAGED: damage * has_key}
                MutableHeaders(scope=message).update({name: value for name, value in headers.items() if value})
            await send(message)

        await self._app(scope, receive, send_with_waiting)

    async def _authenticated(self, scope: Scope, receive: Receive) -> tuple[bool, Receive]:
        """Whether the request has the personal key, and its body, which may have been read for that.

        Raises ApiError for a body that is too large, HTTPException where all bodies are.
        """
        request = Request(scope, receive)
        try:
            authenticate(request, self._settings)
        except ApiError as error:
            if error.code != "not_authenticated" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
                return False, receive
        else:
            return True, receive
        body = await read_body(request)
        try:
            authenticate(request, self._settings, _parsed(body))
        except ApiError:
            return False, _again(body, receive)
        return True, _again(body, receive)


def _told(problems: Sequence[str]) -> str:
    """Return the first ``problems`` that fit in a header, and the number of the others."""
    told = sum(size <= _MOST_TOLD for size in accumulate(len(problem) + 2 for problem in problems))
    more = [f"{len(problems) - told} more: `usertrack serve --status`"] * (told < len(problems))
    return "; ".join([*problems[:told], *more]).encode("ascii", "replace").decode()


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None  # whoever answers says what is wrong with it


def _again(body: bytes, receive: Receive) -> Receive:
    """``receive`` as it was before it gave ``body``."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _reads(scope: Scope) -> bool:
    path = str(scope["path"])
    if not path.startswith("/api/") or path.startswith(_CAPTURE):
        return False
    return not (scope["method"] != "POST" and any(part in path for part in _POLLED))
