"""ErrorTrackingQuery: exceptions as issues, by PostHog's issue id or fingerprint, else by type and message."""

import re
from typing import Any
from uuid import NAMESPACE_URL, uuid5

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
_TYPE = (
    "coalesce(nullIf(properties.$exception_type, ''),"
    " nullIf(JSONExtractString(ifNull(properties.$exception_list, ''), 1, 'type'), ''), 'Error')"
)
_MESSAGE = (
    "coalesce(nullIf(properties.$exception_message, ''),"
    " nullIf(JSONExtractString(ifNull(properties.$exception_list, ''), 1, 'value'), ''), '')"
)
_SQL = """
SELECT key, any(kind) AS name, any(message) AS description, min(timestamp) AS first_seen, max(timestamp) AS last_seen,
    count() AS occurrences, count(DISTINCT person_id) AS users, count(DISTINCT session) AS sessions, any(lib) AS library
FROM (
    SELECT timestamp, person_id, nullIf($session_id, '') AS session, TYPE AS kind, MESSAGE AS message,
        coalesce(nullIf(properties.$exception_issue_id, ''), nullIf(properties.$exception_fingerprint, ''),
            concat(TYPE, ': ', MESSAGE)) AS key, properties.$lib AS lib
    FROM events
    WHERE event = '$exception' AND WITHIN AND {filters}
)
WHERE {search} = '' OR positionCaseInsensitiveUTF8(concat(kind, ' ', message), {search}) > 0
GROUP BY key
ORDER BY RANKED, key
LIMIT MOST
"""
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
    text = _filled(
        _SQL,
        TYPE=_TYPE,
        MESSAGE=_MESSAGE,
        WITHIN=WITHIN,
        RANKED=f"{order} {direction}",
        MOST=str(limit + 1),
    )
    search, filters = str(node.get("searchQuery") or ""), Tree(node_condition(node, project))
    rows = run_hogql(text, {**date_range.values, "search": search, "filters": filters})
    return [_issue(row) for row in rows]


def _filled(template: str, **parts: str) -> str:
    """``template`` with each NAME in capitals replaced by its part, in one pass."""
    return re.sub(rf"\b(?:{'|'.join(parts)})\b", lambda match: parts[match[0]], template)


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
