"""Counts what events broke of the tracking plan, with samples without values, in one SQLite file beside the events."""

import json
import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from usertrack.core.json_types import JsonObject
from usertrack.plan.conform import Violation

_SCHEMA = """
CREATE TABLE IF NOT EXISTS violations (
    rule TEXT NOT NULL,
    event TEXT NOT NULL,
    property TEXT NOT NULL,         -- '' when the event as a whole is meant
    of TEXT NOT NULL,               -- event | person | group
    library TEXT NOT NULL,          -- of the SDK, '' when it does not say
    version TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_seen TEXT NOT NULL,       -- UTC, likewise last_seen
    last_seen TEXT NOT NULL,
    PRIMARY KEY (rule, event, property, of, library, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS samples (id INTEGER PRIMARY KEY AUTOINCREMENT, sample TEXT NOT NULL);  -- JSON
CREATE TABLE IF NOT EXISTS checked (one INTEGER PRIMARY KEY CHECK (one = 1), events INTEGER, since TEXT);
"""
_COUNT = """
INSERT INTO violations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count, last_seen = excluded.last_seen
"""
_CHECKED = """
INSERT INTO checked VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events
"""
log = logging.getLogger(__name__)
SAMPLES = 200  # the newest in all: bounds the file, whatever arrives
SAMPLES_OF_A_KIND = 5  # so that one kind does not drive out all others
MOST_KINDS = 10_000  # names come from strangers: what is beyond is counted as one kind for each rule
_DELAY = 0.2  # seconds; each call of SQLite lets other threads go first, and events would wait for it
_LONGEST = 200  # characters of a name
_KEYS = 100  # properties that a sample names
REST = "(others)"


class ViolationKind(NamedTuple):
    """The key by which violations are counted. ``property`` is empty when the event as a whole is meant."""

    rule: str
    event: str
    property: str
    of: str
    library: str
    version: str


class Breach(NamedTuple):
    """In which ways events of one name, sent by one version of an SDK, are not as the plan says."""

    event: str
    library: str
    version: str
    violations: tuple[Violation, ...]

    def kinds(self) -> list[ViolationKind]:
        event, library, version = _short(self.event), _short(self.library), _short(self.version)
        return [
            ViolationKind(violation.rule, event, _short(violation.property or ""), violation.of, library, version)
            for violation in self.violations
        ]


@dataclass
class Broken:
    """Events of one breach: the first one's uuid and properties, and their ``count``. No value is kept."""

    uuid: str
    properties: Mapping[str, Any]
    count: int = 1


