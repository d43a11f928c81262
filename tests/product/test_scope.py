"""Windows and buckets: half-open, local, and the same in Python and in SQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from usertrack.core.errors import UsageError
from usertrack.library.events import parse_step
from usertrack.product.features.numbers import FeatureSource
from usertrack.product.features.numbers import ask as ask_features
from usertrack.product.funnel.numbers import Funnel
from usertrack.product.funnel.numbers import ask as ask_funnel
from usertrack.product.journeys.numbers import JourneysQuery as Journey
from usertrack.product.journeys.numbers import ask as ask_journeys
from usertrack.product.lifecycle.numbers import ask_lifecycle, ask_stickiness
from usertrack.product.retention.numbers import RetentionQuery, ask, ask_days
from usertrack.product.scope import Range, Scope

from ..conftest import slow_but
from ..server.capture_fixtures import Client
from .logs import asking, at, capture, scope_of

NOW = at("2026-11-20 09:00:00")
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ({}, "2026-11-13 23:00", "2026-11-20 09:00"),
        ({"days": 1}, "2026-11-19 23:00", "2026-11-20 09:00"),
        ({"since": "2026-10-01", "until": "2026-10-31"}, "2026-09-30 22:00", "2026-10-31 23:00"),
        ({"since": "2026-10-01T12:00", "until": "2026-10-01T13:00"}, "2026-10-01 10:00", "2026-10-01 11:00"),
        ({"until": "2026-10-25", "days": 1}, "2026-10-24 22:00", "2026-10-25 23:00"),
        ({"until": "2027-01-01"}, "2026-12-25 23:00", "2027-01-01 23:00"),
    ],
)
def test_ranges(typed: dict[str, Any], since: str, until: str) -> None:
    window = Range(**typed).window(NOW, BERLIN, 7)
    assert [f"{moment:%Y-%m-%d %H:%M}" for moment in window] == [since, until]


def test_since_and_days_contradict() -> None:
    with pytest.raises(UsageError, match="both say when it begins"):
        Range(since="2026-01-01", days=3).window(NOW, "UTC", 7)


@pytest.mark.parametrize(
    ("since", "until", "more", "message"),
    [
        ("2026-02-01", "2026-01-01", {}, "ends .2026-01-01 00:00. before it begins .2026-02-01 00:00."),
        ("2026-02-01", "2026-02-01", {}, "ends .2026-02-01 00:00. when it begins"),
        ("2000-01-01", "2026-01-01", {"interval": "hour"}, "more than 10 000 hours"),
        ("2026-01-01", "2026-01-02", {"segment": "all", "people": ("a",) * 50_001}, "has 50 001 people"),
    ],
)
def test_what_cannot_be_asked(since: str, until: str, more: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scope_of(since, until, **more)


def labels(window: Scope) -> list[str]:
    return [window.label(start) for start in window.starts]


def test_buckets_are_the_calendars() -> None:
    months = scope_of("2026-01-30", "2026-03-02", "month")
    assert labels(months) == months.axis(months.starts) == ["Jan 2026", "Feb 2026", "Mar 2026"]
    now = {"as_of": NOW}
    assert labels(scope_of("2026-11-01", "2026-11-15", "week", **now)) == ["26 Oct", "2 Nov", "9 Nov"]
    assert labels(scope_of("2026-11-01", "2026-11-15", "week", week_start="sunday", **now)) == ["1 Nov", "8 Nov"]
    assert len(scope_of("2026-10-24 22:00", "2026-10-25 23:00", "hour", timezone=BERLIN).starts) == 25
    assert len(scope_of("2026-03-28 23:00", "2026-03-29 22:00", "hour", timezone=BERLIN).starts) == 23
    assert len(scope_of("2026-03-28 23:00", "2026-03-29 22:00", "day", timezone=BERLIN).starts) == 1


ZONES = ["UTC", BERLIN, "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"]
BUCKETS = [("hour", "monday"), ("day", "monday"), ("week", "monday"), ("week", "sunday"), ("month", "monday")]
EVERY_BUCKET = [(zone, *bucket) for zone in ZONES for bucket in BUCKETS]


@pytest.mark.parametrize(
    ("zone", "interval", "week_start"),
    # each where clocks change, by an hour and by half of one; hours in all zones, which may begin at half past
    slow_but([case for case in EVERY_BUCKET if case[0] in (BERLIN, ZONES[-1]) or case[1] == "hour"], EVERY_BUCKET),
)
def test_sql_counts_in_the_same_buckets(client: Client, zone: str, interval: Any, week_start: Any) -> None:
    """Events on both sides of each local begin, around a change of clocks."""
    since = "2026-10-02" if zone == "Australia/Lord_Howe" else "2026-10-20"
    window = scope_of(since, "2026-11-10", interval, timezone=zone, week_start=week_start)
    begins = [start.timestamp() for start in window.starts]
    moments = [begin + off for begin in begins[1 : 24 * 8] for off in (0, -1)]
    lines = [f"p{n} | a | {datetime.fromtimestamp(m, UTC):%Y-%m-%d %H:%M:%S}" for n, m in enumerate(moments)]
    capture(client, lines)
    with asking(client.store, NOW, zone) as runner:
        periods = ask_lifecycle(runner, "a", window).groups[""]
    ends = [*begins[1:], begins[-1] + 10**9]
    counts = [sum(begin <= m < end for m in moments) for begin, end in zip(begins, ends, strict=True)]
    assert [period.active for period in periods] == counts


def test_what_is_not_over_is_unknown(client: Client) -> None:
    capture(client, ["p | a | 2026-11-02 00:00:00, 2026-11-10 00:00:00, 2026-11-18 00:00:00"])
    window = scope_of("2026-11-02", "2026-11-20 09:00", "week", as_of=NOW)
    with asking(client.store, NOW) as runner:
        [group] = ask(runner, RetentionQuery("a"), window).groups
        periods = ask_lifecycle(runner, "a", window).groups[""]
    assert [cohort.people for cohort in group.cohorts] == [(1, 1, None), (0, None), (0,)]
    assert [cohort.forming for cohort in group.cohorts] == [False, False, True]
    assert [period.unfinished for period in periods] == [False, False, True]


def test_a_range_that_ends_in_the_future(client: Client) -> None:
    capture(client, ["p | a | 2026-11-18 00:00:00, 2026-11-19 00:00:00"])
    with asking(client.store, NOW) as runner:
        [group] = ask(runner, RetentionQuery("a"), scope_of("2026-11-18", "2026-11-23", as_of=NOW)).groups
    assert [cohort.people for cohort in group.cohorts] == [(1, 1, None), (0, None), (0,)]


def test_nobody(client: Client) -> None:
    capture(client, ["p | a | 2020-01-01 00:00:00"])
    window = scope_of("2026-11-18", "2026-11-20")
    with asking(client.store, NOW) as runner:
        [group] = ask(runner, RetentionQuery("a"), window).groups
        assert [(cohort.size, cohort.rate(0), group.mean(1)) for cohort in group.cohorts] == [(0, None, None)] * 2
        assert ask_stickiness(runner, "a", window).groups[""] == (0, 0)
        assert [period.active for period in ask_lifecycle(runner, "a", window).groups[""]] == [0, 0]
        for question in (lambda: ask(runner, RetentionQuery("b"), window), lambda: ask_stickiness(runner, "b", window)):
            with pytest.raises(UsageError, match="no event 'b' ever occurred"):
                question()


def test_cohorts_by_week_look_at_each_ones_own_day(client: Client) -> None:
    capture(
        client,
        [
            "p | signed_up | 2026-10-05 23:00:00",
            "p | run | 2026-10-06 01:00:00, 2026-10-12 10:00:00",  # days 1 and 7
            "q | signed_up | 2026-10-11 01:00:00",
            "q | run | 2026-10-11 23:00:00, 2026-10-18 00:00:00",  # days 0 and 7
        ],
    )
    with asking(client.store, NOW) as runner:
        weeks = scope_of("2026-10-05", "2026-11-20", "week", as_of=NOW)
        [group] = ask_days(runner, RetentionQuery("signed_up", "run"), weeks).groups
    assert (group.cohorts[0].size, group.cohorts[0].people) == (2, (2, 1, 2, 0, 0, None, None))
    assert [group.curve[day] for day in (0, 1, 7, 8)] == [(2, 2), (1, 2), (2, 2), (0, 2)]


def test_cohorts_know_no_hours(client: Client) -> None:
    hours = scope_of("2026-10-05", "2026-10-07", "hour", as_of=NOW)
    with asking(client.store, NOW) as runner, pytest.raises(UsageError, match="by day, week or month, not by hour"):
        ask_days(runner, RetentionQuery(""), hours)


def test_cohorts_by_group_add_up(client: Client) -> None:
    lines = [f"p{n} | signed_up | 2026-10-{n + 1:02} 01:00:00 | plan={plan}" for n, plan in enumerate("xxxyyz")]
    capture(client, [*lines, "p0 | run | 2026-10-02 12:00:00 | plan=z", "p5 | run | 2026-10-07 12:00:00"])
    weeks = scope_of("2026-10-01", "2026-11-20", "week", as_of=NOW, breakdown="plan", top=1)
    with asking(client.store, NOW) as runner:
        groups = ask_days(runner, RetentionQuery("signed_up"), weeks).groups
    sizes = [(group.name, [cohort.size for cohort in group.cohorts[:2]], group.curve[1]) for group in groups]
    assert sizes == [("x", [3, 0], (1, 3)), ("all others", [1, 2], (1, 3))]


def test_coming_back_several_times(client: Client) -> None:
    capture(
        client, ["p | a | 2026-11-02 00:00:00", "p | b | 2026-11-03 00:00:00, 2026-11-04 00:00:00, 2026-11-04 01:00:00"]
    )
    with asking(client.store, NOW) as runner:
        [group] = ask(runner, RetentionQuery("a", "b", minimum=2), scope_of("2026-11-02", "2026-11-05")).groups
    assert group.cohorts[0].people == (1, 0, 1)


def test_groups_of_retention_add_up(client: Client) -> None:
    capture(client, [f"p{n} | a | 2026-11-02 00:00:00, 2026-11-03 00:00:00 | os=os{n // 3}" for n in range(10)])
    with asking(client.store, NOW) as runner:
        groups = ask(runner, RetentionQuery("a"), scope_of("2026-11-02", "2026-11-04", breakdown="os", top=2)).groups
    assert [(group.name, group.cohorts[0].people) for group in groups] == [
        ("os0", (3, 3)),
        ("os1", (3, 3)),
        ("all others", (4, 4)),
    ]


def test_a_segment_that_is_too_large_can_be_a_cohort() -> None:
    with pytest.raises(UsageError) as wrong:
        scope_of("2026-01-01", "2026-01-02", segment="power", people=("a",) * 50_001)
    assert "usertrack push power --to posthog-cohort" in wrong.value.hint
    scope_of("2026-01-01", "2026-01-02", segment="power", people=("a",) * 50_001, most_people=500_000)


@pytest.mark.slow
def test_a_large_segment_on_the_embedded_server(client: Client) -> None:
    capture(client, ["p | a | 2026-11-02 00:00:00 | ", "q | a | 2026-11-02 00:00:00"])
    client.batch({"event": "$identify", "distinct_id": "p", "properties": {"$set": {"email": "last@x.example"}}})
    people = (*(f"person{n}.with.a.name@somewhere.example" for n in range(100_000)), "last@x.example")
    window = scope_of("2026-11-02", "2026-11-04", people=people, segment="large", most_people=500_000)
    with asking(client.store, NOW) as runner:
        assert ask_stickiness(runner, "a", window).groups[""] == (1, 0)


# three hours around the change of clocks in Berlin: 02:30 is twice in October, and never in March
@pytest.mark.parametrize(
    ("day", "events"),
    [
        ("2026-10-25", ["2026-10-25 00:30:00", "2026-10-25 01:30:00"]),
        ("2026-03-29", ["2026-03-29 00:30:00", "2026-03-29 01:30:00"]),
        ("2026-10-25", ["2026-10-24 22:00:00", "2026-10-25 22:59:59"]),  # the first and last second of 25 hours
    ],
)
def test_retention_by_day_and_hour_where_clocks_change(client: Client, day: str, events: list[str]) -> None:
    capture(client, [f"p | a | {', '.join(events)}"])
    first, last = (at(event).replace(minute=0, second=0) for event in events)
    hours = Scope(first, last + timedelta(hours=1), NOW, "hour", timezone=BERLIN)
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(BERLIN))
    days = Scope(start.astimezone(UTC), (start + timedelta(days=2)).astimezone(UTC), NOW, "day", timezone=BERLIN)
    with asking(client.store, NOW, BERLIN) as runner:
        [by_hour] = ask(runner, RetentionQuery("a"), hours).groups
        [by_day] = ask(runner, RetentionQuery("a"), days).groups
    assert (by_hour.cohorts[0].people[0], by_hour.cohorts[0].people[-1]) == (1, 1)
    assert by_day.cohorts[0].people == (1, 0)


def test_several_ids_are_one_person_to_all_of_them(client: Client) -> None:
    lines = ["browser | a | 2026-11-02 00:00:00", "p | a | 2026-11-03 00:00:00", "known | b | 2026-11-02 00:00:00"]
    capture(client, lines, {"browser": "p"})
    window = scope_of("2026-11-02", "2026-11-04")
    with asking(client.store, NOW) as runner:
        assert ask(runner, RetentionQuery("a"), window).groups[0].cohorts[0].people == (1, 1)
        assert ask_stickiness(runner, "a", window).groups[""] == (0, 1)
        assert [period.active for period in ask_lifecycle(runner, "a", window).groups[""]] == [1, 1]


def test_the_last_second_of_a_window_and_the_one_after(client: Client) -> None:
    capture(client, ["p | a | 2026-11-03 23:59:59, 2026-11-04 00:00:00", "q | a | 2026-11-01 23:59:59"])
    window = scope_of("2026-11-02", "2026-11-04")
    with asking(client.store, NOW) as runner:
        assert [
            cohort.size for cohort in ask(runner, RetentionQuery("a", kind="recurring"), window).groups[0].cohorts
        ] == [0, 1]
        assert ask_stickiness(runner, "a", window).groups[""] == (1, 0)
        periods = ask_lifecycle(runner, "a", window).groups[""]
    assert [(period.active, period.people["dormant"]) for period in periods] == [(0, 1), (1, 0)]


@pytest.mark.slow
def test_hours_off_the_hour_on_the_other_commands(client: Client) -> None:
    """On Lord Howe clocks moved from 02:00 to 02:30, which is 15:30 UTC: hours begin at half past before and after."""
    zone = "Australia/Lord_Howe"
    capture(client, ["p | a | 2026-10-03 15:29:59, 2026-10-03 15:30:00, 2026-10-03 17:29:59"])
    hours = scope_of("2026-10-03 14:30", "2026-10-03 17:30", "hour", timezone=zone)
    assert labels(hours) == ["4 Oct 2026 01:00", "4 Oct 2026 02:30", "4 Oct 2026 03:30"]
    funnel = Funnel("", (parse_step("a"), parse_step("a")), 60)
    with asking(client.store, NOW, zone) as runner:
        assert ask_stickiness(runner, "a", hours).groups[""] == (0, 0, 1)
        [group] = ask(runner, RetentionQuery("a"), hours).groups
        assert group.cohorts[0].people == (1, 1, 1)
        for order in ("ordered", "unordered"):
            [converted] = ask_funnel(runner, replace(funnel, order=order), hours, trend=True).groups
            assert [bucket.so_far.n for bucket in converted.trend] == [1, 1, 1]
        [used] = ask_features(runner, FeatureSource("a", "", "", ""), hours).groups
        assert used.features[0].periods == (1, 1, 1)
        [ways] = ask_journeys(runner, Journey(by="event", periods=True), hours).groups
        assert {at: count.sessions for at, count in ways.periods.items()} == {0: 1, 2: 1}
