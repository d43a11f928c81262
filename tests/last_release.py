"""Packs a folder as the last release writes it: `PYTHONPATH=CHECKOUT_OF_THE_RELEASE python tests/last_release.py FILE`.

``data`` has two stored events and four that wait in the log, ``history.duckdb`` a snapshot of two people, and
``alerts`` one that was told, and one that waits. The committed file is of e9c1e1be, its alerts are of 6e0f70f8.
"""

import sys
import tarfile
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from tests.live.alerts.signals import T0, at, signal, told_to
from tests.memberships import classified, keep_one
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.notifications import Channel
from usertrack.live.alerts.store import AlertStore
from usertrack.segments.history.file import HistoryFile
from usertrack.server.capture.ingest import Ingestor
from usertrack.server.capture.payload import Event
from usertrack.server.capture.recorded import to_bytes
from usertrack.server.database.store import Store

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def events(*numbers: int) -> list[Event]:
    return [Event(str(UUID(int=number, version=4)), "seen", "ann", NOW, {"n": number}) for number in numbers]


def write(folder: Path) -> None:
    with closing(Store(folder / "data")) as store:
        Ingestor(store, "phc_test").ingest(events(1, 2), NOW)
    with closing(Store(folder / "data")) as store:
        store.log.append([to_bytes(events(3, 4), NOW), to_bytes(events(5, 6), NOW)])
    people = {f"{name}@x.example": (1, 0, 1.0, 0.0) for name in ("ann", "ben")}
    keep_one(HistoryFile(folder / "history.duckdb", "test"), classified(0, people))
    desk = Desk(AlertStore(folder / "alerts"), told_to(Channel("pager", "pagerduty")))
    desk.receive([signal()], T0)
    desk.tick(at(30))
    desk.receive([signal(person="bob", after=5 * 3600)], at(5 * 3600))
    desk.store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        write(Path(name))
        with tarfile.open(sys.argv[1], "w:xz") as packed:
            for entry in ("data", "history.duckdb", "alerts"):
                packed.add(Path(name, entry), entry)
