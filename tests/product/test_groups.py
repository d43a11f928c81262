"""Groups of a breakdown are the same people for every command: an empty value is none, as is a missing one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from usertrack.engine.runner import Runner
from usertrack.product.activity import numbers as activity
from usertrack.product.churn import numbers as churn
from usertrack.product.features import numbers as features
from usertrack.product.features.view import features_document
from usertrack.product.funnel.numbers import Funnel, parse_step
from usertrack.product.funnel.numbers import ask as ask_funnel
from usertrack.product.journeys import numbers as journeys
from usertrack.product.journeys.view import journeys_document
from usertrack.product.lifecycle import numbers as lifecycle
from usertrack.product.retention import numbers as retention
from usertrack.product.scope import Scope
from usertrack.product.sessions import numbers as sessions

from ..conftest import slow_but
from ..server.capture_fixtures import Client
from .logs import asking, scope_of

JANUARY = scope_of("2026-01-01", "2026-01-31")
TWICE = Funnel("", (parse_step("a"), parse_step("a")))
USES = features.FeatureSource("a", "", "category", "duration")

Counts = dict[str, int]
COMMANDS: dict[str, Callable[[Runner, Scope], Counts]] = {
    "activity": lambda runner, scope: {
        name: group.days[2].dau for name, group in activity.ask(runner, scope).groups.items()
    },
    "sessions": lambda runner, scope: {
        name: group.now.sessions for name, group in sessions.ask(runner, scope).groups.items()
    },
    "features": lambda runner, scope: {
        group.name: group.people for group in features.ask(runner, USES, replace(scope, interval="week")).groups
    },
    "funnel": lambda runner, scope: {
        group.name: group.steps[0].persons for group in ask_funnel(runner, TWICE, scope).groups
    },
    "unordered funnel": lambda runner, scope: {
        group.name: group.steps[0].persons
        for group in ask_funnel(runner, replace(TWICE, order="unordered"), scope).groups
    },
    "retention": lambda runner, scope: {
        group.name: group.cohorts[2].size
        for group in retention.ask(runner, retention.RetentionQuery("a"), scope).groups
    },
    "cohorts": lambda runner, scope: {
        group.name: sum(week.size for week in group.cohorts)
        for group in retention.ask_days(runner, retention.RetentionQuery("a"), replace(scope, interval="week")).groups
    },
    "lifecycle": lambda runner, scope: {
        name: periods[2].active for name, periods in lifecycle.ask_lifecycle(runner, "", scope).groups.items()
    },
    "stickiness": lambda runner, scope: {
        name: sum(counts) for name, counts in lifecycle.ask_stickiness(runner, "", scope).groups.items()
    },
    "journeys": lambda runner, scope: {
        group.name: group.total.sessions
        for group in journeys.ask(runner, journeys.JourneysQuery(by="event"), scope).groups
    },
    "churn": lambda runner, scope: {group.name: group.lifetime.n for group in churn.ask(runner, "", 7, scope).groups},
    "churn's periods": lambda runner, scope: {
        group.name: sum(period.left.n for period in group.periods) for group in churn.ask(runner, "", 7, scope).groups
    },
    "churn over time": lambda runner, scope: {
        group.name: sum(bucket.so_far.n for bucket in group.trend)
        for group in churn.ask(runner, "", 7, replace(scope, interval="month"), trend=True).groups
    },
}


OF_EVENTS = ("plan", 5, "pro")


@pytest.mark.slow
@pytest.mark.parametrize(("breakdown", "top", "second"), slow_but([OF_EVENTS], [OF_EVENTS, ("person.plan", 1, "pro")]))
def test_an_empty_value_is_none(client: Client, breakdown: str, top: int, second: str) -> None:
    plans: list[dict[str, object]] = [{"plan": ""}, {"plan": ""}, {}, {"plan": "pro"}, {"plan": "pro"}]
    for n, plan in enumerate(plans):
        event = {"event": "a", "distinct_id": f"p{n}", "timestamp": "2026-01-03T10:00:00Z"}
        properties = {"$session_id": f"s{n}", **plan, "$set": plan}
        client.batch({**event, "properties": properties}, historical_migration=True)
    scope = replace(JANUARY, breakdown=breakdown, top=top)
    with asking(client.store, JANUARY.as_of) as runner:
        groups = {command: ask(runner, scope) for command, ask in COMMANDS.items()}
    assert groups == {command: {"(none)": 3, second: 2} for command in COMMANDS}


def test_a_value_that_reads_as_none_is_in_quotes(client: Client) -> None:
    for n, medium in enumerate(("(none)", "(none)", None)):
        event = {"event": "a", "distinct_id": f"p{n}", "timestamp": "2026-01-03T10:00:00Z"}
        client.batch({**event, "properties": {"medium": medium}}, historical_migration=True)
    scope = replace(JANUARY, breakdown="medium")
    with asking(client.store, JANUARY.as_of) as runner:
        of_journeys = journeys_document(journeys.ask(runner, journeys.JourneysQuery(by="event"), scope))
        of_features = features_document(features.ask(runner, USES, replace(scope, interval="week")))
    assert [getattr(block, "heading", "") for block in of_journeys.blocks] == [
        'medium = "(none)" · 2 journeys',
        "medium = (none) · 1 journey",
    ]
    headings = [getattr(block, "heading", "") for block in of_features.blocks]
    assert 'medium = "(none)" · of 2 active people' in headings
    assert "medium = (none) · of 1 active person" in headings
