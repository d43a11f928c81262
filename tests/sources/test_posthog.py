"""PostHog's own limits, met on the embedded server: nothing is short unsaid, lost, or asked twice."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import slow_but
from tests.sources.wires import KEY, Wire, table, tables
from usertrack.core.errors import QueryError, SourceBusy
from usertrack.library.library import Statement
from usertrack.server.app import create_app
from usertrack.server.database.store import Store
from usertrack.server.http.server_settings import ServerSettings
from usertrack.sources.limits import own_limit, with_limit

PAGE = 10
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., httpx.ASGITransport]]:
    store = Store(tmp_path_factory.mktemp("posthog"))

    def start(row_cap: int = 50_000, timezone: str = "UTC") -> httpx.ASGITransport:
        known = ServerSettings(project_token="phc_x", personal_api_key=KEY, row_cap=row_cap, timezone=timezone)
        return httpx.ASGITransport(create_app(store, known), raise_app_exceptions=False)

    yield start
    store.close()


@pytest.fixture
def capped(serve: Callable[..., httpx.ASGITransport]) -> Wire:
    return Wire(serve(row_cap=PAGE))


def keyed(keys: list[Any], extra: str = "") -> Statement:
    """A query whose rows are (email, n): ``keys`` with their numbers, NULL for 'none'."""
    sql = (
        "SELECT nullIf(arrayElement({keys}, number), 'none') AS email, number AS n "
        f"FROM (SELECT arrayJoin(arrayEnumerate({{keys}})) AS number) {extra}"
    )
    return Statement("posthog", sql, {"keys": keys}, key="email")


def sorted_rows(keys: list[Any]) -> list[tuple[Any, int]]:
    return sorted(((None if key == "none" else key, n) for n, key in enumerate(keys, 1)), key=repr)


@few
@given(st.lists(st.sampled_from(["none", "Ann", "b", "ä", "'", "\\", "{x}", "😀", *"cdefgh"]), min_size=1, max_size=60))
def test_pages_hold_every_row_once(capped: Wire, tmp_path: Path, keys: list[str]) -> None:
    if max(keys.count(key) for key in keys) >= PAGE:
        return
    answer = table(capped, keyed(keys), tmp_path, page_rows=PAGE)
    assert sorted(answer.rows, key=repr) == sorted_rows(keys)
    assert not answer.truncated
    assert "OFFSET" not in str(capped.bodies)


@pytest.mark.parametrize("count", [1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
def test_pages_that_are_just_full(capped: Wire, tmp_path: Path, count: int) -> None:
    keys = [f"user{number:03}" for number in range(count)]
    answer = table(capped, keyed(keys), tmp_path, page_rows=PAGE)
    assert [email for email, _ in answer.rows] == keys
    assert [column.type for column in answer.columns] == ["VARCHAR", "BIGINT"]


def test_pages_by_number(capped: Wire, tmp_path: Path) -> None:
    sql = "SELECT arrayJoin(range(35)) - 20 AS id"
    answer = table(capped, Statement("posthog", sql, key="id"), tmp_path, page_rows=PAGE)
    assert [row[0] for row in answer.rows] == list(range(-20, 15))


def test_rows_without_a_key_come_last(capped: Wire, tmp_path: Path) -> None:
    keys = ["none"] * 9 + [f"user{number}" for number in range(20)]
    answer = table(capped, keyed(keys), tmp_path, page_rows=PAGE)
    assert [email for email, _ in answer.rows][-9:] == [None] * 9
    assert len(answer.rows) == 29


@pytest.mark.parametrize("key", ["ann", "none"])
def test_more_rows_than_a_page_share_a_key(capped: Wire, tmp_path: Path, key: str) -> None:
    with pytest.raises(QueryError, match="10 rows or more share one email") as caught:
        table(capped, keyed([key] * 15), tmp_path, page_rows=PAGE)
    assert "group by email" in caught.value.hint


def test_a_key_that_is_no_column(capped: Wire, tmp_path: Path) -> None:
    statement = Statement("posthog", "SELECT arrayJoin(range(35)) AS e_mail", key="email")
    with pytest.raises(QueryError, match="Did you mean: e_mail"):
        table(capped, statement, tmp_path, page_rows=PAGE)


def test_a_page_keeps_the_order_of_the_query(capped: Wire, tmp_path: Path) -> None:
    answer = table(capped, keyed(["a", "b", "c"], "ORDER BY n DESC"), tmp_path, page_rows=PAGE)
    assert [n for _, n in answer.rows] == [3, 2, 1]


def test_several_pages_say_their_order(capped: Wire, tmp_path: Path) -> None:
    keys = [f"user{number:03}" for number in range(25)]
    answer = table(capped, keyed(keys, "ORDER BY n DESC"), tmp_path, page_rows=PAGE)
    assert answer.notes == ("25 rows, in the order of email",)


def test_a_query_without_a_key_says_that_it_was_cut(capped: Wire, tmp_path: Path) -> None:
    answer = table(capped, "SELECT arrayJoin(range(35))", tmp_path, page_rows=PAGE)
    assert (len(answer.rows), answer.truncated) == (PAGE, True)


def test_a_limit_of_its_own_is_not_a_cut(capped: Wire, tmp_path: Path) -> None:
    answer = table(capped, f"SELECT arrayJoin(range(35)) LIMIT {PAGE}", tmp_path, page_rows=PAGE)
    assert (len(answer.rows), answer.truncated) == (PAGE, False)


def test_a_limit_beyond_the_cap_is_a_cut(capped: Wire, tmp_path: Path) -> None:
    assert table(capped, "SELECT arrayJoin(range(35)) LIMIT 20", tmp_path, page_rows=PAGE).truncated
    statement = Statement("posthog", "SELECT arrayJoin(range(35)) LIMIT {n}", {"n": 20})
    assert table(capped, statement, tmp_path, page_rows=PAGE).truncated


@pytest.mark.parametrize(
    ("limit", "length", "truncated"), [(0, 0, False), (5, 5, True), (12, 10, True), (35, 10, True)]
)
def test_a_limit_asked_for(capped: Wire, tmp_path: Path, limit: int, length: int, *, truncated: bool) -> None:
    statement = Statement("posthog", "SELECT arrayJoin(range(35))", limit=limit)
    answer = table(capped, statement, tmp_path, page_rows=PAGE)
    assert (len(answer.rows), len(list(answer.rows)), answer.truncated) == (length, length, truncated)


def test_a_limit_asked_for_beyond_the_cap_pages(capped: Wire, tmp_path: Path) -> None:
    statement = Statement("posthog", "SELECT arrayJoin(range(35)) AS n", key="n", limit=25)
    answer = table(capped, statement, tmp_path, page_rows=PAGE)
    assert ([row[0] for row in answer.rows], answer.truncated) == (list(range(25)), True)


HEADS = ["SELECT arrayJoin(range(300)) AS n", "WITH 300 AS size SELECT arrayJoin(range(size)) AS n"]
FROMS = ["", " FROM (SELECT 'LIMIT 5' AS text, 1 AS `limit` LIMIT 7) AS t", " -- LIMIT 3\n"]
ORDERS = ["", " ORDER BY n DESC", " ORDER BY n LIMIT 1 BY n % 200", " order by n limit 2 by n, n"]
LIMITS = ["", " LIMIT 150", "\nlimit 7 /* LIMIT 9 */", " LIMIT 150 + 1", " LIMIT 120 -- the end"]
SHAPES = ["{}", "({}\n)", "{} UNION ALL SELECT 1 AS n", "({}\n) UNION ALL (SELECT 1 AS n)", "SELECT n FROM ({}\n)"]


@pytest.mark.parametrize(
    ("shape", "every"),  # 7 meets each part, and each with most others
    slow_but([(shape, 7) for shape in SHAPES], [(shape, every) for shape in SHAPES for every in (7, 2)]),
)
def test_the_hidden_limit_of_100_never_bites(
    serve: Callable[..., httpx.ASGITransport], tmp_path: Path, shape: str, every: int
) -> None:
    """Every query gives what it gives as a subquery, where PostHog adds no LIMIT."""
    wire = Wire(serve())
    parts = product(HEADS, FROMS, ORDERS, LIMITS)
    if "UNION" in shape or "(" in shape:
        parts = ((head, source, order, limit.split("--")[0]) for head, source, order, limit in parts)
    queries = list(dict.fromkeys(shape.format("".join(query).strip()) for query in parts))[::every]
    statements = [Statement("posthog", query) for query in queries]
    as_arrays = [Statement("posthog", f"SELECT groupArray(n) FROM (\n{query}\n) LIMIT 1") for query in queries]
    answers = tables(wire, [*statements, *as_arrays], tmp_path)
    for query, answer, expected in zip(queries, answers, answers[len(queries) :], strict=False):
        assert sorted(row[0] for row in answer.rows) == sorted(expected.rows[0][0]), query
        assert not answer.truncated


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        ("SELECT 1", None),
        ("SELECT 1 LIMIT 5", 5),
        ("SELECT x.limit FROM y", None),
        ("SELECT 'a LIMIT 5'", None),
        ("SELECT `limit` FROM y -- LIMIT 5", None),
        ("SELECT 1 LIMIT 5 BY a", None),
        ("SELECT 1 LIMIT 5 BY a LIMIT 7", 7),
        ("SELECT (SELECT 1 LIMIT 1)", None),
        ("SELECT 1 LIMIT {n}", 3),
        ("SELECT 1 LIMIT {other}", float("inf")),
        ("SELECT 1 LIMIT 2 + 3", float("inf")),
        ("SELECT 1 LIMIT 5 UNION ALL SELECT 2 LIMIT 6", None),
        ("SELECT * EXCEPT (a) FROM y LIMIT 5", 5),
    ],
)
def test_the_limit_that_a_query_has(sql: str, limit: float | None) -> None:
    assert own_limit(sql, {"n": 3}) == limit


def test_a_limit_is_added_behind_the_order() -> None:
    assert with_limit("SELECT 1 AS n ORDER BY n -- end", 5) == "SELECT 1 AS n ORDER BY n -- end\nLIMIT 5"


def test_an_order_survives_a_limit(serve: Callable[..., httpx.ASGITransport], tmp_path: Path) -> None:
    sql = "SELECT arrayJoin(range(3000)) AS n ORDER BY n % 7, n LIMIT 2000"
    answer = table(Wire(serve()), Statement("posthog", sql, limit=900), tmp_path)
    assert [row[0] for row in answer.rows] == sorted(range(3000), key=lambda n: (n % 7, n))[:900]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@few
@given(TEXTS, st.lists(TEXTS, max_size=5))
def test_values_are_bound(
    serve: Callable[..., httpx.ASGITransport], tmp_path: Path, text: str, many: list[str]
) -> None:
    answer = table(Wire(serve()), Statement("posthog", "SELECT {a}, {b}", {"a": text, "b": many}), tmp_path)
    assert list(answer.rows) == [(text, many)]


def test_a_query_is_live_named_and_of_the_person_of_today(capped: Wire, tmp_path: Path) -> None:
    moment = datetime(2026, 11, 20, 9, tzinfo=UTC)
    table(capped, Statement("posthog", "SELECT {at}", {"at": moment}, name="posthog/some"), tmp_path)
    (body,) = capped.bodies
    assert body["refresh"] == "force_blocking"
    assert body["name"] == "usertrack posthog/some"
    assert body["query"]["values"] == {"at": "2026-11-20T09:00:00Z"}
    assert body["query"]["modifiers"] == {"personsOnEventsMode": "person_id_override_properties_joined"}


TYPES = """
SELECT 1 AS small, toInt(-3) AS big, 18446744073709551615 AS wide, 1.5 AS f, NULL AS nothing, 'a' AS text, true AS flag,
  toDateTime('2026-01-01 00:30:00') AS at, toDate('2026-01-01') AS day, [1, 2] AS numbers, ['a', 'b'] AS texts,
  [toDateTime('2026-01-01 00:30:00')] AS times, ('a', 1) AS pair, 1 / 0 AS endless, 2, 2,
  toUUID('00000000-0000-0000-0000-00000000000a') AS id
