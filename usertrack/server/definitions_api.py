"""PostHog's lists of events and properties, derived from the stored events alone."""

import json
from collections.abc import Mapping
from uuid import NAMESPACE_OID, uuid5

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.server.database.execute import iso_time, read_rows
from usertrack.server.database.literals import literals
from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.pagination import page
from usertrack.server.http.requests import project_routes
from usertrack.server.http.server_settings import ServerSettings

_EVENTS = """
SELECT event, toString(min(created_at)), toString(max(timestamp)) FROM posthog.events GROUP BY event ORDER BY event
"""
_PROPERTIES = "SELECT type, name, property_type FROM posthog.property_definitions FINAL ORDER BY name"
_EVENT_TYPES = ("all", "event", "event_custom", "event_posthog")
_EMPTY_FIELDS: JsonObject = {
    "description": "",
    "tags": [],
    "owner": None,
    "verified": False,
    "hidden": False,
    "updated_by": None,
}
_UNSUPPORTED = ("dashboards", "feature_flags", "actions")


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    """The routes of both lists, and of empty lists for what this server does not support."""
    api = _DefinitionsApi(store, settings)
    handlers = {
        "event_definitions": api.events,
        "property_definitions": api.properties,
        **dict.fromkeys(_UNSUPPORTED, api.empty),
    }
    return project_routes((f"/{path}", handler, ["GET"]) for path, handler in handlers.items())


class _DefinitionsApi:
    def __init__(self, store: Store, settings: ServerSettings) -> None:
        self._store, self._settings = store, settings

    async def events(self, request: Request) -> Response:
        admit(request, self._settings)
        return page(request, await run_in_threadpool(self._events, request.query_params))

    async def properties(self, request: Request) -> Response:
        admit(request, self._settings)
        return page(request, await run_in_threadpool(self._properties, request.query_params))

    async def empty(self, request: Request) -> Response:
        admit(request, self._settings)
        return page(request, [])

    def _events(self, params: Mapping[str, str]) -> list[JsonObject]:
        search, kind = params.get("search", "").lower(), params.get("event_type") or "all"
        if kind not in _EVENT_TYPES:
            raise ApiError(400, "invalid_choice", f'"{kind}" is not a valid choice: event_type')
        of_posthog = {"event_custom": (False,), "event_posthog": (True,)}.get(kind, (False, True))
        return [
            {
                "id": str(uuid5(NAMESPACE_OID, f"event {name}")),
                "name": name,
                "created_at": iso_time(created),
                "last_seen_at": iso_time(seen),
                "is_action": False,
                **_EMPTY_FIELDS,
            }
            for name, created, seen in read_rows(self._store, _EVENTS)
            if search in name.lower() and name.startswith("$") in of_posthog
        ]

    def _properties(self, params: Mapping[str, str]) -> list[JsonObject]:
        search, requested_kind = params.get("search", "").lower(), params.get("type") or "event"
        if requested_kind not in ("event", "person", "group"):
            raise ApiError(400, "invalid_choice", f'"{requested_kind}" is not a valid choice: type')
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
                **_EMPTY_FIELDS,
            }
            for kind, name, type_ in read_rows(self._store, _PROPERTIES)
            if kind == requested_kind and search in name.lower() and (seen is None or not only or name in seen)
        ]

    def _seen_on(self, events: list[str]) -> set[str]:
        sql = f"SELECT distinctJSONPaths(properties) FROM posthog.events WHERE event IN {literals(events)}"
        [[paths]] = read_rows(self._store, sql)
        return {path.partition(".")[0].replace("%2E", ".") for path in paths}


def _names(params: Mapping[str, str], name: str) -> list[str]:
    """The parameter ``name``, a JSON list of texts; raises ApiError."""
    try:
        names = json.loads(params.get(name) or "[]")
        json.dumps(names, ensure_ascii=False).encode()  # fails for a lone surrogate
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        raise ApiError(400, "invalid_input", f"{name} takes a JSON list of texts")
    return names
