"""Lifetimes, leaving and its prediction, counted by hand out of days on which people were active."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from usertrack.core.errors import UsageError
from usertrack.product.churn.numbers import Churn, Share, ask
from usertrack.product.scope import Scope

from ..core.test_survival import SIX_MP
from ..server.capture_fixtures import Client
from .logs import asking, at, capture, scope_of

END = at("2026-11-20 00:00:00")
GONE = 10
YEAR = scope_of("2026-01-01", "2026-11-20", as_of=END)


def active(person: str, ages: Iterable[int], event: str = "run", more: str = "") -> str:
    """An event on each of the days that many whole days before the end: the last whole day is 1."""
    times = (END - timedelta(days=age) + timedelta(hours=12) for age in ages)
    return f"{person} | {event} | {', '.join(f'{time:%Y-%m-%d %H:%M:%S}' for time in times)} | {more}"


def churn_of(
    client: Client, lines: list[str], scope: Scope = YEAR, gone: int = GONE, event: str = "", **more: Any
) -> Churn:
    capture(client, lines)
    with asking(client.store, scope.as_of, scope.timezone) as runner:
        return ask(runner, event, gone, scope, **more)


def lives(churn: Churn, group: int = 0) -> list[tuple[float, int, int]]:
    points = churn.groups[group].lifetime.points
    left = [*(point.at_risk for point in points[1:]), 0]
    return [(p.time, p.ended, p.at_risk - p.ended - after) for p, after in zip(points, left, strict=True)]


def test_lifetimes_of_a_known_case(client: Client) -> None:
    """Everybody of the 6-MP data as somebody who was active at least every fifth day."""
    lines = []
    for weeks, ended, censored in SIX_MP:
        for n in range(ended + censored):
            first = GONE + 1 + weeks + (5 + n if n < ended else 0)
            last = first - weeks if n < ended else 1
            lines.append(active(f"p{weeks}-{n}", [*range(first, last, -5), last]))
    assert lives(churn_of(client, lines)) == SIX_MP


ONE_EACH = {  # the days on which one person was active, and their lifetime
    "silent since": ([30, 20], (10, 1, 0)),
    "silent for exactly ten whole days": ([20, 11], (9, 1, 0)),
    "silent for nine": ([20, 10], (9, 0, 1)),
    "ten days between: left, and came back": ([30, 20, 9], (10, 1, 0)),
    "nine days between, twice": ([30, 20, 10, 1], (19, 0, 1)),
    "one day": ([11], (0, 1, 0)),
    "came on the last day that tells": ([11, 10], (0, 0, 1)),
    "what is not a whole day comes too late": ([12, 0], (0, 1, 0)),
}


def test_one_lifetime(client: Client) -> None:
    scope = scope_of("2026-01-01", "2026-11-20 13:00", as_of=at("2026-11-20 13:00"), breakdown="who", top=len(ONE_EACH))
    lines = [active(f"p{n}", ages, more=f"who={n}") for n, (ages, _) in enumerate(ONE_EACH.values())]
    churn = churn_of(client, lines, scope)
    lifetimes = {str(group.name): lives(churn, n) for n, group in enumerate(churn.groups)}
    assert {case: lifetimes[str(n)] for n, case in enumerate(ONE_EACH)} == {
        case: [lifetime] for case, (_, lifetime) in ONE_EACH.items()
    }


def test_who_is_in_no_lifetime(client: Client) -> None:
    long_ago = "old | run | 2025-12-31 23:59:59, 2026-11-01 00:00:00"
    churn = churn_of(client, [active("new", [10]), active("p", [40]), long_ago])
    assert (lives(churn), churn.groups[0].too_new) == ([(0, 1, 0)], 1)


LEAVERS = [
    *(active(f"gone{n}", [28, 15]) for n in range(3)),  # in the second last period, not in the last
    *(active(f"here{n}", [29, 12, 4]) for n in range(5)),
    active("back", [25, 3]),
    active("new", [1]),
]


def test_the_rate_is_of_those_active_before(client: Client) -> None:
    churn = churn_of(client, [*LEAVERS, active("first", [30])])
    periods = churn.groups[0].periods
    assert [(f"{p.start:%d %b}", f"{p.end:%d %b}", p.left.hits, p.left.n) for p in periods] == [
        ("31 Oct", "10 Nov", 2, 10),  # those of 21 to 30 days ago: all but new; back and first were not there
        ("10 Nov", "20 Nov", 3, 8),
    ]


def test_the_rule_is_proven_on_what_happened(client: Client) -> None:
    """Two periods ago all who were there once, early, left. Of such a period ago 11 of 12 did; another did, too."""
    lines = [
        *(active(f"a{n}", [29]) for n in range(10)),  # once, silent for long; left
        *(active(f"b{n}", range(30, 0, -1)) for n in range(10)),  # there every day
        *(active(f"c{n}", [19]) for n in range(11)),  # named; left
        active("d", [18, 2]),  # named, and stayed
        active("e", [14, 13, 12, 11]),  # not named, and left
        *(active(f"f{n}", [9, 8, 2]) for n in range(2)),
    ]
    churn = churn_of(client, lines)
    assert churn.test is not None
    assert (churn.test.precision, churn.test.recall, churn.test.base) == (Share(11, 12), Share(11, 12), Share(12, 23))
    # c and d were silent for half of that period, and nobody else: the rule had nothing to learn
    assert (churn.test.trivial_precision, churn.test.trivial_recall) == (Share(11, 12), Share(11, 12))
    risks = {risk.segment: risk for risk in churn.risks}
    assert (risks[1, 2].past, risks[1, 2].likely, risks[1, 2].people) == (Share(11, 12), True, 0)
    assert (risks[3, 0].past, risks[3, 0].likely, risks[3, 0].people) == (Share(0, 10), False, 10)
    assert (risks[2, 0].past, risks[2, 0].likely, risks[2, 0].people) == (Share(1, 1), None, 2)  # one tells nothing


def test_what_marks_those_who_left(client: Client) -> None:
    """Newcombe's interval of 0 of 20 less 20 of 20; what both did alike is no mark."""
    lines = [
        *(active(f"left{n}", [15]) for n in range(20)),
        *(active(f"here{n}", [25, 15, 5]) for n in range(20)),
        *(active(f"here{n}", [15], "export") for n in range(20)),
    ]
    churn = churn_of(client, lines)
    marks = {mark.event: (mark.share, mark.other_share) for mark in churn.marks}
    assert marks == {"export": (Share(0, 20), Share(20, 20)), "": (Share(20, 20), Share(0, 20))}
    [export] = [mark for mark in churn.marks if mark.event]
    assert export.interval.low == -1
    assert export.interval.high == pytest.approx(-0.772, abs=1e-3)


