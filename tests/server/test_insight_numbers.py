"""Trends, retention, lifecycle and funnels: the cases of PostHog's own tests, with the tables that these expect."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from capture_fixtures import empty
from query_fixtures import KEY, SETTINGS, Api

from usertrack.server.app import create_app
from usertrack.server.database.store import Store

PAGEVIEW = [{"kind": "EventsNode", "event": "$pageview"}]
Happened = list[tuple[str, str, str, dict[str, Any]]]


class World(Api):
    """A PostHog in which exactly this has happened."""

    def happen(self, events: Happened, created: dict[str, str] | None = None) -> None:
        """(person, event, time, properties); a person is created with the first event, or when ``created`` says."""
        names = {name: str(UUID(int=number)) for number, name in enumerate(sorted({e[0] for e in events}), 1)}
        first = {name: min(e[2] for e in events if e[0] == name) for name in names} | (created or {})
        persons = [
            {"id": id_, "created_at": first[name], "properties": {"name": name}, "version": 1}
            for name, id_ in names.items()
        ]
        self.store.insert("persons", persons)
        rows = [
            {
                "uuid": str(UUID(int=10_000 + number)),
                "event": event,
                "timestamp": time,
                "created_at": time,
                "distinct_id": person,
                "person_id": names[person],
                "properties": properties,
            }
            for number, (person, event, time, properties) in enumerate(events)
        ]
        self.store.insert("events", rows)
        self.store.refresh_property_definitions()

    def results(self, kind: str, **node: Any) -> list[Any]:
        response = self.ask(kind, **node)
        assert response.status_code == 200, response.text
        insights: list[Any] = response.json()["results"]
        return insights

    def ask(self, kind: str, **node: Any) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        return self.request("POST", "/api/projects/1/query/", json={"query": {"kind": kind, **node}}, headers=headers)

    def data(self, kind: str, **node: Any) -> list[list[Any]]:
        return [series["data"] for series in self.results(kind, **node)]

    def cohorts(self, **retention: Any) -> list[list[int]]:
        """The counts of a retention, without the rows' ends that are not over."""
        dates = retention.pop("dateRange")
        results = self.results("RetentionQuery", dateRange=dates, retentionFilter=retention)
        return [[v["count"] for v in row["values"][: len(results) - n]] for n, row in enumerate(results)]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("numbers"))
    yield store
    store.close()


@pytest.fixture
def world(opened: Store) -> World:
    return World(create_app(empty(opened), SETTINGS), opened)


def days(person: str, event: str, *times: str, **properties: Any) -> Happened:
    return [(person, event, time if " " in time else f"{time} 12:00:00", properties) for time in times]


def lifecycle_days() -> Happened:
    return [
        *days("p1", "$pageview", *(f"2020-01-{day}" for day in (11, 12, 13, 15, 17, 19)), **{"$browser": "Chrome"}),
        *days("p2", "$pageview", "2020-01-09", "2020-01-12", **{"$browser": "Firefox"}),
        *days("p3", "$pageview", "2020-01-12", **{"$browser": "Edge"}),
        *days("p4", "$pageview", "2020-01-15", **{"$browser": "Safari"}),
    ]


RANGE = {"date_from": "2020-01-09", "date_to": "2020-01-20"}


@pytest.mark.parametrize(
    ("math", "expected"),
    [
        ("total", [1, 0, 1, 3, 1, 0, 2, 0, 1, 0, 1, 0]),
        ("dau", [1, 0, 1, 3, 1, 0, 2, 0, 1, 0, 1, 0]),
        ("weekly_active", [1, 1, 2, 3, 3, 3, 4, 4, 4, 4, 2, 2]),
        ("monthly_active", [1, 1, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4]),
    ],
)
def test_trends(world: World, math: str, expected: list[int]) -> None:
    world.happen(lifecycle_days())
    assert world.data("TrendsQuery", series=[{**PAGEVIEW[0], "math": math}], dateRange=RANGE) == [expected]


