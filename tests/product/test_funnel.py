"""Where funnels are easily counted wrong: each journey is one person, and the answer is the step they reached."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from random import Random
from statistics import mean
from typing import Any

import pytest

from usertrack.core.errors import UsageError
from usertrack.library.events import parse_step
from usertrack.product.funnel.numbers import Funnel, FunnelAnswer, Order, ask, dropped, parse_window
from usertrack.product.scope import Scope

from ..conftest import slow_but
from ..server.capture_fixtures import Client
from .logs import asking, at, capture, scope_of

DAY = 86_400
YEAR = scope_of("2026-01-01", "2027-01-01")


def counted(
    client: Client, lines: list[str], steps: str = "a b c", window: int | None = DAY, scope: Scope = YEAR, **more: Any
) -> FunnelAnswer:
    capture(client, lines)
    with asking(client.store, scope.as_of) as runner:
        return ask(runner, Funnel("", tuple(map(parse_step, steps.split())), window, **more), scope)


def counts(*args: Any, **more: Any) -> list[int]:
    [group] = counted(*args, **more).groups
    return [step.persons for step in group.steps]


def test_a_step_that_is_any_event(client: Client) -> None:
    lines = ["p|a|2026-01-01 00:00:00", "p|x|2026-01-01 01:00:00", "p|c|2026-01-01 02:00:00"]
    lines += ["q|a|2026-01-01 00:00:00", "q|c|2026-01-01 01:00:00", "r|a|2026-01-01 00:00:00"]
    assert counts(client, lines, "a * c") == [3, 2, 1]
    assert counts(client, [], "a *[event='x'] c") == [3, 1, 1]
    assert parse_step("*[event = 'x']").text == "any event[event = 'x']"


@pytest.mark.parametrize(
    ("events", "steps"),
    [
        ("a" * 30 + "b", "a b"),
        ("b" + "a" * 30, "a b"),
        ("x" * 40 + "ab" * 40 + "c", "a b c"),
        ("x" * 30 + "b", "*[event!='b'] * b"),
    ],
)
def test_any_number_of_events_at_one_moment(client: Client, events: str, steps: str) -> None:
    """As in PostHog's test that many events of one timestamp do not blow up: all steps are taken."""
    lines = [f"p|{event}|2026-01-01 00:00:00|number={number}" for number, event in enumerate(events)]
    assert set(counts(client, lines, steps)) == {1}


def test_an_event_among_many_of_its_moment_fills_one_step(client: Client) -> None:
    lines = [f"p|{event}|2026-01-01 00:00:00|number={number}" for number, event in enumerate("a" * 30 + "x")]
    assert counts(client, lines, "* x x") == [1, 1, 0]


def test_an_event_is_left_to_the_step_that_no_other_can_take(client: Client) -> None:
    """`b` can begin, and `a` can begin or go on: in whatever order they are told."""
    lines = [f"p{n}|{event}|2026-01-01 00:00:00" for n, order in enumerate(permutations("abc")) for event in order]
    assert counts(client, lines, "*[event!='c'] a c") == [6, 6, 6]


@pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])
def test_a_funnel_without_a_window(client: Client, order: Order) -> None:
    lines = ["p|a|2026-01-01 00:00:00", "p|b|2026-12-31 23:59:59"]
    assert counts(client, lines, "a b", 366 * DAY, order=order) == [1, 1]
    assert counts(client, [], "a b", 300 * DAY, order=order) == [1, 0]
    assert counts(client, [], "a b", None, order=order) == [1, 1]
    with asking(client.store, at("2027-01-01")) as runner, pytest.raises(UsageError, match="is ever over"):
        ask(runner, Funnel("", (parse_step("a"), parse_step("b")), None), YEAR, trend=True)


