"""The engine's memory in one SQLite file. A step is saved with its signals as a whole, or not at all."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.core.formats import delete_copies, prepare_sqlite
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.signals.baselines import person_of
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.snapshot import restore, saved, unsaved

FILE = "signals.db"
_FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people (id TEXT PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bursts (pattern TEXT, value TEXT, state TEXT NOT NULL, PRIMARY KEY (pattern, value));
CREATE TABLE IF NOT EXISTS usual (name TEXT PRIMARY KEY, counts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS read (uuid TEXT PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS signals (id INTEGER PRIMARY KEY AUTOINCREMENT, signal TEXT NOT NULL);
"""

_OF_PEOPLE = (
    ("people", "names(id) OR names(state)"),
    ("bursts", "names(state)"),  # an incident that is not over begins anew
    ("usual", "names(name)"),
    ("signals", "names(signal)"),
)

_FIRES = (
    "EXISTS (SELECT 1 FROM json_each(state, '$.instances') AS pattern, json_each(pattern.value) AS instance"
    " WHERE json_extract(instance.value, '$[2]') > 0)"
)
_OLD = (
    ("people", f"json_extract(state, '$.times[1]') < :before AND NOT {_FIRES}"),
    ("bursts", "json_extract(state, '$.people[#-1][1]') < :before AND json_extract(state, '$.since') IS NULL"),
    ("usual", "person_of(name) <> '' AND person_of(name) NOT IN (SELECT id FROM people)"),  # they went before
    ("read", "until < :before"),
    ("signals", "(julianday(json_extract(signal, '$.at')) - 2440587.5) * 86400 < :before"),
)


