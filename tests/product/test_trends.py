"""Trends over small logs, with numbers worked out by hand; the days of `LOG` and their answers are PostHog's own."""

import json
from datetime import timedelta

import pytest

from usertrack.core.errors import UsageError
from usertrack.core.series import Formula, cumulative, smoothed
from usertrack.library.events import parse_step
from usertrack.product.scope import Scope
from usertrack.product.trends.numbers import TrendLine, TrendsQuery, ask, compared_begin, people, series_of
from usertrack.product.trends.view import trends_document

from ..server.capture_fixtures import Client
from .logs import asking, at, capture, insight, scope_of

LOG = [
    "p1 | $pageview | 2020-01-11 12:00:00, 2020-01-12 12:00:00, 2020-01-13 12:00:00, 2020-01-15 12:00:00,"
    " 2020-01-17 12:00:00, 2020-01-19 12:00:00 | $browser=Chrome $os=mac n=1",
    "p2 | $pageview | 2020-01-09 12:00:00, 2020-01-12 12:00:00 | $browser=Firefox $os=mac n=2",
    "p3 | $pageview | 2020-01-12 12:00:00 | $browser=Edge $os=win n=10",
    "p4 | $pageview | 2020-01-15 12:00:00 | n=no",
]
SPAN = scope_of("2020-01-09", "2020-01-21")


def lines(
    client: Client, *events: str, scope: Scope = SPAN, math: str = "total", of: str = "", **more: str
) -> list[TrendLine]:
    with asking(client.store, at("2026-01-01")) as runner:
        series = series_of([parse_step(event) for event in events or ["*"]], [math], [of] if of else [])
        formula = Formula(more["formula"], len(series)) if "formula" in more else None
        compared = compared_begin(scope, more["compare"]) if "compare" in more else None
        return list(ask(runner, TrendsQuery(series, formula, compared), scope).lines)


@pytest.mark.parametrize(
    ("math", "of", "expected", "total"),
    [
        ("total", "", [1, 0, 1, 3, 1, 0, 2, 0, 1, 0, 1, 0], 10),
        ("dau", "", [1, 0, 1, 3, 1, 0, 2, 0, 1, 0, 1, 0], 4),
        ("unique_session", "", [1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 0], 1),
        ("weekly_active", "", [1, 1, 2, 3, 3, 3, 4, 4, 4, 4, 2, 2], 2),
        ("monthly_active", "", [1, 1, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4], 4),
        ("first_time", "", [1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0], 4),
        ("sum", "n", [2, 0, 1, 13, 1, 0, 1, 0, 1, 0, 1, 0], 20),
        ("avg", "n", [2, None, 1, 13 / 3, 1, None, 1, None, 1, None, 1, None], 20 / 9),
        ("max", "n", [2, None, 1, 10, 1, None, 1, None, 1, None, 1, None], 10),
        ("median", "n", [2, None, 1, 2, 1, None, 1, None, 1, None, 1, None], 1),
        ("p75", "n", [2, None, 1, 6, 1, None, 1, None, 1, None, 1, None], 2),
    ],
)
def test_every_math(client: Client, math: str, of: str, expected: list[float | None], total: float) -> None:
    capture(client, LOG)
    [line] = lines(client, "$pageview", math=math, of=of)
    assert list(line.values) == pytest.approx(expected)
    assert line.total == pytest.approx(total)


def test_a_first_time_is_the_first_ever_and_has_to_fulfil_the_condition(client: Client) -> None:
    capture(client, ["ann | a | 2020-01-01 12:00:00 | plan=free", "ann | a | 2020-01-10 12:00:00 | plan=pro"])
    capture(client, ["bob | a | 2020-01-10 12:00:00 | plan=pro"])
    assert lines(client, "a[properties.plan = 'pro']", math="first_time")[0].total == 1
    assert lines(client, "a[properties.plan = 'pro']", math="dau")[0].total == 2


def groups(client: Client, breakdown: str, **more: str) -> dict[str, float | None]:
    scope = scope_of("2020-01-09", "2020-01-21", breakdown=breakdown, top=2)
    return {line.group.written: line.total for line in lines(client, "$pageview", scope=scope, **more)}


