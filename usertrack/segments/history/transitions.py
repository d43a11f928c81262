"""Transitions between two snapshots of a set: who entered and left each segment, and because of which fact.

Only segments that are known in both snapshots are compared. For each of them, people who entered minus people who left
is the difference of its sizes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from usertrack.core.errors import UsertrackError
from usertrack.core.spool import SpooledRows, identifier, quote
from usertrack.core.sql_file import sql_file
from usertrack.core.table import Column, Table
from usertrack.core.words import plural
from usertrack.segments.classify import Classification, words_sql
from usertrack.segments.expressions import Atom, atoms, base_columns, parse
from usertrack.segments.history.file import HistoryFile, open_history
from usertrack.segments.history.snapshots import (
    WEEK,
    Snapshot,
    SnapshotSegment,
    column_of,
    forget,
    nearest,
    record,
    snapshots,
)
from usertrack.segments.profiles import ProfileFact

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NO_SEGMENT, NOT_THERE = "in no segment", "not there"
"""The place of a person who is in no segment, and of one whom no source knows."""


@dataclass(frozen=True)
class SnapshotPair:
    """Two snapshots of a set, the earlier first."""

    before: Snapshot
    after: Snapshot

    @property
    def common(self) -> list[SnapshotSegment]:
        """The segments that both snapshots know, as the later one has them, in order of precedence."""
        return [segment for id_, segment in self.after.known.items() if id_ in self.before.known]

    def unknown_in(self, snapshot: Snapshot) -> list[str]:
        """Names of the segments of either snapshot that ``snapshot`` does not know."""
        names = {segment.id: segment.name for snapshot in (self.before, self.after) for segment in snapshot.segments}
        return [name for id_, name in names.items() if id_ not in snapshot.known]

    @property
    def is_week(self) -> bool:
        """Whether a week lies between them, give or take a day."""
        return abs(self.after.as_of - self.before.as_of - WEEK) <= timedelta(days=1)

    @property
    def same_rules(self) -> bool:
        return self.before.rules == self.after.rules


@dataclass(frozen=True)
class MoveCounts:
    """Counts of people who moved between two snapshots: (entered, left) by segment id."""

    pair: SnapshotPair
    counts: Mapping[str, tuple[int, int]]


def record_and_compare(
    classification: Classification,
    place: HistoryFile | None,
    now: datetime,
    *,
    passing: bool = False,
    look: Callable[[SnapshotPair], None] = lambda pair: None,
) -> MoveCounts | None:
    """Record ``classification`` and compare it with the snapshot nearest to a week earlier, where there is one.

    A ``passing`` one is not kept, so that a page that is looked at again does not fill the history; one of the same
    moment stays. ``look`` is called with both while the history has them.
    A history that cannot be written becomes a note of the profiles; the answer itself is still good.
    """
    if place is None:
        return None
    connection = classification.profiles.connection
    try:
        with open_history(connection, place, write=True):
            moment, name = classification.profiles.as_of.replace(tzinfo=None), classification.segment_set.name
            is_kept = not passing or bool(snapshots(connection, place, name, moment, moment))
            new = record(classification, place, now)
            recent = snapshots(connection, place, new.set_name, new.as_of - 2 * WEEK, new.as_of)
            before = week_before(recent, new.key, new.as_of)
            if before is None and (others := [snapshot for snapshot in recent if snapshot.key != new.key]):
                classification.profiles.notes.append(other_key_note(others, new.key))
            pair = SnapshotPair(before, new) if before else None
            moves = MoveCounts(pair, move_counts(connection, pair)) if pair else None
            if pair:
                look(pair)
            if not is_kept:
                forget(connection, [new])
            return moves
    except UsertrackError as error:
        classification.profiles.notes.append(f"not kept in the history: {error.message} ({error.hint})")
        return None


def other_key_note(others: Sequence[Snapshot], key: str) -> str:
    """Say that ``others`` have another key than ``key``, and are not compared."""
    count, keys = plural(len(others), "earlier snapshot"), " or ".join(dict.fromkeys(other.key for other in others))
    return f"people are joined on {key} now: {count} by {keys} cannot be compared with these"


def week_before(snapshots: Sequence[Snapshot], key: str, moment: datetime) -> Snapshot | None:
    """The snapshot by ``key`` nearest to a week before ``moment``, within half a week of that; complete ones first."""
    earlier = [snapshot for snapshot in snapshots if snapshot.key == key and snapshot.as_of < moment]
    complete = [snapshot for snapshot in earlier if not snapshot.incomplete]
    return nearest(complete, moment - WEEK, WEEK / 2) or nearest(earlier, moment - WEEK, WEEK / 2)


def move_counts(connection: "DuckDBPyConnection", pair: SnapshotPair) -> dict[str, tuple[int, int]]:
    """Count who entered and left each common segment, by its id."""
    rows = connection.execute(
        f"SELECT id, count(*) FILTER (entered), count(*) FILTER (NOT entered) FROM ({_moved_sql(pair)}) GROUP BY id"
    ).fetchall()
    counted = {id_: (entered, left) for id_, entered, left in rows}
    return {segment.id: counted.get(segment.id, (0, 0)) for segment in pair.common}


def _moved_sql(pair: SnapshotPair) -> str:
    """SQL for one row per person and common segment entered or left: key, id, entered."""
    return sql_file(__package__, "moved").format(ids=_ids(pair.common), before=pair.before.id, after=pair.after.id)


def _ids(segments: Sequence[SnapshotSegment]) -> str:
    return f"[{', '.join(quote(segment.id) for segment in segments)}]::VARCHAR[]"


def transition_matrix(connection: "DuckDBPyConnection", pair: SnapshotPair) -> Table:
    """Count moves between primary segments: a row per segment before, a column per segment after.

    ``people``, the last column, is the sum of its row. The row `not there` counts people who came in between.
    """
    places = [*(segment.id for segment in pair.common), NO_SEGMENT, NOT_THERE]
    cells = ", ".join(f"count(*) FILTER (now = {quote(place)})" for place in places)
    counted = connection.execute(f"SELECT was, {cells}, count(*) FROM ({_primaries_sql(pair)}) GROUP BY was").fetchall()
    rows = {row[0]: row for row in counted}
    empty = (0,) * (len(places) + 1)
    return Table(
        (Column("was"), *(Column(place, "BIGINT") for place in places), Column("people", "BIGINT")),
        [rows.get(place, (place, *empty)) for place in places],
        name="transitions",
        as_of=pair.after.as_of,
    )


def _primaries_sql(pair: SnapshotPair) -> str:
    """SQL for one row per person: the primary segment before and after, of the common ones."""
    return sql_file(__package__, "primary_segments").format(
        ids=_ids(pair.common),
        before=pair.before.id,
        after=pair.after.id,
        not_there=quote(NOT_THERE),
        no_segment=quote(NO_SEGMENT),
    )


def moves(connection: "DuckDBPyConnection", pair: SnapshotPair, key: str, only: Sequence[str] = ()) -> Table:
    """Return one row per person and segment entered or left, with the reason; people who entered come first.

    ``why`` names the facts that changed the outcome of a comparison in the rule, as ``label old → new``.
    """
    segments = [segment for segment in pair.common if not only or segment.id in only]
    connection.execute(f"CREATE OR REPLACE TABLE moved AS {_moves_sql(pair, segments, key)}")
    types = {key: "VARCHAR", "segment": "VARCHAR", "change": "VARCHAR", "now": "VARCHAR", "priority": "DOUBLE"}
    columns = tuple(Column(*column) for column in (types | {"why": "VARCHAR"}).items())
    [(count,)] = connection.execute("SELECT count(*) FROM moved").fetchall()
    rows = SpooledRows("moved", columns, count, connection)
    return Table(columns, rows, name="moves", as_of=pair.after.as_of)


def _moves_sql(pair: SnapshotPair, segments: Sequence[SnapshotSegment], key: str) -> str:
    """SQL for `moves`."""
    looked = [atom for segment in segments for atom in _comparisons(pair, segment)]

    def by_segment(values: Sequence[str]) -> str:
        cases = [f"WHEN {quote(segment.id)} THEN {value}" for segment, value in zip(segments, values, strict=True)]
        return f"CASE m.id WHEN '' THEN NULL {' '.join(cases)} END"

    new = by_segment([_why_new_sql(pair, segment) for segment in segments])
    turned = by_segment([_why_sql(pair, segment) for segment in segments])
    return (
        f"SELECT m.key AS {identifier(key)}, m.id AS segment, CASE WHEN m.entered THEN 'entered' ELSE 'left' END "
        'AS change, n."primary" AS now, n.priority, CASE '
        "WHEN n.key IS NULL THEN 'not there any more' "
        f"WHEN t.key IS NULL THEN concat_ws('; ', 'not there before', nullif({new}, '')) "
        f"ELSE coalesce(nullif({turned}, ''), {quote(_fallback_reason(pair))}) END AS why "
        f"FROM (FROM ({_moved_sql(pair)}) WHERE id IN (SELECT unnest({_ids(segments)}))) m "
        f"LEFT JOIN ({_judged_sql(pair, pair.before, looked)}) t USING (key) "
        f"LEFT JOIN ({_judged_sql(pair, pair.after, looked)}) n USING (key) "
        f"ORDER BY {by_segment([str(rank) for rank in range(len(segments))])}, "
        "m.entered DESC, n.priority DESC NULLS LAST, m.key"
    )


def standing(classification: Classification, pair: SnapshotPair) -> Table:
    """Return a row per person of the later snapshot with their primary segment, the most urgent first.

    ``new``: came into that segment since the earlier snapshot; None where that did not know the segment. ``moved`` are
    the facts of its rule that are otherwise since, as ``label old → new``; None where there are none. Facts that change
    by the time alone, such as the days since signup, are not among them.
    """
    profiles = classification.profiles
    aging = {name for name, derived in profiles.derived.items() if "as_of" in base_columns(derived, profiles.derived)}
    cases = [
        f"WHEN {quote(segment.id)} THEN {_listed([_moved_words(fact) for fact in own])}"
        for segment in pair.common
        if (own := [fact for fact, _ in _comparisons_by_fact(pair, segment) if fact.name not in aging])
    ]
    facts = "".join(f", {column_of(fact)} AS {identifier(name)}" for name, fact in _facts(pair).items())
    profiles.connection.execute(
        sql_file(__package__, "standing").format(
            key=identifier(profiles.key),
            common=_ids(pair.common),
            moved=f"CASE c.\"primary\" WHEN '' THEN NULL {' '.join(cases)} END",
            facts=facts,
            before=pair.before.id,
        )
    )
    types = {profiles.key: "VARCHAR", "segment": "VARCHAR", "priority": "DOUBLE", "because": "VARCHAR"}
    shape = tuple(Column(*column) for column in (types | {"new": "BOOLEAN", "moved": "VARCHAR"}).items())
    count = profiles.row("SELECT count(*) FROM standing")[0]
    rows = SpooledRows("(SELECT * EXCLUDE (place) FROM standing ORDER BY place)", shape, count, profiles.connection)
    return Table(shape, rows, name="standing", as_of=pair.after.as_of)


def _moved_words(fact: ProfileFact) -> str:
    """SQL for ``label old → new``; NULL where the fact reads as it did."""
    then, now = _words("t", fact), _words("c", fact)
    return f"CASE WHEN {then} <> {now} THEN {quote(fact.label + ' ')} || {then} || ' → ' || {now} END"


def _fallback_reason(pair: SnapshotPair) -> str:
    return "another fact of the rule" if pair.same_rules else "the rules changed"


def _facts(pair: SnapshotPair) -> dict[str, ProfileFact]:
    """The facts that both snapshots have, by name."""
    had = {column_of(fact) for fact in pair.before.facts}
    return {fact.name: fact for fact in pair.after.facts if column_of(fact) in had}


def _comparisons(pair: SnapshotPair, segment: SnapshotSegment) -> list[Atom]:
    """The comparisons of the rule of ``segment``; in an exclusive set also those of the segments before it."""
    deciding = [segment]
    if pair.after.exclusive:
        ids = [segment.id for segment in pair.after.segments]
        deciding = [judged for judged in pair.after.segments if ids.index(judged.id) <= ids.index(segment.id)]
    comparisons = [atom for segment in deciding for atom in atoms(parse(segment.when, segment.id))]
    recorded = {*_facts(pair), "as_of"}
    return [atom for atom in comparisons if set(atom.columns) <= recorded]


def _name(atom: Atom) -> str:
    return identifier(f"met {atom.sql}")


def _judged_sql(pair: SnapshotPair, snapshot: Snapshot, looked: Sequence[Atom]) -> str:
    """SQL for the people of ``snapshot`` with their facts by name, and whether they meet each comparison."""
    facts = "".join(f", {column_of(fact)} AS {identifier(name)}" for name, fact in _facts(pair).items())
    unique = {_name(atom): atom for atom in looked}
    met = "".join(f", ({atom.sql}) AS {name}" for name, atom in unique.items())
    moment = f"TIMESTAMP {quote(snapshot.as_of.isoformat())} AS as_of"
    return (
        f'SELECT *{met} FROM (SELECT key, "primary", priority, {moment}{facts} '
        f"FROM history.person WHERE snapshot = {snapshot.id})"
    )


def _why_sql(pair: SnapshotPair, segment: SnapshotSegment) -> str:
    """SQL for the facts of the comparisons whose outcome changed, in the rule's order."""
    parts = []
    for fact, about in _comparisons_by_fact(pair, segment):
        turned = " OR ".join(f"t.{_name(atom)} IS DISTINCT FROM n.{_name(atom)}" for atom in about)
        then, now, column = _words("t", fact), _words("n", fact), identifier(fact.name)
        still = f"WHEN t.as_of <> n.as_of THEN {quote(fact.label + ' ')} || {now} || ', and time went by'"
        parts.append(
            f"CASE WHEN NOT ({turned}) THEN NULL WHEN t.{column} IS DISTINCT FROM n.{column} "
            f"THEN {quote(fact.label + ' ')} || {then} || ' → ' || {now} "
            f"{still if any('as_of' in atom.columns for atom in about) else ''} END"
        )
    return _listed(parts)


