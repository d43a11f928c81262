"""Where activity is easily counted wrong; each log is a handful of rows that can be counted by hand."""

from typing import Any

import pytest

from usertrack.core.errors import UsageError
from usertrack.product.activity.numbers import Activity, ask
from usertrack.product.activity.view import figures
from usertrack.product.lifecycle.numbers import ask_lifecycle, ask_stickiness
from usertrack.product.scope import Scope

from ..server.capture_fixtures import Client
from .logs import asking, at, capture, scope_of

WEEK = scope_of("2026-03-02", "2026-03-09")


def activity_of(client: Client, lines: list[str], scope: Scope = WEEK, **merged: str) -> Activity:
    capture(client, lines, merged)
    with asking(client.store, scope.as_of, scope.timezone) as runner:
        return ask(runner, scope)


def windows(activity: Activity) -> list[tuple[int, int, int]]:
    return [(day.dau, day.wau, day.mau) for day in activity.now.active.days]


@pytest.mark.slow
def test_windows_trail_and_end_with_their_day(client: Client) -> None:
    lines = [
        "p|a|2026-02-23 23:59:59",  # in the 7 days up to 1 March, in the 30 up to 24 March
        "q|a|2026-02-01 00:00:00",  # in the 30 days up to 2 March
        "r|a|2026-01-31 23:59:59",  # in the 30 days up to 1 March
        "p|a|2026-03-04 00:00:00, 2026-03-04 00:00:00",
        "s|a|2026-03-08 23:59:59",
        "t|a|2026-03-09 00:00:00",  # a second too late
    ]
    assert windows(activity_of(client, lines)) == [
        (0, 0, 2),
        (0, 0, 1),
        (1, 1, 1),
        (0, 1, 1),
        (0, 1, 1),
        (0, 1, 1),
        (1, 2, 2),
    ]


def test_several_ids_are_one_person(client: Client) -> None:
    capture(client, ["p|a|2026-01-01 00:00:00"])
    activity = activity_of(client, ["p|a|2026-03-03 10:00:00", "browser|a|2026-03-03 11:00:00"], browser="p")
    assert windows(activity)[1] == (1, 1, 1)


def test_days_are_local_and_may_have_23_hours(client: Client) -> None:
    scope = scope_of("2026-03-27T23:00:00", "2026-03-30T22:00:00", timezone="Europe/Berlin")
    lines = ["p|a|2026-03-28 22:59:59, 2026-03-28 23:00:00, 2026-03-29 21:59:59, 2026-03-29 22:00:00"]
    activity = activity_of(client, lines, scope)
    assert [(str(day.start.date()), day.dau) for day in activity.now.active.days] == [
        ("2026-03-28", 1),
        ("2026-03-29", 1),
        ("2026-03-30", 1),
    ]
    assert {(str(day), hour): count for (day, hour), count in activity.hours.items()} == {
        ("2026-03-28", 23): 1,
        ("2026-03-29", 0): 1,
        ("2026-03-29", 23): 1,
        ("2026-03-30", 0): 1,
    }
    assert activity.by_weekday == [1, 0, 0, 0, 0, 1, 2]
    assert [activity.by_hour[0], activity.by_hour[23], sum(activity.by_hour)] == [2, 2, 4]


def test_the_second_hour_of_a_day_with_25_counts_with_the_first(client: Client) -> None:
    scope = scope_of("2026-10-24T22:00:00", "2026-10-25T23:00:00", timezone="Europe/Berlin")
    activity = activity_of(client, ["p|a|2026-10-25 00:30:00, 2026-10-25 01:30:00"], scope)
    assert activity.by_hour[2] == 2


def test_who_came_and_went(client: Client) -> None:
    """The window is one period, and the one as long before it another."""
    lines = [
        "new|a|2026-03-03 00:00:00",
        "returning|a|2026-02-27 00:00:00, 2026-03-08 00:00:00",
        "resurrected|a|2026-02-18 00:00:00, 2026-03-02 00:00:00",
        "churned|a|2026-03-01 23:59:59",
        "gone before|a|2026-02-17 00:00:00",
        "first|a|2026-02-01 00:00:00",
    ]
    activity = activity_of(client, lines)
    assert activity.now.lifecycle.people == {"new": 1, "returning": 1, "resurrecting": 1, "dormant": 1}
    assert activity.before.lifecycle.people == {"new": 2, "returning": 0, "resurrecting": 0, "dormant": 2}