def test_the_largest_values_have_a_line_and_people_of_all_others_count_once(client: Client) -> None:
    capture(client, [*LOG, "p3 | $pageview | 2020-01-13 12:00:00 | $browser=Opera"])
    assert groups(client, "$browser") == {"Chrome": 6, "Firefox": 2, "all others": 2, "(none)": 1}
    # Firefox and Opera are of two people, who count once each
    assert groups(client, "$browser", math="dau") == {"Chrome": 1, "Edge": 1, "all others": 2, "(none)": 1}
    assert groups(client, "$browser × $os") == {"Chrome × mac": 6, "Firefox × mac": 2, "all others": 2, "(none)": 1}


def test_fields_of_sessions_and_groups(client: Client) -> None:
    more = "$session_id=s1 $current_url=https://x.example/pricing"
    capture(client, [f"p1 | $pageview | 2020-01-11 12:00:00 | {more}", "p2 | $pageview | 2020-01-11 12:00:00"])
    assert groups(client, "session.$entry_pathname") == {"/pricing": 1, "(none)": 1}
    assert groups(client, "session.$end_pathname × person.plan") == {"/pricing × (none)": 1, "(none)": 1}
    assert groups(client, "$group_1") == {"(none)": 2}  # is no property that somebody could have misspelt
    with pytest.raises(UsageError, match="no event in this time has a property 'pathnam'"):
        groups(client, "pathnam")


def test_a_formula_and_the_time_before_have_the_groups_of_the_first_line(client: Client) -> None:
    before = ["p9 | $pageview | 2019-12-30 12:00:00, 2019-12-31 12:00:00 | $browser=Opera"]
    paid = ["p2 | paid | 2020-01-12 12:00:00 | $browser=Firefox", "p3 | paid | 2020-01-12 13:00:00 | $browser=Edge"]
    capture(client, [*LOG, *before, *paid])
    scope = scope_of("2020-01-09", "2020-01-21", breakdown="$browser", top=2)
    shares = lines(client, "$pageview", "paid", scope=scope, formula="b / a * 100", math="dau")
    assert {line.group.written: line.total for line in shares} == {
        "Chrome": 0,
        "Edge": 100,
        "all others": 100,
        "(none)": 0,
    }
    compared = lines(client, "$pageview", scope=scope, compare="previous")
    assert [(line.group.written, line.total, line.total_before) for line in compared] == [
        ("Chrome", 6, 0),
        ("Firefox", 2, 0),
        ("(none)", 1, 0),
        ("all others", 1, 2),
    ]


def test_the_time_before_is_cut_at_the_hour_of_the_day_that_is_not_over(client: Client) -> None:
    capture(client, ["ann | a | 2020-01-09 08:00:00, 2020-01-09 20:00:00, 2020-01-10 08:00:00"])
    noon = at("2020-01-10 12:00:00") - timedelta(microseconds=1)
    today = Scope(at("2020-01-10"), at("2020-01-11"), noon)
    [line] = lines(client, "a", scope=today, compare="previous")
    assert (line.total, line.total_before) == (1, 1)


def test_the_people_behind_a_trend(client: Client) -> None:
    capture(client, LOG)

    def behind(math: str, of: str = "", event: str = "$pageview") -> list[tuple[int, float | None]]:
        [series] = series_of([parse_step(event)], [math], [of] if of else [])
        with asking(client.store, at("2026-01-01")) as runner:
            rows = people(runner, series, scope_of("2020-01-12", "2020-01-16")).dicts()
        return [(row["times"], row["figure"]) for row in rows]

    assert [times for times, _ in behind("dau")] == [3, 1, 1, 1]
    assert [times for times, _ in behind("first_time")] == [1, 1]  # p3 and p4; p1 and p2 came before
    assert sorted(behind("sum", "n"), key=str) == [(1, 10), (1, 2), (1, None), (3, 3)]
    with pytest.raises(UsageError, match="no event 'none' ever occurred"):
        behind("total", event="none")
    with pytest.raises(UsageError, match="weekly_active is of other people on each day"):
        behind("weekly_active")


