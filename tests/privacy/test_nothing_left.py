"""After `privacy`, no byte and no row of a store, a workspace and its caches has the e-mail, in any spelling."""

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from usertrack.cli.serving import default_data
from usertrack.server.capture.ingest import Ingestor
from usertrack.server.capture.payload import Event
from usertrack.server.database.saved_insights import SavedInsights
from usertrack.server.database.store import Store
from usertrack.server.http.server_settings import ServerSettings

from ..conftest import Cli
from ..server.capture_fixtures import AppThread

ANN = "ann+1@x.example"
SERVER = ServerSettings(project_token="phc_test", personal_api_key="phx_test")
ANN_IN_ANY_FORM = re.compile(rb"ann(\+|%2B)1(@|%40)x\.example", re.IGNORECASE)
NOW = datetime(2024, 11, 20, tzinfo=UTC)


@contextmanager
def serving(store: Store) -> Iterator[str]:
    with AppThread(store, SERVER) as server:
        yield server.url


def event(number: int, name: str, distinct_id: str, **properties: object) -> Event:
    return Event(str(UUID(int=number)), name, distinct_id, datetime(2024, 11, number, tzinfo=UTC), properties)


def write(store: Store) -> None:
    """Ann, who was somebody else before, and changed; Ben, who was once called Ann; all in several parts."""
    ingestor = Ingestor(store, SERVER.project_token)
    known = {"$set": {"email": ANN, ANN: True}}
    for number, name, distinct_id, properties in (
        (1, "seen", "browser", known | {"$current_url": "https://x.example/?m=ann%2B1%40x.example&a=1"}),
        (2, "$identify", ANN, known),
        (3, "$merge_dangerously", ANN, {"alias": "browser"}),
        (4, "seen", "ben", {"$set": {"email": "ben@x.example"}}),
    ):
        ingestor.ingest([event(number, name, distinct_id, **properties)], NOW)
    [[ben]] = store.rows("SELECT person_id FROM posthog.person_distinct_ids WHERE distinct_id = 'ben'")
    store.insert("persons", [{"id": ben, "properties": {"email": ANN}, "version": 1}])


def ask(url: str) -> None:
    """Ann's e-mail in a query, a saved insight with its result, and the name of a cohort."""
    headers = {"Authorization": f"Bearer {SERVER.personal_api_key}"}
    query = {"kind": "HogQLQuery", "query": f"SELECT count() FROM events WHERE person.properties.email = '{ANN}'"}
    with httpx.Client(base_url=f"{url}/api/projects/1/", headers=headers) as client:
        assert client.post("query/", json={"query": query}).json()["results"] == [[3]]
        insight = client.post("insights/", json={"name": f"Days of {ANN}", "query": query}).json()
        assert client.get(f"insights/{insight['id']}/?refresh=blocking").json()["result"] == [[3]]
        cohort = {"name": f"{ANN} and friends", "is_static": True, "_create_static_person_ids": []}
        assert client.post("cohorts/", json=cohort).is_success


def lay_about(folder: Path, workspace: Path) -> None:
    """What an older version, and runs that were killed, left behind."""
    for left in (folder / "trees-1.3.88/a.json", workspace / "cache/.unfinished-1/rows.csv"):
        left.parent.mkdir(parents=True)
        left.write_text(ANN)
    (workspace / ".history.duckdb.new").write_text(ANN)


def with_bytes(*folders: Path) -> list[str]:
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [file.name for file in files if ANN_IN_ANY_FORM.search(file.read_bytes() + str(file).encode())]


def with_rows(store: Store) -> list[str]:
    """The tables, ClickHouse's own too, that have it in any row, also in those that are hidden or replaced."""
    tables = store.rows("SELECT name FROM system.tables WHERE database = 'posthog'")
    names = [f"posthog.{name}" for (name,) in tables] + ["system.mutations", "system.detached_parts"]
    has = "match(formatRowNoNewline('JSONEachRow', *), '(?i)ann(\\\\+|%2B)1(@|%40)x.example')"
    return [name for name in names if store.rows(f"SELECT count() FROM {name} WHERE {has}") != [[0]]]


def places(output: str) -> dict[tuple[str, str], tuple[object, object]]:
    rows = json.loads(output)["places"]
    return {(row["place"], row["what"]): (row["held"], row.get("left")) for row in rows}


@pytest.mark.slow
def test_erase_with_data(cli: Cli, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("data")
    with closing(Store(folder)) as store:
        write(store)
        assert "posthog.persons" in with_rows(store)
        with serving(store) as url:
            ask(url)
    lay_about(folder, tmp_path)
    result = cli("privacy", "erase", ANN, "--data", folder, "--yes", "-f", "json")
    assert result.code == 0, result.err
    counts = places(result.out)
    assert counts["PostHog", "persons"] == (1, 0)
    assert counts["embedded store", "saved insights and names that name the e-mail"] == (3, 0)
    assert counts["embedded store", "stored rows that name the e-mail"][1] == 0
    assert counts["embedded store", "files with the e-mail's bytes"][1] == 0
    assert with_bytes(folder, tmp_path) == []
    with closing(Store(folder)) as store:
        assert with_rows(store) == []
        assert store.rows("SELECT count() FROM posthog.persons FINAL") == [[1]]


@pytest.fixture
def served(cli: Cli, clean_env: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("data")
    lay_about(folder, Path.cwd())
    with closing(Store(folder)) as store:
        write(store)
        with serving(store) as url:
            ask(url)
            for name, value in (("HOST", url), ("PROJECT_ID", "1"), ("PERSONAL_API_KEY", SERVER.personal_api_key)):
                clean_env.setenv(f"POSTHOG_{name}", value)
            clean_env.setenv("USERTRACK_PSEUDONYM_KEY", "test")
            yield store


@pytest.mark.slow
def test_erase_over_http(cli: Cli, served: Store, tmp_path: Path, clean_env: pytest.MonkeyPatch) -> None:
    """Another store on this machine is not looked at, and is not said to be empty."""
    clean_env.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (default_data() / "clickhouse").mkdir(parents=True)
    counts = places(cli("privacy", "erase", ANN, "-f", "json").out)
    assert counts["embedded store", "files with the e-mail's bytes"][0]
    result = cli("privacy", "erase", ANN, "--yes", "-f", "json")
    assert result.code == 0, result.err
    assert places(result.out)["embedded store", str(default_data())] == (None, None)
    assert "not checked" in result.out
    assert with_bytes(served.path, tmp_path) == []
    assert with_rows(served) == []


def test_pseudonymize(cli: Cli, served: Store) -> None:
    result = cli("privacy", "pseudonymize", "--yes", "-f", "json")
    assert result.code == 0, result.err
    assert with_bytes(served.path) == []
    assert with_rows(served) == []


def test_retention(cli: Cli, served: Store) -> None:
    """What somebody wrote has no age: it stays."""
    insights = SavedInsights(served.path)
    insights.save_result(insights.all()[0], {"results": [[3]]}, NOW)
    result = cli("privacy", "retention", "--older-than", "400d", "--yes", "-f", "json")
    assert result.code == 0, result.err
    assert with_rows(served) == ["posthog.cohorts", "posthog.property_definitions"]
    assert {"trees-1.3.88", "a.json", ".history.duckdb.new"} & set(with_bytes(served.path, Path.cwd())) == set()
    assert insights.all()[0].result is None
