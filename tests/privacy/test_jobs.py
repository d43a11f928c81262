"""Pseudonyms and retention where events come in meanwhile, and cut short: nothing is lost, a rerun ends it."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from usertrack.core.pseudonyms import Pseudonyms
from usertrack.privacy import upkeep
from usertrack.privacy.places import LocalFiles
from usertrack.server.background_jobs import Jobs, ReportProgress
from usertrack.server.capture.ingest import Ingestor
from usertrack.server.capture.payload import Event
from usertrack.server.database.store import Store
from usertrack.server.database.violation_log import ViolationLog
from usertrack.server.expiry import expire
from usertrack.server.http.api_errors import ApiError
from usertrack.server.pseudonymize import pseudonymize

from ..conftest import slow_but
from ..product.logs import asking

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PSEUDONYMS = Pseudonyms(b"key")


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store(tmp_path_factory.mktemp("jobs"))) as opened:
        yield opened


@pytest.fixture
def store(module_store: Store) -> Store:
    """Ann and Ben, each with an event in every month of the year; Ben has none since June."""
    for table in ("events", "persons", "person_distinct_ids"):
        module_store.query(f"TRUNCATE TABLE posthog.{table}")
    Ingestor(module_store, "t").ingest(
        [event(month, name) for month in range(1, 11) for name in ("ann", "ben") if month < 7 or name == "ann"], NOW
    )
    return module_store


def event(month: int, name: str) -> Event:
    at = datetime(2026, month, 15, tzinfo=UTC)
    properties = {"$set": {"email": f"{name}@x.example"}, "distinct_id": f"{name}@x.example"}
    return Event(
        f"00000000-0000-4000-8000-0000000{name.encode().hex()[:3]}{month:02}",
        "seen",
        f"{name}@x.example",
        at,
        properties,
    )


class Cut(Exception):  # noqa: N818
    pass


def cut_after(steps: int) -> ReportProgress:
    left = iter(range(steps))

    def interrupt(doing: str, done: int, total: int) -> None:
        if next(left, None) is None:
            raise Cut

    return interrupt


def silent(doing: str, done: int, total: int) -> None:
    pass


def told_apart(store: Store) -> list[list[object]]:
    sql = "SELECT person_id, count(), countIf(match(toString(properties) || distinct_id, 'x.example')) AS named"
    joined = f"{sql} FROM posthog.events WHERE person_id IN (SELECT id FROM posthog.persons FINAL)"
    return [row[1:] for row in store.rows(f"{joined} GROUP BY person_id ORDER BY count()")]


@pytest.mark.parametrize("steps", slow_but([1, 5, 13], [0, 1, 2, 5, 12, 13]))
def test_pseudonyms_cut_short(store: Store, steps: int) -> None:
    with pytest.raises(Cut):
        pseudonymize(store, ViolationLog(store.path), PSEUDONYMS, cut_after(steps), dry_run=False)
    assert store.rows("SELECT count() FROM posthog.events") == [[16]]
    assert pseudonymize(store, ViolationLog(store.path), PSEUDONYMS, silent, dry_run=False)["left"] == 0
    assert told_apart(store) == [[6, 0], [10, 0]]


@pytest.mark.slow
def test_events_that_come_meanwhile_stay(store: Store) -> None:
    ingestor, threads = Ingestor(store, "t"), []

    def ingest_more(doing: str, done: int, total: int) -> None:
        if doing.startswith("replacing") and len(threads) < 9:
            more = event(len(threads) + 1, "eve")
            threads.append(threading.Thread(target=ingestor.ingest, args=([more], NOW)))
            threads[-1].start()

    pseudonymize(store, ViolationLog(store.path), PSEUDONYMS, ingest_more, dry_run=False)
    for thread in threads:
        thread.join()
    assert len(threads) == 9
    assert store.rows("SELECT count() FROM posthog.events") == [[25]]
    assert pseudonymize(store, ViolationLog(store.path), PSEUDONYMS, silent, dry_run=False)["left"] == 0
    assert told_apart(store) == [[6, 0], [9, 0], [10, 0]]


@pytest.mark.slow
def test_who_came_back_and_was_merged_becomes_a_pseudonym_again(store: Store) -> None:
    pseudonymize(store, ViolationLog(store.path), PSEUDONYMS, silent, dry_run=False)
    [[ann]] = store.rows("SELECT person_id FROM posthog.events GROUP BY person_id HAVING count() = 10")
    Ingestor(store, "t").ingest([event(11, "ann")], NOW)
    store.query(f"ALTER TABLE posthog.events UPDATE person_id = '{ann}' WHERE 1 SETTINGS mutations_sync = 2")
    assert pseudonymize(store, ViolationLog(store.path), PSEUDONYMS, silent, dry_run=False)["left"] == 0


@pytest.mark.parametrize("steps", slow_but([1, 8], [1, 2, 5, 8]))
def test_retention_cut_short(store: Store, steps: int) -> None:
    before = datetime(2026, 7, 15, tzinfo=UTC)
    with pytest.raises(Cut):
        expire(store, before, cut_after(steps), dry_run=False)
    expire(store, before, silent, dry_run=False)
    assert store.rows("SELECT toMonth(timestamp) FROM posthog.events ORDER BY 1") == [[7], [8], [9], [10]]
    assert told_apart(store) == [[4, 4]]
    assert store.rows("SELECT count() FROM posthog.persons FINAL") == [[1]]


def test_how_far_it_is_and_what_it_did(store: Store) -> None:
    notes: list[str] = []
    with asking(store, NOW) as runner:
        notify = lambda text, *, passing=False: notes.append(text)  # noqa: E731
        [rows, named] = upkeep.pseudonymize(runner, LocalFiles(None, None), PSEUDONYMS, notify, dry_run=False)
    assert (rows.held, named.held, named.left) == (20, 20, 0)
    assert notes  # how far it was, whenever it was looked at


def test_another_job_has_to_wait(store: Store) -> None:

    jobs, go_on = Jobs(), threading.Event()

    def work(report_progress: ReportProgress) -> dict[str, int]:
        go_on.wait()
        return {"n": 1}

    first = jobs.begin("a", work)
    assert jobs.begin("a", work) is first
    with pytest.raises(ApiError, match="busy"):
        jobs.begin("b", work)
    go_on.set()
