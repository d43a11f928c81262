"""Compares segments with those of a week ago, for reports that can be verified later.

The earlier classification comes from the history where it was recorded at that time; else it is computed now. The two
are compared in a temporary file; only `_record_both` writes to the history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from usertrack.core.errors import UsertrackError
from usertrack.core.period import as_stored
from usertrack.core.spool import identifier, quote, scratch
from usertrack.core.table import Table
from usertrack.core.temporary import temporary_folder
from usertrack.engine.runner import Answer, Done, Runner
from usertrack.library.library import Statement
from usertrack.segments.classify import Classification, classify
from usertrack.segments.history.file import HistoryFile, open_history
from usertrack.segments.history.ordinary import OrdinarySegment, ordinary_segments
from usertrack.segments.history.snapshots import WEEK, Snapshot, nearest, record, rules_digest, snapshots
from usertrack.segments.history.transitions import MoveCounts, SnapshotPair, move_counts, moves, standing, week_before
from usertrack.segments.profiles import join_profiles, profile_statements
from usertrack.segments.rules import Rules, SegmentSet

_TOLERANCE = timedelta(hours=12)  # a snapshot that is no further from a moment counts as one of that moment


@dataclass(frozen=True)
class Moves(MoveCounts):
    """``moves``: one row per person and segment, see `transitions.moves`.

    ``standing``: one row per person to act on, see `transitions.standing`. ``ordinary``: the week of each segment by
    the weeks before, as far as the history knows them; nothing without one. ``recorded``: both snapshots are in the
    history.
    """

    moves: Table
    standing: Table
    ordinary: Mapping[str, OrdinarySegment] = field(default_factory=dict)
    recorded: bool = False


@dataclass(frozen=True)
class WeekAgoQuery:
    """Which set to classify, by which rules, for which moment, and the ``earlier`` moment to compare with (both UTC).

    ``place`` is the history to read, if there is one; with ``keep`` the classifications are recorded in it.
    ``as_listed``: compare with the snapshot that the list of segments compares with, be it of another day.
    """

    rules: Rules
    segment_set: SegmentSet
    as_of: datetime
    earlier: datetime
    place: HistoryFile | None = None
    keep: bool = True
    as_listed: bool = False


@dataclass(frozen=True)
class WeekAgoAnswers:
    """The answers for both moments; ``earlier`` is the recorded snapshot where the history has one."""

    query: WeekAgoQuery
    now: Runner
    before: Runner
    profiles: Sequence[Answer]
    earlier: Snapshot | Sequence[Answer]


def ask_both(
    runner: Runner, query: WeekAgoQuery, statements: Sequence[Statement] = (), done: Done | None = None
) -> tuple[WeekAgoAnswers, list[Answer]]:
    """Ask for the profiles at both moments and for ``statements``, all at once; returns the answers of each."""
    now, before = runner.at(query.as_of), runner.at(query.earlier)
    snapshot = _recorded_snapshot(runner, query)
    profiles = profile_statements(now, query.rules)
    more = [] if snapshot else profile_statements(before, query.rules)
    answers = now.run([*profiles, *more, *statements], done)
    first, second = len(profiles), len(profiles) + len(more)
    return WeekAgoAnswers(query, now, before, answers[:first], snapshot or answers[first:second]), answers[second:]


def classify_both(answers: WeekAgoAnswers, beside: int = 0) -> tuple[Classification, Moves]:
    """The classification at the later moment, and who moved since the earlier one.

    ``beside`` is how many other figures of the page are compared with their past weeks.

    Raises a UsertrackError when no source gave any profiles.
    """
    query, now = answers.query, answers.now.now
    classification = classify(join_profiles(answers.now, query.rules, answers.profiles), query.segment_set)
    was: Classification | Snapshot
    if isinstance(answers.earlier, Snapshot):
        was = answers.earlier
    else:
        was = classify(join_profiles(answers.before, query.rules, answers.earlier), query.segment_set)
    with temporary_folder() as folder:
        compared = HistoryFile(folder / "compared.duckdb", query.place.origin if query.place else "")
        if isinstance(was, Snapshot):
            assert query.place is not None
            _copy(classification, was, query.place, compared)
            earlier = was
        else:
            with open_history(was.profiles.connection, compared, write=True):
                earlier = record(was, compared, now)
        connection = classification.profiles.connection
        with open_history(connection, compared, write=True):
            pair = SnapshotPair(earlier, record(classification, compared, now))
            moved = Moves(
                pair,
                move_counts(connection, pair),
                moves(connection, pair, classification.profiles.key),
                standing(classification, pair),
                recorded=query.place is not None,
            )
    if query.place:
        moved = replace(moved, ordinary=_ordinary(classification, moved.pair, query.place, beside))
        if query.keep:
            _record_both(classification, was, query.place, now)
    return classification, moved


def _ordinary(
    classification: Classification, pair: SnapshotPair, place: HistoryFile, beside: int
) -> dict[str, OrdinarySegment]:
    """The ordinary week of each segment; nothing where the history cannot be read."""
    if not place.path.exists():
        return dict.fromkeys(pair.after.known, OrdinarySegment())
    connection = classification.profiles.connection
    try:
        with open_history(connection, place):
            known = snapshots(connection, place, pair.after.set_name, until=pair.after.as_of - WEEK / 2)
            return ordinary_segments(connection, known, pair.after, beside)
    except UsertrackError:  # `_record_both` notes it
        return {}


def _recorded_snapshot(runner: Runner, query: WeekAgoQuery) -> Snapshot | None:
    """The snapshot of the earlier moment that was recorded in time and by the same rules; None without one.

    Or the one that the list of segments is compared with, where the query is ``as_listed``.
    A history that cannot be read gives None; `_record_both` notes it.
    """
    if query.place is None or not query.place.path.exists():
        return None
    try:
        with scratch() as connection, open_history(connection, query.place):
            recorded = snapshots(connection, query.place, query.segment_set.name)
    except UsertrackError:
        return None
    if query.as_listed:
        return week_before(recorded, query.rules.key, as_stored(query.as_of))
    queries = {name: runner.library[name] for name in query.rules.queries}
    digest = rules_digest(query.rules, queries, query.segment_set)
    sound = [snapshot for snapshot in recorded if not (snapshot.retroactive or snapshot.incomplete)]
    known = [snapshot for snapshot in sound if snapshot.rules == digest]
    return nearest(known, as_stored(query.earlier), _TOLERANCE)


def _copy(classification: Classification, snapshot: Snapshot, place: HistoryFile, into: HistoryFile) -> None:
    """Copy one snapshot of the history into another file."""
    connection = classification.profiles.connection
    with open_history(connection, place):
        for table, name in (("snapshot", "id"), ("person", "snapshot")):
            connection.execute(
                f"CREATE OR REPLACE TABLE copied_{table} AS FROM history.{table} WHERE {name} = {snapshot.id}"
            )
    with open_history(connection, into, write=True):
        known = {row[0] for row in connection.execute("DESCRIBE history.person").fetchall()}
        for column, kind, *_ in connection.execute("DESCRIBE copied_person").fetchall():
            if column not in known:
                connection.execute(f"ALTER TABLE history.person ADD COLUMN {identifier(column)} {kind}")
        for table in ("snapshot", "person"):
            connection.execute(f"INSERT INTO history.{table} BY NAME FROM copied_{table}")
        connection.execute(f"UPDATE history.snapshot SET origin = {quote(into.origin)}")


def _record_both(
    classification: Classification, was: Classification | Snapshot, place: HistoryFile, now: datetime
) -> None:
    """Record what was classified now; snapshots recorded in time stay. A failure becomes a note."""
    try:
        for compared in [classification] if isinstance(was, Snapshot) else [was, classification]:
            connection, moment = compared.profiles.connection, compared.profiles.as_of.replace(tzinfo=None)
            with open_history(connection, place, write=True):
                same = snapshots(connection, place, compared.segment_set.name, moment, moment)
                if all(snapshot.retroactive for snapshot in same):
                    record(compared, place, now)
    except UsertrackError as error:
        classification.profiles.notes.append(f"not kept in the history: {error.message} ({error.hint})")
