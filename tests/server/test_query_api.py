"""The query endpoint over HTTP: shapes, keys, values, background queries, big results."""

import threading
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from query_fixtures import KEY, TOKEN, Api

from tests.conftest import slow_but

QUERY = {"query": {"kind": "HogQLQuery", "query": "SELECT 1"}}
SLOW = "SELECT sum(cityHash64(number)) FROM numbers(100000000000)"


def test_response_shape(api: Api) -> None:
    answer = api.answer("SELECT 1 AS one")
    assert (answer["results"], answer["columns"], answer["types"]) == ([[1]], ["one"], [["one", "UInt8"]])
    assert (answer["query"], answer["hogql"]) == ("SELECT 1 AS one", "SELECT 1 AS one LIMIT 101")
    assert (answer["is_cached"], answer["timezone"], answer["error"]) == (False, "UTC", None)
    assert answer["clickhouse"].startswith("SELECT 1")
    assert {timing["k"] for timing in answer["timings"]} == {"./hogql", "./clickhouse_execute"}


@pytest.mark.parametrize(
    "path", ["/api/projects/1/query/", "/api/projects/@current/query", "/api/environments/1/query/"]
)
def test_paths(api: Api, path: str) -> None:
    assert api.post("SELECT 1", path).json()["results"] == [[1]]


def test_the_kind_may_be_in_the_path(api: Api) -> None:
    assert api.post("SELECT 1", "/api/projects/1/query/HogQLQuery/").json()["results"] == [[1]]
    refused = api.post("SELECT 1", "/api/projects/1/query/TrendsQuery/")
    assert refused.status_code == 400
    assert refused.json()["detail"] == (
        'Query kind mismatch: path kind "TrendsQuery" does not match body kind "HogQLQuery".'
    )


@pytest.mark.parametrize(
    ("key", "status"),
    [(KEY, 200), ("phx_wrong", 401), (TOKEN, 401), ("", 401), ("ключ", 401)],
)
def test_keys(api: Api, key: str, status: int) -> None:
    header = {"Authorization": f"Bearer {key}".encode()} if key else {}
    answers = [
        api.request("POST", "/api/projects/1/query/", json=QUERY, headers=header),
        api.request("POST", "/api/projects/1/query/", json={**QUERY, "personal_api_key": key}),
        api.request("POST", "/api/projects/1/query/", json=QUERY, params={"personal_api_key": key}),
        api.request("GET", "/api/users/@me/", headers=header),
    ]
    assert [answer.status_code for answer in answers] == [status] * 4
    if status == 401:
        body = answers[0].json()
        assert (body["type"], body["attr"]) == ("authentication_error", None)
        assert body["code"] == ("authentication_failed" if key else "not_authenticated")
        assert key not in body["detail"] or not key


def test_the_header_wins(api: Api) -> None:
    headers = {"Authorization": "Bearer phx_wrong"}
    body = {**QUERY, "personal_api_key": KEY}
    assert api.request("POST", "/api/projects/1/query/", json=body, headers=headers).status_code == 401


def test_another_project_is_not_found(api: Api) -> None:
    refused = api.post("SELECT 1", "/api/projects/2/query/")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_project_and_user(api: Api) -> None:
    project = api.with_settings(timezone="Europe/Berlin", week_start_day=1).get("/api/projects/@current/").json()
    assert (project["id"], project["timezone"], project["week_start_day"]) == (1, "Europe/Berlin", 1)
    assert api.get("/api/users/@me/").json()["team"]["id"] == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "parse_error"),
        (b"[]", "invalid_input"),
        (b"{}", "required"),
        (b'{"query": {"kind": "TrendsQuery"}}', "required"),
        (b'{"query": {"kind": "PathsQuery"}}', "invalid_input"),
        (b'{"query": {"kind": "HogQLQuery"}}', "invalid_input"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "values": [1]}}', "invalid_input"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "refresh": "sometimes"}', "invalid_input"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT {v}", "values": {"v": {"a": 1}}}}', "hogql_query_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT {v}", "values": {"v": "\\ud800"}}}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT \'\\ud800\'"}}', "parse_error"),
        (b"[" * 100_000, "parse_error"),
    ],
)
def test_broken_bodies(api: Api, body: bytes, code: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    refused = api.request("POST", "/api/projects/1/query/", content=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, code)


def test_visualization_node(api: Api) -> None:
    node = {"kind": "DataVisualizationNode", "source": QUERY["query"]}
    headers = {"Authorization": f"Bearer {KEY}"}
    assert api.request("POST", "/api/projects/1/query/", json={"query": node}, headers=headers).json()["results"] == [
        [1]
    ]


VALUES = [
    "it's",
    'a "quoted" `tick`',
    "100% {x} {{y}} %s $1",
    "back\\slash\\'",
    "tab\tnew\nline\r\0nul\x1b[31m",
    "😀 مرحبا [/red] <b>",
    "",
    None,
    True,
    False,
    0,
    -5,
    1.5,
    -1e300,
    2**63,
    [],
    [1, 2],
    ["a'", "b\\"],
    [[1], []],
    [None, 1],
]


@pytest.mark.parametrize("given_value", VALUES, ids=repr)
def test_values_come_back(api: Api, given_value: Any) -> None:
    assert api.rows("SELECT {v}, [{v}][1]", values={"v": given_value}) == [[given_value, given_value]]


def test_values_are_bound_not_pasted(api: Api) -> None:
    query = "SELECT count() FROM events WHERE event = {v} OR event IN ({a}, 'x') OR event IN {l}"
    assert api.rows(query, values={"v": "' OR 1=1 --", "a": "buy') OR (1=1", "l": ["buy"]}) == [[3]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20))
