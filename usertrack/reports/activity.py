"""What a page about activity shows: parts that are asked for side by side, each with the queries it is made of.

A part that cannot be had is the error that stands in its place; the others are shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from usertrack.core.errors import UsageError, UsertrackError
from usertrack.engine.runner import Done, Runner
from usertrack.library.library import Statement
from usertrack.product.activity import numbers as activity
from usertrack.product.features import numbers as features
from usertrack.product.journeys import numbers as journeys
from usertrack.product.retention import numbers as retention
from usertrack.product.scope import Scope
from usertrack.product.sessions import numbers as sessions
from usertrack.reports import activity_segments as standing
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Rules

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class ActivityQuery:
    """``weeks`` are those of the cohorts of people who did ``signed_up``; ``patterns`` make one page of many."""

    scope: Scope
    weeks: Scope
    signed_up: str
    source: features.FeatureSource
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Part(Generic[Answer]):
    """``found`` is the answer, or why there is none; ``asked`` are its queries."""

    answer: Answer | UsertrackError
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Dashboard:
    scope: Scope
    profiles: Profiles
    activity: Part[activity.Activity]
    sessions: Part[sessions.Sessions]
    features: Part[features.Features]
    journeys: Part[journeys.Journeys]
    cohorts: Part[retention.DayRetention]
    segments: Part[list[standing.SegmentActivity]]


def gather(runner: Runner, query: ActivityQuery, profiles: Profiles, rules: Rules, done: Done) -> Dashboard:
    """Raises UsageError for a condition that is no HogQL, and an error of the source where no part can be had at all.

    ``bench`` has the people of all segments; what it is made of was asked before, with ``runner``.
    """
    scope = query.scope.widened_to_buckets
    weekly = replace(scope, interval="week")
    wanted: list[Callable[[Runner], Any]] = [
        lambda at: activity.ask(at, scope),
        lambda at: sessions.ask(at, scope),
        lambda at: features.ask(at, query.source, weekly),
        lambda at: journeys.ask(at, journeys.JourneysQuery(patterns=query.patterns), scope),
        lambda at: retention.ask_days(at, retention.RetentionQuery(query.signed_up), query.weeks),
        lambda at: standing.ask(at, profiles, rules, scope),
    ]
    parts = runner.together([partial(_part, runner, done, ask) for ask in wanted])
    first = parts[0].answer
    if isinstance(first, UsageError) or all(isinstance(part.answer, UsertrackError) for part in parts):
        raise first
    return Dashboard(scope, profiles, *parts)


def _part(runner: Runner, done: Done, ask: Callable[[Runner], Any]) -> Part[Any]:
    statements: list[Statement] = []

    def told(statement: Statement, answer: Any) -> None:
        statements.append(statement)
        done(statement, answer)

    try:
        return Part(ask(runner.watched(told)), tuple(statements))
    except UsertrackError as error:
        return Part(error, tuple(statements))
