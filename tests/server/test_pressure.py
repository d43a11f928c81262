"""The server under pressure: queries that are left alone, too many of them, and too large ones."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import anyio
import httpx
import pytest
from capture_fixtures import AppThread, wait_until
from query_fixtures import KEY, SETTINGS, TOKEN, Api

from usertrack.server.hogql.parse import parse_select

SLOW = "SELECT sum(cityHash64(number)) FROM numbers(100000000000)"
HEADERS = {"Authorization": f"Bearer {KEY}"}
PATH = "/api/projects/1/query/"
PARQUET = {"Accept": "application/vnd.apache.parquet"}
MEMORY = 256 << 20
BOMBS = [
    "SELECT toString(range(100000000))",
    "SELECT range(400000000)",
    "SELECT arrayMap(x -> toString(x), range(100000000))",
    "SELECT arrayMap(x -> range(x), range(30000))",
    "SELECT length(arrayStringConcat(arrayMap(x -> repeat('z', 1000), range(10000000)), ','))",
    "SELECT repeat('abcdefghij', 100000) FROM numbers(50000) LIMIT 50000",
    "SELECT range(10000) FROM numbers(50000) LIMIT 50000",
    "SELECT arrayMap(x -> x > 0, range(1000)) FROM numbers(50000) LIMIT 50000",
    "SELECT groupArray(number) FROM numbers(1000000000)",
    "SELECT groupArray(repeat('a', 1000)) FROM numbers(10000000)",
    "SELECT uniqExact(number) FROM numbers(2000000000)",
    "SELECT count() FROM (SELECT DISTINCT toString(number) FROM numbers(500000000))",
    "SELECT count() FROM numbers(10) WHERE number IN (SELECT number FROM numbers(500000000))",
    "SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY cityHash64(number)) AS n FROM numbers(300000000))",
]


def running(api: Api) -> int:
    [[count]] = api.store.rows("SELECT count() FROM system.processes WHERE query LIKE '%cityHash64%log_comment%'")
    assert isinstance(count, int)
    return count - 1  # but this one


def test_a_query_ends_with_the_client_that_asked_it(api: Api) -> None:
    async def ask_and_leave() -> None:
        transport = httpx.ASGITransport(api.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://local", headers=HEADERS) as client:
            with anyio.move_on_after(0.5):
                await client.post(PATH, json={"query": {"kind": "HogQLQuery", "query": SLOW}})

    anyio.run(ask_and_leave)
    wait_until(lambda: running(api) == 0)


def test_abandoned_queries_hold_up_nobody(api: Api) -> None:
    with AppThread(api.store, SETTINGS) as server, httpx.Client(base_url=server.url, headers=HEADERS) as client:
        abandoned = [HTTPConnection(server.url.removeprefix("http://")) for _ in range(45)]
        for each in abandoned:
            each.request("POST", PATH, json.dumps({"query": {"kind": "HogQLQuery", "query": SLOW}}), HEADERS)
        wait_until(lambda: running(api) == SETTINGS.queries_at_once)
        event = {"event": "in time", "distinct_id": "a", "api_key": TOKEN}
        assert client.post("/i/v0/e/", json=event, timeout=20).json() == {"status": 1}
        for each in abandoned:
            each.close()
        answer = client.post(PATH, json={"query": {"kind": "HogQLQuery", "query": "SELECT 1"}}, timeout=20)
        assert answer.json()["results"] == [[1]]
        wait_until(lambda: running(api) == 0)


@contextmanager
def busy(api: Api) -> Iterator[None]:
    slow = threading.Thread(target=api.post, args=(SLOW,), kwargs={"body": {"client_query_id": "busy"}})
    slow.start()
    wait_until(lambda: running(api) == 1)
    try:
        yield
    finally:
        api.request("DELETE", f"{PATH}busy/", headers=HEADERS)
        slow.join()


def test_more_queries_than_posthog_runs_are_told_to_come_back(api: Api) -> None:
    small = api.with_settings(queries_at_once=1, query_wait=0.1)
    with busy(small):
        refused = small.post("SELECT 1")
        started = small.post("SELECT 1", body={"refresh": "force_async", "client_query_id": "late"})
        node = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "SELECT 1"}}
        saved = small.request("POST", "/api/projects/1/insights/", json={"query": node}, headers=HEADERS).json()
        insight = small.get(f"/api/projects/1/insights/{saved['id']}/?refresh=force_blocking").json()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json() == {
        "type": "throttled_error",
        "code": "throttled",
        "detail": "Exceeded maximum concurrency limit: 1 for key: api:query:per-org",
        "attr": None,
    }
    assert insight["query_status"]["error_message"] == "concurrency_limit_exceeded"
    assert started.status_code == 202
    wait_until(lambda: small.get(f"{PATH}late/").status_code != 202)
    assert small.get(f"{PATH}late/").json()["query_status"]["error_message"] == "concurrency_limit_exceeded"
    assert small.rows("SELECT 1") == [[1]]


@pytest.fixture(scope="module")
def bounded(api: Api) -> Iterator[Api]:
    """A server whose process does not grow by more than three times what one query may hold."""
    small, before, most, ended = api.with_settings(query_memory=MEMORY), resident(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            most[0] = max(most[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield small
    ended.set()
    watcher.join()
    assert (most[0] - before) >> 20 < 3 * MEMORY >> 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_query_that_would_take_all_memory_is_refused(bounded: Api, bomb: str) -> None:
    refused = bounded.post(bomb)
    if refused.status_code == 504:
        assert refused.json()["code"] == "clickhouse_memory_limit_exceeded"
        assert refused.json()["detail"].startswith("Query has hit the memory limit before completing.")
    else:
        assert (refused.status_code, refused.json()["code"]) == (400, "too_many_rows_or_bytes")
    assert bounded.rows("SELECT 1") == [[1]]


def test_a_table_that_is_too_large_is_refused(bounded: Api) -> None:
    query = {"kind": "HogQLQuery", "query": "SELECT generateUUIDv4() FROM numbers(100000000)"}
    refused = bounded.request("POST", PATH, json={"query": query}, headers=HEADERS | PARQUET)
    assert (refused.status_code, refused.json()["code"]) == (400, "too_many_rows_or_bytes")


def test_others_go_on_while_a_long_query_is_read() -> None:
    text = "SELECT " + ", ".join([f"length('{'a' * 30}')"] * 150)
    reading, beats = threading.Thread(target=parse_select, args=(text,)), 0
    reading.start()
    while reading.is_alive():
        time.sleep(0.01)
        beats += 1
    assert beats > 5  # one or two, where the grammar is asked in this process


def test_values_that_would_fill_the_memory_are_refused(api: Api) -> None:
    refused = api.refusal("SELECT length({v})", values={"v": [0] * 2_100_000})
    assert refused == ("hogql_query_error", "The query's values are too many, or too long")
