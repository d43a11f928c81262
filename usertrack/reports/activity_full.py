"""All of product analytics about one time and some people: what a dashboard shows. What cannot be asked is left out.

Cohorts look at the last 15 weeks and churn at the last year up to the end of that time, whenever it began.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from usertrack.core.errors import UsageError
from usertrack.engine.runner import Runner
from usertrack.product.activity import numbers as activity
from usertrack.product.churn import numbers as churn
from usertrack.product.features import numbers as features
from usertrack.product.funnel import numbers as funnel
from usertrack.product.journeys import numbers as journeys
from usertrack.product.journeys.numbers import Journeys
from usertrack.product.retention import numbers as retention
from usertrack.product.scope import Scope
from usertrack.product.sessions import numbers as sessions
from usertrack.reports import activity_segments as standing
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Rules

GONE = 30
"""Whole days without an event are to have left."""


@dataclass(frozen=True)
class FullActivityQuery:
    """``funnels`` by name: the first is the one that people adopt the product along, and the end of each is a goal."""

    scope: Scope
    weeks: Scope
    year: Scope
    signed_up: str
    source: features.FeatureSource
    patterns: tuple[str, ...]
    funnels: Mapping[str, funnel.Funnel]


@dataclass(frozen=True)
class FullActivity:
    """None is a part that cannot be told of these events, and ``notes`` say why. ``goals`` are ways to each goal."""

    workspace: str
    activity: activity.Activity
    sessions: sessions.Sessions
    cohorts: retention.DayRetention | None
    segments: Sequence[standing.SegmentActivity]
    features: features.Features | None
    adoption: funnel.FunnelAnswer | None
    journeys: Journeys
    goals: Sequence[Journeys]
    churn: churn.Churn | None
    notes: tuple[str, ...]


def ask(runner: Runner, query: FullActivityQuery, profiles: Profiles, rules: Rules, workspace: str) -> FullActivity:
    """Raises UsageError for a condition that is no HogQL."""
    scope = replace(query.scope, breakdown="").widened_to_buckets
    first = next(iter(query.funnels.values()), None)
    notes: list[str] = []
    page = journeys.JourneysQuery(patterns=query.patterns)
    goals = dict.fromkeys(
        "|".join(funnel.steps[-1].events) for funnel in query.funnels.values() if funnel.steps[-1].events
    )
    ways = [
        _told(notes, lambda goal=goal: journeys.ask(runner, replace(page, goal=goal), scope))  # type: ignore[misc]
        for goal in goals
    ]
    return FullActivity(
        workspace,
        activity.ask(runner, scope),
        sessions.ask(runner, replace(scope, top=100)),
        _told(notes, lambda: retention.ask_days(runner, retention.RetentionQuery(query.signed_up), query.weeks)),
        standing.ask(runner, profiles, rules, scope),
        _told(notes, lambda: features.ask(runner, query.source, replace(scope, interval="week"))),
        _told(notes, lambda: funnel.ask(runner, first, scope)) if first else None,
        journeys.ask(runner, page, scope),
        [way for way in ways if way],
        _told(notes, lambda: churn.ask(runner, "", GONE, query.year)),
        tuple(dict.fromkeys(notes)),
    )


Part = TypeVar("Part")


def _told(notes: list[str], part: Callable[[], Part]) -> Part | None:
    """A project without features or signups has a dashboard, too."""
    try:
        return part()
    except UsageError as error:
        notes.append(error.message)
        return None
