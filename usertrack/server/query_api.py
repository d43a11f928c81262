"""PostHog's query API: run queries, poll and cancel them, and describe the project."""

import logging
import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit, authenticate
from usertrack.server.http.requests import PROJECT_KINDS, Handler, answering, json_object, project_routes
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.insights.compute import checked
from usertrack.server.query_runner import QueryRunner

_ASYNC = {"async", "lazy_async", "force_async"}
_BLOCKING = {
    "blocking",
    "force_blocking",
    "force_cache",
    "async_except_on_cache_miss",
    "lazy_async_except_on_cache_miss",
}
PARQUET = "application/vnd.apache.parquet"
log = logging.getLogger(__name__)


def routes(settings: ServerSettings, runner: QueryRunner) -> list[Route]:
    """The routes under /api/projects/ and, as PostHog's older clients say, /api/environments/."""
    api = _QueryApi(settings, runner)
    paths: list[tuple[str, Handler, list[str]]] = [
        ("/query", api.create, ["POST"]),
        ("/query/{name}", api.by_name, ["GET", "POST", "DELETE"]),
        ("", api.project, ["GET"]),
    ]
    return [
        *project_routes(paths, PROJECT_KINDS),
        *(Route(f"/api/users/@me{slash}", answering(api.me), methods=["GET"]) for slash in ("/", "")),
    ]


class _QueryApi:
    def __init__(self, settings: ServerSettings, runner: QueryRunner) -> None:
        self._settings = settings
        self._runner = runner

    async def create(self, request: Request) -> Response:
        body = await json_object(request)
        admit(request, self._settings, body=body)
        return await self._query(request, body)

    async def by_name(self, request: Request) -> Response:
        """``query/<Kind>`` runs a query of that kind, ``query/<id>`` is the status of one."""
        name = request.path_params["name"]
        if request.method == "POST":
            body = await json_object(request)
            admit(request, self._settings, body=body)
            kind = body["query"].get("kind") if isinstance(body.get("query"), dict) else None
            if kind != name:
                detail = f'Query kind mismatch: path kind "{name}" does not match body kind "{kind}".'
                raise ApiError(400, "invalid_input", detail)
            return await self._query(request, body)
        admit(request, self._settings)
        if request.method == "DELETE":
            await run_in_threadpool(self._runner.cancel, name)
            return JSONResponse({"message": "Query was cancelled"})
        show = request.query_params.get("show_progress", "").lower() in ("1", "true")
        status, content = await run_in_threadpool(self._runner.status, name, show_progress=show)
        return _bytes(content, status)

    async def _query(self, request: Request, body: JsonObject) -> Response:
        query = checked(body.get("query"))
        refresh = body.get("refresh") or ("lazy_async" if body.get("async") else "blocking")
        if refresh is True:
            refresh = "force_blocking"
        if not isinstance(refresh, str) or refresh not in _ASYNC | _BLOCKING:
            raise ApiError(400, "invalid_input", f'"{refresh}" is not a valid choice for refresh.')
        query_id, runner = _query_id(body), self._runner
        if PARQUET in request.headers.get("accept", "") and query["kind"] == "HogQLQuery":  # other kinds have no table
            table = await runner.queue.answer(request, lambda tag: runner.parquet(query, tag), query_id)
            return Response(table, media_type=PARQUET)
        if refresh in _ASYNC:
            force = refresh == "force_async"
            status, content = await run_in_threadpool(runner.start, query, query_id, force=force)
            return _bytes(content, status)
        return _bytes(await runner.queue.answer(request, lambda tag: runner.answer(query, tag), query_id))

    async def project(self, request: Request) -> Response:
        admit(request, self._settings)
        settings = self._settings
        return JSONResponse(
            {
                "id": settings.project_id,
                "organization": "local",
                "name": "usertrack",
                "api_token": settings.project_token,
                "timezone": settings.timezone,
                "week_start_day": settings.week_start_day,
                "test_account_filters": list(settings.test_account_filters),
                "usertrack_parquet": True,  # not PostHog's: whole results as parquet
                "usertrack_gives_again": self._runner.gives_again,  # not PostHog's: who asks alike is answered at once
                "usertrack_live_check": True,  # not PostHog's: usertrack/live-check
                "usertrack_privacy": True,  # not PostHog's: usertrack/expire and usertrack/pseudonymize
                "usertrack_forget": True,
            }
        )

    async def me(self, request: Request) -> Response:
        authenticate(request, self._settings)
        settings = self._settings
        team = {"id": settings.project_id, "name": "usertrack", "timezone": settings.timezone}
        return JSONResponse({"id": 1, "distinct_id": "local", "email": "local@localhost", "team": team})


def _bytes(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")


def _query_id(body: JsonObject) -> str | None:
    query_id = body.get("client_query_id")
    if query_id is not None and not re.fullmatch(r"[\w.:-]{1,200}", str(query_id), re.ASCII):
        raise ApiError(400, "invalid_input", "client_query_id may hold only letters, digits, '.', ':', '_' and '-'.")
    return None if query_id is None else str(query_id)
