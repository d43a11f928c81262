"""PostHog's saved insights over HTTP: created, listed, read with their results, changed, deleted and restored.

``refresh`` says when a result is computed; otherwise the response has the last one, or ``null``.
"""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.server.database.saved_insights import InsightRow, SavedInsights
from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.pagination import page
from usertrack.server.http.requests import PROJECT_KINDS, Handler, json_object, project_routes
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.insights.compute import checked
from usertrack.server.query_runner import TOO_MANY, QueryRunner

_FRESH = timedelta(hours=6)  # PostHog's staleness threshold of daily insights
_CACHED = "force_cache"
_BLOCKING = {"blocking", "async_except_on_cache_miss", "lazy_async_except_on_cache_miss", "true", "1"}
_FORCED = {"force_blocking"}
_ASYNC = {"async", "lazy_async", "force_async"}
_FIELDS = ("name", "description", "query", "tags", "favorited", "saved")
_KINDS = {
    "TrendsQuery": "TRENDS", "FunnelsQuery": "FUNNELS", "RetentionQuery": "RETENTION", "LifecycleQuery": "LIFECYCLE",
    "StickinessQuery": "STICKINESS", "HogQLQuery": "SQL",
}  # fmt: skip


def routes(store: Store, settings: ServerSettings, runner: QueryRunner) -> list[Route]:
    """The routes under /api/projects/ and /api/environments/."""
    api = _InsightApi(SavedInsights(store.path), settings, runner)
    paths: list[tuple[str, Handler, list[str]]] = [
        ("/insights", api.many, ["GET", "POST"]),
        ("/insights/{key}", api.by_key, ["GET", "PATCH", "DELETE"]),
    ]
    return project_routes(paths, PROJECT_KINDS)


