"""Every shape in which PostHog answers an insight, as the one table that it becomes."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import problem
from usertrack.core.errors import QueryError
from usertrack.core.spool import Spool
from usertrack.core.table import Table
from usertrack.insights.tables import kind_of, table_of


def viz(kind: str) -> dict[str, Any]:
    return {"kind": "InsightVizNode", "source": {"kind": kind}}


def table(folder: Path, query: Any, result: Any, **body: Any) -> Table:
    body = {"query": query, "result": result, "timezone": "Europe/Berlin", **body}
    return table_of(body, Spool(folder), kind_of(body))


def series(name: str, data: list[float], **more: Any) -> dict[str, Any]:
    days = [f"2020-01-{9 + n:02}" for n in range(len(data))]
    return {"label": name, "action": {"name": name}, "data": data, "days": days, "labels": days, **more}


FIRST, SECOND = date(2020, 1, 9), date(2020, 1, 10)


def test_trends(tmp_path: Path) -> None:
    answer = table(tmp_path, viz("TrendsQuery"), [series("a", [1.0, 0.0]), series("b", [2.0, 3.0])])
    assert [(c.name, c.type) for c in answer.columns] == [("series", "VARCHAR"), ("date", "DATE"), ("value", "BIGINT")]
    assert answer.rows == [("a", FIRST, 1), ("a", SECOND, 0), ("b", FIRST, 2), ("b", SECOND, 3)]
    assert answer.timezone == "Europe/Berlin"


def test_trends_broken_down_and_compared(tmp_path: Path) -> None:
    other = series("x", [1.5], breakdown_value="$$_posthog_breakdown_other_$$", compare_label="previous")
    null = series("x", [2.0], breakdown_value="$$_posthog_breakdown_null_$$", compare_label="current")
    answer = table(tmp_path, viz("TrendsQuery"), [other, null])
    assert answer.names == ["series", "breakdown", "period", "date", "value"]
    assert answer.rows == [("x", "(other)", "previous", FIRST, 1.5), ("x", "(none)", "current", FIRST, 2.0)]


def test_trends_without_time(tmp_path: Path) -> None:
    totals = {"label": "x", "action": {"name": "a", "custom_name": "A!"}, "data": [], "count": 0, "aggregated_value": 7}
    answer = table(tmp_path, viz("TrendsQuery"), [totals])
    assert (answer.names, answer.rows) == (["series", "value"], [("A!", 7)])


def test_hours_are_moments(tmp_path: Path) -> None:
    hours = {"label": "x", "data": [1], "days": ["2020-01-09 13:00:00"], "labels": ["9-Jan-2020 13:00"]}
    answer = table(tmp_path, viz("TrendsQuery"), [hours])
    assert answer.rows == [("x", datetime(2020, 1, 9, 12), 1)]


def test_no_series_is_an_empty_table(tmp_path: Path) -> None:
    answer = table(tmp_path, viz("TrendsQuery"), [])
    assert (answer.names, answer.rows) == (["series", "date", "value"], [])


def test_lifecycle(tmp_path: Path) -> None:
    statuses = {"dormant": [0, -1], "new": [1, 0], "returning": [0, 2], "resurrecting": [0, 0]}
    answer = table(
        tmp_path, viz("LifecycleQuery"), [series(s, [float(n) for n in d], status=s) for s, d in statuses.items()]
    )
    assert answer.names == ["date", "new", "returning", "resurrecting", "dormant"]
    assert answer.rows == [(FIRST, 1, 0, 0, 0), (SECOND, 0, 2, 0, -1)]


@pytest.mark.parametrize("padding", [[0], []])
def test_retention_knows_what_is_not_over(tmp_path: Path, padding: list[int]) -> None:
    """PostHog once left out what lies in the future, and now fills it with zeros."""
    counts = {"2020-06-08": [9, 3], "2020-06-15": [4, *padding]}
    result = [
        {"label": f"Week {n}", "date": f"{day}T00:00:00+02:00", "values": [{"count": c} for c in cells]}
        for n, (day, cells) in enumerate(counts.items())
    ]
    answer = table(tmp_path, viz("RetentionQuery"), result)
    assert answer.names == ["cohort", "people", "week_1"]
    assert answer.rows == [(date(2020, 6, 8), 9, 3), (date(2020, 6, 15), 4, None)]


def test_cohorts_of_hours_are_moments(tmp_path: Path) -> None:
    """The hour that comes twice in the night when summer time ends: text would put the second one first."""
    result = [
        {"label": f"Hour {n}", "date": f"2026-10-25T02:00:00+0{2 - n}:00", "values": [{"count": 9}, {"count": 1}]}
        for n in range(2)
    ]
    answer = table(tmp_path, viz("RetentionQuery"), result)
    assert [column.type for column in answer.columns] == ["TIMESTAMP", "BIGINT", "BIGINT"]
    assert answer.rows == [(datetime(2026, 10, 25), 9, 1), (datetime(2026, 10, 25, 1), 9, None)]


def step(order: int, count: int, **more: Any) -> dict[str, Any]:
    times = {"average_conversion_time": 60.0 if order else None, "median_conversion_time": 30 if order else None}
    return {"name": f"s{order}", "custom_name": None, "order": order, "count": count, **times, **more}


def test_funnel(tmp_path: Path) -> None:
    answer = table(tmp_path, viz("FunnelsQuery"), [step(1, 2), step(0, 4), step(2, 0, custom_name="Paid")])
    assert answer.names == ["step", "name", "people", "of_first", "of_previous", "average_seconds", "median_seconds"]
    assert answer.rows == [
        (1, "s0", 4, 1.0, None, None, None),
        (2, "s1", 2, 0.5, 0.5, 60, 30),
        (3, "Paid", 0, 0.0, 0.0, 60, 30),
    ]


def test_a_share_of_nobody_is_unknown(tmp_path: Path) -> None:
    answer = table(tmp_path, viz("FunnelsQuery"), [step(0, 0), step(1, 0)])
    assert [row[3:5] for row in answer.rows] == [(None, None), (None, None)]


def test_funnel_by_browser(tmp_path: Path) -> None:
    result = [[step(0, 4, breakdown_value=["Chrome", "x"])], [step(0, 1, breakdown_value="Edge")]]
    answer = table(tmp_path, viz("FunnelsQuery"), result)
    assert [row[:4] for row in answer.rows] == [("Chrome, x", 1, "s0", 4), ("Edge", 1, "s0", 1)]


def test_funnels_of_other_looks(tmp_path: Path) -> None:
    over_time = table(tmp_path, viz("FunnelsQuery"), [{"data": [50.0, 25.5], "days": ["2020-01-09", "2020-01-10"]}])
    assert over_time.rows == [("", FIRST, 50.0), ("", SECOND, 25.5)]
    bins = table(tmp_path, viz("FunnelsQuery"), {"bins": [[0, 3], [60, 1]], "average_conversion_time": 20})
    assert (bins.names, bins.rows) == (["from_seconds", "people"], [(0, 3), (60, 1)])


def test_stickiness_paths_and_web_overview(tmp_path: Path) -> None:
    sticky = table(tmp_path, viz("StickinessQuery"), [series("a", [2, 1])])
    assert sticky.rows == [("a", 1, 2), ("a", 2, 1)]
    edge = {"source": "1_/", "target": "2_/x", "value": 2, "average_conversion_time": 420_000.0}
    assert table(tmp_path, viz("PathsQuery"), [edge]).rows == [("1_/", "2_/x", 2, 420.0)]
    overview = [{"key": "visitors", "kind": "unit", "value": 3, "previous": None}]
    assert table(tmp_path, {"kind": "WebOverviewQuery"}, overview).rows == [("visitors", "unit", 3.0, None)]


def test_hogql(tmp_path: Path) -> None:
    query = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "SELECT 1"}}
    types = [["at", "DateTime64(6, 'UTC')"], ["n", "UInt64"], ["names", "Array(String)"]]
    answer = table(
        tmp_path,
        query,
        [["2020-01-09T12:00:00+01:00", 2, ["[/red]", "=1+1"]]],
        columns=["at", "n", "names"],
        types=types,
        hasMore=True,
    )
    assert list(answer.rows) == [(datetime(2020, 1, 9, 11), 2, ["[/red]", "=1+1"])]
    assert (answer.query, answer.truncated) == ("SELECT 1", True)
    assert answer.notes == ("PostHog shows the first 1 rows; a LIMIT in the query shows more",)


@pytest.mark.parametrize(
    ("filters", "kind"),
    [({"insight": "TRENDS"}, "trends"), ({"events": []}, "trends"), ({"insight": "FUNNELS"}, "funnels"), ({}, "")],
)
def test_old_insights_have_filters(filters: Any, kind: str) -> None:
    assert kind_of({"filters": filters, "query": None}) == kind


def test_an_old_insight_is_read_alike(tmp_path: Path) -> None:
    answer = table(tmp_path, None, [series("a", [1.0])], filters={"insight": "TRENDS"})
    assert answer.rows == [("a", FIRST, 1)]


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("TrendsQuery", {"a": 1}),
        ("TrendsQuery", [{"label": "x"}]),
        ("TrendsQuery", [{**series("x", [1, 2]), "days": ["2020-01-09"]}]),
        ("TrendsQuery", "text"),
        ("LifecycleQuery", [{}]),
        ("RetentionQuery", [{"date": "never", "values": [], "label": "Day 0"}]),
        ("FunnelsQuery", [{"order": 0}]),
        ("FunnelsQuery", [["x"]]),
        ("PathsQuery", [1]),
    ],
)
def test_another_shape_is_an_error_not_a_number(tmp_path: Path, kind: str, result: Any) -> None:
    error = problem(lambda: table(tmp_path, viz(kind), result))
    assert isinstance(error, QueryError)
    assert "PostHog's result is not that of a" in error.message


def test_a_kind_that_nobody_knows_is_named(tmp_path: Path) -> None:
    assert "'calendarheatmap'" in problem(lambda: table(tmp_path, viz("CalendarHeatmapQuery"), [])).message
    assert "'unknown'" in problem(lambda: table(tmp_path, None, [])).message