def test_trends_by_browser(world: World) -> None:
    world.happen(lifecycle_days())
    node = {"series": PAGEVIEW, "dateRange": RANGE, "trendsFilter": {"display": "ActionsTable"}}
    results = world.results("TrendsQuery", **node, breakdownFilter={"breakdown": "$browser"})
    assert {s["breakdown_value"]: s["aggregated_value"] for s in results} == {
        "Chrome": 6,
        "Firefox": 2,
        "Edge": 1,
        "Safari": 1,
    }
    largest = world.results("TrendsQuery", **node, breakdownFilter={"breakdown": "$browser", "breakdown_limit": 1})
    assert [(s["label"], s["aggregated_value"]) for s in largest] == [
        ("Chrome", 6),
        ("$$_posthog_breakdown_other_$$", 4),
    ]


def test_a_dau_counts_persons_once(world: World) -> None:
    world.happen(days("ann", "$pageview", "2020-01-09", "2020-01-09 13:00:00") + days("bob", "$pageview", "2020-01-09"))
    one_day = {"date_from": "2020-01-09", "date_to": "2020-01-09"}
    series = [{**PAGEVIEW[0], "math": "total"}, {**PAGEVIEW[0], "math": "dau"}]
    assert world.data("TrendsQuery", series=series, dateRange=one_day) == [[3], [2]]


def test_weeks_and_days_are_those_of_the_project(world: World) -> None:
    world.happen(days("ann", "$pageview", "2020-01-12 23:30:00", "2020-01-13 01:00:00"))  # Sunday, then Monday, UTC
    weeks = {"series": PAGEVIEW, "interval": "week", "dateRange": {"date_from": "2020-01-12", "date_to": "2020-01-13"}}
    sunday = world.results("TrendsQuery", **weeks)[0]
    assert (sunday["days"], sunday["data"]) == (["2020-01-12"], [2])
    monday = World(world.with_settings(week_start_day=1).app, world.store).results("TrendsQuery", **weeks)[0]
    assert (monday["days"], monday["data"]) == (["2020-01-06", "2020-01-13"], [1, 1])
    tokyo = World(world.with_settings(timezone="Asia/Tokyo").app, world.store)
    assert tokyo.results("TrendsQuery", series=PAGEVIEW, dateRange=weeks["dateRange"])[0]["data"] == [0, 2]


def test_relative_dates_count_from_the_servers_present(world: World) -> None:
    world.happen(days("ann", "$pageview", "2020-01-09", "2020-01-11"))
    then = World(world.with_settings(now=datetime(2020, 1, 11, 9, tzinfo=UTC)).app, world.store)
    trend = then.results("TrendsQuery", series=PAGEVIEW, dateRange={"date_from": "-2d"})[0]
    assert (trend["days"], trend["data"]) == (["2020-01-09", "2020-01-10", "2020-01-11"], [1, 0, 1])
    assert then.rows("SELECT toDate(now()), today(), yesterday()") == [["2020-01-11", "2020-01-11", "2020-01-10"]]


