"""The file in which classifications are kept. Each is written whole, in one transaction, or not at all.

A snapshot is one set of segments at one moment (``as_of``, UTC), of one pair of sources (``origin``): everybody whom
the sources knew then, the segments they were in, and the facts that the rules look at. Nothing in the file is ever
changed but by replacing a snapshot with one of the same set, moment and origin, and by leaving out old ones: one a day
stays, later one a week.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usertrack.errors import SourceBusy, UsageError
from usertrack.expressions import columns
from usertrack.library import Query
from usertrack.rules import Rules, SegmentSet
from usertrack.segments import Classification, condition
from usertrack.settings import Settings
from usertrack.sources.identity import origin_of
from usertrack.spool import identifier, quote
from usertrack.workbench import ProfileFact

if TYPE_CHECKING:
    import duckdb

VERSION = 1
WEEK = timedelta(days=7)
_WAIT = 5.0  # seconds that another usertrack may keep the file to itself
_TABLES = """
CREATE TABLE history.about AS SELECT 'usertrack history' AS what, {version} AS version;
CREATE TABLE history.snapshot (
    id INTEGER, origin VARCHAR, set_name VARCHAR, as_of TIMESTAMP, recorded_at TIMESTAMP, rules VARCHAR,
    exclusive BOOLEAN, people BIGINT, match MAP(VARCHAR, BIGINT),
    segments STRUCT(id VARCHAR, name VARCHAR, "when" VARCHAR, people BIGINT, undecided BIGINT, unknown VARCHAR)[],
    facts STRUCT(name VARCHAR, label VARCHAR, type VARCHAR, unit VARCHAR, current BOOLEAN)[]
);
CREATE TABLE history.person (
    snapshot INTEGER, key VARCHAR, segments VARCHAR[], "primary" VARCHAR, priority DOUBLE
);
"""


@dataclass(frozen=True)
class Place:
    """The file, and what its snapshots are of: sources that are compared with themselves alone.

    Every snapshot of the last ``all_days`` is kept, one a day of the last ``daily_days``, and one a week before.
    """

    path: Path
    origin: str
    all_days: float = 14
    daily_days: float = 90


@dataclass(frozen=True)
class KeptSegment:
    """A segment as it was judged. ``people`` is None when it was unknown, ``unknown`` then says why."""

    id: str
    name: str
    when: str
    people: int | None
    undecided: int
    unknown: str


@dataclass(frozen=True)
class Snapshot:
    """One classification, without its people. ``rules`` is a digest of all that decides who is in which segment."""

    id: int
    set_name: str
    as_of: datetime
    recorded_at: datetime
    rules: str
    exclusive: bool
    people: int
    match: dict[str, int | None]
    segments: tuple[KeptSegment, ...]
    facts: tuple[ProfileFact, ...]

    @cached_property
    def known(self) -> dict[str, KeptSegment]:
        """The segments that could be judged, by id, in order of precedence."""
        return {segment.id: segment for segment in self.segments if segment.people is not None}

    @property
    def afterwards(self) -> bool:
        """Whether it was made more than a day after the moment it is of: its current facts are of ``recorded_at``."""
        return self.recorded_at - self.as_of > timedelta(days=1)


def place_of(settings: Settings, now: datetime) -> Place | None:
    """Where the history of these settings lies; None when it is switched off.

    A demo's lies with the demo, a workspace's in the workspace, any other in the user's data folder.
    """
    chosen = settings["history"]
    if chosen == "off":
        return None
    path = Path(chosen).expanduser() if chosen else None
    if path and settings.root and settings.values["history"].origin.startswith("usertrack.yaml"):
        path = settings.root / path
    if settings.uses_demo:
        from usertrack.sources.demo import cache_root, place

        demo = place(cache_root(), now=now)
        return Place(path or demo / "history.duckdb", origin_of(settings, now), *_days(settings))
    if path is None and settings.root:
        path = settings.root / ".usertrack/history.duckdb"
    elif path is None:
        import platformdirs

        path = Path(platformdirs.user_data_dir("usertrack")) / "history.duckdb"
    return Place(path, origin_of(settings, now), *_days(settings))


def _days(settings: Settings) -> tuple[float, float]:
    return settings["history_all_days"], settings["history_daily_days"]


# The file


@contextmanager
def opened(connection: Any, place: Place, *, write: bool = False) -> Iterator[None]:
    """The file as the schema ``history`` of ``connection``. It is made when it is to be written to and is not there.

    Raises UsageError for a file that is no history or one of a newer version, and SourceBusy when another process
    keeps it to itself for seconds. No such file is ever touched.
    """
    import duckdb

    if write:
        _make_room(place.path)
    elif not place.path.exists():
        raise UsageError(
            "there is no history yet",
            "`usertrack segments` keeps each answer; `usertrack history backfill --weeks 8` makes a past",
        )
    try:
        _attach(connection, place.path, write=write)
        try:
            _require_version(connection, place.path, write=write)
            yield
        finally:
            connection.execute("DETACH history")
    except duckdb.Error as error:
        if problem := _unusable(place.path, error):
            raise problem from error
        raise


def _make_room(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror})", _ELSEWHERE) from error


_ELSEWHERE = "USERTRACK_HISTORY=FILE keeps it elsewhere, USERTRACK_HISTORY=off nowhere"


def _attach(connection: Any, path: Path, *, write: bool) -> None:
    """DuckDB lets one process write, or several read: a moment later the other one has usually ended."""
    import duckdb
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])  # waiting a moment is no news
    for attempt in stamina.retry_context(
        on=lambda error: isinstance(error, duckdb.IOException) and _LOCKED in str(error),
        attempts=None,
        timeout=_WAIT,
        wait_initial=0.02,
        wait_max=0.2,
        wait_jitter=0.02,
    ):
        with attempt:
            connection.execute(f"ATTACH {quote(str(path))} AS history{'' if write else ' (READ_ONLY)'}")


def _require_version(connection: Any, path: Path, *, write: bool) -> None:
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'history'").fetchall()
    if not tables and write:
        with _transaction(connection):
            connection.execute(_TABLES.format(version=VERSION))
        path.chmod(0o600)  # it names your customers
        return
    found = connection.execute("SELECT what, version FROM history.about").fetchone() if ("about",) in tables else None
    if found is None or found[0] != "usertrack history":
        raise UsageError(f"{path} is a DuckDB file, but no history of usertrack", _MOVE)
    if found[1] > VERSION:
        raise UsageError(f"{path} was written by a newer usertrack (its version is {found[1]}, not {VERSION})", _NEWER)


_MOVE = "it was left as it is; move it away and a new one is begun"
_NEWER = "it was left as it is; upgrade with `pip install --upgrade usertrack`"
_LOCKED = "Could not set lock"
_HOLDER = re.compile(r"held in (.+? \(PID \d+\)[^.]*)")


def _unusable(path: Path, error: "duckdb.Error") -> UsageError | SourceBusy | None:
    """What the file did to us; None when it was our own doing."""
    text = str(error)
    if _LOCKED in text:
        holder = _HOLDER.search(text)
        return SourceBusy(
            f"{path} is in use by {holder[1] if holder else 'another program'}", "try again when it has ended"
        )
    if "version number" in text:
        return UsageError(f"{path} was written by a newer DuckDB", _NEWER)
    if re.search(r"Permission denied|Read-only file system|Cannot open file|read-only mode", text):
        return UsageError(f"cannot open {path} ({text.rsplit(': ', 1)[-1].splitlines()[0]})", _ELSEWHERE)
    if "No space" in text:
        return UsageError(f"cannot write {path}: no space left", "make room, then try again")
    if re.match("Corrupt|IO Error|Serialization Error|INTERNAL Error|FATAL Error|Catalog Error", text):
        return UsageError(f"{path} is damaged, or no history ({text.splitlines()[0][:120]})", _MOVE)
    return None


@contextmanager
def _transaction(connection: Any) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


# Writing


def record(found: Classification, place: Place, recorded_at: datetime) -> Snapshot:
    """Keep ``found`` in the open history, in the place of what it has for the same set, moment and origin.

    What is known is never replaced by what is not: raises UsageError when the file knows more segments of that moment.
    """
    connection, bench = found.bench.connection, found.bench
    before = _same(connection, place, found)
    new = _snapshot(found, recorded_at)
    if before and len(before.known) > len(new.known):
        raise UsageError("the history has a more complete answer for this moment", "that one was kept")
    number = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM history.snapshot").fetchone()[0]
    kept_as = {column_of(fact): fact for fact in new.facts}
    into, given = ", ".join(["", *kept_as]), ", ".join(["", *(f"p.{identifier(f.name)}" for f in kept_as.values())])
    with _transaction(connection):
        for column, fact in kept_as.items():
            connection.execute(f"ALTER TABLE history.person ADD COLUMN IF NOT EXISTS {column} {fact.type}")
        _forget(connection, [before.id] if before else [])
        _insert_snapshot(connection, replace(new, id=number), place)
        connection.execute(
            f'INSERT INTO history.person (snapshot, key, segments, "primary", priority{into}) '
            f'SELECT {number}, p.{identifier(bench.key)}, coalesce(c.segments, []), c."primary", c.priority{given} '
            f"FROM profile p LEFT JOIN classified c USING ({identifier(bench.key)}) ORDER BY 2"
        )
        _forget(connection, _surplus(connection, place, new, number))
    return replace(new, id=number)


def _forget(connection: Any, ids: Sequence[int]) -> None:
    for table, name in (("person", "snapshot"), ("snapshot", "id")):
        connection.execute(f"DELETE FROM history.{table} WHERE list_contains(?, {name})", [list(ids)])


def _surplus(connection: Any, place: Place, new: Snapshot, number: int) -> list[int]:
    """Old snapshots of the set beside one of the same day or week that knows as much; never the one just written."""
    rows = connection.execute(
        "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY date_trunc("
        "CASE WHEN as_of >= $now - to_seconds($daily * 86400) THEN 'day' ELSE 'week' END, as_of) "
        "ORDER BY len(list_filter(segments, lambda s: s.people IS NOT NULL)) DESC, "
        "recorded_at - as_of > INTERVAL 1 DAY, as_of DESC) AS place "  # what was known then before what was made later
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
    """The column that keeps ``fact``: one whose type changed begins another, so that each has one type for ever."""
    return identifier(f"{fact.name} {fact.type}")


def _same(connection: Any, place: Place, found: Classification) -> Snapshot | None:
    moment = found.bench.as_of.replace(tzinfo=None)
    return next(iter(snapshots(connection, place, found.chosen.name, moment, moment)), None)


def _snapshot(found: Classification, recorded_at: datetime) -> Snapshot:
    bench = found.bench
    looked_at = dict.fromkeys(name for s in found.chosen.segments for name in columns(condition(bench, s)))
    return Snapshot(
        id=0,
        set_name=found.chosen.name,
        as_of=bench.as_of.replace(tzinfo=None),
        recorded_at=recorded_at.replace(tzinfo=None),
        rules=rules_digest(bench.rules, bench.queries, found.chosen),
        exclusive=found.chosen.exclusive,
        people=bench.people,
        match=bench.match.as_dict(),
        segments=tuple(
            KeptSegment(c.segment.id, c.segment.name, c.segment.when, c.people, c.undecided, c.unknown)
            for c in found.counts
        ),
        facts=tuple(
            bench.facts[name]
            for name in looked_at
            if name not in (bench.key, "as_of") and not bench.facts[name].missing
        ),
    )


def rules_digest(rules: Rules, queries: Mapping[str, Query], chosen: SegmentSet) -> str:
    """Changes when anything does that decides who is in which segment: queries, derived facts, conditions, order."""
    deciding = {
        "queries": {name: [dict(params), queries[name].sql] for name, params in rules.queries.items()},
        "derived": {derived.name: derived.sql for derived in rules.derived},
        "segments": [chosen.exclusive, [(segment.id, segment.when) for segment in chosen.segments]],
    }
    return hashlib.sha256(json.dumps(deciding, default=str, sort_keys=True).encode()).hexdigest()[:16]


def _insert_snapshot(connection: Any, new: Snapshot, place: Place) -> None:
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
    connection: Any,
    place: Place,
    set_name: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Snapshot]:
    """The kept classifications of a set between two moments (both included), oldest first."""
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM history.snapshot WHERE origin = ? AND set_name = ? "
        "AND as_of BETWEEN coalesce(?, as_of) AND coalesce(?, as_of) ORDER BY as_of",
        [place.origin, set_name, since, until],
    ).fetchall()
    return [_read(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


_COLUMNS = [each.name for each in fields(Snapshot)]


def _read(row: dict[str, Any]) -> Snapshot:
    row["segments"] = tuple(KeptSegment(**segment) for segment in row["segments"])
    row["facts"] = tuple(ProfileFact(**fact) for fact in row["facts"])
    return Snapshot(**row)


def nearest(kept: Sequence[Snapshot], moment: datetime, within: timedelta) -> Snapshot | None:
    """The one of ``kept`` that is nearest to ``moment`` and not further from it than ``within``."""
    near = min(kept, key=lambda snapshot: abs(snapshot.as_of - moment), default=None)
    return near if near and abs(near.as_of - moment) <= within else None