def test_what_marks_those_who_left_is_more_than_what_makes_them_active(client: Client) -> None:
    """Who is active, and who left, is told by one event; who did what and is new, by all."""
    lines = [
        *(active(f"left{n}", [15]) for n in range(20)),
        *(active(f"left{n}", [25, 15, 5], "docs") for n in range(20)),
        *(active(f"here{n}", [15, 5]) for n in range(20)),
        *(active(f"here{n}", [15], "export") for n in range(20)),
        *(active(f"other{n}", [15], "docs") for n in range(20)),
    ]
    marks = {mark.event: (mark.share, mark.other_share) for mark in churn_of(client, lines, event="run").marks}
    assert marks == {
        "docs": (Share(20, 20), Share(0, 20)),
        "export": (Share(0, 20), Share(20, 20)),
        "": (Share(0, 20), Share(20, 20)),
    }


def test_short_histories(client: Client) -> None:
    churn = churn_of(client, [active("p", [19, 1])])
    assert (churn.groups[0].periods, churn.test) == ((), None)
    with pytest.raises(UsageError, match="the time has 9 whole days, and to have left takes 10"):
        churn_of(client, [], scope_of("2026-11-11", "2026-11-20", as_of=END))


def test_nobody(client: Client) -> None:
    churn = churn_of(client, [])
    [group] = churn.groups
    assert (group.lifetime.n, group.periods, churn.risks, churn.test) == (0, (), (), None)
    assert Share().value is None


def test_what_is_to_come_is_no_silence(client: Client) -> None:
    scope = scope_of("2026-01-01", "2027-12-31", as_of=END)
    assert lives(churn_of(client, [active("p", [20, 10])], scope)) == [(9, 0, 1)]


def test_groups_by_the_first_value(client: Client) -> None:
    scope = scope_of("2026-01-01", "2026-11-20", as_of=END, breakdown="plan", top=1)
    lines = [*(active(f"p{n}", [40], more="plan=pro") for n in range(2)), active("q", [40, 30, 25], more="plan=free")]
    groups = churn_of(client, lines, scope).groups
    assert [(group.name, group.lifetime.n, group.lifetime.ended) for group in groups] == [
        ("pro", 2, 2),
        ("all others", 1, 1),
    ]


