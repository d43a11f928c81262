"""Sessions as PostHog defines them: the events of one ``$session_id``. A session belongs to where it began.

A condition on events selects sessions with such an event, and each of them is counted whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from usertrack.core.table import NamedRow, Table
from usertrack.engine.runner import Runner
from usertrack.product.ask import ScopedQuery, answers, groups, without_values
from usertrack.product.scope import GroupName, Scope
from usertrack.product.sign_ups import log_begin

LENGTHS = {
    "to_30s": "0-30s",
    "to_2m": "30s-2m",
    "to_5m": "2m-5m",
    "to_15m": "5m-15m",
    "to_30m": "15m-30m",
    "longer": "30m+",
}
"""The columns of the query, and their labels; each range is half-open."""

TRAITS = {"Device": "$device_type", "Browser": "$browser", "OS": "$os", "Country": "$geoip_country_code"}
"""The properties that sessions are counted by; a session has the first value in it."""


@dataclass(frozen=True)
class SessionCounts:
    """``sessions`` of ``people``; ``mean`` and ``median`` are seconds, None without any. ``lengths``: as in LENGTHS.

    Where no session of the log has events of two moments, how long they lasted, and so who bounced, is unknown.
    ``with_pageview`` have a pageview; only these can bounce. Not ``known``: no event has a $session_id, so that 0
    sessions does not mean that there were none.
    """

    sessions: int = 0
    people: int = 0
    mean: float | None = None
    median: float | None = None
    bounces: int = 0
    with_pageview: int = 0
    lengths: tuple[int, ...] = (0,) * len(LENGTHS)
    known: bool = True

    @property
    def count(self) -> int | None:
        return self.sessions if self.known else None

    @property
    def measured(self) -> bool:
        """Whether it is known how long they lasted."""
        return self.mean is not None or not self.sessions

    @property
    def per_person(self) -> float | None:
        return self.sessions / self.people if self.people else None

    @property
    def bounce_rate(self) -> float | None:
        return self.bounces / self.with_pageview if self.with_pageview and self.measured else None

    @property
    def of_two_minutes(self) -> float | None:
        """The share that lasted two minutes or more."""
        return sum(self.lengths[2:]) / self.sessions if self.sessions and self.measured else None


@dataclass(frozen=True)
class SessionComparison:
    """The sessions of the window, as far as it is over, and of the period of the same length ``before`` it.

    ``buckets`` are by the number of a bucket of the scope, from 0; empty where no buckets were requested.
    """

    now: SessionCounts
    before: SessionCounts
    buckets: Mapping[int, SessionCounts]

    def at(self, bucket: int) -> SessionCounts:
        return self.buckets.get(bucket, SessionCounts(known=self.now.known))


@dataclass(frozen=True)
class Sessions:
    """``all`` of them, ``groups`` of the breakdown, if there is one, and ``by`` each of TRAITS that is not it.

    Groups have a session in the window, the one with most comes first: ``(none)`` has no value, ``all others`` is the
    rest. ``missing_traits`` are those of TRAITS that no session has. ``by_value`` is the answer of the breakdown.
    ``in_buckets``: all sessions and those of the breakdown have their buckets. ``why_none``: why there are none.
    ``log_begin`` is where the log begins, if the period before is not known for that.
    """

    scope: Scope
    all: SessionComparison
    groups: Mapping[GroupName, SessionComparison]
    by: Mapping[str, Mapping[GroupName, SessionComparison]]
    table: Table
    by_value: Table | None = None
    missing_traits: tuple[str, ...] = ()
    in_buckets: bool = False
    why_none: str = ""
    log_begin: datetime | None = None


def sessions_query(scope: Scope, *, buckets: bool = True) -> ScopedQuery:
    """The query and its values for `comparison_of`."""
    return "posthog/sessions", scope, {"before": scope.since - scope.elapsed, "buckets": buckets}


def comparison_of(rows: Sequence[NamedRow]) -> SessionComparison:
    """The sessions of one group, from the rows of the query."""
    periods = {int(row["period"]): _visits(row) for row in rows if row["bucket"] is None}
    buckets = {int(row["bucket"]): _visits(row) for row in rows if row["bucket"] is not None}
    return SessionComparison(periods.get(1, SessionCounts()), periods.get(0, SessionCounts()), buckets)


def with_reason(runner: Runner, scope: Scope, comparison: SessionComparison) -> tuple[SessionComparison, str]:
    """``comparison``, and in words why there are no sessions, if there are none: events may not have session ids."""
    if comparison.now.sessions:
        return comparison, ""
    queries: list[ScopedQuery] = [
        ("posthog/event_hours", scope, {"where": condition})
        for condition in (scope.condition, f"({scope.condition}) AND $session_id != ''")
    ]
    events, of_sessions = (len(table.rows) for table in answers(runner, queries))
    if of_sessions or not events:
        return comparison, "no session began in this time"
    unknown = replace(
        comparison,
        now=SessionCounts(known=False),
        before=replace(comparison.before, known=comparison.before.sessions > 0),
    )
    return unknown, "no event has a $session_id: there are no sessions"


def ask(runner: Runner, requested_scope: Scope, *, buckets: bool = False) -> Sessions:
    """Everything about the sessions of the window, in one go; with ``buckets`` from the start of one on."""
    scope = requested_scope.widened_to_buckets if buckets else requested_scope
    trait_scopes = {
        label: replace(scope, breakdown=name, top=max(scope.top, 10))
        for label, name in TRAITS.items()
        if name != scope.breakdown
    }
    own = [scope] if scope.breakdown else []
    queries = [
        *(sessions_query(group_scope, buckets=buckets) for group_scope in (*own, replace(scope, breakdown=""))),
        *(sessions_query(trait_scope, buckets=False) for trait_scope in trait_scopes.values()),
    ]
    tables = answers(runner, queries, typed=len(own))
    by_value, ungrouped = tables[0] if own else None, tables[len(own)]
    trait_tables = dict(zip(trait_scopes, tables[len(own) + 1 :], strict=True))
    missing = tuple(label for label, table in trait_tables.items() if without_values(table))
    all_, why_none = with_reason(runner, scope, comparison_of(ungrouped.dicts()))
    begin = log_begin(runner, scope.end)
    if begins_late := begin is not None and begin > scope.since - scope.elapsed:
        all_ = replace(all_, before=SessionCounts(known=False))
    return Sessions(
        scope,
        all_,
        _groups(by_value, scope) if by_value else {},
        {
            label: _groups(trait_tables[label], trait_scope)
            for label, trait_scope in trait_scopes.items()
            if label not in missing
        },
        ungrouped,
        by_value,
        missing,
        buckets,
        why_none,
        begin if begins_late else None,
    )


def _groups(table: Table, scope: Scope) -> dict[GroupName, SessionComparison]:
    comparisons = ((name, comparison_of(rows)) for name, rows in groups(table, scope))
    return {name: comparison for name, comparison in comparisons if comparison.now.sessions}


def _visits(row: NamedRow) -> SessionCounts:
    return SessionCounts(
        int(row["sessions"]),
        int(row["people"]),
        row["mean_seconds"],
        row["median_seconds"],
        int(row["bounces"]),
        int(row["with_pageview"]),
        tuple(int(row[name]) for name in LENGTHS),
    )