ORDERED = {  # the events of one person each, and how many steps they took
    "the window's last second": (["a|2026-01-01 00:00:00", "b|2026-01-02 00:00:00"], 2),
    "a second too late": (["a|2026-01-01 00:00:00", "b|2026-01-02 00:00:01"], 1),
    "the window is from the first step": (
        ["a|2026-01-01 00:00:00", "b|2026-01-01 20:00:00", "c|2026-01-02 12:00:00"],
        2,
    ),
    "a later attempt gets further": (
        ["a|2026-01-01 00:00:00, 2026-01-05 00:00:00", "b|2026-01-05 01:00:00", "c|2026-01-05 02:00:00"],
        3,
    ),
    "beginning again does not lose the attempt before": (
        ["a|2026-01-01 00:00:00, 2026-01-01 11:00:00", "b|2026-01-01 10:00:00", "c|2026-01-01 23:00:00"],
        3,
    ),
    "the wrong way round": (["b|2026-01-01 00:00:00", "a|2026-01-01 01:00:00"], 1),
    "all at once are in order": (["c|2026-01-01 00:00:00", "b|2026-01-01 00:00:00", "a|2026-01-01 00:00:00"], 3),
    "never began": (["b|2026-01-01 00:00:00"], 0),
    "began before the time": (["a|2025-12-31 23:59:59", "b|2026-01-01 01:00:00"], 0),
}


def test_ordered(client: Client) -> None:
    journeys = [events for events, _ in ORDERED.values()]
    lines = [f"p{n}|{event}|who={n}" for n, events in enumerate(journeys) for event in events]
    groups = counted(client, lines, scope=replace(YEAR, breakdown="who", top=len(ORDERED))).groups
    steps = {str(group.name): sum(step.persons for step in group.steps) for group in groups}
    assert {case: steps.get(str(n), 0) for n, case in enumerate(ORDERED)} == {
        case: expected for case, (_, expected) in ORDERED.items()
    }


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("2026-01-01 00:00:00", [1, 0]),  # one event never fills two steps
        ("2026-01-01 00:00:00, 2026-01-01 00:00:00", [1, 1]),
        ("2026-01-01 00:00:00, 2026-01-01 00:00:01", [1, 1]),
    ],
)
def test_a_step_repeated(client: Client, times: str, expected: list[int]) -> None:
    assert counts(client, [f"p|a|{times}"], "a a") == expected


JOURNEY = ["p|a|2026-01-01 00:00:00", "p|x|2026-01-01 01:00:00", "p|b|2026-01-01 02:00:00"]


@pytest.mark.parametrize(
    ("order", "steps", "expected"),
    [
        ("ordered", "a b", [1, 1]),
        ("strict", "a b", [1, 0]),
        ("strict", "a x b", [1, 1, 1]),
        ("unordered", "b a", [1, 1]),
        ("ordered", "b a", [1, 0]),
    ],
)
def test_orders(client: Client, order: Order, steps: str, expected: list[int]) -> None:
    assert counts(client, JOURNEY, steps, order=order) == expected


def test_unordered_is_all_within_one_window(client: Client) -> None:
    lines = ["p|b|2026-01-01 00:00:00", "p|a|2026-01-01 20:00:00", "p|c|2026-01-02 10:00:00"]
    assert counts(client, lines, order="unordered") == [1, 1, 0]


@pytest.mark.parametrize(
    ("people", "steps", "expected"),
    [
        (["ab"], "a|b a", [1, 1]),
        (["bb"], "a|b a", [1, 0]),
        pytest.param(["aab", "ab", "ab"], "a a b", [3, 3, 1], marks=pytest.mark.slow),
        (["abc"], "a|b b|c a", [1, 1, 1]),  # c moves two events on from step to step
    ],
)
def test_in_any_order_steps_may_be_typed_in_any_order(
    client: Client, people: list[str], steps: str, expected: list[int]
) -> None:
    capture(client, [*each_in_a_row(people), "known|a|2020-01-01 00:00:00"])
    for typed in {*permutations(steps.split())}:
        assert counts(client, [], " ".join(typed), order="unordered") == expected, typed


@pytest.mark.slow
def test_in_any_order_the_last_event_may_move_three_on(client: Client) -> None:
    people = ["".join(events) for events in permutations("abcd")]
    capture(client, each_in_a_row(people))
    steps = ["a|b", "b|c", "c|d", "a"]
    for typed in (*(steps[n:] + steps[:n] for n in range(len(steps))), steps[::-1]):
        assert counts(client, [], " ".join(typed), order="unordered") == [len(people)] * 4, typed


