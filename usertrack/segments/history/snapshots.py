"""Snapshots: classifications in the history file. Each is written in one transaction, or not at all.

A snapshot is one set of segments at one moment (``as_of``, UTC), of one pair of sources (``origin``): all people whom
the sources knew then, the segments they were in, and the facts that the rules use. A snapshot is only ever replaced by
one of the same set, moment and origin. Old ones are dropped: at first all stay, then one a day, later one a week.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from usertrack.core.errors import UsageError
from usertrack.core.spool import identifier
from usertrack.core.table import NamedRow
from usertrack.library.entities import EMAIL
from usertrack.library.library import Query
from usertrack.segments.classify import Classification, condition
from usertrack.segments.expressions import columns
from usertrack.segments.history.file import HistoryFile, transaction
from usertrack.segments.profiles import ProfileFact
from usertrack.segments.rules import Rules, SegmentSet

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class SnapshotSegment:
    """A segment at the time of a snapshot, as `SegmentCount` has it; ``unknown`` only where a query failed."""

    id: str
    name: str
    when: str
    people: int | None
    undecided: int
    unknown: str


@dataclass(frozen=True)
class Snapshot:
    """One classification, without its people.

    ``rules`` is a digest of everything that decides membership, after the key where that is not the e-mail.
    """

    id: int
    set_name: str
    as_of: datetime
    recorded_at: datetime
    rules: str
    exclusive: bool
    people: int
    match: dict[str, int | None]
    segments: tuple[SnapshotSegment, ...]
    facts: tuple[ProfileFact, ...]

    @property
    def key(self) -> str:
        """Return the key of its people. Snapshots with different keys have nobody in common."""
        return self.rules.rpartition(" ")[0] or EMAIL

    @cached_property
    def known(self) -> dict[str, SnapshotSegment]:
        """The segments in which somebody is, or nobody can be, by id, in order of precedence."""
        return {segment.id: segment for segment in self.segments if segment.people is not None}

    @property
    def incomplete(self) -> bool:
        """Whether somebody is undecided, because a source was missing."""
        return any(segment.unknown for segment in self.segments)

    @property
    def certainty(self) -> tuple[int, int]:
        """The larger, the more it knows."""
        return len(self.known), -sum(segment.undecided for segment in self.segments)

    @property
    def retroactive(self) -> bool:
        """Whether it was made more than a day after its moment: its ``current`` facts are those of ``recorded_at``."""
        return self.recorded_at - self.as_of > timedelta(days=1)


# Writing


def record(classification: Classification, place: HistoryFile, recorded_at: datetime) -> Snapshot:
    """Write ``classification`` into the open history, in place of a snapshot of the same set, moment and origin.

    Raises UsageError when a source was missing, and that snapshot knows more segments.
    """
    connection, profiles = classification.profiles.connection, classification.profiles
    before = _existing_snapshot(connection, place, classification)
    new = _snapshot(classification, recorded_at)
    if before and new.incomplete and before.certainty > new.certainty:
        raise UsageError("the history has a more complete answer for this moment", "that one was kept")
    [(number,)] = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM history.snapshot").fetchall()
    kept_as = {column_of(fact): fact for fact in new.facts}
    into, values = ", ".join(["", *kept_as]), ", ".join(["", *(f"p.{identifier(f.name)}" for f in kept_as.values())])
    with transaction(connection):
        for column, fact in kept_as.items():
            connection.execute(f"ALTER TABLE history.person ADD COLUMN IF NOT EXISTS {column} {fact.type}")
        _forget(connection, [before.id] if before else [])
        _insert_snapshot(connection, replace(new, id=number), place)
        connection.execute(
            f'INSERT INTO history.person (snapshot, key, segments, "primary", priority, undecided{into}) '
            f"SELECT {number}, p.{identifier(profiles.key)}, coalesce(c.segments, []), "
            f'c."primary", c.priority, p.open{values} '
            f"FROM flagged p LEFT JOIN classified c USING ({identifier(profiles.key)}) ORDER BY 2"
        )
        _forget(connection, _superseded(connection, place, new, number))
    return replace(new, id=number)


def forget(connection: "DuckDBPyConnection", snapshots: Sequence[Snapshot]) -> None:
    """Delete these snapshots from the open history, with their people."""
    with transaction(connection):
        _forget(connection, [snapshot.id for snapshot in snapshots])


def _forget(connection: "DuckDBPyConnection", ids: Sequence[int]) -> None:
    for table, name in (("person", "snapshot"), ("snapshot", "id")):
        connection.execute(f"DELETE FROM history.{table} WHERE list_contains(?, {name})", [list(ids)])


def _superseded(connection: "DuckDBPyConnection", place: HistoryFile, new: Snapshot, number: int) -> list[int]:
    """Ids of old snapshots of the set that another one of the same day or week replaces; never the one just written."""
    rows = connection.execute(
        "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY date_trunc("
        "CASE WHEN as_of >= $now - to_seconds($daily * 86400) THEN 'day' ELSE 'week' END, as_of) "
        "ORDER BY len(list_filter(segments, lambda s: s.people IS NOT NULL)) DESC, "
        "recorded_at - as_of > INTERVAL 1 DAY, as_of DESC) AS place "  # snapshots made in time before retroactive ones
        "FROM history.snapshot WHERE origin = $origin AND set_name = $set AND as_of < $now - to_seconds($all * 86400)) "
        "WHERE place > 1 AND id <> $own",
        {
            "now": new.recorded_at,
            "all": place.all_days,
            "daily": place.daily_days,
            "origin": place.origin,
            "set": new.set_name,
            "own": number,
        },
    ).fetchall()
    return [row[0] for row in rows]


def column_of(fact: ProfileFact) -> str:
    """The column of ``fact``. Its type is part of the name: a fact whose type changes gets another column."""
    return identifier(f"{fact.name} {fact.type}")


def _existing_snapshot(
    connection: "DuckDBPyConnection", place: HistoryFile, classification: Classification
) -> Snapshot | None:
    moment = classification.profiles.as_of.replace(tzinfo=None)
    return next(iter(snapshots(connection, place, classification.segment_set.name, moment, moment)), None)


def _snapshot(classification: Classification, recorded_at: datetime) -> Snapshot:
    profiles = classification.profiles
    looked_at = dict.fromkeys(
        name for s in classification.segment_set.segments for name in columns(condition(profiles, s))
    )
    return Snapshot(
        id=0,
        set_name=classification.segment_set.name,
        as_of=profiles.as_of.replace(tzinfo=None),
        recorded_at=recorded_at.replace(tzinfo=None),
        rules=rules_digest(profiles.rules, profiles.queries, classification.segment_set),
        exclusive=classification.segment_set.exclusive,
        people=profiles.people,
        match=profiles.match.as_dict(),
        segments=tuple(
            SnapshotSegment(
                *(c.segment.id, c.segment.name, c.segment.when, c.people, c.undecided),
                c.unknown if profiles.incomplete else "",
            )
            for c in classification.counts
        ),
        facts=tuple(
            profiles.facts[name]
            for name in looked_at
            if name not in (profiles.key, "as_of") and not profiles.facts[name].missing
        ),
    )


def rules_digest(rules: Rules, queries: Mapping[str, Query], segment_set: SegmentSet) -> str:
    """A digest of all that decides who is in which segment: queries, derived facts, conditions and their order.

    In front of it is the key of the profiles, unless that is the e-mail.
    """
    deciding = {
        "queries": {name: [dict(params), queries[name].sql] for name, params in rules.queries.items()},
        "derived": {derived.name: derived.sql for derived in rules.derived},
        "segments": [segment_set.exclusive, [(segment.id, segment.when) for segment in segment_set.segments]],
    }
    digest = hashlib.sha256(json.dumps(deciding, default=str, sort_keys=True).encode()).hexdigest()[:16]
    return digest if rules.key == EMAIL else f"{rules.key} {digest}"


def _insert_snapshot(connection: "DuckDBPyConnection", new: Snapshot, place: HistoryFile) -> None:
    segments = [vars(segment) for segment in new.segments]
    facts = [
        {"name": f.name, "label": f.label, "type": f.type, "unit": f.unit, "current": f.current} for f in new.facts
    ]
    connection.execute(
        "INSERT INTO history.snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(new.id, place.origin, new.set_name, new.as_of, new.recorded_at, new.rules, new.exclusive, new.people),
            *(new.match, segments, facts),
        ],
    )


# Reading


def snapshots(
    connection: "DuckDBPyConnection",
    place: HistoryFile,
    set_name: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Snapshot]:
    """The snapshots of a set between two moments (both included), oldest first."""
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM history.snapshot WHERE origin = ? AND set_name = ? "
        "AND as_of BETWEEN coalesce(?, as_of) AND coalesce(?, as_of) ORDER BY as_of",
        [place.origin, set_name, since, until],
    ).fetchall()
    return [_read(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


_COLUMNS = [column.name for column in fields(Snapshot)]


def _read(row: NamedRow) -> Snapshot:
    row["segments"] = tuple(SnapshotSegment(**segment) for segment in row["segments"])
    row["facts"] = tuple(ProfileFact(**fact) for fact in row["facts"])
    return Snapshot(**row)


def nearest(snapshots: Sequence[Snapshot], moment: datetime, within: timedelta) -> Snapshot | None:
    """The snapshot nearest to ``moment``, if it is not further from it than ``within``."""
    closest = min(snapshots, key=lambda snapshot: abs(snapshot.as_of - moment), default=None)
    return closest if closest and abs(closest.as_of - moment) <= within else None