def test_engagement_is_the_mean_of_its_parts(client: Client) -> None:
    lines = [
        "p|$pageview|2026-03-02 10:00:00, 2026-03-02 10:05:00|$session_id=s1",
        "p|$pageview|2026-03-08 10:00:00|$session_id=s2",
        "q|$pageview|2026-03-02 10:00:00|$session_id=s3",
        "q|$pageview|2026-03-20 10:00:00",
        "long ago|$pageview|2026-01-02 10:00:00",
    ]
    parts = activity_of(client, lines, scope_of("2026-03-02", "2026-03-12")).now.engagement
    assert parts.stickiness == pytest.approx(3 / 10 / 2)
    assert parts.came_back == pytest.approx(1 / 2)  # of 2 March; whether 8 March is followed is not known yet
    assert parts.stayed == pytest.approx(1 / 3)
    assert parts.lasted == pytest.approx(1 / 3)
    assert parts.score == pytest.approx(100 * (0.15 + 1 / 2 + 1 / 3 + 1 / 3) / 4)


def test_a_score_of_two_parts_says_so_and_is_held_against_none_of_four(client: Client) -> None:
    lines = [
        "q|a|2026-01-02 10:00:00, 2026-02-02 10:00:00, 2026-02-05 10:00:00, 2026-02-24 10:00:00, 2026-02-26 10:00:00",
        "p|$pageview|2026-03-02 10:00:00, 2026-03-02 10:05:00, 2026-03-04 10:00:00|$session_id=s1",
    ]
    now, before = figures(activity_of(client, lines, scope_of("2026-03-02", "2026-03-12")))
    assert now["engagement_score"].label == "Engagement score"
    assert before["engagement_score"].label == "Engagement score, 2 of 4 parts"
    assert now["engagement_score"].value is not None
    assert before["engagement_score"].value is None


def test_stickiness_is_the_mean_of_each_day_s(client: Client) -> None:
    """Eleven people of whom ten left: of the last day's one, all the others' days would be 255 %."""
    lines = [f"p{n}|a|" + ", ".join(f"2026-03-{day:02} 10:00:00" for day in range(2, 12)) for n in range(10)]
    lines += ["q|a|2026-03-02 10:00:00, 2026-04-10 10:00:00", "long ago|a|2026-01-02 10:00:00"]
    activity = activity_of(client, lines, scope_of("2026-03-02", "2026-04-11")).now
    assert activity.active.stickiness is not None
    assert activity.active.stickiness == pytest.approx((1 + 9 * 10 / 11 + 1) / 40)
    assert activity.engagement.score == pytest.approx(100 * (activity.active.stickiness + 90 / 101) / 2)


def test_the_days_before_have_whole_months_behind_them(client: Client) -> None:
    lines = ["p|a|2026-02-08 00:00:00", "q|a|2026-01-10 00:00:00", "r|a|2026-01-09 23:59:59"]
    before = activity_of(client, lines, scope_of("2026-03-10", "2026-04-09")).before.active
    assert (before.days[0].dau, before.days[0].mau) == (1, 2)
    assert before.stickiness == pytest.approx(1 / 2 / 30)


def test_nothing_happened(client: Client) -> None:
    now = activity_of(client, ["p|a|2020-01-01 00:00:00"]).now
    assert windows(activity_of(client, [])) == [(0, 0, 0)] * 7
    assert (now.active.mean, now.active.stickiness, now.active.came_back) == (0, None, None)
    assert (now.visits.per_person, now.visits.mean, now.visits.bounce_rate, now.engagement.score) == (None,) * 4


def test_what_is_yet_to_come_is_not_nothing(client: Client) -> None:
    scope = scope_of("2026-03-02", "2026-03-09", as_of=at("2026-03-04T12:00:00"))
    activity = activity_of(client, ["p|a|2026-03-03 01:00:00, 2026-03-04 01:00:00", "q|a|2026-02-28 00:00:00"], scope)
    assert [(day.dau, day.complete) for day in activity.now.active.days] == [(0, True), (1, True), (1, False)]
    assert activity.now.active.mean == 1 / 2
    assert activity.now.active.last == activity.now.active.days[1]
    assert activity.now.lifecycle.unfinished


def test_groups_are_of_persons_and_add_up(client: Client) -> None:
    plans = ["pro", "pro", "pro", "it's", "it's", "x5", "x6"]
    lines = [f"p{n}|a|2026-03-08 00:00:00|plan={plan}" for n, plan in enumerate(plans)]
    lines += ["p0|a|2026-03-08 01:00:00|plan=changed", "none|a|2026-03-08 00:00:00"]
    activity = activity_of(client, lines, scope_of("2026-03-02", "2026-03-09", breakdown="plan", top=2))
    assert {name: active.days[-1].mau for name, active in activity.groups.items()} == {
        "pro": 3,
        "it's": 2,
        "(none)": 1,
        "all others": 2,
    }
    assert activity.now.active.days[-1].mau == 8


def test_a_property_of_persons_may_be_called_anything(client: Client) -> None:
    name = "it's \\ {odd} % -- /*"
    event: dict[str, Any] = {"event": "a", "distinct_id": "p", "timestamp": "2026-03-03T00:00:00Z"}
    client.send({**event, "properties": {"$set": {name: "yes"}}})
    [group] = activity_of(client, [], scope_of("2026-03-02", "2026-03-09", breakdown=f"person.{name}")).groups
    assert group == "yes"


