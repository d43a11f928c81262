"""Measures how active people are: DAU, WAU, MAU, sessions and engagement, with the period before. Unknown is None."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from usertrack.core.errors import UsageError
from usertrack.core.period import as_utc
from usertrack.core.table import NamedRow, Table
from usertrack.engine.runner import Runner
from usertrack.product.ask import ScopedQuery, answers, groups
from usertrack.product.lifecycle.numbers import LifecycleBucket, turnover_query, turnovers
from usertrack.product.scope import GroupName, Scope
from usertrack.product.sessions.numbers import (
    SessionComparison,
    SessionCounts,
    comparison_of,
    sessions_query,
    with_reason,
)
from usertrack.product.sign_ups import sign_ups

MONTH, SOON = 30, 7
"""In days: the length of the window of MAU, and within how many days somebody has come back."""


@dataclass(frozen=True)
class ActiveDay:
    """A local day: how many persons were active on it, and in the 7 and the 30 days that end with it.

    ``again``: those of ``dau`` who were active again within the next 7 days. ``complete``: it is over, and the
    log has all of it.
    """

    start: datetime
    dau: int
    wau: int
    mau: int
    again: int
    complete: bool = True

    @property
    def stickiness(self) -> float | None:
        return self.dau / self.mau if self.mau else None


@dataclass(frozen=True)
class ActiveDays:
    """The days of a period, up to now."""

    days: tuple[ActiveDay, ...]
    soon: tuple[ActiveDay, ...]  # those of which it is known who came back

    @property
    def last(self) -> ActiveDay | None:
        """The last complete day: DAU, WAU and MAU of the period are those of this day."""
        return next((day for day in reversed(self.days) if day.complete), None)

    @property
    def mean(self) -> float | None:
        """People on an average complete day."""
        complete = [day.dau for day in self.days if day.complete]
        return sum(complete) / len(complete) if complete else None

    @property
    def stickiness(self) -> float | None:
        """The mean of DAU ÷ MAU over the complete days for which it is known."""
        shares = [share for day in self.days if day.complete and (share := day.stickiness) is not None]
        return sum(shares) / len(shares) if shares else None

    @property
    def came_back(self) -> float | None:
        """The share of a day's people who were active once more within the next 7 days."""
        seen = sum(day.dau for day in self.soon)
        return sum(day.again for day in self.soon) / seen if seen else None


_NO_DAYS = ActiveDays((), ())


@dataclass(frozen=True)
class Engagement:
    """``score`` is 100 × the mean of the parts that are known, each a share 0…1."""

    stickiness: float | None
    came_back: float | None
    stayed: float | None
    lasted: float | None

    @property
    def known(self) -> dict[str, float]:
        """The parts that are known, by their names."""
        return {name: part for name, part in vars(self).items() if part is not None}

    @property
    def score(self) -> float | None:
        return 100 * sum(self.known.values()) / len(self.known) if self.known else None

    @property
    def of_parts(self) -> str:
        """The number of parts that the score is of, in words; empty where it is of all."""
        return f"{len(self.known)} of {len(vars(self))} parts" if 0 < len(self.known) < len(vars(self)) else ""


def engagement_of(active: ActiveDays, visits: SessionCounts) -> Engagement:
    stayed = None if visits.bounce_rate is None else 1 - visits.bounce_rate
    return Engagement(active.stickiness, active.came_back, stayed, visits.of_two_minutes)


FORMULA = (
    "100 × the mean of: DAU ÷ MAU of an average day, people of a day seen again within 7 days, "
    "sessions that did not bounce, sessions of 2 minutes or more"
)


@dataclass(frozen=True)
class ActivityPeriod:
    """The numbers of one period: active days, lifecycle and sessions."""

    active: ActiveDays
    lifecycle: LifecycleBucket
    visits: SessionCounts

    @property
    def engagement(self) -> Engagement:
        return engagement_of(self.active, self.visits)


@dataclass(frozen=True)
class Activity:
    """``now`` is the window, from the start of a day on, as far as it is over, ``before`` as long before it.

    ``hours`` are events by local day and hour. ``groups`` are the active days of each value of the breakdown, from
    ``by_value``, which is None without one. ``trend`` has the buckets of the charts. ``no_sessions`` says why there
    are no sessions, where anybody was active. ``begin`` is where the log begins, None without any event: of a period
    before that it does not have in full, nothing but who is new is known.
    ``by_accounts``: who is new is known from Postgres alone.
    """

    scope: Scope
    now: ActivityPeriod
    before: ActivityPeriod
    sessions: SessionComparison
    hours: Mapping[tuple[date, int], int]
    groups: Mapping[GroupName, ActiveDays]
    table: Table
    by_value: Table | None
    trend: Scope
    no_sessions: str
    begin: datetime | None = None
    by_accounts: bool = False

    @property
    def week_earlier(self) -> ActiveDay | None:
        """The full day a week before the last one: what DAU is compared with, since weekdays differ."""
        last = self.now.active.last
        days = (*self.before.active.days, *self.now.active.days) if last else ()
        known = [day for day in days if day.complete]
        return next((day for day in known if last and day.start.date() == last.start.date() - timedelta(7)), None)

    def events(self, day: date) -> int:
        return sum(self.hours.get((day, hour), 0) for hour in range(24))

    @property
    def by_hour(self) -> list[int]:
        """Events in each of the 24 hours of all days together."""
        return [sum(count for (_, at), count in self.hours.items() if at == hour) for hour in range(24)]

    @property
    def by_weekday(self) -> list[int]:
        """Events on Mondays, Tuesdays, and so on."""
        counts = Counter[int]()
        for (day, _), count in self.hours.items():
            counts[day.weekday()] += count
        return [counts[weekday] for weekday in range(7)]


