"""The cases of PostHog's own tests, through the queries that the commands run, and as insights of the server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from usertrack.library.events import parse_step
from usertrack.product.activity import numbers as activity
from usertrack.product.funnel.numbers import Funnel, ask
from usertrack.product.journeys import numbers as journeys
from usertrack.product.lifecycle.numbers import STATES, ask_lifecycle, ask_stickiness
from usertrack.product.retention import numbers as retention
from usertrack.product.scope import Scope

from ..server.capture_fixtures import Client
from .logs import asking, at, capture, insight, scope_of

CASES = yaml.safe_load((Path(__file__).parent / "posthog_cases.yaml").read_text())


def of_kind(kind: str) -> Any:
    return pytest.mark.parametrize("case", [pytest.param(c, id=n) for n, c in CASES.items() if c["kind"] == kind])


def captured(client: Client, case: dict[str, Any]) -> dict[str, Any]:
    capture(client, case["events"], case.get("persons"))
    query: dict[str, Any] = case["query"]
    return query


def days(query: dict[str, Any], **more: Any) -> Scope:
    """The scope_of of a query whose last day counts, too."""
    last = at(query["date_to"]) + timedelta(days=1)
    return scope_of(query["date_from"], last.strftime("%Y-%m-%d"), query["interval"], **more)


def series(*events: str) -> list[dict[str, Any]]:
    return [{"kind": "EventsNode", "event": event} for event in events]


def as_node(query: dict[str, Any]) -> dict[str, Any]:
    dates = {name: query[name] for name in ("date_from", "date_to")}
    return {"series": series(query["event"]), "interval": query["interval"], "dateRange": dates}


@of_kind("funnel")
def test_funnel(client: Client, case: dict[str, Any]) -> None:
    query = captured(client, case)
    steps = tuple(map(parse_step, query["steps"]))
    with asking(client.store, at("2026-01-01")) as runner:
        [group] = ask(runner, Funnel("", steps, query["window_seconds"]), scope_of("2000-01-01", "2025-01-01")).groups
    assert [step.persons for step in group.steps] == case["expected"]["counts"]
    if means := case["expected"].get("average_conversion_time_s"):
        assert [step.mean for step in group.steps] == means
    window = {"funnelWindowInterval": query["window_seconds"] // 3600, "funnelWindowIntervalUnit": "hour"}
    node = {"series": series(*query["steps"]), "dateRange": {"date_from": "2000-01-01", "date_to": "2025-01-01"}}
    rows = insight(client, "FunnelsQuery", **node, funnelsFilter=window)
    assert [(step["count"], step["average_conversion_time"]) for step in rows] == [
        (step.persons, step.mean) for step in group.steps
    ]


@of_kind("funnel_trend")
def test_funnel_over_time(client: Client, case: dict[str, Any]) -> None:
    query = captured(client, case)
    zone = query.get("timezone", "UTC")
    first, last = (
        datetime.fromisoformat(query[name]).replace(tzinfo=ZoneInfo(zone)) for name in ("date_from", "date_to")
    )
    scope = Scope(
        first.astimezone(UTC), (last + timedelta(days=1)).astimezone(UTC), at("2026-01-01"), query["interval"], zone
    )
    steps = Funnel("", tuple(map(parse_step, query["steps"])), query["window_seconds"])
    with asking(client.store, scope.as_of, zone) as runner:
        [group] = ask(runner, steps, scope, trend=True).groups
    assert [[bucket.so_far.n, bucket.so_far.hits] for bucket in group.trend] == case["expected"]


@of_kind("retention")
def test_retention(client: Client, case: dict[str, Any]) -> None:
    query = captured(client, case)
    first = at(query["first_period"])
    size = timedelta(days=7 if query["interval"] == "week" else 1)
    until = (first + query["intervals"] * size).strftime("%Y-%m-%d")
    window = scope_of(query["first_period"], until, query["interval"], week_start=query.get("week_start", "monday"))
    kind = "first-time" if query["mode"] == "first_time" else "recurring"
    question = retention.RetentionQuery(query["start_event"], query["return_event"], kind)  # type: ignore[arg-type]
    with asking(client.store, at("2026-01-01")) as runner:
        [group] = retention.ask(runner, question, window).groups
    assert [list(cohort.people) for cohort in group.cohorts] == case["expected"]
    rows = insight(
        client,
        "RetentionQuery",
        dateRange={"date_to": (at(until) - timedelta(days=1)).strftime("%Y-%m-%d")},
        retentionFilter={
            "period": query["interval"].title(),
            "totalIntervals": query["intervals"],
            "retentionType": f"retention_{query['mode']}",
            "targetEntity": {"id": query["start_event"]},
            "returningEntity": {"id": query["return_event"]},
        },
    )
    counts = [[cell["count"] for cell in row["values"]] for row in rows]
    assert [row[: len(rows) - at] for at, row in enumerate(counts)] == case["expected"]


@of_kind("lifecycle")
def test_lifecycle(client: Client, case: dict[str, Any]) -> None:
    query = captured(client, case)
    window = days(query, week_start=query.get("week_start", "monday"))
    window = replace(window, until=window.step(window.floor(at(query["date_to"]))))  # PostHog looks on to its end
    with asking(client.store, at("2026-01-01")) as runner:
        periods = ask_lifecycle(runner, query["event"], window).groups[""]
    assert {state: [period.people[state] for period in periods] for state in STATES} == {
        state: case["expected"][state] for state in STATES
    }
    results = insight(client, "LifecycleQuery", **as_node(query))
    assert {line["status"]: list(map(abs, line["data"])) for line in results} == {
        state: case["expected"][state] for state in STATES
    }


@of_kind("stickiness")
def test_stickiness(client: Client, case: dict[str, Any]) -> None:
    query = captured(client, case)
    with asking(client.store, at("2026-01-01")) as runner:
        assert list(ask_stickiness(runner, query["event"], days(query)).groups[""]) == case["expected"]
    [line] = insight(client, "StickinessQuery", **as_node(query))
    assert line["data"] == case["expected"]


@of_kind("trends")
def test_active_people(client: Client, case: dict[str, Any]) -> None:
    query = captured(client, case)
    with asking(client.store, at("2026-01-01")) as runner:
        active_days = activity.ask(runner, days({**query, "interval": "day"})).now.active.days
    assert {name: [getattr(day, name) for day in active_days] for name in ("dau", "wau", "mau")} == case["expected"]


@of_kind("paths")
def test_paths(client: Client, case: dict[str, Any]) -> None:
    query = captured(client, case)
    with asking(client.store, at("2026-01-01")) as runner:
        [group] = journeys.ask(
            runner, journeys.JourneysQuery(urls=True, **query), scope_of("2000-01-01", "2025-01-01")
        ).groups
    edges = [edge for edge in group.edges if edge.target is not None]
    assert [
        [f"{edge.step}_{edge.source}", f"{edge.step + 1}_{edge.target}", edge.count.sessions] for edge in edges
    ] == case["expected"]
    if seconds := case.get("seconds"):
        assert [edge.count.seconds for edge in edges] == seconds
