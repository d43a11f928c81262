"""What HogQL expressions mean: NULLs, property values and types, times, strings."""

from collections.abc import Callable
from typing import Any

import pytest
from query_fixtures import ANN, Api

Rows = Callable[..., list[list[Any]]]
Value = Callable[..., Any]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("null = 2", 0),
        ("null = null", 1),
        ("null != 2", 1),
        ("null != null", 0),
        ("null < 1", 0),
        ("null <= null", 0),
        ("null > 1", 0),
        ("null >= null", 0),
        ("null like '2'", 0),
        ("null not like '2'", 1),
        ("null ilike '2'", 0),
        ("null not ilike '2'", 1),
        ("null =~ '2'", 0),
        ("null !~ '2'", 1),
        ("null !~* '2'", 1),
        ("notLike(null, '2')", 1),
        ("notEquals(null, 2)", 1),
        ("null in (null)", 1),
        ("null in (1, null)", 1),
        ("null in (1, 2)", 0),
        ("null not in (1, 2)", 1),
        ("null not in (1, null)", 0),
        ("1 not in (2)", 1),
        ("1 in []", 0),
        ("null is not distinct from null", 1),
        ("'abc' =~ 'B'", 0),
        ("'abc' =~* 'B'", 1),
        ("'abc' !~* 'B'", 0),
        ("'a%c' like 'a\\\\%c'", 1),
        ("concat('a', null, 1)", "a1"),
        ("null ?? 'x'", "x"),
        ("case null when 1 then 'a' else 'b' end", "b"),
        ("case when null then 'a' else 'b' end", "b"),
    ],
)
def test_null_is_not_unknown(value: Value, expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("condition", "people"),
    [
        ("person.properties.email NOT LIKE '%@staff.io'", ["d1", "d3", "d9"]),
        ("person.properties.email LIKE '%@staff.io'", ["d2"]),
        ("person.properties.email != 'ann@x.io'", ["d2", "d3", "d9"]),
        ("person.properties.email IS NULL", ["d3", "d9"]),
        ("person.properties.email NOT IN ('ann@x.io', 'bob@staff.io')", ["d3", "d9"]),
        ("person.properties.email = properties.nope", ["d3", "d9"]),
        ("person.properties.email != properties.nope", ["d1", "d2"]),
        ("properties.note = ''", ["d2"]),
        ("properties.price > 3", ["d1"]),
        ("properties.paid = false", ["d2"]),
        ("not person.properties.email LIKE '%x.io'", ["d2", "d3", "d9"]),
    ],
)
def test_filters_keep_the_people_posthog_keeps(rows: Rows, condition: str, people: list[str]) -> None:
    records = rows(f"SELECT DISTINCT distinct_id FROM events WHERE {condition} ORDER BY distinct_id")
    assert [row[0] for row in records] == people


@pytest.mark.parametrize(
    ("prop", "expected"),
    [
        ("price", [10, 2.5]),
        ("items", ['["x","y"]']),
        ("items[1]", ["x"]),
        ("items.2", ["y"]),
        ("paid", [True, False]),
        ("at", ["2026-01-05T23:30:00.000000Z"]),
        ("note", ["", "a", "b"]),
        ("deep", ['{"er":{"key":"v"}}']),
        ("deep.er.key", ["v"]),
        ("`odd key-1`", ["k"]),
        ("`dot.ted`", ["d"]),
        ("`$feature/my-flag`", ["on"]),
        ("note2", [0]),
        ("nope", []),
    ],
)
def test_property_values(rows: Rows, prop: str, expected: list[Any]) -> None:
    records = rows(f"SELECT properties.{prop} AS p FROM events WHERE p IS NOT NULL ORDER BY timestamp")
    assert [row[0] for row in records] == expected


def test_untyped_values_are_text(api: Api) -> None:
    api.store.insert(
        "events",
        [
            {"event": "typed", "timestamp": f"2025-01-0{n}", "properties": {"mixed": mixed}}
            for n, mixed in enumerate(["", "0", 0, 1.5, True, [1, "x"], {"a": 1}, None, "null"], 1)
        ],
    )
    query = "SELECT properties.mixed FROM events WHERE event = 'typed' ORDER BY timestamp"
    assert [row[0] for row in api.rows(query)] == ["", "0", "0", "1.5", "true", '[1,"x"]', '{"a":1}', None, "null"]
    as_sent = ['""', '"0"', "0", "1.5", "true", '[1,"x"]', '{"a":1}', "", '"null"']
    assert [
        row[0] for row in api.rows(query.replace("properties.mixed", "JSONExtractRaw(properties, 'mixed')"))
    ] == as_sent
    api.store.query("DELETE FROM posthog.events WHERE event = 'typed'")


