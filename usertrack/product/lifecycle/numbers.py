"""Lifecycle and stickiness as PostHog defines them: who is new, returning or gone, and in how many periods active."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.product.ask import ScopedQuery, answer
from usertrack.product.ask import groups as groups_of
from usertrack.product.events import events_of, require_events
from usertrack.product.scope import GroupName, Scope

STATES = ("new", "returning", "resurrecting", "dormant")


@dataclass(frozen=True)
class LifecycleBucket:
    """The number of persons in each of ``STATES`` in a bucket. While it is not over, nobody is known to be dormant.

    A number that rests on a time before the log begins is None.
    """

    start: datetime
    people: Mapping[str, int | None]
    unfinished: bool = False

    @property
    def active(self) -> int:
        return sum(self.people[state] or 0 for state in STATES[:3])


@dataclass(frozen=True)
class Lifecycle:
    """A list of periods for each value of the breakdown; its one name is empty without one."""

    event: str
    scope: Scope
    groups: Mapping[GroupName, tuple[LifecycleBucket, ...]]
    table: Table


@dataclass(frozen=True)
class Stickiness:
    """``groups[name][n - 1]`` persons were active in exactly n of the ``total`` periods that began up to now."""

    event: str
    scope: Scope
    groups: Mapping[GroupName, tuple[int, ...]]
    total: int
    table: Table


def ask_lifecycle(runner: Runner, event: str, scope: Scope) -> Lifecycle:
    """Raises UsageError for an event that never occurred."""
    starts = scope.starts
    before = scope.step(starts[0], -1).astimezone(UTC)
    table = _ask(runner, "posthog/lifecycle", event, scope, before=before)
    groups = {}
    for name, rows in groups_of(table, scope):
        counts = Counter({(int(row["period"]), str(row["status"])): int(row["people"]) for row in rows})
        groups[name] = tuple(
            LifecycleBucket(start, {state: counts[at, state] for state in STATES}, scope.unfinished(start))
            for at, start in enumerate(starts)
        )
    return Lifecycle(event, scope, groups, table)


def turnover_query(scope: Scope) -> ScopedQuery:
    """The query and its values for `turnovers`."""
    seconds = ceil(scope.elapsed.total_seconds())
    origin = scope.since - timedelta(seconds=seconds)
    before = origin - timedelta(seconds=seconds)
    return "posthog/lifecycle", scope, {"before": before, "origin": origin, "seconds": seconds}


def turnovers(table: Table, scope: Scope, begin: datetime | None) -> tuple[LifecycleBucket, LifecycleBucket]:
    """The lifecycle with the known part of the window as one period: of the period before, and of the window.

    Each is held against the time before it, and is unknown where the log begins (``begin``) within that.
    """
    counts = Counter({(int(row["period"]), str(row["status"])): int(row["people"]) for row in table.dicts()})
    start = scope.since - scope.elapsed
    before, now = (
        {state: None if begin and begin > since else counts[at, state] for state in STATES}
        for at, since in enumerate((start - scope.elapsed, start))
    )
    return LifecycleBucket(start, before), LifecycleBucket(scope.since, now, unfinished=scope.until > scope.end)


def ask_stickiness(runner: Runner, event: str, scope: Scope) -> Stickiness:
    """Raises UsageError for an event that never occurred."""
    total = len(scope.starts)
    table = _ask(runner, "posthog/stickiness", event, scope)
    groups = {}
    for name, rows in groups_of(table, scope):
        counts = Counter({int(row["periods"]): int(row["people"]) for row in rows})
        groups[name] = tuple(counts[n] for n in range(1, total + 1))
    return Stickiness(event, scope, groups, total, table)


def _ask(runner: Runner, query: str, event: str, scope: Scope, **own: object) -> Table:
    events = events_of(runner, event)
    table = answer(runner, query, scope, event=list(events or ("",)), **own)
    if len(events) == 1 and not len(table.rows):
        require_events(runner, events)
    return table
