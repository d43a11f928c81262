"""The client of PostHog's query API: sends a query, awaits its finished answer, and stops it when it is cancelled."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import httpx

from usertrack.core.errors import QueryError, SourceBusy
from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.core.tls import tls
from usertrack.sources import STORE_IS_DAMAGED, http
from usertrack.sources.waiting import WaitNotices

_BLOCKING_SECONDS = 75  # PostHog's gateway gives up at 60
_STOP_SECONDS = 5  # who pressed Ctrl-C does not wait longer for PostHog to agree
_WAITING, _DAMAGED = "X-Usertrack-Waiting", "X-Usertrack-Damaged"  # of the embedded server

_PARQUET = "application/vnd.apache.parquet"

T = TypeVar("T")


class QueryClient:
    """The queries of one project. ``timeout``, for one query, and ``pause``, after a first failure, are in seconds.

    ``damage`` is what an embedded server has said of its store.
    """

    def __init__(  # noqa: PLR0913
        self,
        host: str,
        project_id: str,
        key: str,
        notify: Notify,
        *,
        timeout: float,
        pause: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._notify = notify
        self._timeout = timeout
        self._pause = pause
        self._path = f"/api/projects/{project_id}"
        self._waiting = WaitNotices(notify)
        self._whom = f"PostHog ({httpx.URL(host).host})"
        self.damage: tuple[str, ...] = ()
        self._about: asyncio.Task[JsonObject] | None = None
        self._client = httpx.AsyncClient(
            base_url=host,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(_BLOCKING_SECONDS, connect=15),  # a host that is away is told sooner
            transport=transport,
            verify=tls(host),
        )

    async def about(self) -> JsonObject:
        """The project (name, timezone, …), fetched once; empty when the key lacks that scope."""
        if self._about is None:
            self._about = asyncio.create_task(self._ask_about())
        return await asyncio.shield(self._about)

    async def ask(self, sql: str, values: Mapping[str, object], name: str) -> JsonObject:
        """The answer to one HogQL query."""
        return await self.ask_node(hogql_node(sql, values), name)

    async def ask_node(self, node: Mapping[str, object], name: str) -> JsonObject:
        """The answer to a query of any kind: blocking, and in the background if that takes too long."""
        query = _query(node, name)
        try:
            return await self._in_time(self._answer(query | {"refresh": "force_blocking"}))
        except http.TooSlow:
            self._notify(f"{name} takes long; asking PostHog to run it in the background")
            return await self._in_time(self._answer(query | {"refresh": "force_async"}))

    async def ask_parquet(self, sql: str, values: Mapping[str, object], name: str) -> bytes:
        """The whole result as a parquet file; only the embedded server has this."""
        body = _query(hogql_node(sql, values), name) | {"client_query_id": str(uuid.uuid4())}
        asking = self._send(
            "POST", "query/", lambda response: response.content, json=body, headers={"Accept": _PARQUET}
        )
        return await self._in_time(self._stoppable(asking, body["client_query_id"]))

    async def call(self, method: str, path: str, body: object = None) -> JsonObject:
        """The JSON object of a request that is no query.

        A POST is sent once: it may have worked though its answer was lost.
        """
        try:
            once = method == "POST"
            return await self._in_time(self._send(method, path, http.json_body, json=body, once=once))
        except http.TooSlow as error:
            raise SourceBusy("PostHog did not answer in time", "run the command again") from error

    async def insight(self, key: str, refresh: str) -> JsonObject:
        """The saved insight ``key`` with its ``result``: computed in the request, in the background if that takes long.

        ``refresh`` is PostHog's, ``blocking`` or ``force_blocking``. The result may be None.
        """
        try:
            return await self._in_time(self._computed(key, refresh))
        except http.TooSlow:
            self._notify("the insight takes long; asking PostHog to compute it in the background")
            return await self._in_time(self._computed(key, "force_async"))

    async def _computed(self, key: str, refresh: str) -> JsonObject:
        blocking = refresh != "force_async"
        insight = await self._send("GET", f"insights/{key}/?refresh={refresh}", http.json_body, blocking=blocking)
        status = insight.get("query_status")
        if not isinstance(status, dict):
            return insight
        if status.get("error_message") == "concurrency_limit_exceeded":
            raise SourceBusy("PostHog computes too much at once", "try again in a minute")
        if status.get("error"):  # reported with HTTP 200
            raise http.failure(status.get("error_message"))
        if status.get("complete") or not status.get("id"):
            return insight
        answer = await self._poll(status, str(status["id"]))
        return {**insight, **answer, "result": answer.get("results"), "query_status": None}

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask_about(self) -> JsonObject:
        try:
            return await self._in_time(self._send("GET", "", http.json_body))
        except http.LacksScope:
            return {}

    async def _in_time(self, work: Coroutine[object, object, T]) -> T:
        try:
            with self._waiting.on(self._whom, self._timeout):
                async with asyncio.timeout(self._timeout):
                    return await work
        except TimeoutError as error:
            raise SourceBusy(
                f"PostHog took longer than {self._timeout:g} s",
                "ask for a shorter range, or raise `posthog.timeout` in usertrack.yaml",
            ) from error

    async def _answer(self, query: JsonObject) -> JsonObject:
        query_id = str(uuid.uuid4())
        return await self._stoppable(self._finished(query | {"client_query_id": query_id}, query_id), query_id)

    async def _finished(self, body: JsonObject, query_id: str) -> JsonObject:
        """The answer to a query, polled until it is finished."""
        blocking = body["refresh"] == "force_blocking"
        document = await self._send("POST", "query/", http.json_body, json=body, blocking=blocking)
        status = document.get("query_status")
        if isinstance(status, dict) and not (status.get("complete") and document.get("results") is not None):
            document = await self._poll(status, query_id)
        if document.get("error"):
            raise http.failure(document["error"])
        return document

    async def _poll(self, status: JsonObject, query_id: str) -> JsonObject:
        pause = self._pause / 4
        while not status.get("complete"):
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 5)
            polled = await self._send("GET", f"query/{query_id}/", http.json_body)
            if not isinstance(polled.get("query_status"), dict):
                raise QueryError("PostHog answered without a status", "run the command again")
            status = polled["query_status"]
        if status.get("error") or not isinstance(status.get("results"), dict):
            raise http.failure(status.get("error_message"))
        result: JsonObject = status["results"]
        return result

    async def _stoppable(self, asking: Coroutine[object, object, T], query_id: str) -> T:
        """Return the result of ``asking``; when it is cancelled, so is the query at the server."""
        task = asyncio.create_task(asking)
        try:
            return await asyncio.shield(task)
        except (asyncio.CancelledError, http.TooSlow):
            with suppress(httpx.HTTPError):
                await self._client.delete(f"{self._path}/query/{query_id}/", timeout=_STOP_SECONDS)
            task.cancel()
            await asyncio.wait([task], timeout=_STOP_SECONDS)
            raise

    async def _send(
        self,
        method: str,
        path: str,
        read: Callable[[httpx.Response], T],
        *,
        blocking: bool = False,
        once: bool = False,
        **options: Any,  # noqa: ANN401
    ) -> T:
        def request() -> Awaitable[httpx.Response]:
            where = path if path.startswith("/api/") else f"{self._path}/{path}"  # the account is of no project
            return self._client.request(method, where, **options)

        def read_noting(response: httpx.Response) -> T:
            waiting = response.headers.get(_WAITING, "")
            if waiting.isdecimal():
                self._notify(f"this answer lacks the newest events: {waiting} requests with some wait to be stored")
            if (damaged := response.headers.get(_DAMAGED)) and not self.damage:
                self.damage = (f"{STORE_IS_DAMAGED}: {damaged}",)
                self._notify(*self.damage)
            return read(response)

        return await http.send(request, read_noting, self._notify, pause=self._pause, blocking=blocking, once=once)


def _query(node: Mapping[str, object], name: str) -> JsonObject:
    return {"query": node, "name": f"usertrack {name}"[:128]}


def hogql_node(sql: str, values: Mapping[str, object]) -> JsonObject:
    """HogQL as PostHog's query node, its ``values`` bound."""
    return {
        "kind": "HogQLQuery",
        "query": sql,
        "values": {key: _json_value(value) for key, value in values.items()},
        # the current person in every project: not the properties that were stored with an event
        "modifiers": {"personsOnEventsMode": "person_id_override_properties_joined"},
    }


def _json_value(value: object) -> Any:  # noqa: ANN401
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
