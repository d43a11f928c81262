"""alerts.db: alerts and their lives, what the router remembers, and the outbox, in one SQLite file.

Every step is one transaction, durable when it returns: a killed process loses none, and does none twice. Erased texts
are overwritten (``secure_delete``), and the file is written anew.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from usertrack.core.errors import SourceBusy, UsageError, UsertrackError
from usertrack.core.formats import prepare_sqlite
from usertrack.live.alerts.codec import decode, encode
from usertrack.live.alerts.life import Alert, AlertChange, AlertState

FILE = "alerts.db"
FORMAT = 2  # since 2, an alert knows which channels were told of it
_WAIT = 10.0  # seconds that another process may write
_SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts (
    key TEXT PRIMARY KEY, pattern TEXT NOT NULL, person TEXT NOT NULL, is_open INTEGER NOT NULL,
    is_routed INTEGER NOT NULL,     -- whether the router has it in mind
    updated_at TEXT NOT NULL,       -- UTC, as all times here
    body TEXT NOT NULL              -- Alert, as JSON
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_alerts ON alerts (is_open, updated_at);
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL, recorded_at TEXT NOT NULL,
    who TEXT NOT NULL, comment TEXT NOT NULL,
    signal TEXT,                    -- the engine's state, NULL where somebody changed it: each signal counts once
    UNIQUE (key, at, signal)
);
CREATE TABLE IF NOT EXISTS routing (
    kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, channel TEXT NOT NULL, grouped TEXT NOT NULL,
    state TEXT NOT NULL,            -- waiting, sending, sent, refused or outdated
    created_at TEXT NOT NULL, settled_at TEXT, attempts INTEGER NOT NULL DEFAULT 0,
    is_doubtful INTEGER NOT NULL DEFAULT 0,     -- sent before, and nobody knows whether it arrived
    error TEXT NOT NULL DEFAULT '',
    receipt TEXT NOT NULL DEFAULT '',   -- what the channel calls the message, by which it is edited
    body TEXT NOT NULL              -- Notification, as JSON
);
CREATE INDEX IF NOT EXISTS unsent ON outbox (channel, id) WHERE state IN ('waiting', 'sending');
CREATE INDEX IF NOT EXISTS editable ON outbox (channel, grouped) WHERE receipt <> '';
CREATE TABLE IF NOT EXISTS channels (
    name TEXT PRIMARY KEY, retry_at TEXT NOT NULL, failing_since TEXT NOT NULL, failures INTEGER NOT NULL,
    error TEXT NOT NULL, hint TEXT NOT NULL
) WITHOUT ROWID;
-- from format 1, which had groups by labels, silences, repetitions, and a log of what each group was told
UPDATE alerts SET body = json_set(body, '$.told', json((
    SELECT json_group_array(DISTINCT substr(log.name, 1, instr(log.name, '|') - 1))
    FROM routing AS log, json_each(log.body, '$.firing') AS told WHERE log.kind = 'told' AND told.value = alerts.key
))) WHERE is_routed;
UPDATE outbox SET
    grouped = coalesce(body ->> '$.labels.person', ''),
    body = json_set(
        body, '$.person', coalesce(body ->> '$.labels.person', ''),
        '$.reason', iif(body ->> '$.reason' = 'repeat', 'new', body ->> '$.reason')
    )
WHERE body ->> '$.labels' IS NOT NULL;
DELETE FROM routing WHERE kind IN ('group', 'told');
DROP TABLE IF EXISTS silences;
"""


class AlertStore:
    """The file in ``folder``, which is made; private to its owner."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        with _explained(self.path):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self.path.exists():
                self.path.touch(mode=0o600)
            self.connection = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)
            self.connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                self.connection.execute(f"PRAGMA {pragma}")
            prepare_sqlite(self.connection, self.path, _SCHEMA, FORMAT)
        self._version = -1

    def close(self) -> None:
        self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and alone: other processes wait. Raises SourceBusy for a full disk or a file that is held."""
        with _explained(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def changed_elsewhere(self) -> bool:
        """Whether another process wrote since this was asked; True the first time."""
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        changed, self._version = version != self._version, version
        return bool(changed)

    def forget_version(self) -> None:
        """So that `changed_elsewhere` is True the next time."""
        self._version = -1

    # Alerts

    def alert(self, key: str) -> Alert | None:
        row = self.connection.execute("SELECT body FROM alerts WHERE key = ?", [key]).fetchone()
        return decode(Alert, row[0]) if row else None

    def alerts(self, where: str = "1") -> list[Alert]:
        """Return the alerts that meet ``where``, a condition in SQL, the latest first."""
        rows = self.connection.execute(f"SELECT body FROM alerts WHERE {where} ORDER BY updated_at DESC, key")
        return [decode(Alert, body) for (body,) in rows]

    def put(self, alert: Alert, *, is_routed: bool) -> None:
        row = (alert.key, alert.pattern, alert.person, not alert.is_resolved, is_routed)
        self.connection.execute(
            "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, stamp(alert.updated_at), encode(alert))
        )

    def let_go(self, key: str) -> None:
        self.connection.execute("UPDATE alerts SET is_routed = 0 WHERE key = ?", [key])

    def add_change(self, change: AlertChange, signal: str | None = None) -> bool:
        """False where the engine said the same before."""
        times = (stamp(change.at), stamp(change.recorded_at))
        row = (change.key, change.state, *times, change.who, change.comment, signal)
        sql = "INSERT INTO changes (key, state, at, recorded_at, who, comment, signal) VALUES (?, ?, ?, ?, ?, ?, ?)"
        return self.connection.execute(f"{sql} ON CONFLICT DO NOTHING", row).rowcount == 1

    def knows(self, key: str, at: datetime, signal: str) -> bool:
        sql = "SELECT 1 FROM changes WHERE key = ? AND at = ? AND signal = ?"
        return self.connection.execute(sql, [key, stamp(at), signal]).fetchone() is not None

    def changes(self, key: str | None = None) -> list[AlertChange]:
        """Every step of one alert, or of all, in the order in which we learned of them."""
        rows = self.connection.execute(
            "SELECT key, state, at, recorded_at, who, comment FROM changes WHERE ?1 IS NULL OR key = ?1 ORDER BY id",
            [key],
        )
        return [
            AlertChange(key, AlertState(state), moment(at), moment(recorded), who, comment)
            for key, state, at, recorded, who, comment in rows
        ]

    def incidents(self) -> dict[str, str]:
        """The key of the incident that stands for an alert, by the alert's."""
        sql = "SELECT key, json_extract(body, '$.incident') FROM alerts"
        return {key: incident for key, incident in self.connection.execute(sql) if incident}


def stamp(at: datetime | None) -> str:
    """UTC with microseconds, so that texts sort as times do; "" for None."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at else ""


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's errors as what the user can do."""
    try:
        yield
    except UsertrackError:
        raise
    except sqlite3.OperationalError as error:
        reason = str(error)
        if "locked" in reason or "busy" in reason:
            raise SourceBusy(f"{path} is held by another process", "try again") from error
        if "full" in reason:
            raise SourceBusy(f"{path} cannot grow: the disk is full", "make room; nothing is lost") from error
        raise UsageError(f"cannot open {path}: {reason}", "may you write there?") from error
    except sqlite3.DatabaseError as error:
        hint = "move it away: alerts that fire come again, acknowledgements and snoozes do not"
        raise UsageError(f"{path} is damaged: {error}", hint) from error
    except OSError as error:
        raise UsageError(f"cannot make {path.parent} ({error.strerror})", "may you write there?") from error