def test_properties_as_a_whole_are_json_text(rows: Rows) -> None:
    columns = "JSONExtractString(properties, '$pathname'), JSONHas(properties, 'dot.ted')"
    assert rows(f"SELECT {columns} FROM events WHERE event = 'buy' ORDER BY timestamp") == [["", 0], ["", 0], ["", 1]]


def test_properties_survive_subqueries(rows: Rows) -> None:
    inner = "SELECT properties, any(properties) OVER () AS p FROM events WHERE event = 'buy' AND properties.price = 10"
    assert rows(f"SELECT properties.price, properties.items[2], p.price FROM ({inner})") == [[10, "y", "10"]]


def test_person_properties_are_the_latest(rows: Rows) -> None:
    columns = "person.properties.plan, person.id, person.properties.age"
    assert rows(f"SELECT DISTINCT {columns} FROM events WHERE distinct_id = 'd1'") == [["max", ANN, 30]]


def test_lazy_joins(rows: Rows) -> None:
    query = (
        "SELECT distinct_id, pdi.person.properties.email, group_0.properties.name, session.$session_duration"
        " FROM events WHERE event = '$pageview' ORDER BY timestamp"
    )
    assert rows(query) == [
        ["d1", "ann@x.io", "Acme", 30],
        ["d1", "ann@x.io", "Acme", 30],
        ["d2", "bob@staff.io", None, 0],
        ["d9", None, None, None],
    ]
    assert rows("SELECT person.properties.email FROM person_distinct_ids ORDER BY distinct_id")[0] == ["ann@x.io"]
    assert rows("SELECT pdi.distinct_id FROM persons ORDER BY 1") == [["d1"], ["d2"], ["d3"]]


def test_sessions(rows: Rows) -> None:
    columns = "session_id, distinct_id, $session_duration, $pageview_count, $is_bounce, $entry_pathname, $exit_pathname"
    assert rows(f"SELECT {columns}, $channel_type, $num_uniq_urls FROM sessions ORDER BY session_id") == [
        ["s1", "d1", 30, 2, 0, "/a", "/b", "Direct", 2],
        ["s2", "d2", 0, 1, 1, "/a", "/a", "Direct", 1],
    ]
    assert rows("SELECT avg($is_bounce) FROM sessions") == [[0.5]]


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", [["2026-01-05", 3], ["2026-01-06", 2], ["2026-01-11", 1], ["2026-01-12", 1]]),
        ("Europe/Berlin", [["2026-01-05", 2], ["2026-01-06", 3], ["2026-01-11", 1], ["2026-01-12", 1]]),
        ("US/Pacific", [["2026-01-05", 3], ["2026-01-06", 2], ["2026-01-11", 2]]),
    ],
)
def test_days_are_the_projects(api: Api, zone: str, days: list[list[Any]]) -> None:
    project = api.with_settings(timezone=zone)
    assert project.rows("SELECT toDate(timestamp) AS d, count() FROM events GROUP BY d ORDER BY d") == days
    day = "timestamp >= '2026-01-06' AND timestamp < '2026-01-07'"
    [[count]] = project.rows(f"SELECT count() FROM events WHERE {day}")
    assert count == dict(map(tuple, days))["2026-01-06"]  # type: ignore[arg-type]


def test_times_carry_the_projects_offset(api: Api) -> None:
    berlin = api.with_settings(timezone="Europe/Berlin")
    columns = "timestamp, toStartOfDay(timestamp), toTimeZone(timestamp, 'UTC'), [timestamp]"
    answer = berlin.answer(f"SELECT {columns} FROM events ORDER BY timestamp LIMIT 1")
    local = "2026-01-05T11:00:00+01:00"
    assert answer["results"] == [[local, "2026-01-05T00:00:00+01:00", "2026-01-05T10:00:00.000000Z", [local]]]
    assert answer["types"][0] == ["timestamp", "DateTime64(6, 'Europe/Berlin')"]
    assert answer["timezone"] == "Europe/Berlin"
    assert api.rows("SELECT timestamp FROM events WHERE distinct_id = 'd9'") == [["2026-01-12T00:30:00.500000Z"]]


