"""The catalogue of a PostHog project: its events, properties and errors, and a search by name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Field
from usertrack.core.errors import QueryError, UsageError, did_you_mean
from usertrack.core.json_types import JsonObject
from usertrack.core.period import as_stored
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.insights.saved import pages
from usertrack.sources.http import LacksScope, NotFound

PROPERTY_TYPES = ("event", "person", "group")
ERROR_ORDERS = ("occurrences", "users", "last_seen", "first_seen")
_PAGE = 500  # definitions in a request, so that most projects take one
_ISSUES = 100  # PostHog's page of issues
_SEARCHED = {
    "insights": "insight",
    "dashboards": "dashboard",
    "cohorts": "cohort",
    "actions": "action",
    "feature_flags": "feature flag",
    "event_definitions": "event",
    "property_definitions": "property",
}


Item = Mapping[str, Any]
"""One entry of a list, as PostHog describes it."""


@dataclass(frozen=True)
class EventUse:
    """An event that PostHog has a definition of, and how often it came."""

    definition: Item
    events: int = 0
    persons: int = 0

    @property
    def name(self) -> str:
        return str(self.definition.get("name"))

    @property
    def last_seen_at(self) -> datetime | None:
        return _utc(self.definition.get("last_seen_at"))


_DESCRIPTION: Attribute[Item] = Attribute(
    "description", "VARCHAR", lambda item: item.get("description") or None, Field(grows=True)
)


def event_columns(days: int) -> Columns[EventUse]:
    return Columns(
        Attribute("event", "VARCHAR", "name", Field()),
        Attribute("events", "BIGINT", field=Field(f"Last {days} days", "bar")),
        Attribute("persons", "BIGINT", field=Field()),
        Attribute("last_seen_at", "TIMESTAMP", field=Field("Last seen", "when")),
        Attribute("verified", "BOOLEAN", lambda use: bool(use.definition.get("verified"))),
        Attribute("description", "VARCHAR", lambda use: _DESCRIPTION.read(use.definition), _DESCRIPTION.field),
    )


PROPERTY_COLUMNS: Columns[Item] = Columns(
    Attribute("property", "VARCHAR", lambda item: str(item.get("name")), Field()),
    Attribute("type", "VARCHAR", lambda item: item.get("property_type") or None, Field()),
    _DESCRIPTION,
)
ERROR_COLUMNS: Columns[Item] = Columns(
    Attribute("error", "VARCHAR", lambda item: item.get("name"), Field()),
    Attribute("message", "VARCHAR", lambda item: item.get("description") or None, Field(grows=True)),
    Attribute("occurrences", "BIGINT", lambda item: _counts(item).get("occurrences"), Field(kind="bar")),
    Attribute("users", "BIGINT", lambda item: _counts(item).get("users"), Field()),
    Attribute("sessions", "BIGINT", lambda item: _counts(item).get("sessions")),
    Attribute("first_seen", "TIMESTAMP", lambda item: _utc(item.get("first_seen")), Field(kind="when")),
    Attribute("last_seen", "TIMESTAMP", lambda item: _utc(item.get("last_seen")), Field(kind="when")),
    Attribute("status", "VARCHAR", lambda item: item.get("status")),
    Attribute("id", "VARCHAR", lambda item: item.get("id")),
)


@dataclass(frozen=True)
class Hit:
    """Something in PostHog whose name has the text that was searched for."""

    kind: str
    item: Item

    @property
    def name(self) -> str | None:
        return self.item.get("key" if self.kind == "feature flag" else "name") or None

    @property
    def description(self) -> str | None:
        return self.item.get("name" if self.kind == "feature flag" else "description") or None


HIT_COLUMNS: Columns[Hit] = Columns(
    Attribute("kind", "VARCHAR", field=Field()),
    Attribute("id", "VARCHAR", lambda hit: str(hit.item.get("id")), Field()),
    Attribute("name", "VARCHAR", field=Field()),
    Attribute("description", "VARCHAR", field=Field(grows=True)),
)


def events(runner: Runner, search: str = "", days: int = 30) -> Table:
    """Every event that PostHog has a definition of: how often within ``days`` before the moment to answer for.

    The counts are those of posthog/events_overview, without your own people.
    """
    definitions = pages(runner, "event_definitions/", _params(search))
    counted = runner.table(runner.bind("posthog/events_overview", {"days": days}))
    counts = {row["event"]: (row["events"], row["persons"]) for row in counted.dicts()}
    uses = [EventUse(item, *counts.get(str(item.get("name")), (0, 0))) for item in definitions]
    uses.sort(key=lambda use: (-use.events, use.name))
    known = Table((), (), source="posthog", query=counted.query)
    return event_columns(days).table(uses, "events", source=known, as_of=counted.as_of)


def properties(runner: Runner, kind: str = "event", event: str = "", search: str = "") -> Table:
    """The properties of events, persons or groups; with ``event`` those that this event has carried."""
    if kind not in PROPERTY_TYPES:
        raise UsageError(f"there are no properties of '{kind}'", did_you_mean(kind, PROPERTY_TYPES, "event or person"))
    params = {**_params(search), "type": kind}
    if kind == "group":
        params["group_type_index"] = 0
    if event:
        names = [str(item.get("name")) for item in pages(runner, "event_definitions/", _params(""))]
        if event not in names:
            raise UsageError(
                f"PostHog has never seen an event '{event}'",
                did_you_mean(event, names, "`usertrack events` lists them"),
            )
        params |= {"event_names": json.dumps([event]), "filter_by_event_names": "true"}
    items = pages(runner, "property_definitions/", params)
    return PROPERTY_COLUMNS.table(items, "properties", source=Table((), (), source="posthog"))


def errors(runner: Runner, days: int = 7, order: str = "occurrences", search: str = "") -> Table:
    """The issues of PostHog's error tracking within ``days`` before the moment to answer for, ranked.

    Test accounts are left out. An issue was first seen when it first occurred, also before these days.

    PostHog answers the first hundred; the table says when there are more.
    """
    if order not in ERROR_ORDERS:
        raise UsageError(
            f"errors cannot be sorted by '{order}'", did_you_mean(order, ERROR_ORDERS, ", ".join(ERROR_ORDERS))
        )
    node = {
        "kind": "ErrorTrackingQuery",
        "dateRange": {
            "date_from": (runner.as_of - timedelta(days=days)).isoformat(),
            "date_to": runner.as_of.isoformat(),
            "explicitDate": True,
        },
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
    known = Table((), (), source="posthog", truncated=bool(answer.get("hasMore")))
    return ERROR_COLUMNS.table(issues, "errors", source=known, as_of=runner.as_of)


def _counts(issue: Item) -> Item:
    return issue.get("aggregations") or {}


def search(runner: Runner, text: str) -> Table:
    """Insights, dashboards, cohorts, actions, flags, events and properties with ``text`` in their name.

    What the key may not read is left out, with a note.
    """
    hits, notes = [], []
    for path, kind in _SEARCHED.items():
        try:
            items = list(pages(runner, f"{path}/", _params(text)))
        except LacksScope as error:
            notes.append(f"not searched: {path.replace('_', ' ')}; {error.message}")
        except NotFound:
            notes.append(f"not searched: {path.replace('_', ' ')}; this PostHog has none of them")
        else:
            hits += [Hit(kind, item) for item in items if _is_hit(item, text)]
    return HIT_COLUMNS.table(hits, "search", source=Table((), (), source="posthog", notes=tuple(notes)))


def _is_hit(item: JsonObject, text: str) -> bool:
    """Checked here, because not all lists of PostHog can search."""
    texts = [item.get("name"), item.get("key"), item.get("description"), *(item.get("tags") or [])]
    return not item.get("deleted") and text.casefold() in " ".join(str(part) for part in texts if part).casefold()


def _params(search: str) -> dict[str, object]:
    return {"limit": _PAGE, **({"search": search} if search else {})}


def _utc(text: object) -> datetime | None:
    """A time of PostHog as `Table` has times: UTC and naive."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return as_stored(moment) if moment.tzinfo else moment