def test_an_event_that_never_occurred_is_no_line_of_zeros(client: Client) -> None:
    capture(client, ["ann | a | 2020-01-10 12:00:00", "bob | b | 2020-01-10 12:00:00 | plan=pro"])
    capture(client, ["ann | c | 2019-01-10 12:00:00"])
    with pytest.raises(UsageError, match="no event 'bb' ever occurred"):
        lines(client, "a", "bb")
    assert [line.total for line in lines(client, "a", "c")] == [1, 0]
    by_plan = scope_of("2020-01-09", "2020-01-12", breakdown="plan")
    found = lines(client, "a", "b", scope=by_plan, formula="A + B")  # nobody of the first series has a plan
    assert {line.group.written: line.total for line in found} == {"(none)": 1, "all others": 1}


def test_a_document_says_what_is_no_part_of_the_chart(client: Client) -> None:
    capture(client, LOG)
    scope = Scope(at("2020-01-13"), at("2020-01-16"), at("2020-01-15 18:00:00"))
    with asking(client.store, scope.as_of) as runner:
        document = trends_document(ask(runner, TrendsQuery(series_of([parse_step("*")], ["dau"], [])), scope))
    assert document.data is not None
    data = json.loads(json.dumps(document.data(), default=str))
    assert [(row["start"], row["value"], row["complete"]) for row in data["rows"]] == [
        ("2020-01-13", 1, True),
        ("2020-01-14", 0, True),
        ("2020-01-15", 2, False),
    ]
    assert data["lines"] == [
        {"series": "any event, dau", "breakdown": None, "group": "everybody", "total": 2, "mean": 0.5, "last": 0}
        | {"course": [1, 0]}
    ]
    assert "the last day is not over: it is no part of the chart, nor of the average" in document.notes


@pytest.mark.parametrize(
    ("math", "of", "message"),
    [
        (["sums"], [], "--math takes no 'sums'"),
        (["sum"], [], "--math sum is of a property"),
        (["dau"], ["n"], "--math dau is of no property"),
        (["dau", "dau", "dau"], [], "--math is given 3 times, for 2 series"),
    ],
)
def test_ways_to_count_that_make_no_sense(math: list[str], of: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        series_of([parse_step("a"), parse_step("b")], math, of)


@pytest.mark.parametrize(
    "text",
    ["", "C", "A +", "A ** 2", "A.b", "f(A)", "True", "'a'", "[A]", "A if B else 1", "(" * 300, "A" + "+A" * 9999],
)
def test_a_formula_is_arithmetic_alone(text: str) -> None:
    with pytest.raises(UsageError, match="is no formula"):
        Formula(text, 2)


def test_arithmetic_on_series() -> None:
    formula = Formula("-(a + B) / 2", 2)
    assert [formula([1, 3]), formula([None, 1]), Formula("A / B", 2)([1, 0])] == [-2, None, None]
    assert Formula("A * 9e999", 1)([1]) is None
    assert cumulative([1, None, 2]) == [1, 1, 3]
    assert smoothed([2, 4, None, 6], 2) == [2, 3, 4, 6]


def test_posthogs_node_has_formulas_and_the_time_before(client: Client) -> None:
    capture(client, LOG)
    dates = {"date_from": "2020-01-15", "date_to": "2020-01-17"}
    series = [{"kind": "EventsNode", "event": "$pageview", "math": math} for math in ("total", "dau")]
    node = {"series": series, "dateRange": dates, "compareFilter": {"compare": True}}
    answers = insight(client, "TrendsQuery", **node, trendsFilter={"formula": "A * 10 + B"})
    assert [(one["label"], one["compare_label"], one["data"], one["days"][0]) for one in answers] == [
        ("Formula (A * 10 + B)", "current", [22, 0, 11], "2020-01-15"),
        ("Formula (A * 10 + B)", "previous", [33, 11, 0], "2020-01-12"),
    ]
    [summed] = insight(
        client,
        "TrendsQuery",
        series=[{**series[0], "math": "first_time_for_user"}],
        dateRange={"date_from": "2020-01-09", "date_to": "2020-01-12"},
        trendsFilter={"display": "ActionsLineGraphCumulative"},
    )
    assert summed["data"] == [1, 1, 2, 3]
