"""Imports the events of a file: all are staged first and then moved into the store, so an import is complete or none.

A file can be imported again: stored events are not written twice, and events that a killed import did not write are
added.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from usertrack.core.errors import UsageError
from usertrack.core.words import plural
from usertrack.server.capture.ingest import store_waiting
from usertrack.server.database.literals import literal
from usertrack.server.hogql.sql import clickhouse_time
from usertrack.server.imports.events import BAD, COLUMNS, LINKS, STAGED, Events, ImportOptions, open_events
from usertrack.server.imports.reading import bad_rows, clock_notes, described, failure, run_insert
from usertrack.server.imports.staged_persons import (
    JOINED,
    PEOPLE,
    collect_people,
    emails_are_ids,
    join_identified,
    links,
    persons,
)
from usertrack.server.imports.ties import PLACES, SPREAD, TIES, has_times, left_equal, spread_ties

if TYPE_CHECKING:
    from usertrack.core.notify import Notify
    from usertrack.server.database.session import ClickHouseSession
    from usertrack.server.database.store import Store

_MARGIN = timedelta(minutes=10)  # a request from before the import may have waited to be written
_REPEATED = "posthog.import_repeats"


ReportLine = Callable[[str], None]


@dataclass(frozen=True)
class Imported:
    """The outcome of an import: ``events`` written, ``known`` ones stored before, ``repeated`` uuids within the file.

    ``skipped`` rows had the ``problems``. ``people`` is their number in the file; ``first`` and ``last`` are its times,
    UTC. ``notes`` are about ambiguous times, rows with the same time, and persons that were not merged.
    """

    events: int
    known: int
    repeated: int
    skipped: int
    problems: tuple[str, ...]
    people: int
    first: datetime
    last: datetime
    notes: tuple[str, ...] = ()


def import_file(store: "Store", options: ImportOptions, token: str, now: datetime, progress: "Notify") -> Imported:
    """Import the file of ``options`` for the project of ``token``, while ``store`` serves other requests.

    ``progress`` is called with the mapping of the columns and then with the progress; an exception in it stops the
    import. Raises UsageError, for bad rows among others. After an error nothing is imported.
    """
    store_waiting(store, token)
    with store.importing() as session, open_events(session, options, token) as events:
        for target, origin in events.mapping.fates():
            progress(f"{target} ← {origin}")
        return _load(store, session, events, now, partial(progress, passing=True), options)


def _load(
    store: "Store",
    session: "ClickHouseSession",
    events: Events,
    now: datetime,
    progress: ReportLine,
    options: ImportOptions,
) -> Imported:
    from chdb import ChdbError

    condition = f"NOT {BAD}" if options.skip_bad else f"NOT throwIf({BAD}, 'bad row')"
    try:
        progress("reading")
        problems = bad_rows(session, events) if options.skip_bad else []
        read = stage(session, events, events.stored(now, condition), progress)
        if not read:
            raise UsageError(f"no row of '{events.file.path}' can be imported", "`--dry-run` shows what is wrong")
        progress("looking for stored events")
        unmerged = join_identified(session)
        people, first, last = collect_people(session)
        keeps = options.ties == "file" and has_times(session, options.zone)
        ties = spread_ties(session, events, _REPEATED, progress) if keeps else left_equal(session)
        repeated = make_uuids_unique(session, unique_uuids="uuid" in events.mapping.of)
        known = remove_known(session, None if "uuid" in events.mapping.of else (first, last))
        notes = clock_notes(session, events) + ties
        if unmerged:
            notes += (f"{plural(unmerged, 'id')} that $identify names had another person already, and stays with it",)
        if "email" not in events.mapping.person and emails_are_ids(session):
            notes += (
                "people have e-mails as ids: `-m person.email=COLUMN` makes those the e-mails that segments go by, and "
                "importing the file again adds no event twice",
            )
        progress("moving events into the store")
        store.require_caught_up()
        with store.write_lock, uninterrupted():
            known += catch_up(session, now)
            commit(store, session, events, now)
            clear(session)
    except BaseException as error:
        clear(session)
        if isinstance(error, RuntimeError | ChdbError):
            raise failure(session, events, error) from None
        raise
    return Imported(
        events=read - repeated - known,
        known=known,
        repeated=repeated,
        skipped=sum(problem.count for problem in problems),
        problems=tuple(described(events, problem) for problem in problems),
        people=people,
        first=datetime.fromisoformat(first),
        last=datetime.fromisoformat(last),
        notes=notes,
    )


def stage(session: "ClickHouseSession", events: Events, select: str, progress: ReportLine) -> int:
    """Read the file into staging tables, which takes long and can be interrupted; returns the number of events."""
    clear(session)
    # rows get their block numbers in the table of events
    plain = "enable_block_number_column = 0, enable_block_offset_column = 0, fsync_after_insert = 0"
    for table in (STAGED, _REPEATED):
        session.query(f"CREATE TABLE {table} AS posthog.events SETTINGS {plain}")
    session.query(f"CREATE TABLE {LINKS} (distinct_id String, person_id UUID) ENGINE = MergeTree ORDER BY distinct_id")
    if events.joins_ids:
        run_insert(session, f"INSERT INTO {LINKS} {links(events)} SETTINGS {events.file.settings}", progress)
    columns = ", ".join(f"`{name}`" for name in COLUMNS)
    run_insert(session, f"INSERT INTO {STAGED} ({columns}) {select} SETTINGS {events.file.settings}", progress)
    return count(session, STAGED)


def make_uuids_unique(session: "ClickHouseSession", *, unique_uuids: bool) -> int:
    """Give each of several identical rows a uuid of its own: they are different events.

    With ``unique_uuids`` only the earliest row of a uuid stays. Returns how many rows were removed.
    """
    twice = f"uuid IN (SELECT uuid FROM {STAGED} GROUP BY uuid HAVING count() > 1)"
    if not count(session, f"{STAGED} WHERE {twice}"):
        return 0
    before = count(session, STAGED)
    own = "uuid" if unique_uuids else "if(occurrence = 1, uuid, reinterpretAsUUID(sipHash128(uuid, occurrence)))"
    session.query(
        f"INSERT INTO {_REPEATED} SELECT * EXCEPT occurrence REPLACE ({own} AS uuid) FROM ("
        f"SELECT *, row_number() OVER (PARTITION BY uuid ORDER BY timestamp) AS occurrence FROM {STAGED} WHERE {twice}"
        f") {'WHERE occurrence = 1' if unique_uuids else ''}"
    )
    session.query(f"DELETE FROM {STAGED} WHERE {twice}")
    session.query(f"INSERT INTO {STAGED} SELECT * FROM {_REPEATED}")
    return before - count(session, STAGED)


def remove_known(session: "ClickHouseSession", between: tuple[str, str] | None) -> int:
    """Remove staged events that are stored already, searched ``between`` two times where that suffices."""
    spread_last = f"toDateTime64('{{}}', 6, 'UTC') + toIntervalSecond({SPREAD})"
    return _remove(session, f"timestamp BETWEEN '{{}}' AND {spread_last}".format(*between) if between else "true")


def catch_up(session: "ClickHouseSession", began: datetime) -> int:
    """Apply what was captured since ``began``: remove events stored since then, and follow merged persons."""
    since = began - _MARGIN
    moved = session.rows(
        f"SELECT distinct_id, now.person_id FROM {PEOPLE} AS staged INNER JOIN (SELECT distinct_id, person_id"
        f" FROM posthog.person_distinct_ids FINAL WHERE version >= {int(since.timestamp()) * 10**9}) AS now"
        " USING (distinct_id) WHERE staged.person_id != now.person_id"
    )
    if moved:
        ids, persons = (f"[{','.join(map(literal, column))}]" for column in zip(*moved, strict=True))
        for table in (STAGED, PEOPLE):
            session.query(
                f"ALTER TABLE {table} UPDATE person_id = toUUID(transform(distinct_id, {ids}, {persons},"
                f" toString(person_id))) WHERE distinct_id IN {ids} SETTINGS mutations_sync = 1"
            )
    return _remove(session, f"created_at >= '{clickhouse_time(since)}'")


def _remove(session: "ClickHouseSession", stored: str) -> int:
    known = f"uuid IN (SELECT uuid FROM posthog.events WHERE {stored})"
    stored_before = count(session, f"{STAGED} WHERE {known}")
    if stored_before:
        session.query(f"DELETE FROM {STAGED} WHERE {known}")
    return stored_before


def commit(store: "Store", session: "ClickHouseSession", events: Events, now: datetime) -> None:
    """Move the staged rows into the store: persons before events, as capture does, and events month by month."""
    version = store.next_version()
    store.journal.complete()
    store.journal.begin_import(version)
    session.query(persons(events, version))
    session.query(
        "INSERT INTO posthog.person_distinct_ids (distinct_id, person_id, version)"
        f" SELECT DISTINCT distinct_id, person_id, {version}"
        f" FROM (SELECT distinct_id, person_id FROM {PEOPLE} UNION ALL SELECT * FROM {LINKS})"
        " WHERE distinct_id NOT IN (SELECT distinct_id FROM posthog.person_distinct_ids FINAL)"
    )
    store.journal.end_import()
    store.definitions.refresh(now, STAGED.removeprefix("posthog."), session)
    months = session.rows(
        "SELECT DISTINCT partition_id FROM system.parts WHERE active AND database || '.' || table = " + f"'{STAGED}'"
    )
    for (month,) in months:
        session.query(f"ALTER TABLE {STAGED} MOVE PARTITION ID '{month}' TO TABLE posthog.events")


def count(session: "ClickHouseSession", rows: str) -> int:
    ((number,),) = session.rows(f"SELECT count() FROM {rows}")
    return int(number)


def clear(session: "ClickHouseSession") -> None:
    for table in (STAGED, _REPEATED, PEOPLE, JOINED, LINKS, TIES, PLACES):
        session.query(f"DROP TABLE IF EXISTS {table} SYNC")


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C during the last step, which is short."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