class _InsightApi:
    def __init__(self, insights: SavedInsights, settings: ServerSettings, runner: QueryRunner) -> None:
        self._insights, self._settings, self._runner = insights, settings, runner

    async def many(self, request: Request) -> Response:
        if request.method == "POST":
            body = await json_object(request)
            admit(request, self._settings, body=body)
            return await run_in_threadpool(self._create, body)
        admit(request, self._settings)
        return await run_in_threadpool(self._list, request)

    async def by_key(self, request: Request) -> Response:
        key = request.path_params["key"]
        if request.method == "DELETE":
            admit(request, self._settings)
            raise ApiError(405, "method_not_allowed", 'Method "DELETE" not allowed.', "invalid_request")
        if request.method == "PATCH":
            body = await json_object(request)
            admit(request, self._settings, body=body)
            return await run_in_threadpool(self._change, key, body)
        admit(request, self._settings)
        return await self._retrieve(request, key)

    def _create(self, body: JsonObject) -> Response:
        now = self._settings.clock().isoformat()
        fields = {"name": "", "description": "", "tags": [], "favorited": False, "saved": True, **_sent_fields(body)}
        checked(fields.get("query"))
        insight = self._insights.add({**fields, "created_at": now, "last_modified_at": now})
        return JSONResponse(self._body(insight), 201)

    def _list(self, request: Request) -> Response:
        params = request.query_params
        insights = [insight for insight in self._insights.all() if _matches(insight, params)]
        if str(params.get("order", "")).startswith("-"):
            insights.reverse()
        basic = params.get("basic", "").lower() in ("1", "true")
        return page(request, [self._body(insight, basic=basic) for insight in insights])

    def _change(self, key: str, body: JsonObject) -> Response:
        # as in PostHog, a deleted insight is found by a request that sets ``deleted``
        insight = self._insight(key, deleted="deleted" in body)
        fields = {**insight.fields, "saved": True, **_sent_fields(body)}
        checked(fields.get("query"))
        fields["last_modified_at"] = self._settings.clock().isoformat()
        self._insights.change(insight, fields, deleted=bool(body.get("deleted", insight.deleted)))
        return JSONResponse(self._body(self._insight(key, deleted=True)))

    async def _retrieve(self, request: Request, key: str) -> Response:
        refresh, query_id = request.query_params.get("refresh") or _CACHED, request.query_params.get("client_query_id")
        insight = await run_in_threadpool(self._insight, key)
        if refresh not in {_CACHED, "false", "0"} | _BLOCKING | _FORCED | _ASYNC:
            raise ApiError(400, "invalid_input", f'"{refresh}" is not a valid choice for refresh.')
        if refresh in _ASYNC and (refresh == "force_async" or not self._is_fresh(insight)):
            return await run_in_threadpool(self._begin, insight, query_id or uuid4().hex)
        if refresh in _FORCED or (refresh in _BLOCKING and not self._is_fresh(insight)):
            return await self._compute(request, insight, query_id)
        return JSONResponse(self._body(insight))

    async def _compute(self, request: Request, insight: InsightRow, query_id: str | None) -> Response:
        """Compute the result. As in PostHog a fault of the query is HTTP 400, any other error is in a body with 200."""
        query = checked(insight.fields.get("query"))
        try:
            answer = await self._runner.queue.answer(request, lambda tag: self._runner.answer(query, tag), query_id)
        except ApiError as error:
            if error.status == 400:
                raise
            message = TOO_MANY if error.status == 429 else error.detail
            failed = {"id": query_id, "complete": True, "error": True, "error_message": message, "results": None}
            return JSONResponse({**self._body(insight), "result": None, "query_status": failed})
        return await run_in_threadpool(self._computed, insight, answer)

    def _computed(self, insight: InsightRow, answer: bytes) -> Response:
        self._save_result(insight, answer)
        return JSONResponse({**self._body(self._insight(str(insight.id))), "is_cached": False})

    def _begin(self, insight: InsightRow, query_id: str) -> Response:
        query = checked(insight.fields.get("query"))
        status, report = self._runner.start(
            query, query_id, force=True, then=lambda answer: self._save_result(insight, answer)
        )
        return JSONResponse({**self._body(insight), "result": None, **json.loads(report)}, status)

    def _save_result(self, insight: InsightRow, answer: bytes) -> None:
        self._insights.save_result(insight, json.loads(answer), self._settings.clock())

    def _is_fresh(self, insight: InsightRow) -> bool:
        if insight.result is None or insight.last_refresh is None:
            return False
        return self._settings.clock() - datetime.fromisoformat(insight.last_refresh) < _FRESH

    def _insight(self, key: str, *, deleted: bool = False) -> InsightRow:
        insight = self._insights.find(key)
        if insight is None or (insight.deleted and not deleted):
            raise ApiError(404, "not_found", "No Insight matches the given query.")
        return insight

    def _body(self, insight: InsightRow, *, basic: bool = False) -> JsonObject:
        """The insight as PostHog's JSON, with its last result unless ``basic``."""
        result = insight.result or {}
        body = {
            "id": insight.id,
            "short_id": insight.short_id,
            "derived_name": None,
            "filters": {},
            "order": None,
            "deleted": insight.deleted,
            "dashboards": [],
            "dashboard_tiles": [],
            "created_by": None,
            "last_modified_by": None,
            "is_sample": False,
            "timezone": self._settings.timezone,
            "updated_at": insight.fields.get("last_modified_at"),
            **insight.fields,
            "last_refresh": insight.last_refresh if insight.result is not None else None,
        }
        if basic:
            return body
        details = {name: result.get(name) for name in ("columns", "types", "hasMore", "hogql")}
        return {**body, "result": result.get("results"), **details, "is_cached": insight.result is not None}


def _sent_fields(body: JsonObject) -> JsonObject:
    fields = {name: body[name] for name in _FIELDS if name in body}
    for name in ("name", "description"):
        if fields.get(name) is not None and not isinstance(fields.get(name, ""), str):
            raise ApiError(400, "invalid_input", f"Not a valid string: {name}")
    tags = fields.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ApiError(400, "not_a_list", "Expected a list of strings: tags")
    if len(fields.get("name") or "") > 400:
        raise ApiError(400, "max_length", "Ensure this field has no more than 400 characters: name")
    return fields


def _matches(insight: InsightRow, params: Any) -> bool:  # noqa: ANN401
    fields = insight.fields
    text = " ".join([fields.get("name") or "", fields.get("description") or "", *fields.get("tags", [])]).lower()
    kind = _KINDS.get(checked(fields.get("query"))["kind"], "JSON")
    saved = params.get("saved")
    return (
        params.get("search", "").lower() in text
        and params.get("short_id") in (None, insight.short_id)
        and params.get("insight") in (None, kind)
        and ("favorited" not in params or bool(fields.get("favorited")))
        and (saved is None or bool(fields.get("saved")) == (saved.lower() in ("true", "1")))
    )
