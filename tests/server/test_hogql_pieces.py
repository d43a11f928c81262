"""Queries parsed piece by piece have the tree of the whole, and its errors."""

import pytest

from usertrack.server.hogql import HogQLError
from usertrack.server.hogql.parse import Node, parse_expression, parse_select
from usertrack.server.hogql.pieces import parse_in_pieces


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a WHERE (x = 1) AND (x = 2 AND (x = 3 OR x = 4))) SELECT 1",
        "SELECT x FROM (SELECT 1 AS x UNION ALL SELECT 2 AS x) WHERE x IN (SELECT 1) AND (x, 1) IN ((1, 1), (2, 1))",
        "SELECT event FROM events WHERE (event = ')') AND (event != '(SELECT 1)') -- ( AND (x)\n AND (true)",
        "SELECT arrayMap((x) -> (x + 1), [(1), (2)]), [(true AND false), (event = 'a')] FROM events",
        "SELECT x BETWEEN (1) AND (2), (SELECT count() FROM events) AS n FROM events WHERE (x > 1) AND (x) + 1 = 2",
        "(SELECT 1 LIMIT 3) UNION ALL (SELECT 2)",
        "SELECT {usertrack_hole_0} FROM events WHERE (event = {name}) AND (a)",
        "SELECT lower(trim(upper(a)), [trim(1), a][trim(1)]) AS x, if(trim(x) AS y, y, 1), max(DISTINCT trim(a))",
        "SELECT DISTINCT lower(trim(a)), b FROM events WHERE has([lower(a)], trim(b)) GROUP BY lower(trim(a)), b",
        "SELECT arrayMap((a, b) -> if(a > 0 AND (b > 0 AND a > b), trim(a), lower(b)), {a}, range(1, {b})) AS x, x.1",
        "SELECT CAST(lower(a) AS String), and(or(a, trim(b)), not(trim(a))), lower(trim(a)).1, -abs(-abs(a))",
        "SELECT quantile(0.5)(lower(trim(a))) OVER (PARTITION BY abs(trim(a)) ORDER BY trim(a)), *, e.* FROM e -- ((\n",
        "SELECT a, case when lower(trim(a)) then (1, abs(2)) else tuple(abs(abs(3)), 1) end AS b LIMIT 1",
        "SELECT a, lower(trim(a)) UNION ALL SELECT x.select, 1 FROM (SELECT upper(trim(b)), b) AS x",
        'WITH (SELECT 1) AS one, (2) AS two SELECT one, two FROM events WHERE `a)` = 1 AND ("b(" = 2)',
    ],
)
def test_pieces_have_the_tree_of_the_whole(text: str) -> None:
    assert parse_in_pieces(text) == parse_select(text)


@pytest.mark.parametrize(
    "text",
    ["SELECT 1 WHERE (a AND", "SELECT x FROM (SELECT 1 FROM)", "SELECT 1 WHERE a AND (b c)", "SELECT )(", "SELECT (']"],
)
def test_errors_are_those_of_the_whole(text: str) -> None:
    with pytest.raises(HogQLError) as expected:
        parse_select(text)
    with pytest.raises(HogQLError) as actual:
        parse_in_pieces(text)
    assert str(actual.value) == str(expected.value)


def test_another_condition_is_all_that_is_parsed_anew() -> None:
    known: dict[str, Node] = {}
    parsed = []

    def query(text: str) -> Node:
        if text not in known:
            parsed.append(text)
            known[text] = parse_select(text)
        return known[text]

    def condition(text: str) -> Node:
        parsed.append(text)
        return parse_expression(text)

    for plan in ("free", "pro"):
        parsed.clear()
        parse_in_pieces(f"WITH a AS (SELECT 1 FROM events WHERE true AND (plan = '{plan}')) SELECT 1", query, condition)
    assert parsed == ["plan = 'pro'"]
