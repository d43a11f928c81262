"""A small PostHog to query: every row of it is written here, so that every number in a test can be counted by hand.

``hogql`` runs a query over HTTP as a client does and gives its rows. chDB opens one store per process, so the store
lives for one test module.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from usertrack.server.app import create_app
from usertrack.server.database.store import Store
from usertrack.server.http.server_settings import ServerSettings

TOKEN, KEY = "phc_query", "phx_query"
SETTINGS = ServerSettings(project_token=TOKEN, personal_api_key=KEY)
ANN, BOB, EVE = (str(UUID(int=number)) for number in (1, 2, 3))
NOBODY = str(UUID(int=9))  # an anonymous visitor: events, but no person

PERSONS: list[dict[str, Any]] = [
    {"id": ANN, "created_at": "2026-01-01 00:00:00", "properties": {"email": "ann@x.io", "plan": "pro", "age": 30}},
    {"id": BOB, "created_at": "2026-01-02 00:00:00", "properties": {"email": "bob@staff.io", "age": 4}},
    {"id": EVE, "created_at": "2026-01-03 00:00:00", "properties": {"name": "no mail"}},
]
# person, event, time, properties
EVENTS: list[tuple[str, str, str, dict[str, Any]]] = [
    (
        ANN,
        "$pageview",
        "2026-01-05 10:00:00",
        {"$pathname": "/a", "$session_id": "s1", "$current_url": "https://x.io/a"},
    ),
    (
        ANN,
        "$pageview",
        "2026-01-05 10:00:30",
        {"$pathname": "/b", "$session_id": "s1", "$current_url": "https://x.io/b"},
    ),
    (ANN, "buy", "2026-01-05 23:30:00", {"price": 10, "items": ["x", "y"], "paid": True, "at": "2026-01-05T23:30:00Z"}),
    (
        BOB,
        "$pageview",
        "2026-01-06 09:00:00",
        {"$pathname": "/a", "$session_id": "s2", "$current_url": "https://x.io/a"},
    ),
    (BOB, "buy", "2026-01-06 09:10:00", {"price": 2.5, "note": "", "deep": {"er": {"key": "v"}}, "paid": False}),
    (EVE, "buy", "2026-01-11 12:00:00", {"price": None, "note": "a", "odd key-1": "k", "dot.ted": "d", "note2": 0}),
    (NOBODY, "$pageview", "2026-01-12 00:30:00.5", {"$pathname": "/c", "note": "b", "$feature/my-flag": "on"}),
]


def event_row(number: int, person: str, event: str, time: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "uuid": str(UUID(int=1000 + number)),
        "event": event,
        "timestamp": time,
        "created_at": time,
        "distinct_id": f"d{UUID(person).int}",
        "person_id": person,
        "properties": properties,
        "$session_id": properties.get("$session_id", ""),
        "$group_0": "acme" if person == ANN else "",
    }


def fill(store: Store) -> None:
    store.insert("persons", ({**person, "version": 1} for person in PERSONS))
    store.insert("persons", [{**PERSONS[0], "properties": {**PERSONS[0]["properties"], "plan": "max"}, "version": 2}])
    ids = [{"distinct_id": f"d{n}", "person_id": str(UUID(int=n)), "version": 1} for n in (1, 2, 3)]
    store.insert("person_distinct_ids", ids)
    store.insert("groups", [{"index": 0, "key": "acme", "properties": {"name": "Acme"}, "version": 1}])
    store.insert("events", (event_row(number, *event) for number, event in enumerate(EVENTS)))
    store.refresh_property_definitions()


@dataclass
class Api:
    """Talks to the server as a client with the personal key."""

    app: Starlette
    store: Store

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://local") as client:
                return await client.request(method, path, **options)

        return anyio.run(send)

    def get(self, path: str, key: str = KEY) -> httpx.Response:
        return self.request("GET", path, headers={"Authorization": f"Bearer {key}"})

    def post(
        self, text: str, path: str = "/api/projects/1/query/", body: dict[str, Any] | None = None, **query: Any
    ) -> httpx.Response:
        node = {"kind": "HogQLQuery", "query": text, **query}
        headers = {"Authorization": f"Bearer {KEY}"}
        return self.request("POST", path, json={"query": node, **(body or {})}, headers=headers)

    def answer(self, text: str, **query: Any) -> dict[str, Any]:
        response = self.post(text, **query)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def rows(self, text: str, **query: Any) -> list[list[Any]]:
        rows: list[list[Any]] = self.answer(text, **query)["results"]
        return rows

    def refusal(self, text: str, **query: Any) -> tuple[str, str]:
        """Code and detail of a refused query."""
        response = self.post(text, **query)
        body = response.json()
        assert response.status_code == 400, response.text
        assert body["type"] == "validation_error"
        assert body["attr"] is None
        return body["code"], body["detail"]

    def with_settings(self, **settings: Any) -> "Api":
        """The same store behind a server with other settings."""
        changed = ServerSettings(**{**SETTINGS.__dict__, **settings})
        return Api(create_app(self.store, changed), self.store)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    store = Store(tmp_path_factory.mktemp("hogql"))
    fill(store)
    yield Api(create_app(store, SETTINGS), store)
    store.close()


@pytest.fixture
def rows(api: Api) -> Callable[..., list[list[Any]]]:
    return api.rows


@pytest.fixture
def value(api: Api) -> Callable[..., Any]:
    """The one value of ``SELECT <expression>``."""

    def select(expression: str, **query: Any) -> Any:
        [[result]] = api.rows(f"SELECT {expression}", **query)
        return result

    return select
