"""What the last release wrote is read whole, a copy stays for the way back, and what a newer one wrote is refused."""

import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.live.alerts.signals import at, told_to
from tests.memberships import FIRST, classified, keep_one
from usertrack.core.errors import UsageError
from usertrack.core.spool import connect
from usertrack.live.alerts.codec import decode
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.erasure import compact
from usertrack.live.alerts.notifications import Channel
from usertrack.live.alerts.router import Notification
from usertrack.live.alerts.store import AlertStore
from usertrack.live.signals.state import StateFile
from usertrack.privacy import local
from usertrack.segments.history.file import HistoryFile, open_history
from usertrack.server.capture.ingest import store_waiting
from usertrack.server.database.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that tests/last_release.py packed."""
    with tarfile.open(Path(__file__).with_name("last_release.tar.xz")) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path


def test_acknowledged_events_that_waited_are_stored(folder: Path) -> None:
    with closing(Store(folder / "data")) as store:
        assert store.rows("SELECT count() FROM posthog.events") == [[2]]
        store_waiting(store, "phc_test")
        assert store.rows("SELECT count() FROM posthog.events") == [[6]]
    with closing(sqlite3.connect(folder / "data/event_log.sqlite.format-0")) as former:
        assert former.execute("SELECT count(*) FROM entries").fetchone() == (2,)
    with closing(Store(folder / "data")) as store:
        store.purge(["events"])
    assert not list(folder.glob("data/*.format-*"))


def test_the_history_goes_on(folder: Path) -> None:
    place = HistoryFile(folder / "history.duckdb", "test")
    keep_one(place, classified(7, {"ann@x.example": (1, 0, 1.0, 0.0)}))
    with connect() as connection, open_history(connection, place):
        assert connection.execute("SELECT snapshot, count(*) FROM history.person GROUP BY 1 ORDER BY 1").fetchall() == [
            (1, 2),
            (2, 1),
        ]
    copy = folder / "history.duckdb.format-1"
    with duckdb.connect(str(copy), read_only=True) as former:
        assert former.execute("SELECT count(*) FROM person").fetchone() == (2,)
    with local.open_history(place, write=True) as connection:
        local.rewrite(connection, place, "DELETE FROM history.person WHERE key = ?", ["ann@x.example"])
    assert not copy.exists()


def test_alerts_that_were_told_are_not_told_again_and_erasing_deletes_copies(folder: Path) -> None:
    with closing(AlertStore(folder / "alerts")) as store:
        desk = Desk(store, told_to(Channel("pager", "pagerduty")))
        assert [message.person for message in (*desk.tick(at(6 * 3600)), *desk.tick(at(7 * 3600)))] == ["bob"]
        waiting = store.connection.execute("SELECT body FROM outbox ORDER BY id").fetchall()
        assert [decode(Notification, body).person for (body,) in waiting] == [
            "ada",
            "ada",
            "bob",
        ]  # one was a repetition
        assert (folder / "alerts/alerts.db.format-1").exists()
        compact(store)
    assert not list(folder.glob("alerts/*.format-*"))


def of_the_log(folder: Path) -> None:
    _raise_version(folder / "data/event_log.sqlite")
    Store(folder / "data")


def of_the_folder(folder: Path) -> None:
    (folder / "data/format").write_text("99")
    Store(folder / "data")


def of_the_history(folder: Path) -> None:
    with duckdb.connect(str(folder / "history.duckdb")) as connection:
        connection.execute("UPDATE about SET version = 99")
    keep_one(HistoryFile(folder / "history.duckdb", "test"), classified(FIRST.day, {}))


def of_the_alerts(folder: Path) -> None:
    _raise_version(folder / "alerts/alerts.db")
    AlertStore(folder / "alerts")


def of_the_patterns(folder: Path) -> None:
    StateFile(folder / "alerts").close()
    _raise_version(folder / "alerts/signals.db")
    StateFile(folder / "alerts")


@pytest.mark.parametrize("open_newer", [of_the_log, of_the_folder, of_the_history, of_the_alerts, of_the_patterns])
def test_what_a_newer_usertrack_wrote_is_refused(folder: Path, open_newer: Callable[[Path], None]) -> None:
    with pytest.raises(UsageError, match=r"was written by a newer usertrack \(its format is 99, this one knows \d\)"):
        open_newer(folder)


def _raise_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