def ask(runner: Runner, requested_scope: Scope) -> Activity:
    """Raises UsageError for a condition that is no HogQL, and for buckets shorter than a day."""
    if requested_scope.interval == "hour":
        raise UsageError("activity is counted in days, not hours", "--interval day, week or month")
    scope = replace(requested_scope, interval="day").widened_to_buckets
    everybody = replace(scope, breakdown="")
    queries: list[ScopedQuery] = [
        _days_query(everybody),
        sessions_query(everybody),
        turnover_query(everybody),
        ("posthog/event_hours", everybody, {}),
        ("posthog/log_begin", everybody, {}),
        *([_days_query(scope)] if scope.breakdown else []),
    ]
    days, visits, came, hours, log, *grouped = answers(runner, queries)
    begin = as_utc(log.rows[0][0]) if log.rows[0][0] else None
    before, now = _active(days.dicts(), scope, begin)
    sessions, no_sessions = comparison_of(visits.dicts()), ""
    if len(hours.rows):
        sessions, no_sessions = with_reason(runner, everybody, sessions)
    was, is_now = turnovers(came, scope, begin)
    since = scope.since - scope.elapsed
    compares = begin is None or begin <= since  # else nothing else is known of the period before
    joined = sign_ups(runner, scope, since) if None in (was.people["new"], is_now.people["new"]) else None
    if joined is not None:
        late = sum(at >= scope.since for at in joined.values())
        was = replace(was, people={**was.people, "new": len(joined) - late})
        is_now = replace(is_now, people={**is_now.people, "new": late})
    return Activity(
        scope,
        ActivityPeriod(now, is_now, sessions.now),
        ActivityPeriod(before, was, sessions.before)
        if compares
        else ActivityPeriod(_NO_DAYS, was, SessionCounts(known=False)),
        sessions,
        {(row["date"], int(row["hour"])): int(row["events"]) for row in hours.dicts()},
        {name: _active(rows, scope, begin)[1] for table in grouped for name, rows in groups(table, scope)},
        days,
        grouped[0] if grouped else None,
        requested_scope,
        no_sessions,
        begin,
        joined is not None,
    )


def engagements(runner: Runner, scopes: Sequence[Scope]) -> list[Engagement]:
    """Return how engaged the people of each scope are in its window."""
    daily = [replace(scope, interval="day").widened_to_buckets for scope in scopes]
    queries = [query for scope in daily for query in (_days_query(scope), sessions_query(scope))]
    tables = answers(runner, queries)
    return [
        engagement_of(_active(days.dicts(), scope)[1], comparison_of(visits.dicts()).now)
        for scope, days, visits in zip(daily, tables[::2], tables[1::2], strict=True)
    ]


def _days_query(scope: Scope) -> ScopedQuery:
    origin, count = scope.starts[0], len(scope.starts)
    first, earliest = (scope.step(origin, -days).astimezone(UTC) for days in (count, count + MONTH - 1))
    return "posthog/active_days", scope, {"from": earliest, "first": first}


def _active(rows: Sequence[NamedRow], scope: Scope, begin: datetime | None = None) -> tuple[ActiveDays, ActiveDays]:
    """The period before, and the window up to ``as_of``; both have every day, also those without anybody.

    Days of which the log, which begins at ``begin``, does not have all are not complete.
    """
    by_day = {row["day"]: row for row in rows}

    def active_day(start: datetime) -> ActiveDay:
        row = by_day.get(start.date())
        dau, wau, mau, again = (int(row[name]) if row else 0 for name in ("dau", "wau", "mau", "again"))
        complete = not scope.unfinished(start) and (begin is None or begin <= start)
        return ActiveDay(start, dau, wau, mau, again, complete)

    over = sum(not scope.unfinished(start) for start in scope.starts)
    before = tuple(active_day(scope.step(scope.starts[0], at)) for at in range(-over, 0))
    days = tuple(map(active_day, scope.starts))
    return ActiveDays(before, before), ActiveDays(days, days[: max(0, over - SOON)])