class StateFile:
    """The file ``signals.db`` in ``folder``. Times are in seconds since 1970."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError where there is no file that can be read and written, or it is of a newer usertrack."""
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600)  # before SQLite makes others beside it with its mode
            self.path.chmod(0o600)
            self._connection = sqlite3.connect(self.path, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            prepare_sqlite(self._connection, self.path, _SCHEMA, _FORMAT)
        except (OSError, sqlite3.Error) as error:
            hint = "move it away: what goes on now is then read anew"
            raise UsageError(f"{self.path} cannot be opened: {error}", hint) from error

    def close(self) -> None:
        self._connection.close()

    @property
    def read_until(self) -> float | None:
        """When events were read the last time; None before the first time."""
        text = self._fact("read_until")
        return float(text) if text else None

    @property
    def arrived_until(self) -> float | None:
        """When the last event that was read arrived, by its source's clock, which may not agree with ours."""
        text = self._fact("arrived_until")
        return float(text) if text else None

    def seen(self, uuids: Sequence[str]) -> set[str]:
        """Which of these events were read before, as far back as they may be read twice."""
        among = "SELECT uuid FROM read WHERE uuid IN (SELECT value FROM json_each(?))"
        return {uuid for (uuid,) in self._connection.execute(among, [json.dumps(list(uuids))])}

    def load(self, engine: Engine) -> None:
        """Give ``engine``, a new one, what was saved, as `restore` says."""
        clock, patterns = self._fact("clock"), json.loads(self._fact("patterns") or "{}")
        rows = self._connection.execute
        restore(
            engine,
            float(clock) if clock else -inf,
            patterns,
            ((id_, json.loads(state)) for id_, state in rows("SELECT id, state FROM people ORDER BY id")),
            [(name, value, json.loads(state)) for name, value, state in rows("SELECT * FROM bursts")],
            [(name, json.loads(counts)) for name, counts in rows("SELECT name, counts FROM usual")],
        )

    def save(
        self,
        engine: Engine,
        signals: Iterable[Signal] = (),
        *,
        read_until: float | None = None,
        arrived_until: float = -inf,
        read: Iterable[str] = (),
        again_since: float = -inf,
    ) -> None:
        """Save all that has changed since the last time, and ``signals`` until they are `taken`: all of it or nothing.

        ``read`` are the events that arrived until ``arrived_until``. Those that arrived before ``again_since`` will not
        be read again, and are forgotten. Raises UsageError where the file cannot be written.
        """
        state = unsaved(engine)
        facts = {"clock": repr(state.clock), "patterns": _json(state.patterns)}
        with self._transaction() as db:
            db.executemany("DELETE FROM people WHERE id = ?", ((id_,) for id_ in state.gone))
            db.executemany(
                "INSERT OR REPLACE INTO people VALUES (?, ?)", ((i, _json(memory)) for i, memory in state.people)
            )
            db.executemany("DELETE FROM usual WHERE name = ?", ((name,) for name in state.unusual))
            db.execute("DELETE FROM bursts")
            db.executemany(
                "INSERT INTO bursts VALUES (?, ?, ?)", ((n, v, _json(burst)) for n, v, burst in state.bursts)
            )
            db.executemany(
                "INSERT OR REPLACE INTO usual VALUES (?, ?)", ((n, _json(counts)) for n, counts in state.usual)
            )
            if read_until is not None:
                facts |= {"read_until": repr(read_until), "arrived_until": repr(arrived_until)}
                db.executemany("INSERT OR IGNORE INTO read VALUES (?, ?)", ((uuid, arrived_until) for uuid in read))
                db.execute("DELETE FROM read WHERE until < ?", [again_since])
            db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
            db.executemany("INSERT INTO signals (signal) VALUES (?)", ((dump_signal(signal),) for signal in signals))
        saved(engine)

    def waiting(self) -> list[tuple[int, Signal]]:
        """The signals that were not `taken` yet, each with its number, in the order in which they were said."""
        rows = self._connection.execute("SELECT id, signal FROM signals ORDER BY id")
        return [(number, load_signal(text)) for number, text in rows]

    def taken(self, up_to: int) -> None:
        """Somebody has the signals up to this number for good."""
        with self._transaction() as db:
            db.execute("DELETE FROM signals WHERE id <= ?", [up_to])

    def held(self, names: Callable[[str], bool]) -> int:
        """Count the records that are, or speak, of the person whom ``names`` finds in a text."""
        self._connection.create_function("names", 1, names, deterministic=True)
        counts = (f"SELECT count(*) FROM {table} WHERE {condition}" for table, condition in _OF_PEOPLE)
        return sum(int(self._connection.execute(count).fetchone()[0]) for count in counts)

    def erase(self, names: Callable[[str], bool]) -> None:
        """Delete these records, and write the file anew. Nobody may watch meanwhile: an engine has people in mind."""
        self._connection.create_function("names", 1, names, deterministic=True)
        self._connection.execute("PRAGMA secure_delete = ON")
        with self._transaction() as db:
            for table, condition in _OF_PEOPLE:
                db.execute(f"DELETE FROM {table} WHERE {condition}")
        self._write_anew()

    def old(self, before: datetime) -> int:
        """Count the records of people who did nothing since ``before``, or of what was then."""
        counts = (f"SELECT count(*) FROM {table} WHERE {condition}" for table, condition in _OLD)
        return sum(int(self._old(count, before).fetchone()[0]) for count in counts)

    def forget(self, before: datetime) -> None:
        """Delete these records, and write the file anew. Whoever an alert fires for stays, as the alert does.

        A watcher has people in mind until it loads them anew, which it does every few minutes.
        """
        self._connection.execute("PRAGMA secure_delete = ON")
        with self._transaction():
            for table, condition in _OLD:
                self._old(f"DELETE FROM {table} WHERE {condition}", before)
        self._write_anew()

    def _old(self, sql: str, before: datetime) -> sqlite3.Cursor:
        self._connection.create_function("person_of", 1, person_of, deterministic=True)
        return self._connection.execute(sql, {"before": before.timestamp()})

    def _write_anew(self) -> None:
        delete_copies(self.path)
        self._connection.execute("VACUUM")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _fact(self, name: str) -> str:
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise UsageError(f"{self.path} cannot be written: {error}", "is the disk full?") from error
            raise


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def dump_signal(signal: Signal) -> str:
    """``signal`` as JSON; a time in its facts stays one."""
    values = {name: getattr(signal, name) for name in Signal.__slots__}
    facts = {
        name: {"time": value.isoformat()} if isinstance(value, datetime) else value
        for name, value in signal.facts.items()
    }
    return json.dumps(
        {**values, "at": signal.at.isoformat(), "facts": facts, "labels": dict(signal.labels)}, default=str
    )


def load_signal(text: str) -> Signal:
    values = json.loads(text)
    facts = {
        name: datetime.fromisoformat(value["time"]) if isinstance(value, dict) and "time" in value else value
        for name, value in values["facts"].items()
    }
    at = datetime.fromisoformat(values["at"]).astimezone(UTC)
    state, events = SignalState(values["state"]), tuple(values["events"])
    return Signal(**{**values, "at": at, "state": state, "events": events, "facts": facts})
