"""Retention as PostHog defines it: how many of a cohort came back in each later period; None while that is not over."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from usertrack.core.errors import Absent, UsageError
from usertrack.core.table import NamedRow, Table
from usertrack.core.words import number
from usertrack.engine.runner import Runner
from usertrack.library.events import require_role
from usertrack.library.sql import properties_of
from usertrack.product.ask import answer, groups, require_known
from usertrack.product.events import require_steps, step_of
from usertrack.product.scope import GroupName, Scope
from usertrack.product.sign_ups import log_begin, sign_ups

Kind = Literal["first-time", "recurring"]
DAYS = (1, 7, 14, 30, 60, 90)
"""The days after their first on which cohorts are shown."""
COHORT_WEEKS = 15
"""Weeks of signup cohorts: on every day of the last week, day 90 of the first cohort is over."""
FEWEST = 30
"""A curve ends with the last day that is known of so many people: after that it moves by chance."""
MOST_COHORTS = 1000
"""Each has a cell for every period: half a million cells take a gigabyte."""


@dataclass(frozen=True)
class RetentionQuery:
    """``target`` is the event that puts somebody in a cohort, ``returning`` the one that counts as coming back.

    Both are steps; empty is any event. With ``began``, moments by e-mail, these put in cohorts instead of events, from
    ``log_begin`` on.
    """

    target: str
    returning: str = ""
    kind: Kind = "first-time"
    minimum: int = 1
    began: Mapping[str, datetime] | None = None
    log_begin: datetime | None = None


@dataclass(frozen=True)
class Cohort:
    """The people who began in the period from ``start``: ``people[k]`` of ``size`` came back in the k-th after it.

    ``people[0]`` is ``size``; None is a period that is not over. ``forming``: the cohort's own period is not over.
    """

    start: datetime
    size: int
    people: tuple[int | None, ...]
    forming: bool = False

    def rate(self, period: int) -> float | None:
        people = self.people[period] if period < len(self.people) else None
        return people / self.size if self.size and people is not None else None


@dataclass(frozen=True)
class RetentionGroup:
    """The cohorts of one value of the breakdown, whose ``name`` is empty without one."""

    name: GroupName
    cohorts: tuple[Cohort, ...]

    def mean(self, period: int) -> float | None:
        """The share who came back in ``period``, over all cohorts of which that is known."""
        known = [cohort for cohort in self.cohorts if cohort.rate(period) is not None]
        size = sum(cohort.size for cohort in known)
        return sum(cohort.people[period] or 0 for cohort in known) / size if size else None


@dataclass(frozen=True)
class Retention:
    query: RetentionQuery
    scope: Scope
    groups: tuple[RetentionGroup, ...]
    table: Table


@dataclass(frozen=True)
class DayGroup(RetentionGroup):
    """Cohorts of weeks, each with how many came back on the days ``DAYS`` after their own, and ``curve``: every day.

    ``curve[d]`` is (people, of how many) over everybody whose day d is over.
    """

    curve: tuple[tuple[int, int], ...]

    @property
    def drawn(self) -> list[tuple[int, int, int]]:
        """(day, people, of how many) of the days after the first that are known of ``FEWEST`` people or more."""
        return [(day, people, size) for day, (people, size) in enumerate(self.curve) if day and size >= FEWEST]


@dataclass(frozen=True)
class DayRetention(Retention):
    groups: tuple[DayGroup, ...]


def ask(runner: Runner, query: RetentionQuery, scope: Scope) -> Retention:
    """Raises UsageError for an event that never occurred, and for more than ``MOST_COHORTS`` cohorts."""
    if len(scope.starts) > MOST_COHORTS:
        raise UsageError(
            f"that is {number(len(scope.starts))} {scope.interval}s, and each is held against all after it",
            f"choose a longer --interval; {number(MOST_COHORTS)} is the most",
        )
    table = _ask(runner, query, scope)
    cohorts = tuple(RetentionGroup(name, _cohorts(scope, _cells(rows))) for name, rows in groups(table, scope))
    return Retention(query, scope, cohorts, table)


def ask_days(runner: Runner, query: RetentionQuery, weeks: Scope) -> DayRetention:
    """Days since everybody's first, in cohorts by the day, week or month of that.

    Raises UsageError for an event that never occurred, and for cohorts of hours.
    """
    if weeks.interval == "hour":
        raise UsageError(
            "cohorts are gathered by day, week or month, not by hour",
            "`usertrack retention --interval hour` is by hour",
        )
    scope = replace(weeks, interval="day")
    table = _ask(runner, query, scope)
    known = Counter((scope.starts.index(scope.floor(at)), 0) for at in (query.began or {}).values())
    day_groups = (
        _days(name, _cohorts(scope, known | Counter(_cells(rows)), DAYS[-1]), weeks)  # some never had an event
        for name, rows in groups(table, scope)
    )
    return DayRetention(query, weeks, tuple(day_groups), table)


def ask_sign_ups(runner: Runner, signed_up: str, returning: str, weeks: Scope) -> DayRetention:
    """Cohorts of sign-ups: by the event ``signed_up``, or where nobody has it, by the accounts in Postgres.

    Of accounts that were made before the log begins, nobody knows who came back: they are in no cohort, and there is
    none before it.
    """
    try:
        return ask_days(runner, RetentionQuery(require_role("signed_up", signed_up), returning), weeks)
    except (Absent, UsageError):
        begin = log_begin(runner, weeks.end)
        since = max(begin or weeks.since, weeks.since)
        accounts = None if weeks.breakdown or not begin else sign_ups(runner, weeks, since)
        if accounts is None:
            raise
    query = RetentionQuery("sign-up in Postgres", returning, began=accounts, log_begin=begin)
    return ask_days(runner, query, replace(weeks, since=weeks.floor(since)))


def _ask(runner: Runner, query: RetentionQuery, scope: Scope) -> Table:
    requested = ("returning",) if query.began is not None else ("target", "returning")
    steps = {name: step_of(runner, text) for name in requested if (text := getattr(query, name))}
    named = [name for step in steps.values() for name in properties_of(step.condition)]
    require_known(runner, named, scope.since, scope.until)
    values: dict[str, object] = {
        **{name: list(step.events) or [""] for name, step in steps.items()},
        **{f"{name}_where": step.condition or "true" for name, step in steps.items()},
        "first_time": query.kind == "first-time",
        "minimum": query.minimum,
    }
    if query.began is not None:
        values["target_where"] = "false"
        values["emails"] = [*query.began] or [""]
        values["began"] = [str(int(at.timestamp())) for at in query.began.values()] or ["0"]
    table = answer(runner, "posthog/retention", scope, **values)
    if not any(row["period"] > 0 for row in table.dicts()):
        for name, step in steps.items():
            require_steps(runner, [step], f"--{name} EVENT takes another")
    return table


def _cells(rows: Iterable[NamedRow]) -> dict[tuple[int, int], int]:
    return {(int(row["cohort"]), int(row["period"])): int(row["people"]) for row in rows}


def _cohorts(scope: Scope, cells: Mapping[tuple[int, int], int], last: int = MOST_COHORTS) -> tuple[Cohort, ...]:
    """Each with its periods up to the ``last``: all periods of many years of days would be some ten million."""
    starts, finished = scope.starts, scope.finished
    return tuple(
        Cohort(
            start,
            cells.get((at, 0), 0),
            tuple(
                cells.get((at, later), 0) if later == 0 or finished[at + later] else None
                for later in range(min(len(starts) - at, last + 1))
            ),
            forming=not finished[at],
        )
        for at, start in enumerate(starts)
    )


def _days(name: GroupName, daily: Sequence[Cohort], weeks: Scope) -> DayGroup:
    by_week: dict[datetime, list[Cohort]] = {start: [] for start in weeks.starts}
    for cohort in daily:
        by_week[weeks.floor(cohort.start)].append(cohort)
    cohorts = tuple(_week(weeks, start, members) for start, members in by_week.items())
    return DayGroup(name, cohorts, tuple(_known(daily, day) for day in range(DAYS[-1] + 1)))


def _week(scope: Scope, start: datetime, members: Sequence[Cohort]) -> Cohort:
    size = sum(member.size for member in members)
    forming = scope.unfinished(start)

    def on(day: int) -> int | None:
        people = [member.people[day] if day < len(member.people) else None for member in members]
        return None if forming or None in people else sum(count or 0 for count in people)

    return Cohort(start, size, (size, *(on(day) for day in DAYS)), forming)


def _known(daily: Sequence[Cohort], day: int) -> tuple[int, int]:
    known = [
        cohort for cohort in daily if not cohort.forming and day < len(cohort.people) and cohort.people[day] is not None
    ]
    return sum(cohort.people[day] or 0 for cohort in known), sum(cohort.size for cohort in known)