def test_filters(world: World) -> None:
    world.happen(lifecycle_days())
    chrome = {"key": "$browser", "value": ["Chrome"], "operator": "exact", "type": "event"}
    group = {"type": "AND", "values": [{"type": "OR", "values": [chrome, {**chrome, "value": ["Edge"]}]}]}
    display = {"dateRange": RANGE, "trendsFilter": {"display": "BoldNumber"}}
    early = {"type": "hogql", "key": "timestamp < '2020-01-13'"}
    either = {"type": "OR", "values": [{"type": "AND", "values": [chrome, early]}, {**chrome, "value": ["Edge"]}]}
    totals = [
        world.results("TrendsQuery", **display, series=[{**PAGEVIEW[0], "properties": [chrome]}]),
        world.results("TrendsQuery", **display, series=PAGEVIEW, properties=either),
        world.results("TrendsQuery", **display, series=PAGEVIEW, properties=group),
        world.results("TrendsQuery", **display, series=PAGEVIEW, filterTestAccounts=True),
    ]
    assert [trends[0]["aggregated_value"] for trends in totals] == [6, 3, 7, 10]
    tested = world.with_settings(
        test_account_filters=({"key": "name", "value": "p1", "operator": "is_not", "type": "person"},)
    )
    trends = World(tested.app, world.store).results("TrendsQuery", **display, series=PAGEVIEW, filterTestAccounts=True)
    assert trends[0]["aggregated_value"] == 4


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (
            "2020-01-09",
            {
                "new": [1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0],
                "returning": [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0],
                "resurrecting": [0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1],
                "dormant": [0, -1, 0, 0, -2, -1, 0, -2, 0, -1, 0],
            },
        ),
        (
            "2020-01-12",
            {
                "new": [1, 0, 0, 1, 0, 0, 0, 0],
                "returning": [1, 1, 0, 0, 0, 0, 0, 0],
                "resurrecting": [1, 0, 0, 1, 0, 1, 0, 1],
                "dormant": [0, -2, -1, 0, -2, 0, -1, 0],
            },
        ),
    ],
)
def test_lifecycle(world: World, first: str, expected: dict[str, list[int]]) -> None:
    world.happen(lifecycle_days())
    results = world.results(
        "LifecycleQuery", series=PAGEVIEW, dateRange={"date_from": first, "date_to": "2020-01-19"}, interval="day"
    )
    assert {series["status"]: series["data"] for series in results} == expected
    assert [series["status"] for series in results] == ["new", "returning", "resurrecting", "dormant"]


def test_whoever_was_created_earlier_is_not_new(world: World) -> None:
    world.happen(days("ann", "$pageview", "2020-01-09"), created={"ann": "2020-01-01 00:00:00"})
    node = {"series": PAGEVIEW, "dateRange": {"date_from": "2020-01-09", "date_to": "2020-01-10"}}
    assert world.data("LifecycleQuery", **node) == [[0, 0], [0, 0], [1, 0], [0, -1]]


