"""Computes the results of PostHog's query nodes: a function for a kind, which runs HogQL."""

from collections.abc import Callable
from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.library.nodes import source_of
from usertrack.server.http.api_errors import ApiError
from usertrack.server.insights.error_tracking import DEFAULT_LIMIT, MAX_LIMIT, errors
from usertrack.server.insights.funnels import funnels
from usertrack.server.insights.nodes import Node, Project, RunHogQL, count
from usertrack.server.insights.returning import lifecycle, retention, stickiness
from usertrack.server.insights.trends import trends

_KINDS: dict[str, Callable[[Node, RunHogQL, Project], list[Any]]] = {
    "TrendsQuery": trends,
    "LifecycleQuery": lifecycle,
    "StickinessQuery": stickiness,
    "RetentionQuery": retention,
    "FunnelsQuery": funnels,
    "ErrorTrackingQuery": errors,
}


def checked(query: object) -> Node:
    """The query within the nodes that only display it; raises ApiError for a kind that is not supported."""
    query = source_of(query)
    if not isinstance(query, dict):
        raise ApiError(400, "required", "This field is required: query")
    kind = query.get("kind")
    if kind == "HogQLQuery":
        if not isinstance(query.get("query"), str):
            raise ApiError(400, "invalid_input", "query.query must be HogQL text")
    elif not isinstance(kind, str) or kind not in _KINDS:
        raise ApiError(400, "invalid_input", f"Unsupported query kind: {kind}")
    return query


def compute(node: Node, run_hogql: RunHogQL, project: Project) -> JsonObject:
    """The ``results`` of a node that is no HogQLQuery, with the fields that PostHog returns beside them."""
    results = _KINDS[node["kind"]](node, run_hogql, project)
    if node["kind"] != "ErrorTrackingQuery":
        return {"results": results}
    limit = count(node, "limit", DEFAULT_LIMIT, MAX_LIMIT)
    return {"results": results[:limit], "hasMore": len(results) > limit, "limit": limit, "offset": 0}
