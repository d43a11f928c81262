"""ErrorTrackingQuery: exceptions as issues, by PostHog's issue id or fingerprint, else by type and message."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from usertrack.core.sql_file import sql_file
from usertrack.server.hogql.parse import Tree
from usertrack.server.insights.nodes import (
    WITHIN,
    Node,
    Project,
    RunHogQL,
    allow,
    choice,
    count,
    date_range_of,
    node_condition,
    not_supported,
)

_OPTIONS = {
    "dateRange", "orderBy", "orderDirection", "status", "searchQuery", "filterTestAccounts", "issueId", "limit",
    "offset", "volumeResolution", "withAggregations", "withFirstEvent", "withLastEvent", "properties",
}  # fmt: skip
_ORDERS = ("last_seen", "first_seen", "occurrences", "users", "sessions")
_NAMES = ("name", "description", "first_seen", "last_seen")
DEFAULT_LIMIT, MAX_LIMIT = 100, 1000


def errors(node: Node, run_hogql: RunHogQL, project: Project) -> list[Any]:
    """PostHog's list of issues, ranked; every one is active. Raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "ErrorTrackingQuery")
    order = choice(node, "orderBy", _ORDERS, "last_seen")
    direction = choice(node, "orderDirection", ("ASC", "DESC"), "DESC")
    if node.get("status") not in (None, "active", "all"):
        return []
    if node.get("issueId") or node.get("offset"):
        raise not_supported("issueId or offset")
    date_range = date_range_of({"dateRange": node.get("dateRange")}, project)
    limit = count(node, "limit", DEFAULT_LIMIT, MAX_LIMIT)
    issues = sql_file(__package__, "error_tracking")
    text = f"{issues.replace('{within}', WITHIN)} ORDER BY {order} {direction}, key LIMIT {limit + 1}"
    search, filters = str(node.get("searchQuery") or ""), Tree(node_condition(node, project))
    rows = run_hogql(text, {**date_range.values, "search": search, "filters": filters})
    return [_issue(row) for row in rows]


def _issue(row: list[Any]) -> Node:
    key, *details, occurrences, users, sessions, library = row
    return {
        "id": str(uuid5(NAMESPACE_URL, str(key))),
        **dict(zip(_NAMES, details, strict=True)),
        "status": "active",
        "assignee": None,
        "library": library,
        "external_issues": [],
        "aggregations": {"occurrences": occurrences, "users": users, "sessions": sessions, "volume_buckets": []},
    }