@pytest.mark.slow
def test_only_some_people_and_events(client: Client) -> None:
    event: dict[str, Any] = {"event": "a", "timestamp": "2026-03-03T00:00:00Z"}
    client.send(*({**event, "distinct_id": n, "properties": {"$set": {"email": f" {n}@X.example"}}} for n in "pq"))
    lines = ["r|a|2026-03-03 00:00:00", "r|b|2026-03-04 00:00:00"]
    assert windows(activity_of(client, lines))[1] == (3, 3, 3)
    scope = scope_of("2026-03-02", "2026-03-09", segment="s", people=("p@x.example",))
    assert windows(activity_of(client, [], scope))[1:3] == [(1, 1, 1), (0, 1, 1)]
    nobody = scope_of("2026-03-02", "2026-03-09", segment="s", people=())
    assert windows(activity_of(client, [], nobody))[1] == (0, 0, 0)
    assert windows(activity_of(client, [], scope_of("2026-03-02", "2026-03-09", where="event = 'b'")))[1:3] == [
        (0, 0, 0),
        (1, 1, 1),
    ]
    with pytest.raises(UsageError, match="PostHog does not understand 'event = = 1'"):
        activity_of(client, [], scope_of("2026-03-02", "2026-03-09", where="event = = 1"))


def test_what_is_known_is_compared_with_as_long_before(client: Client) -> None:
    lines = [f"p{day}|x|2026-03-{day:02} 01:00:00|$session_id=s{day}" for day in range(1, 21)]
    scope = scope_of("2026-03-11", "2026-03-31", as_of=at("2026-03-13T12:00:00"))
    activity = activity_of(client, lines, scope)
    assert [day.dau for day in activity.now.active.days] == [1, 1, 1]
    assert [day.dau for day in activity.before.active.days] == [1, 1]
    assert (activity.now.lifecycle.people["new"], activity.before.lifecycle.people["new"]) == (3, 2)
    assert (activity.now.visits.sessions, activity.before.visits.sessions) == (3, 2)
    assert sum(activity.hours.values()) == 3


def test_the_first_day_is_whole(client: Client) -> None:
    lines = ["p|a|2026-03-11 08:00:00, 2026-03-11 20:00:00|$session_id=s", "q|a|2026-03-11 08:00:00|$session_id=t"]
    activity = activity_of(client, lines, scope_of("2026-03-11T12:00:00", "2026-03-13T12:00:00"))
    first = activity.now.active.days[0]
    assert (first.dau, activity.events(first.start.date()), activity.sessions.buckets[0].sessions) == (2, 3, 2)
    assert (activity.now.lifecycle.people["new"], activity.before.active.mean) == (None, None)
    assert activity.scope.notes == ["whole days are counted: from 11 Mar 2026 on"]


def test_groups_are_ranked_by_the_window(client: Client) -> None:
    lines = [f"old{n}|a|2026-03-05 10:00:00|plan=old" for n in range(9)]
    lines += [f"new{n}|a|2026-03-15 10:00:00|plan=new" for n in range(4)]
    activity = activity_of(client, lines, scope_of("2026-03-11", "2026-03-21", breakdown="plan", top=1))
    assert {name: sum(day.dau for day in group.days) for name, group in activity.groups.items()} == {
        "new": 4,
        "all others": 0,
    }


def test_who_has_no_value_takes_no_place_of_a_value(client: Client) -> None:
    lines = [f"none{n}|a|2026-03-15 10:00:00" for n in range(5)]
    lines += [
        f"{plan}{n}|a|2026-03-15 10:00:00|plan={plan}" for plan, of in (("pro", 2), ("team", 1)) for n in range(of)
    ]
    activity = activity_of(client, lines, scope_of("2026-03-11", "2026-03-21", breakdown="plan", top=2))
    assert list(map(str, activity.groups)) == ["pro", "team", "(none)"]


def test_a_value_that_reads_as_none_swallows_nobody(client: Client) -> None:
    mediums = ["(none)", "(none)", "(none)", "all others", "all others", None, "cpc"]
    events: list[dict[str, object]] = [
        {"event": "a", "distinct_id": f"p{n}", "timestamp": "2026-03-03T00:00:00Z", "properties": {"medium": medium}}
        for n, medium in enumerate(mediums)
    ]
    client.batch(*events)
    scope = scope_of("2026-03-02", "2026-03-09", breakdown="medium", top=3)
    with asking(client.store, scope.as_of) as runner:
        daily = {name.written: group.days[1].dau for name, group in ask(runner, scope).groups.items()}
        periods = {name.written: group[1].active for name, group in ask_lifecycle(runner, "", scope).groups.items()}
        habits = {name.written: group[0] for name, group in ask_stickiness(runner, "", scope).groups.items()}
    assert daily == periods == habits == {'"(none)"': 3, '"all others"': 2, "cpc": 1, "(none)": 1}
