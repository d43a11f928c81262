"""One store for all capture tests (chDB opens one per process), emptied before each of them."""

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvicorn

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
        self.http = httpx.Client(base_url=url, timeout=30)
        self.store = store

    def batch(self, *events: dict[str, object], **extra: object) -> httpx.Response:
        return self.http.post("/batch/", json={"api_key": TOKEN, "batch": events, **extra})

    def send(self, *events: dict[str, object]) -> None:
        assert self.batch(*events).json() == {"status": 1}

    def rows(self, sql: str) -> list[list[object]]:
        return self.store.rows(sql)

    def persons(self) -> dict[str, dict[str, object]]:
        """distinct_id → properties of its person."""
        found = self.rows(
            "SELECT distinct_id, properties FROM posthog.person_distinct_ids AS d FINAL"
            " JOIN (SELECT id, properties FROM posthog.persons FINAL) AS p ON p.id = d.person_id"
        )
        return {str(distinct_id): properties for distinct_id, properties in found}  # type: ignore[misc]

    def person_ids(self) -> dict[str, set[str]]:
        """distinct_id → the person_ids of its events."""
        return {
            str(distinct_id): set(ids)  # type: ignore[call-overload]
            for distinct_id, ids in self.rows(
                "SELECT distinct_id, groupUniqArray(person_id) FROM posthog.events GROUP BY distinct_id"
            )
        }


class AppThread:
    """The app on an ephemeral port, in a thread of its own."""

    def __init__(self, store: Store, settings: ServerSettings = SETTINGS) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(create_app(store, settings), port=0, log_level="warning", lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "AppThread":
        self._thread.start()
        wait_until(lambda: self._server.started)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