def each_in_a_row(people: list[str]) -> list[str]:
    """The events of each person, whose names are letters, an hour after each other."""
    return [
        f"p{n}|{event}|2026-01-01 0{hour}:00:00" for n, events in enumerate(people) for hour, event in enumerate(events)
    ]


def most_at_once(events: Sequence[tuple[int, str]], steps: Sequence[str], window: int) -> list[int]:
    """When the first of the largest number of steps were done that can be: every event tries to push others on."""
    best: list[int] = []
    for last, _ in events:
        event_of: dict[int, str] = {}
        times = []
        for minute, event in events:
            if last - window <= minute <= last and _placed(event, steps, event_of, set()):
                times.append(minute)
        best = times if len(times) > len(best) else best
    return best


def _placed(event: str, steps: Sequence[str], event_of: dict[int, str], tried: set[int]) -> bool:
    for n, step in enumerate(steps):
        if event in step.split("|") and n not in tried:
            tried.add(n)
            if n not in event_of or _placed(event_of[n], steps, event_of, tried):
                event_of[n] = event
                return True
    return False


ANY_ORDER = ["a|b b|c a", "a a b|c d", "a|b|c|d a|b c|d d", "a b c d"]


@pytest.mark.parametrize("steps", slow_but(ANY_ORDER[:2], ANY_ORDER))
def test_in_any_order_as_by_hand(client: Client, steps: str) -> None:
    random = Random(steps)
    people = [
        sorted((random.randrange(60), random.choice("abcd")) for _ in range(random.randrange(1, 12))) for _ in range(60)
    ]
    lines = [
        f"p{n}|{event}|{at('2026-01-01') + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S}"
        for n, events in enumerate(people)
        for minute, event in events
    ]
    capture(client, lines)
    best = [times for events in people if (times := most_at_once(events, steps.split(), 15))]
    for typed in random.sample([*permutations(steps.split())], 3):
        [group] = counted(client, [], " ".join(typed), 15 * 60, order="unordered").groups
        assert [step.persons for step in group.steps] == [
            sum(len(times) > n for times in best) for n in range(len(typed))
        ]
        for n, step in enumerate(group.steps[1:], 1):
            seconds = [60 * (times[n] - times[n - 1]) for times in best if len(times) > n and times[n] > times[n - 1]]
            assert step.mean == (pytest.approx(mean(seconds)) if seconds else None)


def test_an_exclusion_takes_the_person_out(client: Client) -> None:
    struck = [line.replace("p|", "q|") for line in JOURNEY]
    before = ["r|x|2026-01-01 00:00:00", "r|a|2026-01-01 01:00:00", "r|b|2026-01-01 02:00:00"]
    after = ["s|a|2026-01-01 01:00:00", "s|b|2026-01-01 02:00:00", "s|x|2026-01-01 03:00:00"]
    again = ["t|a|2026-01-01 00:00:00", "t|x|2026-01-01 01:00:00", "t|a|2026-01-03 00:00:00", "t|b|2026-01-03 01:00:00"]
    assert counts(client, [*struck, *before, *after, *again], "a b", exclusions=("x",)) == [3, 3]


def test_several_ids_are_one_person(client: Client) -> None:
    capture(client, ["known|c|2020-01-01 00:00:00"], {"browser": "p"})
    assert counts(client, ["browser|a|2026-01-01 00:00:00", "p|b|2026-01-01 01:00:00"]) == [1, 1, 0]


def test_times_are_those_of_the_attempt_that_counts(client: Client) -> None:
    lines = [
        "p|a|2026-01-01 00:00:00, 2026-01-05 00:00:00",
        "p|b|2026-01-05 00:10:00, 2026-01-06 00:00:00",
        "q|a|2026-01-01 00:00:00",
        "q|b|2026-01-01 00:30:00",
    ]
    [group] = counted(client, lines, "a b").groups
    assert [(step.mean, step.median) for step in group.steps] == [(None, None), (1200, 1200)]
    assert [(step.of_previous, step.of_first, step.dropped) for step in group.steps] == [(1, 1, 0), (1, 1, 0)]


