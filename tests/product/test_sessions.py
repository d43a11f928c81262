"""Sessions and bounces as PostHog has them, at the edges of time and of lengths."""

from dataclasses import replace

import pytest

from usertrack.product.ask import answers
from usertrack.product.scope import Scope
from usertrack.product.sessions.numbers import SessionComparison, Sessions, ask, comparison_of, sessions_query

from ..server.capture_fixtures import Client
from .logs import asking, at, capture, scope_of

DAY = scope_of("2026-03-02", "2026-03-03")


def sessions_of(client: Client, lines: list[str], scope: Scope = DAY) -> Sessions:
    capture(client, lines)
    with asking(client.store, scope.as_of, scope.timezone) as runner:
        return ask(runner, scope, buckets=True)


def all_sessions(client: Client, lines: list[str], scope: Scope = DAY) -> SessionComparison:
    """All of them alone: what they came from is four more questions."""
    capture(client, lines)
    with asking(client.store, scope.as_of, scope.timezone) as runner:
        return comparison_of(answers(runner, [sessions_query(scope.widened_to_buckets)])[0].dicts())


def session(name: str, *seconds: int, event: str = "$pageview", person: str = "p", more: str = "") -> str:
    times = ", ".join(f"2026-03-02 {s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in seconds)
    return f"{person}|{event}|{times}|$session_id={name} {more}"


def test_lengths_are_half_open(client: Client) -> None:
    lengths = (0, 29, 30, 119, 120, 299, 300, 899, 900, 1799, 1800)
    now = all_sessions(client, [session(f"s{length}", 0, length) for length in lengths]).now
    assert now.lengths == (2, 2, 2, 2, 2, 1)
    assert (now.sessions, now.people, now.per_person) == (11, 1, 11)
    assert now.mean == pytest.approx(sum(lengths) / 11)
    assert now.median == 299


def test_the_median_of_two_lies_between(client: Client) -> None:
    now = all_sessions(client, [session("s1", 0), session("s2", 0, 61, person="q")]).now
    assert (now.mean, now.median, now.people) == (30.5, 30.5, 2)


BOUNCES = {  # the events of one session each, and its share of bounces, which is None where that is not known
    "one pageview": ([("$pageview", 5)], 1),
    "nine seconds": ([("$pageview", 5), ("x", 14)], 1),
    "ten seconds": ([("$pageview", 5), ("x", 15)], 0),
    "two pageviews": ([("$pageview", 5), ("$pageview", 6)], 0),
    "a click": ([("$pageview", 5), ("$autocapture", 6)], 0),
    "no pageview": ([("x", 5)], None),
}


def test_bounces(client: Client) -> None:
    events = [(n, *event) for n, (of_session, _) in enumerate(BOUNCES.values()) for event in of_session]
    lines = [session(f"s{n}", second, event=name, more=f"ref={n}") for n, name, second in events]
    scope = scope_of("2026-03-02", "2026-03-03", breakdown="ref", top=len(BOUNCES))
    sessions = sessions_of(client, [*lines, "p|$pageview|2026-03-02 00:00:05"], scope)  # one of no session
    rates = {str(name): comparison.now.bounce_rate for name, comparison in sessions.groups.items()}
    assert {case: rates[str(n)] for n, case in enumerate(BOUNCES)} == {
        case: rate for case, (_, rate) in BOUNCES.items()
    }
    now = sessions.all.now
    assert (now.sessions, now.bounces, now.with_pageview, now.bounce_rate) == (6, 2, 5, 2 / 5)


def test_a_session_belongs_to_where_it_began(client: Client) -> None:
    lines = [
        "p|x|2026-03-01 23:59:59, 2026-03-02 00:10:00|$session_id=before",
        "p|x|2026-03-02 23:59:59, 2026-03-03 00:09:59|$session_id=last",
        "p|x|2026-03-03 00:00:00|$session_id=after",
        "p|x|2026-02-28 23:59:59|$session_id=long_before",
    ]
    sessions = all_sessions(client, lines)
    assert (sessions.now.sessions, sessions.now.mean) == (1, 600)
    assert (sessions.before.sessions, sessions.before.mean) == (1, 601)
    assert {day: visits.sessions for day, visits in sessions.buckets.items()} == {0: 1}
    asked_early = replace(DAY, until=at("2026-03-02T23:59:59.5"), as_of=at("2026-03-03T00:05:00"))
    assert all_sessions(client, [], asked_early).now.sessions == 1


def test_what_they_came_from(client: Client) -> None:
    lines = [
        session("s1", 0, 10, more="$browser=Chrome"),
        session("s1", 20, more="$browser=Edge"),
        session("s2", 0, more="$browser=Chrome"),
        session("s3", 0, person="q", more="$browser=Safari"),
        session("s4", 0, person="q"),
    ]
    sessions = sessions_of(client, lines)
    assert {name: (numbers.now.people, numbers.now.sessions) for name, numbers in sessions.by["Browser"].items()} == {
        "Chrome": (1, 2),
        "Safari": (1, 1),
        "(none)": (1, 1),
    }
    assert "Country" in sessions.missing_traits
    assert "Country" not in sessions.by


def test_all_others_have_a_median_of_their_own(client: Client) -> None:
    lines = [session(f"s{n}", 0, n, more=f"ref=r{max(n, 2)}") for n in range(5)]
    sessions = sessions_of(client, lines, scope_of("2026-03-02", "2026-03-03", breakdown="ref", top=1)).groups
    assert {name: (numbers.now.sessions, numbers.now.median) for name, numbers in sessions.items()} == {
        "r2": (3, 1),
        "all others": (2, 3.5),
    }


def test_no_sessions(client: Client) -> None:
    now = sessions_of(client, ["p|x|2026-03-02 00:00:00"]).all.now
    assert (now.sessions, now.mean, now.median, now.per_person, now.of_two_minutes) == (0, None, None, None, None)


def test_a_condition_leaves_sessions_whole(client: Client) -> None:
    lines = [
        session("s1", 0, more="path=/home"),
        session("s1", 5, event="$autocapture", more="path=/home"),
        session("s1", 300, more="path=/pricing"),
        session("s2", 0, 8, more="path=/home"),
    ]
    priced = scope_of("2026-03-02", "2026-03-03", where="properties.path = '/pricing'")
    sessions = all_sessions(client, lines, priced)
    assert (sessions.now.sessions, sessions.now.mean, sessions.now.bounces) == (1, 300, 0)
    assert {at: visits.sessions for at, visits in sessions.buckets.items()} == {0: 1}
    assert all_sessions(client, [], replace(priced, where="properties.path = '/none'")).now.sessions == 0


def test_before_is_as_long_as_what_is_over(client: Client) -> None:
    lines = [f"p|x|2026-03-{day:02} 01:00:00|$session_id=s{day}" for day in range(1, 21)]
    scope = scope_of("2026-03-11", "2026-03-31", as_of=at("2026-03-13T12:00:00"))
    sessions = all_sessions(client, lines, scope)
    assert (sessions.now.sessions, sessions.before.sessions) == (3, 2)  # from the middle of 8 March on
    assert list(sessions.buckets) == [0, 1, 2]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (scope_of("2026-03-01T22:00:00", "2026-03-02T02:00:00", "hour"), {0: (2, 1), 2: (1, 1)}),
        (scope_of("2026-02-27", "2026-03-10", "week"), {0: (2, 1), 1: (3, 2)}),
        (scope_of("2026-02-27", "2026-03-10", "week", week_start="sunday"), {1: (4, 2), 2: (1, 1)}),
        (scope_of("2026-02-27", "2026-03-10", "month"), {1: (5, 2)}),
        (
            scope_of("2026-03-01T18:15:00", "2026-03-02T21:15:00", "hour", timezone="Asia/Kathmandu"),
            {3: (1, 1), 4: (1, 1), 5: (1, 1), 24: (1, 1)},
        ),
    ],
    ids=["hours", "weeks", "weeks from Sunday", "months", "hours off the hour"],
)
def test_buckets(client: Client, scope: Scope, expected: dict[int, tuple[int, int]]) -> None:
    lines = [
        "p|x|2026-03-01 22:10:00, 2026-03-02 00:20:00|$session_id=s1",
        "p|x|2026-03-01 22:59:00|$session_id=s2",
        "q|x|2026-03-02 00:00:00|$session_id=s3",
        "q|x|2026-03-02 18:30:00|$session_id=s4",
        "p|x|2026-03-08 12:00:00|$session_id=s5",
    ]
    sessions = all_sessions(client, lines, scope).buckets
    assert {at: (visits.sessions, visits.people) for at, visits in sessions.items()} == expected


def test_buckets_of_groups(client: Client) -> None:
    """People without a value are not those whose value reads as if they had none."""
    lines = [session("s1", 0, 20), "p|x|2026-03-03 01:00:00|$session_id=s2 ref=(none)"]
    sessions = sessions_of(client, lines, scope_of("2026-03-02T05:00:00", "2026-03-04", breakdown="ref"))
    assert {
        (name.written, name.kind): {at: visits.mean for at, visits in group.buckets.items()}
        for name, group in sessions.groups.items()
    } == {
        ('"(none)"', "value"): {1: 0},
        ("(none)", "none"): {0: 20},
    }
    assert sessions.scope.widened
