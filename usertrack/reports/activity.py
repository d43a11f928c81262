"""Gathers all parts of a report on activity: those of the page, and with funnels those of the `--full` document.

Parts are asked for side by side, or each alone. One without an answer holds its error; the others are reported.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

from usertrack.core.errors import UsageError, UsertrackError, is_unknown
from usertrack.engine.runner import Done, Runner
from usertrack.library.library import Statement
from usertrack.product.activity import numbers as activity
from usertrack.product.activity.numbers import Activity
from usertrack.product.churn import numbers as churn
from usertrack.product.churn.numbers import Churn
from usertrack.product.features import numbers as features
from usertrack.product.features.numbers import Features, FeatureSource
from usertrack.product.funnel import numbers as funnel
from usertrack.product.funnel.numbers import Funnel, FunnelAnswer
from usertrack.product.journeys import numbers as journeys
from usertrack.product.journeys.numbers import Journeys, JourneysQuery
from usertrack.product.retention import numbers as retention
from usertrack.product.retention.numbers import COHORT_WEEKS, DayRetention
from usertrack.product.scope import TOP, Scope
from usertrack.product.sessions import numbers as sessions
from usertrack.product.sessions.numbers import Sessions
from usertrack.reports import activity_segments
from usertrack.reports.activity_segments import SegmentActivity
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Rules
from usertrack.workspace.settings import Settings

CHURNED_AFTER = 30
"""Whole days without an event after which a person has churned."""

Numbers = TypeVar("Numbers")


@dataclass(frozen=True)
class ActivityQuery:
    """``cohort_weeks`` is the scope of the cohorts of people who did ``signed_up``; ``page_patterns`` merge pages.

    ``session_values`` is how many browsers, countries, … sessions are counted by. ``churn_days`` is the scope of churn.
    ``funnels`` are by name: the first is the adoption funnel, and the last step of each is a goal of journeys. Without
    them, nothing is asked about churn, adoption and goals.
    """

    scope: Scope
    cohort_weeks: Scope
    signed_up: str
    feature_source: FeatureSource
    page_patterns: tuple[str, ...]
    session_values: int = TOP
    churn_days: Scope | None = None
    funnels: Mapping[str, Funnel] = field(default_factory=dict)


def activity_query(settings: Settings, scope: Scope) -> ActivityQuery:
    """The parts of the page on activity, with the workspace's settings."""
    weeks = replace(scope, interval="week").last(COHORT_WEEKS)
    source = features.feature_source(settings)
    return ActivityQuery(scope, weeks, settings["events.signed_up"], source, tuple(settings["pages"]))


@dataclass(frozen=True)
class PartAnswer(Generic[Numbers]):
    """The ``answer`` of one part, or its error, and the ``statements`` that were asked for it."""

    answer: Numbers | UsertrackError
    statements: tuple[Statement, ...]


def known(part: PartAnswer[Numbers] | None) -> Numbers | None:
    """The answer of ``part``; None where it is an error, or was not asked for."""
    return None if part is None or isinstance(part.answer, UsertrackError) else part.answer


@dataclass(frozen=True)
class ActivityReport:
    """``goals`` are the journeys to each goal. ``adoption`` and ``churn`` are None where the query has none of them."""

    scope: Scope
    profiles: Profiles
    activity: PartAnswer[Activity]
    sessions: PartAnswer[Sessions]
    features: PartAnswer[Features]
    journeys: PartAnswer[Journeys]
    cohorts: PartAnswer[DayRetention]
    segments: PartAnswer[list[SegmentActivity]]
    adoption: PartAnswer[FunnelAnswer] | None = None
    goals: tuple[PartAnswer[Journeys], ...] = ()
    churn: PartAnswer[Churn] | None = None

    @property
    def errors(self) -> Iterator[UsertrackError]:
        """The errors of the parts without an answer."""
        parts = (
            *(self.activity, self.sessions, self.features, self.journeys, self.cohorts, self.segments),
            *(self.adoption, *self.goals, self.churn),
        )
        yield from (part.answer for part in parts if part and is_unknown(part.answer))


Ask = Callable[[Runner], Any]


def asks(query: ActivityQuery, judged: Callable[[], tuple[Profiles, Rules]]) -> dict[str, Ask]:
    """The questions of the parts, by name; any can be asked alone. Segments need whom the rules have ``judged``."""
    scope = query.scope.widened_to_buckets
    parts: dict[str, Ask] = {
        "activity": lambda at: activity.ask(at, scope),
        "sessions": lambda at: sessions.ask(at, replace(scope, top=query.session_values)),
        "features": lambda at: features.ask(at, query.feature_source, replace(scope, interval="week")),
        "journeys": lambda at: journeys.ask(at, JourneysQuery(patterns=query.page_patterns), scope),
        "cohorts": lambda at: retention.ask_sign_ups(at, query.signed_up, "", query.cohort_weeks),
        "segments": lambda at: activity_segments.ask(at, *judged(), scope),
    }
    if query.funnels:
        adoption = next(iter(query.funnels.values()))
        parts["adoption"] = lambda at: funnel.ask(at, adoption, scope)
    if churn_days := query.churn_days:
        parts["churn"] = lambda at: churn.ask(at, "", CHURNED_AFTER, churn_days)
    return parts


def gather(runner: Runner, query: ActivityQuery, profiles: Profiles, rules: Rules, done: Done) -> ActivityReport:
    """Ask for all parts. ``profiles`` have the people of all segments; ``runner`` asked for them before.

    Raises UsageError for a condition that is no HogQL, and the error of the source if no part has an answer.
    """
    scope = query.scope.widened_to_buckets
    by_name = asks(query, lambda: (profiles, rules))
    goals: list[Ask] = [
        partial(journeys.ask, query=JourneysQuery(goal=goal, patterns=query.page_patterns), scope=scope)
        for goal in _goals(query.funnels)
    ]
    parts = runner.together([partial(ask_part, runner, ask, done) for ask in (*by_name.values(), *goals)])
    first = parts[0].answer
    if isinstance(first, UsageError) or all(isinstance(part.answer, UsertrackError) for part in parts):
        raise first
    named = dict(zip(by_name, parts, strict=False))
    return ActivityReport(scope, profiles, goals=tuple(parts[len(by_name) :]), **named)


def _goals(funnels: Mapping[str, Funnel]) -> list[str]:
    """The events of each funnel's last step, as journeys take a goal, each goal once."""
    last_steps = (funnel.steps[-1].events for funnel in funnels.values())
    return list(dict.fromkeys("|".join(events) for events in last_steps if events))


def ask_part(runner: Runner, ask: Ask, done: Done) -> PartAnswer[Any]:
    """The answer to ``ask``, or its error, with what was asked for it."""
    statements: list[Statement] = []

    def record(statement: Statement, answer: Any) -> None:  # noqa: ANN401
        statements.append(statement)
        done(statement, answer)

    try:
        return PartAnswer(ask(runner.watched(record)), tuple(statements))
    except UsertrackError as error:
        return PartAnswer(error, tuple(statements))