def test_who_may_still_convert(client: Client) -> None:
    lines = ["p|a|2026-12-31 00:00:01", "q|a|2026-12-30 00:00:00", "r|a|2026-12-31 01:00:00", "r|b|2026-12-31 02:00:00"]
    [group] = counted(client, lines, "a b").groups
    assert [step.open for step in group.steps] == [1, 0]


def test_a_rate_of_nobody_is_none(client: Client) -> None:
    [group] = counted(client, ["p|b|2026-01-01 00:00:00", "p|a|2020-01-01 00:00:00"], "a b").groups
    assert [(step.persons, step.of_previous, step.of_first) for step in group.steps] == [(0, None, None)] * 2


def test_groups_and_others_add_up(client: Client) -> None:
    lines = [f"p{n}|a|2026-01-01 00:00:00|plan=plan{n // 4}" for n in range(12)]
    lines += ["p0|b|2026-01-01 01:00:00|plan=changed", "none|a|2026-01-01 00:00:00", "none|b|2026-01-01 01:00:00"]
    scope = scope_of("2026-01-01", "2027-01-01", breakdown="plan", top=2)
    groups = counted(client, lines, "a b", scope=scope).groups
    assert [(group.name, [step.persons for step in group.steps]) for group in groups] == [
        ("plan0", [4, 1]),
        ("plan1", [4, 0]),
        ("(none)", [1, 1]),  # stands apart: people without a value are no other value
        ("all others", [4, 0]),
    ]


def test_conditions_of_steps_and_of_all_events(client: Client) -> None:
    lines = [
        *("p|a|2026-01-01 00:00:00|plan=pro", "p|b|2026-01-01 01:00:00|plan=pro"),
        *("q|a|2026-01-01 00:00:00|plan=free", "q|b|2026-01-01 01:00:00|plan=pro"),
        *("r|a|2026-01-01 00:00:00", "r|z|2026-01-01 01:00:00|plan=it's"),
    ]
    assert counts(client, lines, "a[properties.plan='pro'] b") == [1, 1]
    scope = scope_of("2026-01-01", "2027-01-01", where="properties.plan = 'pro' OR event = 'z'")
    assert counts(client, [], "a b|z", scope=scope) == [1, 1]
    scope = scope_of("2026-01-01", "2027-01-01", where="properties.plan = 'it''s' OR properties.plan IS NULL")
    assert counts(client, [], "a b|z", scope=scope) == [1, 1]


def test_who_stopped_where(client: Client) -> None:
    lines = ["p|a|2026-01-01 00:00:00", "q|a|2026-01-02 00:00:00", "r|a|2026-01-01 00:00:00", "r|b|2026-01-01 01:00:00"]
    capture(client, lines)
    funnel = Funnel("", (parse_step("a"), parse_step("b")), DAY)
    with asking(client.store, at("2027-01-01")) as runner:
        first, second = (dropped(runner, funnel, YEAR, step) for step in (1, 2))
    assert [str(row[2]) for row in first.rows] == ["2026-01-02 00:00:00", "2026-01-01 00:00:00"]
    assert [str(row[2]) for row in second.rows] == ["2026-01-01 01:00:00"]


def test_a_name_that_never_occurred(client: Client) -> None:
    with pytest.raises(UsageError, match="no event 'signed_out' ever occurred") as wrong:
        counted(client, ["p|signed_up|2026-01-01 00:00:00"], "signed_up signed_out")
    assert "did you mean 'signed_up'?" in wrong.value.hint


@pytest.mark.parametrize("text", ["0d", "14", "-1d", "2y", "", "1.5h", "9999d"])
def test_no_window(text: str) -> None:
    with pytest.raises(UsageError, match="not a time to convert in"):
        parse_window(text)


def trend(client: Client, lines: list[str], steps: str, scope: Scope, **more: Any) -> list[tuple[str, int, int, bool]]:
    capture(client, lines)
    funnel = Funnel("", tuple(map(parse_step, steps.split())), **{"window": DAY, **more})
    with asking(client.store, scope.as_of, scope.timezone) as runner:
        [group] = ask(runner, funnel, scope, trend=True).groups
    return [(f"{bucket.start:%m-%d}", bucket.so_far.n, bucket.so_far.hits, bucket.finished) for bucket in group.trend]


