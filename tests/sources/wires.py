"""PostHog at the other end of httpx's transport: the embedded one, or one that answers what a test tells it to."""

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from usertrack.core.errors import UsertrackError
from usertrack.core.spool import Spool
from usertrack.core.table import Table
from usertrack.library.library import Statement
from usertrack.sources.posthog import PostHog

KEY = "phx_verysecret"
ABOUT = {"id": 1, "timezone": "Europe/Berlin"}

Handler = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


class Wire(httpx.AsyncBaseTransport):
    """A transport that remembers what went over it; PostHog's own description of a project offers no parquet."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.requests: list[httpx.Request] = []
        self.busy = self.busiest = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        queries = request.method == "POST"
        self.busy += queries
        self.busiest = max(self.busiest, self.busy)
        try:
            response = await self.inner.handle_async_request(request)
            if request.method == "GET" and request.url.path == "/api/projects/1/" and response.status_code == 200:
                return httpx.Response(200, json=ABOUT)
            return response
        finally:
            self.busy -= queries

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests if request.method == "POST"]

    def paths(self, method: str) -> list[str]:
        return [request.url.path for request in self.requests if request.method == method]


class Answers:
    """A PostHog that gives one answer after another to queries and polls: a response, or an exception to raise."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.wire = Wire(httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(200, json={"message": "stopped"})
        if request.url.path == "/api/projects/1/":
            return httpx.Response(200, json=ABOUT)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def rows(*values: Any, types: Sequence[str] = ("Int64",)) -> httpx.Response:
    columns = [chr(ord("a") + number) for number in range(len(types))]
    document = {
        "results": [list(value) if isinstance(value, tuple) else [value] for value in values],
        "columns": columns,
        "types": [list(pair) for pair in zip(columns, types, strict=True)],
    }
    return httpx.Response(200, json=document)


def error(status: int, detail: str = "", code: str = "", **headers: str) -> httpx.Response:
    body = {"type": "x", "code": code, "detail": detail, "attr": None}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def tables(
    transport: httpx.AsyncBaseTransport | None,
    statements: Sequence[Statement],
    folder: Path,
    *,
    host: str = "http://posthog",
    notices: list[str] | None = None,
    **options: Any,
) -> list[Table]:
    """The tables for ``statements``, all asked at once; raises the first error."""

    def notify(message: str, *, passing: bool = False, unseen: bool = False) -> None:
        if notices is not None and (unseen or not passing):
            notices.append(message)

    async def ask() -> list[Table]:
        source = PostHog(host, "1", KEY, notify, transport=transport, **{"retry_pause": 0.001, **options})
        spool = Spool(folder)
        try:
            return await asyncio.gather(*(source.run(statement, spool) for statement in statements))
        finally:
            await source.close()

    return asyncio.run(ask())


def table(
    transport: httpx.AsyncBaseTransport | None, statement: Statement | str, folder: Path, **options: Any
) -> Table:
    if isinstance(statement, str):
        statement = Statement("posthog", statement)
    return tables(transport, [statement], folder, **options)[0]


def refused(transport: httpx.AsyncBaseTransport | None, folder: Path, **options: Any) -> UsertrackError:
    """The error for a query; the key is in no part of it."""
    with pytest.raises(UsertrackError) as caught:
        table(transport, "SELECT 1", folder, **options)
    error = caught.value
    assert KEY not in "".join([error.message, error.hint, repr(error), *traceback.format_exception(error)])
    return error
