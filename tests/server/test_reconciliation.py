"""Each day's events are counted and compared with the engine: a loss is named, and what people delete is none."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from capture_fixtures import SETTINGS, AppThread, Client

from usertrack.checks.doctor import check_sources
from usertrack.core.errors import UsageError
from usertrack.core.notify import Silent
from usertrack.engine.connect import open_runner
from usertrack.library.library import Library
from usertrack.server.capture.block import BlockWriter
from usertrack.server.capture.ingest import store_waiting
from usertrack.server.capture.payload import Event
from usertrack.server.capture.recorded import to_bytes
from usertrack.server.database.session import StoreClosed
from usertrack.server.database.store import Store
from usertrack.server.event_log.days import DayCounts
from usertrack.server.event_log.log import NotAppended
from usertrack.server.http import requests
from usertrack.server.imports.events import ImportOptions
from usertrack.server.imports.load import import_file
from usertrack.workspace.settings import load_settings

KEY = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}
NOW = datetime.now(UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with four events of four people; one of them had come before, and one was refused."""
    with closing(Store(tmp_path)) as store, AppThread(store) as server:
        client = Client(server.url, store)
        ids = [str(UUID(int=number, version=4)) for number in (1, 2, 3, 4, 1)]
        client.send(*({"event": "seen", "distinct_id": id_, "uuid": id_} for id_ in ids))
        client.batch({"event": "", "distinct_id": "ann"})
        store.catch_up()
        yield store


def problems(store: Store) -> list[str]:
    with AppThread(store) as server:
        problems: list[str] = Client(server.url, store).http.get("/health", headers=KEY).json()["problems"]
    return problems


def test_doctor_compares_and_answers_tell(store: Store, clean_env: pytest.MonkeyPatch) -> None:
    lose(store, "true")
    with AppThread(store) as server:
        clean_env.setenv("POSTHOG_HOST", server.url)
        clean_env.setenv("POSTHOG_PROJECT_ID", "1")
        clean_env.setenv("POSTHOG_PERSONAL_API_KEY", SETTINGS.personal_api_key)
        with open_runner(load_settings(), Library([]), now=datetime.now(UTC), notify=Silent()) as runner:
            [finding] = [finding for finding in check_sources(runner) if finding.subject == "store"]
    assert finding.level == "FAIL"
    assert "0 in the engine, and 4 missing" in finding.detail


def lose(store: Store, condition: str) -> None:
    store.query(f"ALTER TABLE posthog.events DELETE WHERE {condition} SETTINGS mutations_sync = 2")


def test_a_loss_is_named_until_it_is_accepted(store: Store) -> None:
    assert problems(store) == []
    lose(store, "distinct_id LIKE '%01'")
    [problem] = problems(store)
    assert f"{NOW:%Y-%m-%d}: 5 events acknowledged, 5 stored, 3 in the engine, and 1 missing: restore" in problem
    with store.maintaining():
        lose(store, "distinct_id LIKE '%02'")
    assert problems(store) == [problem.replace("3 in", "2 in")]


def test_erasures_imports_and_retention_are_no_loss(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("event,distinct_id,timestamp\nread,ben,2026-09-01\n")
    import_file(store, ImportOptions(file, file), "phc_test", NOW, lambda text, *, passing=False: None)
    with store.maintaining():
        lose(store, "distinct_id LIKE '%01'")
    assert problems(store) == []
    lose(store, "event = 'read'")
    assert "1 missing" in problems(store)[0]


def test_killed_processes_are_no_loss(tmp_path: Path) -> None:
    """One ended between the store and the log, another one in an erasure."""
    event = Event(str(UUID(int=1, version=4)), "seen", "ann", NOW, {})
    with closing(Store(tmp_path)) as store:
        store.log.append([to_bytes([event], NOW)], 1)
        BlockWriter(store, "phc_test").write([event], NOW)
    with closing(Store(tmp_path)) as store:
        store_waiting(store, "phc_test")
        assert problems(store) == []
        erasing = store.maintaining()
        erasing.__enter__()
        lose(store, "true")
    with closing(Store(tmp_path)) as store:
        assert problems(store) == []


def test_many_lost_days_are_told_in_few_bytes(store: Store) -> None:
    """Days in a row are one sentence; a header says how many sentences more there are."""
    year = [f"{NOW - timedelta(days=10 + day):%Y-%m-%d}" for day in range(365)]
    store.log.compare(dict.fromkeys(year, 3))
    store.reconcile()
    [problem] = store.problems()
    assert problem.startswith(
        f"{year[-1]} to {year[0]}: 0 events acknowledged, 0 stored, 0 in the engine, and 1095 mis"
    )
    store.log.compare(dict.fromkeys(year[::2], 3))
    with AppThread(store) as server:
        told = Client(server.url, store).http.get("/api/projects/1/", headers=KEY).headers["X-Usertrack-Damaged"]
    assert len(told) < 1100
    assert told.endswith("more: `usertrack serve --status`")


def test_bodies_that_are_too_many_are_refused_where_answers_tell(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key may be within the body, which is then read to know whether to tell."""
    lose(store, "true")
    store.reconcile()
    monkeypatch.setattr(requests, "MOST_RECEIVED", 10)
    with AppThread(store) as server:
        answer = Client(server.url, store).http.post("/api/projects/1/query/", json={"query": "much" * 50_000})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_a_deletion_is_no_loss_when_the_days_before_it_cannot_be_read(store: Store) -> None:
    store.query("RENAME TABLE posthog.events TO posthog.away")
    with store.maintaining():
        store.query("RENAME TABLE posthog.away TO posthog.events")
        lose(store, "distinct_id LIKE '%01'")
    assert problems(store) == []
    lose(store, "true")
    assert "3 missing" in problems(store)[0]


def test_a_day_that_begins_in_a_deletion_is_changed_by_it(store: Store) -> None:
    tomorrow = NOW + timedelta(days=1)
    event = Event(str(UUID(int=9, version=4)), "seen", "ann", tomorrow, {})
    with store.maintaining():
        new = BlockWriter(store, "phc_test").write([event], tomorrow)
        store.log.trim(0, DayCounts(stored=1, rows=new), tomorrow)
        lose(store, "distinct_id = 'ann'")
    assert problems(store) == []


def test_nothing_is_deleted_that_would_be_told_as_a_loss(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "event_log.sqlite")) as log:
        log.execute("ALTER TABLE days RENAME TO away")
        with pytest.raises(UsageError, match="cannot write"), store.maintaining():
            lose(store, "true")
        log.execute("ALTER TABLE away RENAME TO days")
    with store.maintaining():
        assert store.rows("SELECT count() FROM posthog.events") == [[4]]


def test_a_closed_log_stays_closed(store: Store, tmp_path: Path) -> None:
    store.close()
    for use in (store.log.compare, lambda rows: store.log.trim(9, DayCounts(stored=1, **rows))):
        with pytest.raises(NotAppended):
            use({})
    with pytest.raises(StoreClosed), store.maintaining():
        pass
    assert not (tmp_path / "event_log.sqlite-wal").exists()