def test_any_text_survives(api: Api, texts: list[str]) -> None:
    [[back, first, equal]] = api.rows(
        "SELECT {all}, {first}, {first} = {all}[1]", values={"all": texts, "first": texts[0]}
    )
    assert (back, first, equal) == (texts, texts[0], 1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_equals_itself_as_a_property(api: Api, text: str) -> None:
    api.store.insert("events", [{"event": "any", "timestamp": "2025-01-01", "properties": {"any": text}}])
    query = (
        "SELECT count() > 0, countIf(properties.any != {v}) FROM events WHERE event = 'any' AND properties.any = {v}"
    )
    assert api.rows(query, values={"v": text}) == [[1, 0]]
    assert [text] in api.rows("SELECT DISTINCT properties.any FROM events WHERE event = 'any' LIMIT 50000")


def test_a_failed_query_leaves_nothing_behind(api: Api) -> None:
    broken = "SELECT number, throwIf(number = 5000), 1 / intDiv(1, 5000 - number) FROM numbers(10000) LIMIT 50000"
    assert api.post(broken.replace("throwIf(number = 5000), ", "")).status_code == 400
    assert api.rows("SELECT 1") == [[1]]


def poll(api: Api, query_id: str, until: int = 200) -> dict[str, Any]:
    for _ in range(200):
        response = api.get(f"/api/projects/1/query/{query_id}/?show_progress=true")
        if response.status_code != 202:
            assert response.status_code == until, response.text
            status: dict[str, Any] = response.json()["query_status"]
            return status
        time.sleep(0.02)
    raise AssertionError("the query did not end")


@pytest.mark.parametrize("refresh", ["async", "force_async", "lazy_async"])
def test_background_query(api: Api, refresh: str) -> None:
    text = "SELECT count() FROM numbers(100000000) WHERE number % 3 = 1"
    started = api.post(text, body={"refresh": refresh})
    status = started.json()["query_status"]
    assert (started.status_code, status["complete"], status["results"], status["query_async"]) == (
        202,
        False,
        None,
        True,
    )
    done = poll(api, status["id"])
    assert (done["complete"], done["error"]) == (True, False)
    assert done["results"]["results"] == [[33333333]]
    assert done["end_time"] >= done["start_time"]


def test_background_query_runs_once_per_id(api: Api) -> None:
    body = {"refresh": "async", "client_query_id": "mine-1"}
    api.post("SELECT generateUUIDv4()", body=body)
    first = poll(api, "mine-1")["results"]["results"]
    api.post("SELECT generateUUIDv4()", body=body)
    assert poll(api, "mine-1")["results"]["results"] == first


def test_background_failure(api: Api) -> None:
    status = api.post("SELECT nope FROM events", body={"refresh": "force_async"}).json()["query_status"]
    failed = poll(api, status["id"], until=400)
    assert (failed["error"], failed["results"]) == (True, None)
    assert failed["error_message"].startswith("Unable to resolve field: nope")


def test_cancelled_query(api: Api) -> None:
    api.post(SLOW, body={"refresh": "force_async", "client_query_id": "slow-1"})
    time.sleep(0.2)
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = api.request("DELETE", "/api/projects/1/query/slow-1/", headers=headers)
    assert (answer.status_code, "message" in answer.json()) == (200, True)
    assert poll(api, "slow-1", until=400)["error_message"] == "Query was cancelled."


def test_unknown_query_id(api: Api) -> None:
    refused = api.get("/api/projects/1/query/nope/")
    assert (refused.status_code, refused.json()["detail"]) == (404, "Query nope not found for team 1")


def test_a_slow_query_holds_up_nobody(api: Api) -> None:
    slow = threading.Thread(target=api.post, args=(SLOW,), kwargs={"body": {"client_query_id": "slow-2"}})
    slow.start()
    time.sleep(0.1)
    assert api.rows("SELECT count() FROM events WHERE event = 'buy'") == [[3]]
    assert slow.is_alive()
    api.request("DELETE", "/api/projects/1/query/slow-2/", headers={"Authorization": f"Bearer {KEY}"})
    slow.join()


@pytest.mark.slow
def test_a_million_rows(api: Api) -> None:
    big = api.with_settings(row_cap=1_000_000)
    answer = big.answer("SELECT number, toString(number), [number] FROM numbers(2000000) LIMIT 1000000")
    assert len(answer["results"]) == 1_000_000
    assert answer["results"][-1] == [999_999, "999999", [999_999]]


@pytest.mark.parametrize("count", slow_but([10_000], [10_000, 100_000]))
def test_many_thousand_values(api: Api, count: int) -> None:
    names = [f"someone-{number}@example.com" for number in range(count)]
    query = "SELECT length({names}), countIf('someone-7@example.com' IN {names}), 'nobody' IN {names}"
    assert api.rows(query, values={"names": names}) == [[count, 1, 0]]


def test_posthogs_sdk_can_still_be_imported(api: Api) -> None:
    api.rows("SELECT 1")
    import posthog

    assert posthog.Posthog.__module__.startswith("posthog")
