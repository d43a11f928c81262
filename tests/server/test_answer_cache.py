"""A server whose present stands still gives an answer again, and never one of data that has changed since."""

import asyncio
import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from capture_fixtures import SETTINGS, AppThread, Client, shared_store, store, wait_until

from usertrack.core.spool import Spool, parquet_rows
from usertrack.library.library import Statement, for_key
from usertrack.server import answer_cache, query_runner
from usertrack.server.database.store import Store
from usertrack.sources.posthog import PostHog

__all__ = ["shared_store", "store"]
KEY = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclasses.dataclass
class Demo(Client):
    """A client of a server whose present is ``NOW``; ``executed`` are the queries that ClickHouse ran."""

    def __init__(self, url: str, store: Store, folder: Path) -> None:
        super().__init__(url, store)
        self.folder = folder
        self.executed: list[str] = []

    def ask(self, text: str, **values: object) -> list[tuple[Any, ...]]:
        query = {"kind": "HogQLQuery", "query": text, "values": values}
        headers = {**KEY, "Accept": "application/vnd.apache.parquet"}
        answer = self.http.post("/api/projects/1/query/", json={"query": query}, headers=headers)
        assert answer.status_code == 200, answer.text
        path = self.folder / "answer.parquet"
        path.write_bytes(answer.content)
        return list(parquet_rows(path))

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, f"/api/projects/1/{path}", headers=KEY, **options)


@pytest.fixture
def demo(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Demo]:
    with AppThread(store, dataclasses.replace(SETTINGS, now=NOW, gives_again=True)) as server:
        demo = Demo(server.url, store, tmp_path)
        execute = query_runner.execute_parquet

        def noted(*args: Any) -> bytes:
            demo.executed.append(args[1].hogql)
            return execute(*args)

        monkeypatch.setattr(query_runner, "execute_parquet", noted)
        yield demo


def test_asked_again_until_the_data_changes(demo: Demo) -> None:
    counts = "SELECT distinct_id, count() FROM events GROUP BY distinct_id ORDER BY 1"
    demo.send({"event": "seen", "distinct_id": "ann"}, {"event": "seen", "distinct_id": "bob"})
    assert demo.ask(counts) == demo.ask(counts) == [("ann", 1), ("bob", 1)]
    assert len(demo.executed) == 1

    demo.send({"event": "seen", "distinct_id": "ann"})
    assert demo.ask(counts) == [("ann", 2), ("bob", 1)]

    [(person,)] = demo.ask("SELECT DISTINCT toString(person_id) FROM events WHERE distinct_id = 'ann'")
    demo.call("DELETE", f"persons/{person}/?delete_events=true")
    wait_until(lambda: not demo.call("GET", "persons/deletion_status/?status=pending").json()["results"])
    assert demo.ask(counts) == [("bob", 1)]

    demo.store.query("INSERT INTO posthog.events SELECT * REPLACE ('eve' AS distinct_id) FROM posthog.events")
    assert demo.ask(counts) == [("bob", 1), ("eve", 1)]


def test_asked_again_when_persons_cohorts_or_types_change(demo: Demo) -> None:
    demo.send({"event": "seen", "distinct_id": "ann", "properties": {"$set": {"plan": "free"}}})
    plans = "SELECT person.properties.plan FROM events"
    assert demo.ask(plans) == [("free",)]
    demo.send({"event": "$set", "distinct_id": "ann", "properties": {"$set": {"plan": "pro", "since": 5}}})
    assert set(demo.ask(plans)) == {("pro",)}

    persons = [row[0] for row in demo.ask("SELECT toString(id) FROM persons")]
    body = {"name": "All", "is_static": True, "_create_static_person_ids": persons}
    cohort = demo.call("POST", "cohorts/", json=body).json()["id"]
    members = f"SELECT count() FROM persons WHERE id IN COHORT {cohort}"
    assert demo.ask(members) == [(1,)]
    demo.call("PATCH", f"cohorts/{cohort}/remove_person_from_static_cohort/", json={"person_id": persons[0]})
    assert demo.ask(members) == [(0,)]

    demo.send({"event": "seen", "distinct_id": "ann", "properties": {"size": 9}})
    demo.send({"event": "seen", "distinct_id": "ann", "properties": {"size": 10}})
    largest = "SELECT max(properties.size) FROM events"
    assert demo.ask(largest) == [(10,)]
    demo.store.query("TRUNCATE TABLE posthog.property_definitions")
    demo.store.definitions.reload()
    assert demo.ask(largest) == [("9",)]  # a text, where nothing says that it is a number


def test_a_key_is_looked_up_in_the_answer_for_all(demo: Demo, tmp_path: Path) -> None:
    demo.send({"event": "seen", "distinct_id": "ann"}, {"event": "seen", "distinct_id": "bob"})
    sql = "SELECT distinct_id, count() AS n FROM events WHERE event = {name} GROUP BY distinct_id"
    counts = Statement("posthog", sql, {"name": "seen"}, {"name": "text"}, key="distinct_id")

    async def ask(key: str) -> set[Any]:
        source = PostHog(str(demo.http.base_url), "1", SETTINGS.personal_api_key, lambda message, **_: None)
        try:
            table = await source.run(for_key(counts, key), Spool(tmp_path))
        finally:
            await source.close()
        return set(table.rows)

    assert asyncio.run(ask("ann")) == {("ann", 1)}
    assert asyncio.run(ask("bob")) == {("bob", 1)}
    assert len(demo.executed) == 1


def test_values_belong_to_the_question_and_chance_is_none(demo: Demo) -> None:
    assert [demo.ask("SELECT {name} AS name", name=name) for name in ("a", "b", "a")] == [[("a",)], [("b",)], [("a",)]]
    assert len(demo.executed) == 2
    chance = "SELECT rand64() AS a, toString(generateUUIDv4()) AS b, now() AS c"
    first, second = demo.ask(chance)[0], demo.ask(chance)[0]
    assert first[0] != second[0]
    assert first[1] != second[1]
    assert first[2] == second[2] == NOW.replace(tzinfo=None)
    blocks = "SELECT rowNumberInAllBlocks() AS at"  # how rows lie in blocks is up to ClickHouse
    assert len([demo.ask(blocks), demo.ask(blocks)]) == len(demo.executed) - 4


def test_answers_take_no_more_room_than_they_may(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache, "MOST_BYTES", 1)
    assert demo.ask("SELECT 1 AS x") == demo.ask("SELECT 1 AS x") == [(1,)]
    assert len(demo.executed) == 2


def test_a_present_that_goes_on_gives_nothing_again() -> None:
    with pytest.raises(ValueError, match="set now"):
        dataclasses.replace(SETTINGS, gives_again=True)
