"""Who entered and left since a week earlier, for a report that anybody can make again.

The earlier classification is the one that the history kept at that time, else one that is made for it now. They are
compared in a file of their own: the history is read, and written to by `keep_both` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from usertrack.changes import Pair, moved_counts, moves
from usertrack.errors import UsertrackError
from usertrack.history import Place, Snapshot, nearest, opened, record, rules_digest, snapshots
from usertrack.rules import Rules, SegmentSet
from usertrack.run import Runner
from usertrack.segments import Classification
from usertrack.spool import connect, identifier, quote
from usertrack.table import Table

_NEAR = timedelta(hours=12)  # a snapshot so near to the wanted moment stands for it


@dataclass(frozen=True)
class Moved:
    """``counts``: (entered, left) by segment; ``moves``: one row per person and segment, as `changes.moves` has it."""

    pair: Pair
    counts: Mapping[str, tuple[int, int]]
    moves: Table


def kept_then(
    runner: Runner, rules: Rules, chosen: SegmentSet, place: Place | None, moment: datetime
) -> Snapshot | None:
    """The snapshot of about ``moment`` that was made at that time by the same rules, if the history has one.

    A history that cannot be read has none: whoever keeps an answer in it is told.
    """
    if place is None or not place.path.exists():
        return None
    digest = rules_digest(rules, {name: runner.library[name] for name in rules.queries}, chosen)
    connection = connect()
    try:
        with opened(connection, place):
            kept = snapshots(connection, place, chosen.name)
    except UsertrackError:
        return None
    known = [snapshot for snapshot in kept if snapshot.rules == digest and not snapshot.afterwards]
    return nearest(known, moment.replace(tzinfo=None), _NEAR)


def look_back(
    found: Classification, before: Classification | Snapshot, place: Place | None, scratch: Path, now: datetime
) -> Moved:
    """``found`` beside ``before``, both put into the new file ``scratch``."""
    compared = Place(scratch, place.origin if place else "")
    if isinstance(before, Snapshot):
        assert place is not None
        _copy(found, before, place, compared)
        was = before
    else:
        with opened(before.bench.connection, compared, write=True):
            was = record(before, compared, now)
    connection = found.bench.connection
    with opened(connection, compared, write=True):
        pair = Pair(was, record(found, compared, now))
        return Moved(pair, moved_counts(connection, pair), moves(connection, pair, found.bench.key))


def _copy(found: Classification, snapshot: Snapshot, place: Place, into: Place) -> None:
    """Put one snapshot of the history into the other file."""
    connection = found.bench.connection
    with opened(connection, place):
        for table, name in (("snapshot", "id"), ("person", "snapshot")):
            connection.execute(
                f"CREATE OR REPLACE TABLE copied_{table} AS FROM history.{table} WHERE {name} = {snapshot.id}"
            )
    with opened(connection, into, write=True):
        known = {row[0] for row in connection.execute("DESCRIBE history.person").fetchall()}
        for column, kind, *_ in connection.execute("DESCRIBE copied_person").fetchall():
            if column not in known:
                connection.execute(f"ALTER TABLE history.person ADD COLUMN {identifier(column)} {kind}")
        for table in ("snapshot", "person"):
            connection.execute(f"INSERT INTO history.{table} BY NAME FROM copied_{table}")
        connection.execute(f"UPDATE history.snapshot SET origin = {quote(into.origin)}")


def keep_both(
    found: Classification, before: Classification | Snapshot, place: Place | None, now: datetime
) -> None:
    """Record what was classified in the history; what was kept at the time is left alone. A failure becomes a note."""
    if place is None:
        return
    try:
        for each in [found] if isinstance(before, Snapshot) else [before, found]:
            connection, moment = each.bench.connection, each.bench.as_of.replace(tzinfo=None)
            with opened(connection, place, write=True):
                same = snapshots(connection, place, each.chosen.name, moment, moment)
                if all(snapshot.afterwards for snapshot in same):
                    record(each, place, now)
    except UsertrackError as error:
        found.bench.notes.append(f"not kept in the history: {error.message} ({error.hint})")