def test_recurring_retention(world: World) -> None:
    ann = [f"2020-06-{day}" for day in ("10", "11", "12", "15", "15 09:00:00", "16")]
    world.happen(
        days("ann", "$pageview", *ann) + days("bob", "$pageview", *(f"2020-06-{day}" for day in (11, 12, 13, 16)))
    )
    assert world.cohorts(dateRange={"date_to": "2020-06-20"}, period="Day", totalIntervals=11) == [
        [1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0],
        [2, 2, 1, 0, 1, 2, 0, 0, 0, 0],
        [2, 1, 0, 1, 2, 0, 0, 0, 0],
        [1, 0, 0, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [2, 0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0],
        [0, 0],
        [0],
    ]


def june(person: str, event: str, *numbers: int) -> Happened:
    return days(person, event, *(f"2020-06-{number:02}" for number in numbers))


def test_first_time_retention(world: World) -> None:
    world.happen(
        june("before", "$user_signed_up", 5, 9)
        + june("p1", "$user_signed_up", 9, 11, 12, 13, 14)
        + june("p2", "$user_signed_up", 9)
        + june("p3", "$user_signed_up", 10)
        + june("p4", "$user_signed_up", 12)
        + june("p1", "$pageview", 10, 11, 12, 15, 15, 16)
        + june("p2", "$pageview", 11, 12, 13, 16)
        + june("p3", "$pageview", 11, 13, 14, 15)
        + june("p4", "$pageview", 13, 15)
    )
    cohorts = world.cohorts(
        dateRange={"date_to": "2020-06-15"},
        totalIntervals=7,
        retentionType="retention_first_time",
        targetEntity={"id": "$user_signed_up", "type": "events"},
        returningEntity={"id": "$pageview", "type": "events"},
    )
    assert cohorts == [[2, 1, 2, 2, 1, 0, 1], [1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0], [0, 0], [0]]


@pytest.mark.parametrize("week_start_day", [0, 1])
def test_weekly_retention(world: World, week_start_day: int) -> None:
    ann = ["2020-06-10", "2020-06-11", "2020-06-17", "2020-06-24", "2020-07-04", "2020-07-11"]
    bob = ["2020-06-10", "2020-06-11", "2020-06-17", "2020-07-04", "2020-07-11", "2020-07-25"]
    world.happen(days("ann", "$pageview", *ann) + days("bob", "$pageview", *bob))
    weekly = World(world.with_settings(week_start_day=week_start_day).app, world.store)
    cohorts = weekly.cohorts(dateRange={"date_to": "2020-07-20T00:00:00Z"}, period="Week", totalIntervals=7)
    assert cohorts == [[2, 2, 1, 2, 2, 0, 1], [2, 1, 2, 2, 0, 1], [1, 1, 1, 0, 0], [2, 2, 0, 1], [2, 0, 1], [0, 0], [1]]


def journey(person: str, *events: str) -> Happened:
    start = datetime(2020, 1, 2, 10)
    return [(person, event, str(start + timedelta(minutes=n)), {}) for n, event in enumerate(events)]


def steps(*events: str) -> list[dict[str, Any]]:
    return [{"kind": "EventsNode", "event": event} for event in events]


COHORT = {"type": "cohort", "key": "id", "value": 1}
JANUARY = {"date_from": "2020-01-01", "date_to": "2020-01-31"}
UP, VIEW, BLAAH = "user signed up", "$pageview", "blaah blaa"


def test_one_event_fills_one_step(world: World) -> None:
    world.happen(
        journey("s1", UP)
        + journey("s2", UP, VIEW)
        + journey("s3", UP, VIEW, BLAAH, VIEW)
        + journey("s4", UP, VIEW, BLAAH, VIEW, VIEW, BLAAH)
        + journey("s5", UP, VIEW, VIEW, VIEW, VIEW)
    )
    results = world.results("FunnelsQuery", series=steps(UP, VIEW, VIEW, VIEW, VIEW), dateRange=JANUARY)
    assert [step["count"] for step in results] == [5, 4, 3, 2, 1]
    assert [step["average_conversion_time"] for step in results] == [None, 60, 100, 60, 60]
    assert [step["median_conversion_time"] for step in results] == [None, 60, 120, 60, 60]


@pytest.mark.slow
def test_a_funnel_waits_14_days(world: World) -> None:
    world.happen(
        [
            ("in", UP, "2020-01-02 14:00:00", {}),
            ("in", "paid", "2020-01-10 14:00:00", {}),
            ("out", UP, "2020-01-02 14:00:00", {}),
            ("out", "paid", "2020-01-16 14:00:01", {}),
        ]
    )
    counts = [step["count"] for step in world.results("FunnelsQuery", series=steps(UP, "paid"), dateRange=JANUARY)]
    assert counts == [2, 1]
    week = {"funnelWindowInterval": 7, "funnelWindowIntervalUnit": "day"}
    results = world.results("FunnelsQuery", series=steps(UP, "paid"), dateRange=JANUARY, funnelsFilter=week)
    assert [step["count"] for step in results] == [2, 0]
    for long, unit in (1_209_600, "second"), (20_160, "minute"), (336, "hour"), (2, "week"):  # 14 days each
        window = {"funnelWindowInterval": long, "funnelWindowIntervalUnit": unit}
        results = world.results("FunnelsQuery", series=steps(UP, "paid"), dateRange=JANUARY, funnelsFilter=window)
        assert [step["count"] for step in results] == [2, 1]


def test_the_furthest_attempt_counts_and_a_later_start_is_one(world: World) -> None:
    world.happen(
        [
            ("late", UP, "2020-01-01 12:00:00", {}),
            ("late", UP, "2020-01-20 12:00:00", {}),
            ("late", "paid", "2020-01-21 12:00:00", {}),
            ("wrong order", "paid", "2020-01-01 12:00:00", {}),
            ("wrong order", UP, "2020-01-02 12:00:00", {}),
            ("never began", "paid", "2020-01-02 12:00:00", {}),
        ]
    )
    results = world.results("FunnelsQuery", series=steps(UP, "paid"), dateRange=JANUARY)
    assert [(step["count"], step["average_conversion_time"]) for step in results] == [(2, None), (1, 86_400)]


def test_a_step_done_again_changes_no_time(world: World) -> None:
    world.happen(journey("ann", UP, VIEW, BLAAH, BLAAH, VIEW, "paid") + journey("bob", UP, UP, VIEW))
    results = world.results("FunnelsQuery", series=steps(UP, VIEW, "paid"), dateRange=JANUARY)
    assert [step["count"] for step in results] == [2, 2, 1]
    assert [step["average_conversion_time"] for step in results] == [None, 60, 240]


@pytest.mark.parametrize(
    ("order", "names", "counts"),
    [
        ("ordered", [UP, VIEW, "paid"], [3, 2, 1]),
        ("strict", [UP, VIEW, "paid"], [3, 1, 1]),
        ("unordered", ["Completed 1 step", "Completed 2 steps", "Completed 3 steps"], [4, 3, 2]),
    ],
)
def test_orders_of_funnels(world: World, order: str, names: list[str], counts: list[int]) -> None:
    world.happen(
        journey("straight", UP, VIEW, "paid")
        + journey("strays", UP, BLAAH, VIEW)
        + journey("backwards", "paid", VIEW, UP)
        + journey("visits", VIEW)
    )
    results = world.results(
        "FunnelsQuery", series=steps(UP, VIEW, "paid"), dateRange=JANUARY, funnelsFilter={"funnelOrderType": order}
    )
    assert [(step["name"], step["count"]) for step in results] == list(zip(names, counts, strict=True))


def test_a_funnel_of_events_whose_names_hold_a_bar(world: World) -> None:
    world.happen(journey("ann", "a|b", "c") + journey("bob", "a", "c"))
    results = world.results("FunnelsQuery", series=steps("a|b", "c"), dateRange=JANUARY)
    assert [step["count"] for step in results] == [1, 1]


def test_numbers_are_no_parquet_file(world: World) -> None:
    world.happen(days("ann", "$pageview", "2020-01-09"))
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/vnd.apache.parquet"}
    body = {"query": {"kind": "TrendsQuery", "series": PAGEVIEW, "dateRange": RANGE}}
    answer = world.request("POST", "/api/projects/1/query/", json=body, headers=headers)
    assert (answer.status_code, answer.json()["results"][0]["count"]) == (200, 1)


def test_a_filter_by_cohort_written_as_hogql(world: World) -> None:
    world.happen(days("ann", "$pageview", "2020-01-09") + days("bob", "$pageview", "2020-01-09", "2020-01-10"))
    cohort = {"name": "Pros", "is_static": True, "_create_static_person_ids": [str(UUID(int=2))]}
    world.request("POST", "/api/projects/1/cohorts/", json=cohort, headers={"Authorization": f"Bearer {KEY}"})
    test = {"type": "hogql", "key": "person_id IN COHORT 'Pros'"}
    assert world.data("TrendsQuery", series=PAGEVIEW, dateRange=RANGE, properties=[test])[0][:2] == [1, 1]


def test_stickiness(world: World) -> None:
    world.happen(
        days("p1", "watched movie", "2020-01-01")
        + days("p2", "watched movie", "2020-01-01", "2020-01-02", "2020-01-02")
        + days("p3", "watched movie", "2020-01-01", "2020-01-03", "2020-01-02")
        + days("p4", "watched movie", "2020-01-05")
    )
    dates = {"date_from": "2020-01-01", "date_to": "2020-01-07"}
    [series] = world.results("StickinessQuery", series=steps("watched movie"), dateRange=dates)
    assert (series["data"], series["count"]) == ([2, 1, 1, 0, 0, 0, 0], 4)
    assert series["labels"][:2] == ["1 day", "2 days"]


def test_by_the_hour_a_date_is_its_midnight(world: World) -> None:
    world.happen(days("p1", "$pageview", "2020-01-01 22:30:00", "2020-01-02 00:00:00", "2020-01-02 09:00:00"))
    two_days = {"date_from": "2020-01-01", "date_to": "2020-01-02"}
    [hours] = world.results("TrendsQuery", series=PAGEVIEW, interval="hour", dateRange=two_days)
    assert (len(hours["days"]), hours["days"][-1][:13], hours["data"][-3:]) == (25, "2020-01-02 00", [1, 0, 1])
    assert world.data("TrendsQuery", series=PAGEVIEW, interval="day", dateRange=two_days) == [[1, 2]]


NIGHT = {"date_from": "2026-10-25T01:00:00+02:00", "date_to": "2026-10-25T03:30:00+01:00", "explicitDate": True}


def night_of_25_hours(world: World) -> World:
    """Two o'clock comes twice in Berlin, at 00:00 and at 01:00 UTC; ann is there both times, bob the second time."""
    world.happen(
        days("ann", "$pageview", "2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 02:10:00")
        + days("bob", "$pageview", "2026-10-25 01:40:00")
    )
    return World(world.with_settings(timezone="Europe/Berlin").app, world.store)


def test_the_hour_that_comes_twice_counts_twice(world: World) -> None:
    berlin = night_of_25_hours(world)
    [series] = berlin.results("TrendsQuery", series=PAGEVIEW, interval="hour", dateRange=NIGHT)
    assert [day[11:13] for day in series["days"]] == ["01", "02", "02", "03"]
    assert series["data"] == [0, 1, 2, 1]
    assert berlin.data("LifecycleQuery", series=PAGEVIEW, interval="hour", dateRange=NIGHT) == [
        [0, 1, 1, 0],
        [0, 0, 1, 1],
        [0, 0, 0, 0],
        [0, 0, 0, -1],
    ]


def test_hourly_retention_over_the_hour_that_comes_twice(world: World) -> None:
    berlin = night_of_25_hours(world)
    hourly = {"period": "Hour", "totalIntervals": 3}
    dates = {"date_to": "2026-10-25T03:30:00+01:00"}
    results = berlin.results("RetentionQuery", dateRange=dates, retentionFilter=hourly)
    assert [row["date"] for row in results] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]
    assert [[cell["count"] for cell in row["values"]] for row in results] == [[1, 1, 1], [2, 1, 0], [1, 0, 0]]


