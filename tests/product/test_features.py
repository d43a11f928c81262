"""Features counted by hand: who used what, of whom, when again, and what nobody uses any more."""

from typing import Any

import pytest

from usertrack.core.errors import UsageError
from usertrack.product.features.numbers import Feature, Features, FeatureSource, ask
from usertrack.product.retention.numbers import RetentionQuery
from usertrack.product.retention.numbers import ask as ask_retention
from usertrack.product.scope import Scope

from ..server.capture_fixtures import Client
from .logs import asking, at, capture, scope_of

SOURCE = FeatureSource("feature_used", "feature", "category", "duration")
WEEKS = scope_of("2026-11-02", "2026-11-23", "week")  # three of them

LINES = [
    "a | feature_used | 2026-11-02 10:00:00, 2026-11-03 10:00:00 | feature=chat category=build duration=30",
    "a | feature_used | 2026-11-10 10:00:00 | feature=chat category=build duration=30",
    "b | feature_used | 2026-11-02 11:00:00 | feature=chat category=build duration=90",
    "c | feature_used | 2026-11-17 11:00:00 | feature=chat category=build duration=soon",
    "a | feature_used | 2026-11-22 23:59:59 | feature=export category=share",
    "d | visit | 2026-11-10 00:00:00",
    "d | feature_used | 2026-10-30 09:00:00, 2026-11-01 23:59:59 | feature=fax category=share",
    "e | feature_used | 2026-11-23 00:00:00 | feature=chat category=build",
]


def counted(
    client: Client, lines: list[str], scope: Scope = WEEKS, source: FeatureSource = SOURCE, **more: Any
) -> Features:
    capture(client, lines)
    with asking(client.store, scope.as_of, scope.timezone) as runner:
        return ask(runner, source, scope, **more)


def test_use_by_use(client: Client) -> None:
    [group] = counted(client, LINES).groups
    assert (group.people, group.active) == (4, (2, 2, 2))
    chat, export = group.features
    assert (chat.name, chat.category, chat.uses, chat.people, chat.adoption, chat.band) == (
        "chat",
        "build",
        5,
        3,
        0.75,
        "high",
    )
    assert (chat.timed, chat.seconds) == (4, 45.0)  # "soon" is no time
    assert (chat.returned, chat.could_return, chat.retention) == (1, 3, 1 / 3)  # a of a and b, then nobody of a
    assert chat.periods == (2, 1, 1)
    assert (export.uses, export.adoption, export.retention, export.seconds, export.band) == (1, 0.25, None, None, "low")


def test_what_is_unused_has_its_last_use(client: Client) -> None:
    source = FeatureSource("feature_used", "feature", "category", "duration", ("share/fax", "admin/sso", "talk/chat"))
    [group] = counted(client, LINES, source=source).groups
    assert [(feature.name, feature.category, str(feature.last_at)) for feature in group.unused] == [
        ("fax", "share", "2026-11-01 23:59:59"),
        ("sso", "admin", "None"),
    ]
    assert group.features[0].category == "talk"  # as planned, whatever events say


def test_coming_back_is_recurring_retention(client: Client) -> None:
    """The same people as `usertrack retention --type recurring` has in the period after."""
    lines = [
        f"p{n} | feature_used | "
        + ", ".join(f"2026-11-{day:02} 12:00:00" for day in range(2 + n, 22, 2 * n + 3))
        + " | feature=chat"
        for n in range(6)
    ]
    answer = counted(client, lines, scope_of("2026-11-02", "2026-11-21", "day"))
    with asking(client.store, answer.scope.as_of) as runner:
        [group] = ask_retention(
            runner, RetentionQuery("feature_used", "feature_used", "recurring"), answer.scope
        ).groups
    mean = group.mean(1)
    assert mean is not None
    assert answer.groups[0].features[0].retention == pytest.approx(mean)


