"""What PostHog knows of a project beside numbers: its events and properties, its errors, names to search."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from usertrack.core.errors import QueryError, UsageError, did_you_mean
from usertrack.core.period import as_stored
from usertrack.core.table import Column, Row, Table
from usertrack.engine.runner import Runner
from usertrack.insights.saved import pages
from usertrack.sources.http import LacksScope, NotFound

PROPERTY_TYPES = ("event", "person", "group")
ERROR_ORDERS = ("occurrences", "users", "last_seen", "first_seen")
_PAGE = 500
_ISSUES = 100
_SEARCHED = {
    "insights": "insight",
    "dashboards": "dashboard",
    "cohorts": "cohort",
    "actions": "action",
    "feature_flags": "feature flag",
    "event_definitions": "event",
    "property_definitions": "property",
}


def events(runner: Runner, search: str = "", days: int = 30) -> Table:
    """Every event that PostHog has a definition of: how often within ``days`` before the moment to answer for.

    The counts are those of posthog/events_overview, without your own people; None where that knows nothing.
    """
    known = pages(runner, "event_definitions/", _params(search))
    counted = runner.table(runner.bind("posthog/events_overview", {"days": days}))
    counts = {row["event"]: (row["events"], row["persons"]) for row in counted.dicts()}
    rows: list[Row] = [
        (
            str(item.get("name")),
            *counts.get(str(item.get("name")), (0, 0)),
            _utc(item.get("last_seen_at")),
            bool(item.get("verified")),
            item.get("description") or None,
        )
        for item in known
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    columns = (
        Column("event"),
        Column("events", "BIGINT"),
        Column("persons", "BIGINT"),
        Column("last_seen_at", "TIMESTAMP"),
        Column("verified", "BOOLEAN"),
        Column("description"),
    )
    return Table(columns, rows, "events", source="posthog", query=counted.query, as_of=counted.as_of)


def properties(runner: Runner, kind: str = "event", event: str = "", search: str = "") -> Table:
    """The properties of events, persons or groups; with ``event`` those that this event has carried."""
    if kind not in PROPERTY_TYPES:
        raise UsageError(f"there are no properties of '{kind}'", did_you_mean(kind, PROPERTY_TYPES, "event or person"))
    params = {**_params(search), "type": kind}
    if kind == "group":
        params["group_type_index"] = 0
    if event:
        _require_event(runner, event)
        params |= {"event_names": json.dumps([event]), "filter_by_event_names": "true"}
    rows: list[Row] = [
        (str(item.get("name")), item.get("property_type") or None, item.get("description") or None)
        for item in pages(runner, "property_definitions/", params)
    ]
    return Table((Column("property"), Column("type"), Column("description")), rows, "properties", source="posthog")


def _require_event(runner: Runner, event: str) -> None:
    names = [str(item.get("name")) for item in pages(runner, "event_definitions/", _params(""))]
    if event not in names:
        raise UsageError(
            f"PostHog has never seen an event '{event}'", did_you_mean(event, names, "`usertrack events` lists them")
        )


def errors(runner: Runner, days: int = 7, order: str = "occurrences", search: str = "") -> Table:
    """The issues of PostHog's error tracking within ``days`` before its present, without test accounts, ranked.

    PostHog answers the first hundred; the table says when there are more.
    """
    if order not in ERROR_ORDERS:
        raise UsageError(
            f"errors cannot be sorted by '{order}'", did_you_mean(order, ERROR_ORDERS, ", ".join(ERROR_ORDERS))
        )
    node = {
        "kind": "ErrorTrackingQuery",
        "dateRange": {"date_from": f"-{days}d"},
        "orderBy": order,
        "orderDirection": "DESC",
        "status": "active",
        "filterTestAccounts": True,
        "volumeResolution": 1,
        "withAggregations": True,
        "limit": _ISSUES,
        **({"searchQuery": search} if search else {}),
    }
    answer = runner.query(node, "errors")
    issues = answer.get("results")
    if not isinstance(issues, list) or not all(isinstance(item, dict) for item in issues):
        raise QueryError("PostHog answered without a list of errors", "try again; if it stays, ask PostHog's support")
    columns = (
        Column("error"),
        Column("message"),
        Column("occurrences", "BIGINT"),
        Column("users", "BIGINT"),
        Column("sessions", "BIGINT"),
        Column("first_seen", "TIMESTAMP"),
        Column("last_seen", "TIMESTAMP"),
        Column("status"),
        Column("id"),
    )
    rows = [_issue(item) for item in issues]
    return Table(columns, rows, "errors", source="posthog", as_of=runner.now, truncated=bool(answer.get("hasMore")))


def _issue(item: Mapping[str, Any]) -> Row:
    counts = item.get("aggregations") or {}
    return (
        item.get("name"),
        item.get("description") or None,
        *(counts.get(name) for name in ("occurrences", "users", "sessions")),
        _utc(item.get("first_seen")),
        _utc(item.get("last_seen")),
        item.get("status"),
        item.get("id"),
    )


def search(runner: Runner, text: str) -> Table:
    """Whatever in PostHog has ``text`` in its name: insights, dashboards, cohorts, actions, flags, events, properties.

    What the key may not read is left out, and named in a note.
    """
    rows: list[Row] = []
    notes = []
    for path, kind in _SEARCHED.items():
        try:
            items = list(pages(runner, f"{path}/", _params(text)))
        except LacksScope as error:
            notes.append(f"not searched: {path.replace('_', ' ')}; {error.message}")
        except NotFound:
            notes.append(f"not searched: {path.replace('_', ' ')}; this PostHog has none of them")
        else:
            rows += [_hit(kind, item) for item in items if _is_hit(item, text)]
    columns = (Column("kind"), Column("id"), Column("name"), Column("description"))
    return Table(columns, rows, "search", source="posthog", notes=tuple(notes))


def _is_hit(item: Mapping[str, Any], text: str) -> bool:
    """PostHog's lists do not all know how to search."""
    texts = [item.get("name"), item.get("key"), item.get("description"), *(item.get("tags") or [])]
    return not item.get("deleted") and text.casefold() in " ".join(str(part) for part in texts if part).casefold()


def _hit(kind: str, item: Mapping[str, Any]) -> Row:
    name = item.get("key") if kind == "feature flag" else item.get("name")
    about = item.get("name") if kind == "feature flag" else item.get("description")
    return (kind, str(item.get("id")), name or None, about or None)


def _params(search: str) -> dict[str, Any]:
    return {"limit": _PAGE, **({"search": search} if search else {})}


def _utc(text: Any) -> datetime | None:
    """PostHog's time as Table has times."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return as_stored(moment) if moment.tzinfo else moment