def test_a_funnel_by_browser_puts_a_person_where_they_began(world: World) -> None:
    world.happen(
        [
            ("ann", UP, "2020-01-02 12:00:00", {"$browser": "Chrome"}),
            ("ann", "paid", "2020-01-03 12:00:00", {"$browser": "Edge"}),
            ("bob", UP, "2020-01-02 12:00:00", {"$browser": "Chrome"}),
            ("eve", UP, "2020-01-02 12:00:00", {}),
        ]
    )
    node = {"series": steps(UP, "paid"), "dateRange": JANUARY}
    results = world.results("FunnelsQuery", **node, breakdownFilter={"breakdown": "$browser"})
    assert [[(s["breakdown_value"], s["count"]) for s in each] for each in results] == [
        [(["Chrome"], 2), (["Chrome"], 1)],
        [(["$$_posthog_breakdown_null_$$"], 1), (["$$_posthog_breakdown_null_$$"], 0)],
    ]


@pytest.mark.parametrize(
    ("kind", "node", "detail"),
    [
        ("TrendsQuery", {"series": [{"kind": "ActionsNode", "id": 3}]}, "A series of kind ActionsNode"),
        ("TrendsQuery", {"series": [{**PAGEVIEW[0], "math": "p99"}]}, "math p99"),
        ("TrendsQuery", {"series": PAGEVIEW, "trendsFilter": {"formula": "A/B"}}, "'A/B' is no formula"),
        ("TrendsQuery", {"series": PAGEVIEW, "compareFilter": {"compare_to": "-1m"}}, "compareFilter.compare_to"),
        ("TrendsQuery", {"series": PAGEVIEW, "dateRange": {"date_from": "all"}}, "date_from all"),
        ("TrendsQuery", {"series": PAGEVIEW, "trendsFilter": {"display": ["x"]}}, "display ['x']"),
        ("RetentionQuery", {"retentionFilter": {"totalIntervals": "7"}}, "totalIntervals 7"),
        ("ErrorTrackingQuery", {"limit": "x"}, "limit x"),
        ("RetentionQuery", {"retentionFilter": {"cumulative": True}}, "retentionFilter.cumulative"),
        (
            "FunnelsQuery",
            {"series": steps("a", "b"), "funnelsFilter": {"funnelVizType": "trends"}},
            "funnelVizType trends",
        ),
        ("FunnelsQuery", {"series": steps("a")}, "A funnel of 1 steps"),
        ("LifecycleQuery", {"series": steps("a", "b")}, "A lifecycle of more than one series"),
        ("TrendsQuery", {"series": PAGEVIEW, "properties": [COHORT]}, "Unsupported property filter of type cohort"),
        (
            "TrendsQuery",
            {"series": PAGEVIEW, "properties": [{"key": "plan", "value": "pro", "negation": True}]},
            "Unsupported property filter with negation",
        ),
        ("TrendsQuery", {"series": PAGEVIEW, "properties": {"values": 5}}, "Property filters must be a list"),
        ("TrendsQuery", {"series": PAGEVIEW, "breakdownFilter": {"breakdowns": [1]}}, "query.breakdowns must be"),
        ("TrendsQuery", {"series": [{"event": {"a": 1}}]}, "event must be the name of an event"),
        ("TrendsQuery", {"series": PAGEVIEW, "dateRange": {"date_from": "-99999999d"}}, "Invalid date in filters"),
        (
            "TrendsQuery",
            {"series": PAGEVIEW, "interval": "month", "dateRange": {"date_to": "9999-12-31"}},
            "Invalid date in filters: 9999",
        ),
        (
            "TrendsQuery",
            {"series": PAGEVIEW, "interval": "hour", "dateRange": {"date_from": "2001-01-01"}},
            "A range of more than 10,000 intervals",
        ),
        (
            "TrendsQuery",
            {"series": PAGEVIEW, "dateRange": {"date_from": "yesterday"}},
            "Invalid date in filters: yesterday",
        ),
    ],
)
def test_what_is_not_supported_is_refused(world: World, kind: str, node: dict[str, Any], detail: str) -> None:
    refused = world.ask(kind, **node)
    assert (refused.status_code, refused.json()["type"]) == (400, "validation_error")
    assert refused.json()["detail"].startswith(detail)


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("exact", [], 10),
        ("exact", ["Edge"], 1),
        ("is_not", ["Edge", "Safari"], 8),
        ("icontains", ["ED", "safa"], 2),
        ("not_icontains", ["ed", "chrome"], 3),
    ],
)
def test_filters_of_several_values(world: World, operator: str, values: list[str], expected: int) -> None:
    world.happen(lifecycle_days())
    test = {"key": "$browser", "operator": operator, "value": values}
    display = {"dateRange": RANGE, "trendsFilter": {"display": "BoldNumber"}}
    [series] = world.results("TrendsQuery", **display, series=PAGEVIEW, properties=[test])
    assert series["aggregated_value"] == expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [("icontains", "1", 3), ("not_icontains", 1, 1), ("regex", "^1", 2), ("not_regex", "^1", 2), ("gt", "2", 2)],
)
def test_filters_of_numbers(world: World, operator: str, value: Any, expected: int) -> None:
    prices: list[dict[str, Any]] = [{"price": 10}, {"price": 2.1}, {"price": 1.5}, {}]
    world.happen([("ann", "buy", f"2020-01-09 1{n}:00:00", price) for n, price in enumerate(prices)])
    series = [{"event": "buy", "properties": [{"key": "price", "operator": operator, "value": value}]}]
    [trend] = world.results("TrendsQuery", dateRange=RANGE, series=series)
    assert trend["count"] == expected


