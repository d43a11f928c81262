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
from usertrack.product.scope import Frame
from usertrack.product.sessions import numbers as sessions
from usertrack.reports import activity_segments as standing
from usertrack.segments.profiles import Workbench
from usertrack.segments.rules import Rules

GONE = 30
"""Whole days without an event are to have left."""


@dataclass(frozen=True)
class Asked:
    """``funnels`` by name: the first is the one that people adopt the product along, and the end of each is a goal."""

    frame: Frame
    weeks: Frame
    year: Frame
    signed_up: str
    source: features.Source
    patterns: tuple[str, ...]
    funnels: Mapping[str, funnel.Funnel]


@dataclass(frozen=True)
class Whole:
    """None is a part that cannot be told of these events, and ``notes`` say why. ``goals`` are ways to each goal."""

    workspace: str
    activity: activity.Activity
    sessions: sessions.Sessions
    cohorts: retention.DayCohorts | None
    segments: Sequence[standing.Standing]
    features: features.Features | None
    adoption: funnel.FunnelAnswer | None
    journeys: Journeys
    goals: Sequence[Journeys]
    churn: churn.Churn | None
    notes: tuple[str, ...]


def ask(runner: Runner, asked: Asked, bench: Workbench, rules: Rules, workspace: str) -> Whole:
    """Raises UsageError for a condition that is no HogQL."""
    frame = replace(asked.frame, breakdown="").whole
    first = next(iter(asked.funnels.values()), None)
    notes: list[str] = []
    page = journeys.Asked(patterns=asked.patterns)
    goals = dict.fromkeys("|".join(one.steps[-1].events) for one in asked.funnels.values() if one.steps[-1].events)
    ways = [
        _told(notes, lambda goal=goal: journeys.ask(runner, replace(page, goal=goal), frame))  # type: ignore[misc]
        for goal in goals
    ]
    return Whole(
        workspace,
        activity.ask(runner, frame),
        sessions.ask(runner, replace(frame, top=100)),
        _told(notes, lambda: retention.ask_days(runner, retention.Asked(asked.signed_up), asked.weeks)),
        standing.ask(runner, bench, rules, frame),
        _told(notes, lambda: features.ask(runner, asked.source, replace(frame, interval="week"))),
        _told(notes, lambda: funnel.ask(runner, first, frame)) if first else None,
        journeys.ask(runner, page, frame),
        [way for way in ways if way],
        _told(notes, lambda: churn.ask(runner, "", GONE, asked.year)),
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