def _why_new_sql(pair: SnapshotPair, segment: SnapshotSegment) -> str:
    """SQL for the facts of the comparisons that a person meets who was not there before."""
    return _listed(
        [
            f"CASE WHEN {' OR '.join(f'n.{_name(atom)}' for atom in about)} "
            f"THEN {quote(fact.label + ' ')} || {_words('n', fact)} END"
            for fact, about in _comparisons_by_fact(pair, segment)
        ]
    )


def _comparisons_by_fact(pair: SnapshotPair, segment: SnapshotSegment) -> list[tuple[ProfileFact, list[Atom]]]:
    """Each fact in the rule of ``segment``, with the comparisons that use it."""
    looked = _comparisons(pair, segment)
    comparisons = [(fact, [atom for atom in looked if name in atom.columns]) for name, fact in _facts(pair).items()]
    return [(fact, about) for fact, about in comparisons if about]


def _words(side: str, fact: ProfileFact) -> str:
    unknown = {"TIMESTAMP": "never", "VARCHAR": "none"}.get(fact.type, "unknown")
    return f"coalesce({words_sql(f'{side}.{identifier(fact.name)}', fact.type, fact.unit)}, {quote(unknown)})"


def _listed(parts: Sequence[str]) -> str:
    return f"array_to_string(list_filter([{', '.join(parts)}]::VARCHAR[], lambda x: x IS NOT NULL), '; ')"