@pytest.mark.parametrize("body", ['{"query": {"kind": "\\ud800"}}', '{"query": NaN}', '{"query": 1', "[]"])
def test_what_is_no_json_text(world: World, body: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    refused = world.request("POST", "/api/projects/1/query/", content=body, headers=headers)
    assert (refused.status_code, refused.json()["type"]) in {(400, "invalid_request"), (400, "validation_error")}


@pytest.mark.parametrize("name", ["it's", "a\\'b", "{v} {{w}}", "`x`", "%", "ünï-😀", "a') OR true --"])
def test_hostile_names_are_names(world: World, name: str) -> None:
    world.happen([*days("ann", name, "2020-01-09", **{name: name}), *days("bob", "other", "2020-01-09")])
    series = [{"kind": "EventsNode", "event": name, "properties": [{"key": name, "value": name}]}]
    one_day = {"date_from": "2020-01-09", "date_to": "2020-01-09"}
    results = world.results("TrendsQuery", series=series, dateRange=one_day, breakdownFilter={"breakdown": name})
    assert [(s["breakdown_value"], s["data"]) for s in results] == [(name, [1])]


@pytest.mark.parametrize("name", ["WITHIN", "STEPS", "KEPT CELL", "MOST"])
def test_names_that_look_like_ours_are_names(world: World, name: str) -> None:
    world.happen([*days("ann", name, "2020-01-09", "2020-01-10", **{name: name}), *days("bob", "x", "2020-01-09")])
    dates = {"date_from": "2020-01-09", "date_to": "2020-01-10"}
    results = world.results(
        "FunnelsQuery", series=steps(name, name), dateRange=dates, breakdownFilter={"breakdown": name}
    )
    assert [[(s["breakdown_value"], s["count"]) for s in each] for each in results] == [[([name], 1), ([name], 1)]]
    assert world.data("LifecycleQuery", series=steps(name), dateRange=dates)[:2] == [[1, 0], [0, 1]]
    target = {"targetEntity": {"id": name}, "returningEntity": {"id": name}}
    assert world.cohorts(dateRange={"date_to": "2020-01-10"}, totalIntervals=2, **target) == [[1, 1], [1]]


def test_errors_are_gathered_to_issues(world: World) -> None:
    lost = {"$exception_type": "TypeError", "$exception_message": "x is undefined"}
    listed = {"$exception_list": [{"type": "RangeError", "value": "too deep"}]}
    world.happen(
        days("ann", "$exception", "2020-01-09", "2020-01-10", **lost)
        + days("bob", "$exception", "2020-01-11", **lost)
        + days("bob", "$exception", "2020-01-12", **listed)
    )
    node = {"dateRange": RANGE, "volumeResolution": 1, "orderBy": "occurrences"}
    results = world.results("ErrorTrackingQuery", **node)
    issues = [(i["name"], i["description"], *(i["aggregations"][n] for n in ("occurrences", "users"))) for i in results]
    assert issues == [("TypeError", "x is undefined", 3, 2), ("RangeError", "too deep", 1, 1)]
    assert results[0]["first_seen"].startswith("2020-01-09T12")
    [last_day] = world.results(
        "ErrorTrackingQuery", **node | {"dateRange": {"date_from": "2020-01-11", "date_to": "2020-01-11"}}
    )
    assert (last_day["first_seen"][:10], last_day["aggregations"]["occurrences"]) == ("2020-01-09", 1)
    assert [i["name"] for i in world.results("ErrorTrackingQuery", **node, searchQuery="DEEP")] == ["RangeError"]
