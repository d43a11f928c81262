"""Every answer has the same columns in its table and in the rows of its JSON, and people see no others."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from usertrack.core.document import Block, Document, Listing, Section
from usertrack.engine.runner import Runner
from usertrack.library.events import parse_step
from usertrack.product.activity import numbers as activity
from usertrack.product.activity.view import activity_document
from usertrack.product.churn import numbers as churn
from usertrack.product.churn.view import churn_document
from usertrack.product.features import numbers as features
from usertrack.product.features.view import features_document
from usertrack.product.funnel import numbers as funnel
from usertrack.product.funnel.view import funnel_document
from usertrack.product.journeys import numbers as journeys
from usertrack.product.journeys.view import journeys_document
from usertrack.product.lifecycle import numbers as lifecycle
from usertrack.product.lifecycle.view import lifecycle_document, stickiness_document
from usertrack.product.retention import numbers as retention
from usertrack.product.retention.view import cohorts_document, retention_document
from usertrack.product.scope import Scope
from usertrack.product.sessions import numbers as sessions
from usertrack.product.sessions.view import sessions_document

from ..server.capture_fixtures import Client
from .logs import asking, capture, scope_of

WEEKS = scope_of("2026-01-05", "2026-01-26", "week")
STEPS = funnel.Funnel("", (parse_step("a"), parse_step("b")))
USES = features.FeatureSource("a", "", "category", "duration")
MEMBERS = retention.RetentionQuery("a")
VISITS = journeys.JourneysQuery(by="event", periods=True)
TO_B = journeys.JourneysQuery(by="event", goal="b")

ANSWERS: dict[str, Callable[[Runner, Scope], Document]] = {
    "activity days": lambda runner, scope: activity_document(activity.ask(runner, scope)),
    "churn risk_segments": lambda runner, scope: churn_document(churn.ask(runner, "", 3, scope)),
    "churn groups.trend": lambda runner, scope: churn_document(churn.ask(runner, "", 3, scope, trend=True)),
    "cohorts cells": lambda runner, scope: cohorts_document(retention.ask_days(runner, MEMBERS, scope)),
    "features features": lambda runner, scope: features_document(features.ask(runner, USES, scope)),
    "funnel groups.steps": lambda runner, scope: funnel_document(funnel.ask(runner, STEPS, scope)),
    "funnel groups.trend": lambda runner, scope: funnel_document(funnel.ask(runner, STEPS, scope, trend=True)),
    "journeys groups": lambda runner, scope: journeys_document(journeys.ask(runner, VISITS, scope)),
    "journeys-to groups": lambda runner, scope: journeys_document(journeys.ask(runner, TO_B, scope)),
    "lifecycle rows": lambda runner, scope: lifecycle_document(lifecycle.ask_lifecycle(runner, "", scope)),
    "retention cells": lambda runner, scope: retention_document(retention.ask(runner, MEMBERS, scope)),
    "sessions rows": lambda runner, scope: sessions_document(sessions.ask(runner, scope)),
    "sessions-by-week rows": lambda runner, scope: sessions_document(sessions.ask(runner, scope, buckets=True)),
    "stickiness rows": lambda runner, scope: stickiness_document(lifecycle.ask_stickiness(runner, "", scope)),
}
COMPARED = {"measure", "now", "before", "change"}
COMPUTED_TO_SHOW = {  # what no row of a file has
    "activity": [COMPARED, {"part", "now", "before"}, {"group", "mean", "wau", "mau", "stickiness"}],
    "sessions": [COMPARED, {"length", "sessions", "share"}],
    "sessions-by-week": [COMPARED, {"length", "sessions", "share"}],
    "journeys": [{"path", "sessions", "share", "people", "completion", "drop_off", "mean_seconds"}],
    "journeys-to": [{"path", "sessions", "share", "people", "share_of_all", "mean_seconds"}],
}
LINES = [
    "ann | a | 2026-01-05 10:00:00, 2026-01-06 10:00:00, 2026-01-12 10:00:00 | plan=pro $session_id=s1",
    "ann | b | 2026-01-05 10:01:00, 2026-01-12 10:01:00 | plan=pro $session_id=s1",
    "bob | a | 2026-01-07 11:00:00, 2026-01-21 11:00:00, 2026-01-24 11:00:00 | plan=free $session_id=s2",
]


def rows_at(data: Any, path: list[str]) -> Iterator[dict[str, Any]]:
    """The rows below ``path``, through lists on the way."""
    for item in data if isinstance(data, list) else [data]:
        if path:
            yield from rows_at(item[path[0]], path[1:])
        else:
            yield item


def row_keys(data: Any) -> Iterator[set[str]]:
    """The keys of every kind of rows in a JSON document."""
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for value in values:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield set(value[0])
        yield from row_keys(value)


def listings(blocks: tuple[Block, ...]) -> Iterator[Listing]:
    for block in blocks:
        if isinstance(block, Section):
            yield from listings(block.blocks)
        elif isinstance(block, Listing):
            yield block


def keys_of_rows(name: str, data: Any, path: list[str]) -> set[str]:
    if name.startswith("journeys"):  # each kind of row has the keys that say something of it
        lists = ("paths", "edges", "entries", "exits", "periods")
        rows = [row for group in data["groups"] for each in lists for row in group.get(each, [])]
        return {"kind", *(key for row in rows for key in row)}
    return set(next(rows_at(data, path)))


@pytest.mark.slow
def test_a_column_has_one_home(client: Client) -> None:
    capture(client, LINES)
    by_plan = replace(WEEKS, breakdown="plan")
    with asking(client.store, WEEKS.as_of, WEEKS.timezone) as runner:
        for answer, document_of in ANSWERS.items():
            name, path = answer.split()
            document = document_of(runner, WEEKS if path == "risk_segments" else by_plan)
            assert document.table is not None
            assert document.data is not None
            data, columns = document.data(), set(document.table.names)
            keys = keys_of_rows(name, data, path.split("."))
            assert keys | {"breakdown", "group"} == columns | {"breakdown", "group"}, answer
            known = [columns, *row_keys(data), *COMPUTED_TO_SHOW.get(name, [])]
            for listing in listings(document.blocks):
                assert any(set(listing.table.names) <= names for names in known), (answer, listing.heading)