def test_an_event_that_never_occurred(client: Client) -> None:
    capture(client, LEAVERS)
    with asking(client.store, END) as runner, pytest.raises(UsageError, match="no event 'runn' ever occurred"):
        ask(runner, "runn", GONE, YEAR)


def test_groups_are_the_same_in_every_part(client: Client) -> None:
    """Few people who are there in many periods are a smaller group than many who are in one."""
    scope = scope_of("2026-01-01", "2026-11-20", as_of=END, breakdown="plan", top=1)
    lines = [active(f"p{n}", [15], more="plan=pro") for n in range(3)]
    lines += [active(f"q{n}", range(2, 60, 5), more="plan=free") for n in range(2)]
    churn = churn_of(client, lines, scope, trend=True)
    assert [(group.name, [period.left for period in group.periods][-1:]) for group in churn.groups] == [
        ("pro", [Share(3, 3)]),
        ("all others", [Share(0, 2)]),
    ]
    assert [sum(bucket.so_far.hits for bucket in group.trend) for group in churn.groups] == [3, 0]


def left_by(client: Client, lines: list[str], scope: Scope, gone: int = GONE) -> list[tuple[str, int, int, bool]]:
    [group] = churn_of(client, lines, scope, gone, trend=True).groups
    return [(f"{bucket.start:%m-%d}", bucket.so_far.n, bucket.so_far.hits, bucket.finished) for bucket in group.trend]


def test_who_left_in_a_bucket_of_those_who_were_here(client: Client) -> None:
    lines = [
        "p | run | 2026-09-30 12:00:00, 2026-10-05 12:00:00",  # left in October, with its second event
        "q | run | 2026-09-10 12:00:00, 2026-10-20 12:00:00, 2026-11-19 12:00:00",  # left twice, and came back
        "r | run | 2026-10-02 12:00:00, 2026-10-20 12:00:00, 2026-10-30 12:00:00",  # was away inside of October alone
        "s | run | 2026-10-31 23:59:59, 2026-11-12 00:00:00",  # 11 whole days of silence are more than 10
        "t | run | 2026-10-28 12:00:00, 2026-11-08 12:00:00, 2026-11-19 12:00:00",  # 10 whole days: left and came
        "u | run | 2026-10-28 12:00:00, 2026-11-07 12:00:00, 2026-11-17 12:00:00",  # 9 are none
    ]
    assert left_by(client, lines, scope_of("2026-08-01", "2026-11-20", "month", as_of=END)) == [
        ("08-01", 0, 0, True),
        ("09-01", 2, 1, True),
        ("10-01", 6, 5, True),
        ("11-01", 4, 0, False),
    ]


def test_days_and_weeks_in_which_people_leave_are_local(client: Client) -> None:
    lines = ["p | run | 2026-10-04 03:30:00", "q | run | 2026-10-04 04:30:00"]  # before and after midnight in New York
    local = scope_of("2026-09-28 04:00:00", "2026-10-20", "week", as_of=END, timezone="America/New_York")
    assert left_by(client, lines, local, 3)[:2] == [("09-28", 2, 2, True), ("10-05", 0, 0, True)]
    sundays = replace(local, week_start="sunday")
    assert left_by(client, [], sundays, 3)[:2] == [("09-27", 1, 1, True), ("10-04", 1, 1, True)]
    assert left_by(client, [], sundays, 9)[-2:] == [("10-11", 0, 0, False), ("10-18", 0, 0, False)]


def test_who_was_here_before_may_still_be(client: Client) -> None:
    lines = ["p | run | 2026-11-01 12:00:00, 2026-11-04 12:00:00", "q | run | 2026-11-01 12:00:00"]
    days = scope_of("2026-11-03", "2026-11-12", "day", as_of=END)
    assert left_by(client, lines, days, 3)[:3] == [("11-03", 1, 0, True), ("11-04", 1, 1, True), ("11-05", 0, 0, True)]


def test_churn_counts_no_hours(client: Client) -> None:
    with pytest.raises(UsageError, match="churn is counted by whole days"):
        churn_of(client, LEAVERS, scope_of("2026-11-01", "2026-11-20", "hour", as_of=END), trend=True)