def test_who_converts_of_those_that_began_in_a_bucket(client: Client) -> None:
    lines = [
        "p|a|2026-03-02 10:00:00, 2026-03-03 09:00:00",  # converts from both days: b is in both windows
        "p|b|2026-03-03 10:00:00",
        "q|a|2026-03-02 23:59:59, 2026-03-03 00:00:00",  # the first attempt is a second too old by then
        "q|b|2026-03-04 00:00:00",
        "r|a|2026-03-05 00:00:00",
        "r|b|2026-03-06 00:00:00",
        "s|a|2026-03-06 12:00:00",
    ]
    assert trend(client, lines, "a b", scope_of("2026-03-01", "2026-03-08", as_of=at("2026-03-08"))) == [
        ("03-01", 0, 0, True),
        ("03-02", 2, 1, True),
        ("03-03", 2, 2, True),
        ("03-04", 0, 0, True),
        ("03-05", 1, 1, True),
        ("03-06", 1, 0, True),
        ("03-07", 0, 0, False),
    ]


def test_buckets_are_local_and_weeks_begin_as_asked(client: Client) -> None:
    lines = ["p|a|2026-03-08 04:59:59", "q|a|2026-03-08 05:00:00", "q|b|2026-03-08 06:00:00"]  # midnight in New York
    days = scope_of("2026-03-07 05:00:00", "2026-03-11", as_of=at("2026-04-01"), timezone="America/New_York")
    assert trend(client, lines, "a b", days)[:2] == [("03-07", 1, 0, True), ("03-08", 1, 1, True)]
    weeks = replace(days, interval="week")
    assert trend(client, [], "a b", weeks)[:1] == [("03-02", 2, 1, True)]
    assert trend(client, [], "a b", replace(weeks, week_start="sunday"))[:2] == [
        ("03-01", 1, 0, True),
        ("03-08", 1, 1, False),
    ]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param("ordered", [("03-01", 1, 1), ("03-02", 1, 0)], id="ordered"),
        pytest.param("strict", [("03-01", 1, 0), ("03-02", 1, 0)], id="the second first step is in between"),
        pytest.param("unordered", [("03-01", 1, 1), ("03-02", 1, 0)], id="from any step on"),
    ],
)
def test_orders_of_a_bucket(client: Client, order: Order, expected: list[tuple[str, int, int]]) -> None:
    lines = ["p|a|2026-03-01 22:00:00, 2026-03-02 01:00:00", "p|b|2026-03-01 23:00:00", "p|c|2026-03-02 02:00:00"]
    lines = lines if order != "strict" else [*lines, "p|z|2026-03-02 01:30:00"]
    scope = scope_of("2026-03-01", "2026-03-03")
    assert [bucket[:3] for bucket in trend(client, lines, "a b c", scope, order=order)] == expected


def test_who_an_exclusion_takes_out_is_in_no_bucket_of_it(client: Client) -> None:
    lines = ["p|a|2026-03-01 01:00:00, 2026-03-03 01:00:00", "p|x|2026-03-01 02:00:00", "p|b|2026-03-03 02:00:00"]
    buckets = trend(client, lines, "a b", scope_of("2026-03-01", "2026-03-04"), exclusions=("x",))
    assert [bucket[:3] for bucket in buckets] == [("03-01", 0, 0), ("03-02", 0, 0), ("03-03", 1, 1)]


def test_a_trend_by_group_has_the_groups_of_the_funnel(client: Client) -> None:
    lines = ["p|a|2026-03-01 01:00:00, 2026-03-02 01:00:00|plan=pro", "q|a|2026-03-01 01:00:00|plan=pro"]
    lines += ["r|a|2026-03-01 01:00:00, 2026-03-02 01:00:00, 2026-03-03 01:00:00|plan=free"]
    capture(client, lines)
    scope = scope_of("2026-03-01", "2026-03-04", breakdown="plan", top=1)
    with asking(client.store, scope.as_of) as runner:
        funnel = ask(runner, Funnel("", (parse_step("a"), parse_step("b|a")), 60), scope, trend=True)
    assert [(group.name, [bucket.so_far.n for bucket in group.trend]) for group in funnel.groups] == [
        ("pro", [2, 1, 0]),
        ("all others", [1, 1, 1]),
    ]