"""


def test_every_way_to_fetch_gives_the_same(serve: Callable[..., httpx.ASGITransport], tmp_path: Path) -> None:
    app = serve(timezone="Europe/Berlin")
    paged, unpaged = (table(transport, TYPES, tmp_path) for transport in (Wire(app), app))
    assert paged.columns == unpaged.columns
    assert {**paged.dicts()[0], "pair": None, "endless": None} == {**unpaged.dicts()[0], "pair": None, "endless": None}
    row = paged.dicts()[0]
    assert row["at"] == datetime(2025, 12, 31, 23, 30)
    assert row["times"] == [datetime(2025, 12, 31, 23, 30)]
    assert row["day"] == date(2026, 1, 1)
    assert row["wide"] == "18446744073709551615"
    assert (row["2"], row["2_2"]) == (2, 2)
    assert (paged.timezone, unpaged.timezone) == ("Europe/Berlin", "Europe/Berlin")


def test_no_rows(capped: Wire, serve: Callable[..., httpx.ASGITransport], tmp_path: Path) -> None:
    for transport in (capped, serve()):
        answer = table(transport, "SELECT event, timestamp FROM events", tmp_path)
        assert list(answer.rows) == []
        assert [column.type for column in answer.columns] == ["VARCHAR", "TIMESTAMP"]


def test_what_posthog_says_of_a_wrong_query(capped: Wire, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"ad hoc: PostHog refused the query: .*evnts") as caught:
        table(capped, "SELECT 1 FROM evnts", tmp_path)
    assert caught.value.hint == ""
    with pytest.raises(QueryError, match="refused the query") as caught:
        table(capped, "SELECT (1", tmp_path)
    assert "HogQL" in caught.value.hint


def test_a_slow_query_is_given_up_and_stopped(serve: Callable[..., httpx.ASGITransport], tmp_path: Path) -> None:
    many = "(SELECT arrayJoin(range(200000)) AS {0}) AS {0}s"
    slow = f"SELECT sum(sipHash64(a * b)) FROM {many.format('a')} CROSS JOIN {many.format('b')}"
    for transport in (serve(), Wire(serve())):
        with pytest.raises(SourceBusy, match=r"longer than 0\.5 s") as caught:
            table(transport, slow, tmp_path, timeout=0.5)
        assert "posthog.timeout" in caught.value.hint