def test_trend_is_of_whole_days(client: Client) -> None:
    """One use more each week, on each weekday; the last day is not over and does not count."""
    times = [f"2026-11-{day:02} 12:00:00" for day in range(2, 30) for _ in range((day + 5) // 7)]
    scope = scope_of("2026-11-02", "2026-11-30 01:00", "week", as_of=at("2026-11-30 01:00"))
    [group] = counted(client, [f"p | feature_used | {', '.join(times)} | feature=chat"], scope).groups
    [chat] = group.features
    assert chat.uses_trend is not None
    assert (chat.uses_trend.score, chat.uses_trend.word) == (42, "increasing")


@pytest.mark.parametrize(
    ("users", "word"), [((1, 2, 3, 4), "stable"), ((1, 3, 5, 8), "increasing"), ((2, 2, 2, 2), "decreasing")]
)
def test_a_trend_is_of_the_share_of_active_people(client: Client, users: tuple[int, ...], word: str) -> None:
    """2, 4, 6 and 8 people a day, week by week, of whom so many use it, twice a day."""
    lines = [
        f"p{n} | {event} | "
        + ", ".join(f"2026-11-{day:02} {at}:00:00" for day in days for at in (12, 13))
        + " | feature=chat"
        for week, using in enumerate(users)
        for days in [range(2 + 7 * week, 9 + 7 * week)]
        for n in range(2 * week + 2)
        for event in ["feature_used" if n < using else "visit"]
    ]
    scope = scope_of("2026-11-02", "2026-11-30", "week", as_of=at("2026-11-30"))
    chat = counted(client, lines, scope).groups[0].features[0]
    assert chat.trend is not None
    assert chat.trend.word == word
    assert chat.uses_trend is not None
    assert chat.uses_trend.word == ("stable" if users == (2, 2, 2, 2) else "increasing")


def test_a_quiet_day_has_no_share(client: Client) -> None:
    days = ", ".join(f"2026-11-{day:02} 12:00:00" for day in range(2, 30, 2))
    scope = scope_of("2026-11-02", "2026-11-30", "week", as_of=at("2026-11-30"))
    chat = counted(client, [f"p | feature_used | {days} | feature=chat"], scope).groups[0].features[0]
    assert chat.trend is not None
    assert (chat.trend.score, chat.trend.word) == (0, "stable")


def test_days_are_local(client: Client) -> None:
    """23:30 UTC on Sunday is Monday in Berlin: the week after."""
    scope = scope_of("2026-11-01 23:00", "2026-11-15 23:00", "week", timezone="Europe/Berlin")
    [group] = counted(client, ["p | feature_used | 2026-11-08 23:30:00 | feature=chat"], scope).groups
    assert group.features[0].periods == (0, 1)


def test_a_range_that_ends_in_the_future(client: Client) -> None:
    scope = scope_of("2026-11-02", "2026-11-30", "week", as_of=at("2026-11-10 00:00"))
    lines = ["p | feature_used | 2026-11-02 12:00:00, 2026-11-09 12:00:00 | feature=chat"]
    [group] = counted(client, lines, scope).groups
    [chat] = group.features
    assert (chat.could_return, chat.trend) == (0, None)  # the second week is not over, so nobody is known not to return


def test_nobody(client: Client) -> None:
    [group] = counted(client, ["p | feature_used | 2026-01-01 00:00:00 | feature=chat"]).groups
    assert (group.people, group.features) == (0, ())
    assert [feature.name for feature in group.unused] == ["chat"]
    assert Feature("chat", "").adoption is None


def test_events_as_features_and_categories_of_none(client: Client) -> None:
    lines = ["p | run | 2026-11-03 00:00:00", "p | call | 2026-11-04 00:00:00 | feature=fax"]
    [group] = counted(client, lines, source=FeatureSource("run|call", "", "category", "duration")).groups
    assert [(feature.name, feature.category) for feature in group.features] == [("call", ""), ("run", "")]


def test_groups_add_up(client: Client) -> None:
    lines = [f"p{n} | feature_used | 2026-11-03 00:00:00 | feature=chat os=os{n // 3}" for n in range(10)]
    groups = counted(client, lines, scope_of("2026-11-02", "2026-11-09", "week", breakdown="os", top=2)).groups
    assert [(group.name, group.people, group.features[0].uses) for group in groups] == [
        ("os0", 3, 3),
        ("os1", 3, 3),
        ("all others", 4, 4),
    ]


@pytest.mark.parametrize(
    ("source", "categories", "message"),
    [
        (FeatureSource("feature_use", "feature", "category", "duration"), (), "no event 'feature_use' ever occurred"),
        (SOURCE, ("biuld",), "no feature is of the category 'biuld'"),
    ],
)
def test_what_is_wrong_is_said(
    client: Client, source: FeatureSource, categories: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as wrong:
        counted(client, LINES, source=source, categories=categories)
    assert "did you mean" in wrong.value.hint
