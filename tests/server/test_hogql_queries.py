"""Whole SELECTs: joins, unions, windows, limits, and everything that must be refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from query_fixtures import Api

Rows = Callable[..., list[list[Any]]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT event AS e, count() AS n FROM events GROUP BY e HAVING n > 3 ORDER BY n", [["$pageview", 4]]),
        ("SELECT event, count() FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 1", [["$pageview", 4]]),
        ("SELECT lower(event) AS event FROM events WHERE event = 'buy' LIMIT 1", [["buy"]]),
        ("WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT x, y FROM a, b", [[1, 2]]),
        ("WITH 3 AS three SELECT three + 1", [[4]]),
        ("SELECT x FROM (WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT 2 FROM a) ORDER BY x", [[1], [2]]),
        ("SELECT x FROM (SELECT 2 AS x UNION ALL SELECT 1) ORDER BY x", [[1], [2]]),
        ("SELECT 1 AS x UNION DISTINCT SELECT 1", [[1]]),
        ("SELECT event FROM events INTERSECT SELECT 'buy'", [["buy"]]),
        ("SELECT a, b FROM (SELECT 1 AS a) ARRAY JOIN [10, 20] AS b", [[1, 10], [1, 20]]),
        ("SELECT number FROM numbers(3) WHERE number IN (SELECT 2)", [[2]]),
        ("WITH a AS (SELECT 2) SELECT number FROM numbers(3) WHERE number IN a", [[2]]),
        ("SELECT (SELECT count() FROM events)", [[7]]),
        ("SELECT DISTINCT event FROM events ORDER BY event", [["$pageview"], ["buy"]]),
        ("SELECT count(DISTINCT person_id), uniq(distinct_id), count(properties.price) FROM events", [[4, 4, 2]]),
        ("SELECT count() FILTER (WHERE event = 'buy'), countIf(event = 'buy') FROM events", [[3, 3]]),
        ("SELECT e.event, p.properties.email FROM events e JOIN persons p ON p.id = e.person_id"
         " WHERE e.event = 'buy' ORDER BY 2 LIMIT 1", [["buy", "ann@x.io"]]),
        ("SELECT a.x, b.y FROM (SELECT 1 AS x) a LEFT JOIN (SELECT 1 AS x, 'q' AS y) b USING x", [[1, "q"]]),
        ("SELECT a.x FROM (SELECT 1 AS x) a CROSS JOIN (SELECT 2 AS z) b", [[1]]),
        ("SELECT distinct_id, timestamp FROM events ORDER BY timestamp LIMIT 1 BY distinct_id LIMIT 1",
         [["d1", "2026-01-05T10:00:00.000000Z"]]),
        ("SELECT distinct_id, row_number() OVER (PARTITION BY distinct_id ORDER BY timestamp) AS n, lag(event) OVER w"
         " FROM events WINDOW w AS (PARTITION BY distinct_id ORDER BY timestamp) ORDER BY timestamp LIMIT 2",
         [["d1", 1, None], ["d1", 2, "$pageview"]]),
        ("SELECT number, sum(number) OVER (ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
         " FROM numbers(3)", [[0, 0], [1, 1], [2, 3]]),
        ("SELECT max(level) FROM (SELECT windowFunnel(100000)(toDateTime(timestamp), event = '$pageview',"
         " event = 'buy') AS level FROM events GROUP BY person_id)", [[2]]),
        ("SELECT quantile(0.5)(number), quantiles(0.1, 0.9)(number), topK(1)(1) FROM numbers(11)", [[5, [1, 9], [1]]]),
        ("SELECT number % 2 AS k, count() FROM numbers(4) GROUP BY rollup(k) ORDER BY 2 DESC LIMIT 1", [[0, 4]]),
        ("SELECT event, count() FROM events GROUP BY ALL ORDER BY event LIMIT 1", [["$pageview", 4]]),
        ("SELECT * EXCLUDE (a) FROM (SELECT 1 AS a, 2 AS b)", [[2]]),
        ("SELECT number FROM numbers(10) LIMIT 10%", [[0]]),
        ("SELECT number FROM numbers(4) QUALIFY row_number() OVER (ORDER BY number DESC) = 1", [[3]]),
        ("SELECT event FROM events PREWHERE event = 'buy' LIMIT 1", [["buy"]]),
        ("SELECT count() > 0 FROM events WHERE timestamp < now() - INTERVAL 0 DAY", [[1]]),
        ("SELECT count() FROM events WHERE timestamp BETWEEN '2026-01-05' AND '2026-01-06'", [[3]]),
        ("SELECT count() FROM events WHERE timestamp IN ('2026-01-05 10:00:00')", [[1]]),
        ("SELECT event AS `it's ``odd```, `it's ``odd``` = 'buy' FROM events"
         " WHERE event = 'buy' LIMIT 1", [["buy", 1]]),
        ("SELECT count() FROM events WHERE true OR event IN (SELECT 'x')", [[7]]),
        ("SELECT count() FROM events WHERE (false AND event = 'buy') OR 1 = 2", [[0]]),
        ("SELECT a.x FROM (SELECT 1 AS x) a LEFT JOIN (SELECT 1 AS x) b ON a.x = b.x AND false", [[1]]),
        ("SELECT a.x FROM (SELECT 1 AS x) a ASOF JOIN (SELECT 1 AS x) b ON a.x = b.x AND a.x >= b.x AND false", []),
        ("SELECT events.event, team_id FROM events LIMIT 1", [["$pageview", 1]]),
        ("SELECT count() FROM events SAMPLE 1", [[7]]),
        ("SELECT count() < 7 FROM events SAMPLE 1/2 OFFSET 1/2", [[1]]),
        ("SELECT 1; -- the end", [[1]]),
    ],
)  # fmt: skip
def test_select(rows: Rows, query: str, expected: list[list[Any]]) -> None:
    assert rows(query) == expected


def test_star(api: Api) -> None:
    columns = ["uuid", "event", "properties", "timestamp", "distinct_id", "elements_chain", "created_at"]
    assert api.answer("SELECT * FROM events LIMIT 1")["columns"][:7] == columns
    assert api.answer("SELECT p.* FROM events e JOIN persons p ON p.id = e.person_id LIMIT 1")["columns"] == [
        "id",
        "created_at",
        "properties",
        "is_identified",
        "last_seen_at",
    ]


def test_column_names_and_types(api: Api) -> None:
    query = "SELECT count(), properties.$pathname, person.properties.email, event, 1 + 1, max(timestamp) AS m"
    answer = api.answer(f"{query} FROM events GROUP BY ALL LIMIT 1")
    assert answer["columns"] == ["count()", "$pathname", "email", "event", "plus(1, 1)", "m"]
    assert answer["types"][0] == ["count()", "UInt64"]
    assert answer["types"][3] == ["event", "String"]


def test_hidden_limit_says_that_there_is_more(api: Api) -> None:
    answer = api.answer("SELECT number FROM numbers(101)")
    assert (len(answer["results"]), answer["hasMore"], answer["limit"], answer["offset"]) == (100, True, 100, 0)
    assert api.answer("SELECT number FROM numbers(100)")["hasMore"] is False
    assert api.answer("SELECT 1 WHERE 1 = 2")["results"] == []


def test_explicit_limit_is_clamped_in_silence(api: Api) -> None:
    small = api.with_settings(row_cap=150)
    for limit in ("200", "{n}", "100 + 100"):
        answer = small.answer(f"SELECT number FROM numbers(300) LIMIT {limit}", values={"n": 200})
        assert len(answer["results"]) == 150
        assert "hasMore" not in answer
    assert len(small.rows("SELECT number FROM numbers(300) LIMIT 120")) == 120


def test_each_member_of_a_union_is_limited(api: Api) -> None:
    answer = api.answer("SELECT number FROM numbers(300) UNION ALL SELECT number FROM numbers(300)")
    assert len(answer["results"]) == 200
    assert "hasMore" not in answer
    outer = "SELECT number FROM (SELECT number FROM numbers(300) UNION ALL SELECT number FROM numbers(300)) LIMIT 500"
    assert len(api.rows(outer)) == 500


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 LIMIT 1 OFFSET 1",
        "SELECT 1 FROM (SELECT 1 LIMIT 1 OFFSET 1)",
        "SELECT 1 UNION ALL SELECT 2 LIMIT 1 OFFSET 1",
        "SELECT event FROM events LIMIT 1 OFFSET 1 BY event",
        "WITH a AS (SELECT 1 LIMIT 1 OFFSET 1) SELECT * FROM a",
    ],
)
def test_offset_is_refused_anywhere(api: Api, query: str) -> None:
    code, detail = api.refusal(query)
    assert code == "hogql_query_error"
    assert detail.startswith("OFFSET is not supported on queries made with a personal API key. For pagination, use ")


@pytest.mark.parametrize(
    ("query", "code", "part"),
    [
        ("SELEC 1", "hogql_syntax_error", "mismatched input 'SELEC'"),
        ("SELECT 1; SELECT 2", "hogql_syntax_error", "expecting <EOF>"),
        ("INSERT INTO events VALUES (1)", "hogql_syntax_error", "mismatched input 'INSERT'"),
        ("DROP TABLE events", "hogql_syntax_error", "mismatched input 'DROP'"),
        ("", "hogql_syntax_error", "mismatched input"),
        ("SELECT 1 SETTINGS max_threads = 1", "hogql_query_error", "settingsClause"),
        ("SELECT 1 FORMAT JSON", "hogql_syntax_error", ""),
        ("SELECT 1 FROM evnts", "hogql_query_error", "Unknown table `evnts`. Did you mean: events?"),
        ("SELECT evnt FROM events", "hogql_query_error", "Unable to resolve field: evnt. Did you mean: event?"),
        ("SELECT x.event FROM events", "hogql_query_error", "Unable to resolve field: x"),
        ("SELECT person FROM events", "hogql_query_error", "Can't select a table"),
        ("SELECT event FROM events a, events b", "hogql_query_error", "Ambiguous query"),
        ("SELECT cuont() FROM events", "hogql_query_error", "Perhaps you meant 'count"),
        ("SELECT retention(event = 'a')  FROM events", "hogql_query_error", "Unsupported function call"),
        ("SELECT sequenceMatch('(?1)')(timestamp, 1) FROM events", "hogql_query_error", "Unsupported function call"),
        ("SELECT toDate(timestamp, 'UTC') FROM events", "hogql_query_error", "expects 1 argument, found 2"),
        ("SELECT quantile(event) FROM events", "hogql_query_error", "requires parameters"),
        ("SELECT sum(count()) FROM events", "hogql_query_error", "cannot be nested inside another aggregation 'sum'"),
        ("SELECT event FROM events WHERE person_id IN COHORT 5", "hogql_query_error", "no cohort with the id 5"),
        ("SELECT event FROM events FINAL", "hogql_query_error", "FINAL keyword is not supported"),
        ("SELECT 1 AS a, 2 AS a", "hogql_query_error", "Cannot redefine an alias"),
        ("SELECT 1 AS team_id", "hogql_syntax_error", "reserved keyword"),
        ("SELECT {x}", "hogql_query_error", "Unresolved placeholder: {x}"),
        ("SELECT *", "hogql_query_error", "Cannot use '*' when there are no tables"),
        ("SELECT 'a' + 1", "illegal_type_of_argument", "Illegal types"),
        ("SELECT event FROM events GROUP BY person_id", "not_an_aggregate", ""),
        ("SELECT properties.$pathname > 1 FROM events", "no_common_type", ""),
        ("SELECT " + "(" * 300 + "1" + ")" * 300, "hogql_query_error", "too deeply nested"),
        ("SELECT " + "+".join("1" * 3000), "hogql_query_error", "too deeply nested"),
    ],
)  # fmt: skip
def test_refusals(api: Api, query: str, code: str, part: str) -> None:
    error_code, detail = api.refusal(query)
    assert (error_code, part in detail) == (code, True), detail
    assert "SETTINGS" not in detail.replace("settingsClause", "")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM file('/etc/passwd')",
        "SELECT * FROM url('http://localhost')",
        "SELECT * FROM system.tables",
        "SELECT * FROM posthog.property_definitions",
        "SELECT * FROM property_definitions",
        "SELECT * FROM remote('localhost', system, one)",
        "SELECT * FROM numbers((SELECT count() FROM system.tables))",
        "SELECT file('/etc/passwd')",
        "SELECT getSetting('max_threads')",
        "SELECT dictGet('a', 'b', 1)",
        "SELECT joinGet('a', 'b', 1)",
        "SELECT currentDatabase(), hostName(), version()",
        "SELECT sleep(1)",
        "SELECT url('x') FROM events",
        "SELECT event FROM events WHERE event IN system.tables",
        "SELECT arrayReduce('file', ['x'])",
        "SELECT x FROM events AS `e`.`x`",
        "SELECT `event` FROM `events` AS `a` FINAL, `system`.`tables`",
        "SELECT executable('x', 'TSV', 'x Int')",
        "SELECT * FROM <a/>",
        "SELECT catboostEvaluate('x'), addressToLine(1), hasColumnInTable('system', 'one', 'dummy')",
    ],
)
def test_nothing_else_can_be_read(api: Api, query: str) -> None:
    assert api.refusal(query)[0].startswith("hogql_")


def test_placeholder_names_that_exist_are_named(api: Api) -> None:
    detail = api.refusal("SELECT {x}", values={"y": 1})[1]
    assert detail == "Placeholder {x} is not available in this context. You can use the following: y"


def test_filters(api: Api) -> None:
    query = "SELECT count() FROM events WHERE {filters}"
    dates = {"date_from": "2026-01-06", "date_to": "2026-01-07"}
    assert api.rows(query) == [[7]]
    assert api.rows(query, filters={"dateRange": dates}) == [[2]]
    assert api.with_settings(timezone="Europe/Berlin").rows(query, filters={"dateRange": dates}) == [[3]]
    assert api.rows(query, filters={"dateRange": {"date_from": "all"}}) == [[7]]
    assert api.rows(query, filters={"dateRange": {"date_from": "-7d"}}) == [[0]]
    email = {"type": "person", "key": "email", "operator": "not_icontains", "value": "@STAFF"}
    assert api.rows(query, filters={"properties": [email]}) == [[5]]
    assert api.rows(query, filters={"properties": [{"type": "hogql", "key": "person.properties.email IS NULL"}]}) == [
        [2]
    ]
    for key in ("person_id IN (SELECT id FROM persons)", "event = {event}"):
        assert "cannot hold a query" in api.refusal(query, filters={"properties": [{"type": "hogql", "key": key}]})[1]
    bound = "SELECT count() FROM events WHERE timestamp >= {filters.dateRange.from}"
    assert api.rows(bound, filters={"dateRange": dates}) == [[4]]
    assert api.rows(bound) == [[7]]
    assert "Cannot use 'filters' placeholder" in api.refusal("SELECT 1 FROM persons WHERE {filters}")[1]
    assert api.refusal("SELECT 1 FROM events WHERE {filters.nope}")[1] == "Unsupported filters placeholder"


def test_variables(api: Api) -> None:
    variables = {"id-1": {"variableId": "id-1", "code_name": "who", "value": "d2"}}
    assert api.rows("SELECT count() FROM events WHERE distinct_id = {variables.who}", variables=variables) == [[2]]


SEED = Path(__file__).parent / "seed_queries.sql"


@pytest.mark.parametrize("query", SEED.read_text().split(";\n"))
def test_the_seeds_own_queries_run_as_written(api: Api, query: str) -> None:
    api.answer(query.replace("{EMAIL}", "ann@x.io"))