def test_times_in_summer_and_in_constants(api: Api) -> None:
    berlin = api.with_settings(timezone="Europe/Berlin")
    assert berlin.rows("SELECT toDateTime('2026-07-01 12:00:00')") == [["2026-07-01T12:00:00+02:00"]]
    assert berlin.rows("SELECT toDateTime('2026-07-01T10:00:00Z')") == [["2026-07-01T12:00:00+02:00"]]
    query = "SELECT count() FROM events WHERE timestamp = {t}"
    assert berlin.rows(query, values={"t": "2026-01-05T11:00:00+01:00"}) == [[1]]
    assert berlin.rows(query, values={"t": "2026-01-05 11:00:00"}) == [[1]]
    assert berlin.rows("SELECT count() FROM events WHERE timestamp >= toDate('2026-01-06')") == [[5]]


@pytest.mark.parametrize(("start", "weeks"), [(0, ["2026-01-04", "2026-01-11"]), (1, ["2026-01-05", "2026-01-12"])])
def test_week_start(api: Api, start: int, weeks: list[str]) -> None:
    project = api.with_settings(week_start_day=start)
    records = project.rows("SELECT DISTINCT toStartOfWeek(timestamp) AS w FROM events ORDER BY w")
    assert [row[0] for row in records] == weeks


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("toInt('7')", 7),
        ("toInt('x')", None),
        ("toFloat('1.5')", 1.5),
        ("toFloat('x')", None),
        ("toDate('2026-01-02')", "2026-01-02"),
        ("toDate('x')", None),
        ("toDate(toDateTime('2026-01-02 10:00:00'))", "2026-01-02"),
        ("toUUID('x')", None),
        ("toBool('true')", True),
        ("'1'::int", 1),
        ("CAST('2026-01-02' AS date)", "2026-01-02"),
        ("toString(1)", "1"),
        ("1 + 1 * 2", 3),
        ("7 % 4", 3),
        ("-(2)", -2),
        ("arrayReverseSort([1, 3, 2])", [1, 2, 3]),
        ("arrayMap(x -> x * 2, [1, 2])", [2, 4]),
        ("arrayFold((acc, x) -> acc + x, [1, 2], toInt(0)) ", 3),
        ("[1, 2, 3][2:3]", [2, 3]),
        ("(1, 'a').2", "a"),
        ("COUNT(1)", 1),
        ("dateDiff('day', toDate('2026-01-01'), toDate('2026-02-01'))", 31),
        ("dateAdd('day', 1, toDate('2026-01-31'))", "2026-02-01"),
        ("date_subtract(toDate('2026-01-31'), INTERVAL 1 MONTH)", "2025-12-31"),
        ("toDate({v} - INTERVAL 1 DAY)", "2026-01-30"),
        ("date_part('month', toDate('2026-02-01'))", 2),
        ("18446744073709551615", 18446744073709551615),
        ("1 / 0", None),
        ("[nan]", [None]),
        ("md5('a')", "0CC175B9C0F1B6A831C399E269772661"),
        ("arrayReduce('sum', [1, 2])", 3),
        ("'x' || 1", "x1"),
        ("1 between 1 and 2", 1),
        ("1 not between 1 and 2", 0),
        ("1 ? 'a' : 'b'", "a"),
        ("f'hi {1 + 1}'", "hi 2"),
        ("formatReadableSize(1024)", "1.00 KiB"),
        ("trim('  a ')", "a"),
        ("trim('xax', 'x')", "a"),
        ("split_part('a,b', ',', 2)", "b"),
    ],
)
def test_functions(value: Value, expression: str, expected: Any) -> None:
    assert value(expression, values={"v": "2026-01-31T00:00:00Z"}) == expected


def test_a_moment_in_two_timezones_is_two_constants(rows: Rows) -> None:
    until = "toDateTime('2026-01-12 00:00:00')"
    days = f"dateDiff('day', toTimeZone(timestamp, 'America/Lima'), toTimeZone({until}, 'America/Lima')) AS days"
    inner = f"SELECT person_id, {days} FROM events WHERE timestamp < {until} AND event = 'buy'"
    records = rows(f"SELECT days FROM ({inner}) WHERE person_id != '{ANN[:-1]}9' ORDER BY days")
    assert records == [[0], [5], [6]]
