"""Computes declared properties anew once their facts have changed, tells PostHog, and knows how stale each is."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from usertrack_track.declared import Declarations
from usertrack_track.message import Message, clean_properties, make_message
from usertrack_track.outbox import Outbox
from usertrack_track.postgres import Postgres
from usertrack_track.statements import Due, execute, insert, mark_due

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

LOG = logging.getLogger("usertrack_track")
_BATCH = 100


@dataclass(frozen=True)
class Staleness:
    """The freshness of a declared property: of how many holders it is known, and since when some wait to be computed.

    ``failing``: of how many the last attempt ended with an error. ``oldest``: when the oldest value was computed.
    """

    name: str
    group_type: str
    holders: int
    oldest: datetime | None
    due: int
    due_since: datetime | None
    failing: int


@dataclass(frozen=True)
class Computed:
    """The result of a function at ``moment``, as JSON; or the type of the error that it ended with."""

    value: object
    failure: str | None
    moment: datetime


class Profiles(Protocol):
    def add(self, due: Sequence[Due]) -> None: ...
    def refresh(self) -> int: ...
    def staleness(self) -> list[Staleness]: ...


def compute(due: Iterable[Due], declarations: Declarations) -> dict[Due, Computed]:
    """The values of ``due``, each once; one that fails does not keep the others."""
    return {place: _compute(place, declarations) for place in dict.fromkeys(due)}


def _compute(due: Due, declarations: Declarations) -> Computed:
    declared, moment = declarations.get(due), datetime.now(timezone.utc)
    try:
        value = clean_properties({"value": declared.compute(due.holder_id) if declared else None}, _refuse)["value"]
    except Exception as error:  # of the product's own function
        LOG.warning("the property %s cannot be computed (%s)", due.name, type(error).__name__)
        return Computed(None, type(error).__name__, moment)
    return Computed(value, None, moment)


def _refuse(name: str) -> None:
    raise TypeError


def messages(computed: Mapping[Due, Computed], known: Mapping[Due, object]) -> list[Message]:
    """One message for each person and group of whom something is different from what PostHog was told."""
    changed: dict[tuple[str, str], dict[str, object]] = {}
    for due, outcome in computed.items():
        if not outcome.failure and (due not in known or known[due] != outcome.value):
            changed.setdefault((due.group_type, due.holder_id), {})[due.name] = outcome.value
    return [
        group_message(group, holder, values) if group else make_message("$identify", holder, {"$set": values})
        for (group, holder), values in changed.items()
    ]


def group_message(
    group_type: str, group_key: str, properties: Mapping[str, object], drop: Callable[[str], None] = lambda name: None
) -> Message:
    """``$groupidentify``, under an id that is the group's, as PostHog's SDK for Node sends it."""
    fields = {"$group_type": group_type, "$group_key": group_key, "$group_set": dict(properties)}
    return make_message("$groupidentify", f"${group_type}_{group_key}", fields, drop=drop)


class MemoryProfiles:
    """Without a database: what this process knows. After a restart, PostHog is told each value once more."""

    def __init__(self, outbox: Outbox, declarations: Declarations) -> None:
        self._outbox = outbox
        self._declarations = declarations
        self._lock = threading.Lock()
        self._due: dict[Due, datetime] = {}
        self._computed: dict[Due, Computed] = {}

    def add(self, due: Sequence[Due]) -> None:
        now = datetime.now(timezone.utc)
        with self._lock:
            for place in due:
                self._due.setdefault(place, now)

    def refresh(self) -> int:
        with self._lock:
            due, self._due = self._due, {}
        if not due:
            return 0
        computed = compute(due, self._declarations)
        known = {place: outcome.value for place, outcome in self._computed.items() if not outcome.failure}
        self._outbox.append(*messages(computed, known))
        self._computed |= computed
        return len(due)

    def staleness(self) -> list[Staleness]:
        return [self._staleness(group, name) for group, name in self._declarations.places()]

    def _staleness(self, group: str, name: str) -> Staleness:
        known = [outcome for due, outcome in self._computed.items() if (due.group_type, due.name) == (group, name)]
        waiting = [since for due, since in self._due.items() if (due.group_type, due.name) == (group, name)]
        moments = [outcome.moment for outcome in known]
        failing = sum(outcome.failure is not None for outcome in known)
        since = min(waiting, default=None)
        return Staleness(name, group, len(known), min(moments, default=None), len(waiting), since, failing)


_DUE = b"""
SELECT position, group_type, holder_id, name FROM usertrack.due_property
WHERE (group_type, name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
ORDER BY position LIMIT %s
"""
_KNOWN = b"""
SELECT group_type, holder_id, name, value FROM usertrack.profile_property
WHERE (group_type, holder_id, name) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
AND refreshed_at IS NOT NULL
"""
_STORE = b"""
INSERT INTO usertrack.profile_property AS old (group_type, holder_id, name, value, refreshed_at, failure)
VALUES (%(group_type)s, %(holder_id)s, %(name)s, %(value)s::jsonb, %(moment)s, %(failure)s)
ON CONFLICT (group_type, holder_id, name) DO UPDATE SET
    value = CASE WHEN excluded.failure IS NULL THEN excluded.value ELSE old.value END,
    refreshed_at = coalesce(excluded.refreshed_at, old.refreshed_at),
    failure = excluded.failure
"""
_STALENESS = b"""
SELECT name, group_type, coalesce(holders, 0), oldest, coalesce(due, 0), due_since, coalesce(failing, 0)
FROM unnest(%s::text[], %s::text[]) AS declared (group_type, name)
LEFT JOIN (
    SELECT group_type, name, count(*) AS holders, min(refreshed_at) AS oldest, count(failure) AS failing
    FROM usertrack.profile_property GROUP BY group_type, name
) AS known USING (group_type, name)
LEFT JOIN (
    SELECT group_type, name, count(DISTINCT holder_id) AS due, min(due_at) AS due_since
    FROM usertrack.due_property GROUP BY group_type, name
) AS waiting USING (group_type, name)
"""


class PostgresProfiles:
    """In the product's own Postgres, for all its processes. One relay at a time computes."""

    def __init__(self, postgres: Postgres, declarations: Declarations) -> None:
        self._postgres = postgres
        self._declarations = declarations

    def add(self, due: Sequence[Due]) -> None:
        self._postgres.run([mark_due(due)])

    def refresh(self) -> int:
        """Compute what is due: its messages are in the outbox exactly when the values are stored."""
        if not self._declarations.places():
            return 0
        with self._postgres.transaction() as connection:
            # the name of the lock is that of releases whose import name was usertrack.track: they may run beside us
            lock = b"SELECT pg_try_advisory_xact_lock(hashtext('usertrack.track.profiles'))"
            if connection.execute(lock).fetchone() != (True,):
                return 0
            rows = connection.execute(_DUE, [*self._places(), _BATCH]).fetchall()
            if rows:
                self._refresh(connection, [Due(*place) for _, *place in rows])
                connection.execute(
                    b"DELETE FROM usertrack.due_property WHERE position = ANY(%s)", [[r[0] for r in rows]]
                )
            return len(rows)

    def _refresh(self, connection: Connection[TupleRow], due: Sequence[Due]) -> None:
        places = [[getattr(place, field) for place in due] for field in ("group_type", "holder_id", "name")]
        known = {Due(*place): value for *place, value in connection.execute(_KNOWN, places)}
        computed = compute(due, self._declarations)
        for place, outcome in computed.items():
            moment = None if outcome.failure else outcome.moment
            value = json.dumps(outcome.value)
            fields = {**vars(place), "value": value, "moment": moment, "failure": outcome.failure}
            connection.execute(_STORE, fields)
        execute(connection, [insert(message) for message in messages(computed, known)])

    def staleness(self) -> list[Staleness]:
        with self._postgres.transaction() as connection:
            return [Staleness(*row) for row in connection.execute(_STALENESS, self._places())]

    def _places(self) -> list[list[str]]:
        places = self._declarations.places()
        return [[group for group, _ in places], [name for _, name in places]]
