"""PostHog's lists of events and properties, as far as the data tell them: nothing here was ever written by a person."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.server.database.execute import read_rows
from usertrack.server.database.store import Store, literals
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import authenticate, check_project
from usertrack.server.http.pagination import page
from usertrack.server.http.requests import answering
from usertrack.server.http.server_settings import ServerSettings

_EVENTS = """
SELECT event, toString(min(created_at)), toString(max(timestamp)) FROM posthog.events GROUP BY event ORDER BY event
"""
_PROPERTIES = "SELECT type, name, property_type FROM posthog.property_definitions FINAL ORDER BY name"
_EVENT_TYPES = ("all", "event", "event_custom", "event_posthog")
_NEVER_WRITTEN: dict[str, Any] = {
    "description": "",
    "tags": [],
    "owner": None,
    "verified": False,
    "hidden": False,
    "updated_by": None,
}
_NOT_KEPT = ("dashboards", "feature_flags", "actions")


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    """The lists, with empty ones of what this server never has."""
    api = _DefinitionsApi(store, settings)
    paths = {
        "event_definitions": api.events,
        "property_definitions": api.properties,
        **dict.fromkeys(_NOT_KEPT, api.none),
    }
    return [
        Route(f"/api/projects/{{project_id}}/{path}{slash}", answering(handler), methods=["GET"])
        for path, handler in paths.items()
        for slash in ("/", "")
    ]


class _DefinitionsApi:
    def __init__(self, store: Store, settings: ServerSettings) -> None:
        self._store, self._settings = store, settings

    async def events(self, request: Request) -> Response:
        self._admit(request)
        return page(request, await run_in_threadpool(self._events, request.query_params))

    async def properties(self, request: Request) -> Response:
        self._admit(request)
        return page(request, await run_in_threadpool(self._properties, request.query_params))

    async def none(self, request: Request) -> Response:
        self._admit(request)
        return page(request, [])

    def _events(self, params: Mapping[str, str]) -> list[dict[str, Any]]:
        search, kind = params.get("search", "").lower(), params.get("event_type") or "all"
        if kind not in _EVENT_TYPES:
            raise ApiError(400, "invalid_choice", f'"{kind}" is not a valid choice: event_type')
        known = {"event_custom": (False,), "event_posthog": (True,)}.get(kind, (False, True))
        return [
            {
                "id": str(uuid5(NAMESPACE_OID, f"event {name}")),
                "name": name,
                "created_at": _iso(created),
                "last_seen_at": _iso(seen),
                "is_action": False,
                **_NEVER_WRITTEN,
            }
            for name, created, seen in read_rows(self._store, _EVENTS)
            if search in name.lower() and name.startswith("$") in known
        ]

    def _properties(self, params: Mapping[str, str]) -> list[dict[str, Any]]:
        search, wanted = params.get("search", "").lower(), params.get("type") or "event"
        if wanted not in ("event", "person", "group"):
            raise ApiError(400, "invalid_choice", f'"{wanted}" is not a valid choice: type')
        events = _names(params, "event_names")
        seen = self._seen_on(events) if events else None
        only = params.get("filter_by_event_names", "").lower() in ("1", "true")
        return [
            {
                "id": str(uuid5(NAMESPACE_OID, f"{kind} property {name}")),
                "name": name,
                "property_type": type_ or None,
                "is_numerical": type_ == "Numeric",
                "is_seen_on_filtered_events": None if seen is None else name in seen,
                **_NEVER_WRITTEN,
            }
            for kind, name, type_ in read_rows(self._store, _PROPERTIES)
            if kind == wanted and search in name.lower() and (seen is None or not only or name in seen)
        ]

    def _seen_on(self, events: list[str]) -> set[str]:
        sql = f"SELECT distinctJSONPaths(properties) FROM posthog.events WHERE event IN {literals(events)}"
        [[paths]] = read_rows(self._store, sql)
        return {path.partition(".")[0].replace("%2E", ".") for path in paths}

    def _admit(self, request: Request) -> None:
        authenticate(request, self._settings)
        check_project(request, self._settings)


def _names(params: Mapping[str, str], name: str) -> list[str]:
    """A list of texts, written as JSON; raises ApiError."""
    try:
        found = json.loads(params.get(name) or "[]")
        json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ApiError(400, "invalid_input", f"{name} takes a JSON list of texts")
    return found


def _iso(clickhouse: str) -> str:
    return clickhouse.replace(" ", "T") + "Z"