class ViolationLog:
    """The log of the data directory ``folder``. Safe to call from threads.

    What is added is in memory for a fifth of a second before it is written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "live_check.sqlite"
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._samples: Counter[ViolationKind] = Counter()
        self._kinds: set[ViolationKind] = set()
        self._unwritten = _Unwritten()
        self._will_write = False

    def add(self, checked: int, breaches: Mapping[Breach, Broken], now: datetime) -> None:
        """Count ``checked`` events, of which some break the plan: these ``breaches``."""
        moment = now.isoformat(timespec="milliseconds")
        with self._turn:
            unwritten = self._unwritten
            unwritten.since = unwritten.since or moment
            unwritten.checked += checked
            if not self._will_write:
                self._will_write = True
                timer = threading.Timer(_DELAY, self._write_later)
                timer.daemon = True
                timer.start()
            for breach, broken in breaches.items():
                kinds = [self._known(kind) for kind in breach.kinds()]
                for kind in kinds:
                    count, first_seen, _ = unwritten.kinds.get(kind, (0, moment, moment))
                    unwritten.kinds[kind] = (count + broken.count, first_seen, moment)
                if any(self._samples[kind] < SAMPLES_OF_A_KIND for kind in kinds):
                    self._samples.update(kinds)
                    unwritten.samples.append((_sample(breach, broken, moment),))
            del unwritten.samples[:-SAMPLES]

    def write(self) -> None:
        """Write what is in memory; raises sqlite3.Error, and then it stays there."""
        with self._turn:
            if self._unwritten.checked:
                with self._open() as database:
                    database.execute(_CHECKED, (self._unwritten.checked, self._unwritten.since))
                    database.executemany(_COUNT, ((*kind, *seen) for kind, seen in self._unwritten.kinds.items()))
                    if self._unwritten.samples:
                        database.executemany("INSERT INTO samples (sample) VALUES (?)", self._unwritten.samples)
                        database.execute(f"DELETE FROM samples WHERE id <= (SELECT max(id) FROM samples) - {SAMPLES}")
                self._unwritten = _Unwritten()

    def close(self) -> None:
        """Write what is in memory, before the process ends."""
        self._write_later()

    def _write_later(self) -> None:
        self._will_write = False
        try:
            self.write()
        except sqlite3.Error:
            log.exception("violations of the tracking plan were not written")

    def read(self) -> JsonObject:
        """``checked`` events ``since`` a moment, all ``violations``, the most frequent first, and ``samples``."""
        self.write()
        with self._transaction() as database:
            checked = database.execute("SELECT events, since FROM checked").fetchone()
            rows = database.execute("SELECT * FROM violations ORDER BY count DESC, rule, event, property, of")
            names = [column[0] for column in rows.description]
            violations = [dict(zip(names, row, strict=True)) for row in rows]
            samples = [json.loads(text) for (text,) in database.execute("SELECT sample FROM samples ORDER BY id DESC")]
        events, since = checked or (0, None)
        return {"checked": events, "since": since, "violations": violations, "samples": samples}

    def reset(self) -> None:
        """Forget everything."""
        self.forget(lambda text: True)
        with self._transaction() as database:
            database.execute("DELETE FROM checked")

    def texts(self) -> list[str]:
        """All that events brought: names of events, properties and SDKs, and samples."""
        self.write()
        if not self._path.exists():
            return []
        with self._transaction() as database:
            rows = database.execute("SELECT event, property, library, version FROM violations").fetchall()
            samples = database.execute("SELECT sample FROM samples").fetchall()
        return ["\n".join(row) for row in [*rows, *samples]]

    def forget(self, matches: Callable[[str], bool]) -> None:
        """Delete the counts and samples whose texts match, from the disk, too."""
        self.write()
        if not self._path.exists():
            return
        with self._transaction() as database:
            database.create_function("matches", 1, lambda text: bool(matches(text)))
            database.execute(
                "DELETE FROM violations"
                " WHERE matches(event || char(10) || property || char(10) || library || char(10) || version)"
            )
            database.execute("DELETE FROM samples WHERE matches(sample)")
            self._kinds.clear()
            self._samples.clear()
        with self._turn:
            assert self._connection
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _known(self, kind: ViolationKind) -> ViolationKind:
        """``kind``, or the rest of its rule when there are too many."""
        if kind not in self._kinds:
            if len(self._kinds) >= MOST_KINDS:
                return ViolationKind(kind.rule, REST, "", "event", "", "")
            self._kinds.add(kind)
        return kind

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._open() as database:
            yield database

    def _open(self) -> sqlite3.Connection:
        """Open the file: what is written survives a kill -9 of the process; the machine's end may cost some seconds."""
        if self._connection is None:
            if not self._path.exists():
                self._path.touch(mode=0o600)
            # 30 seconds: another process's commit takes less
            database = sqlite3.connect(self._path, timeout=30, check_same_thread=False)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.executescript(_SCHEMA)
            self._connection = database
            columns = ", ".join(ViolationKind._fields)
            self._kinds |= {ViolationKind(*row) for row in database.execute(f"SELECT {columns} FROM violations")}
        return self._connection


@dataclass
class _Unwritten:
    """The counts that are only in memory. Of each kind, its count, and when it was first and last seen."""

    checked: int = 0
    since: str = ""
    kinds: dict[ViolationKind, tuple[int, str, str]] = field(default_factory=dict)
    samples: list[tuple[str]] = field(default_factory=list)


def _sample(breach: Breach, broken: Broken, moment: str) -> str:
    sample = {
        "uuid": broken.uuid,
        "event": _short(breach.event),
        "received_at": moment,
        "library": _short(breach.library),
        "version": _short(breach.version),
        "types": {_short(name): _type(value) for name, value in islice(broken.properties.items(), _KEYS)},
        "violations": [
            {"rule": violation.rule, "property": violation.property and _short(violation.property), "of": violation.of}
            for violation in breach.violations[:_KEYS]
        ],
    }
    return json.dumps(sample, ensure_ascii=False)


def _type(value: object) -> str:
    """Return what JSON calls a value of this kind."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
    return "list" if isinstance(value, list) else "object"


def _short(text: str) -> str:
    return text[:_LONGEST].replace("\0", "\ufffd")
