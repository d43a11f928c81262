"""One store for all capture tests (chDB opens one per process), emptied before each of them."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from usertrack.core.tls import tls
from usertrack.server.app import create_app
from usertrack.server.database.store import Store
from usertrack.server.http.server_settings import ServerSettings

TOKEN = "phc_test"
SETTINGS = ServerSettings(project_token=TOKEN, personal_api_key="phx_test")
TABLES = ("events", "persons", "person_distinct_ids", "groups", "group_types", "property_definitions")


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("capture"))
    yield store
    store.close()


def empty(store: Store) -> Store:
    store.catch_up()
    with store.maintaining():
        for table in TABLES:
            store.query(f"TRUNCATE TABLE posthog.{table}")
    store.refresh_property_definitions()
    return store


@pytest.fixture
def store(shared_store: Store) -> Store:
    return empty(shared_store)


@pytest.fixture(scope="module")
def running(shared_store: Store) -> Iterator["Client"]:
    """A client whose store is not emptied between the examples of a property test."""
    with AppThread(shared_store) as server:
        yield Client(server.url, shared_store)


@pytest.fixture
def client(store: Store) -> Iterator["Client"]:
    with AppThread(store) as server:
        yield Client(server.url, store)


class Client:
    """Posts to a running server and reads what it stored."""

    def __init__(self, url: str, store: Store) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, verify=tls(url))
        self.store = store

    def batch(self, *events: dict[str, object], **extra: object) -> httpx.Response:
        return self.http.post("/batch/", json={"api_key": TOKEN, "batch": events, **extra})

    def send(self, *events: dict[str, object]) -> None:
        assert self.batch(*events).json() == {"status": 1}

    def rows(self, sql: str) -> list[list[object]]:
        """The stored rows, once everything that was acknowledged is stored."""
        assert self.store.catch_up() == 0
        return self.store.rows(sql)

    def persons(self) -> dict[str, dict[str, object]]:
        """distinct_id → properties of its person."""
        records = self.rows(
            "SELECT distinct_id, properties FROM posthog.person_distinct_ids AS d FINAL"
            " JOIN (SELECT id, properties FROM posthog.persons FINAL) AS p ON p.id = d.person_id"
        )
        return {str(distinct_id): properties for distinct_id, properties in records}  # type: ignore[misc]

    def person_ids(self) -> dict[str, set[str]]:
        """distinct_id → the person_ids of its events."""
        return {
            str(distinct_id): set(ids)  # type: ignore[call-overload]
            for distinct_id, ids in self.rows(
                "SELECT distinct_id, groupUniqArray(person_id) FROM posthog.events GROUP BY distinct_id"
            )
        }


class _Port:
    """An ephemeral port with a thread that answers there, with the app of whoever has it. It is kept for the next."""

    free: ClassVar[list["_Port"]] = []  # to start a server and to stop it takes 0.3 s, for hundreds of tests

    def __init__(self) -> None:
        config = uvicorn.Config(self, port=0, log_level="warning", lifespan="off", ws="none")
        self.app: Starlette | None = None
        self.server = uvicorn.Server(config)
        threading.Thread(target=self.server.run, daemon=True).start()
        wait_until(lambda: self.server.started)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


class AppThread:
    """The app on an ephemeral port, in a thread of its own."""

    def __init__(self, store: Store, settings: ServerSettings = SETTINGS) -> None:
        self.app = create_app(store, settings)

    def __enter__(self) -> "AppThread":
        self._port = _Port.free.pop() if _Port.free else _Port()
        self._port.app = self.app
        self.url = self._port.url
        return self

    def __exit__(self, *_: object) -> None:
        wait_until(lambda: not self._port.server.server_state.tasks)
        self._port.app = None
        _Port.free.append(self._port)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
