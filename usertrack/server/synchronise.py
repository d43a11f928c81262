"""Makes the events of a span of time in the store those of the company's own Postgres, and gives its people e-mails.

What changed or vanished there changes and vanishes here. What must not come back is in ``posthog.left_out``.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from usertrack.core.sql_file import sql_file
from usertrack.core.temporary import temporary_folder, write_whole
from usertrack.server.database.session import ClickHouseSession
from usertrack.server.database.store import Store
from usertrack.server.hogql.sql import clickhouse_time, quote
from usertrack.server.imports.event_file import EventFile, FileColumn
from usertrack.server.imports.events import BAD, NO_PROFILE, PROBLEMS, STAGED, Events
from usertrack.server.imports.load import clear, commit, count, make_uuids_unique, remove_known, stage, uninterrupted
from usertrack.server.imports.mapping import Mapping
from usertrack.server.imports.staged_persons import collect_people
from usertrack.server.stored_persons import erase_persons

COLUMNS = ("id", "distinct_id", NO_PROFILE, "name", "time", "properties", "$session_id")
"""The columns of a file of rows, in this order, as texts that are never NULL."""
_GONE = "posthog.import_gone"
_MAPPING = Mapping(
    {"distinct_id": "distinct_id", "event": "name", "timestamp": "time", "uuid": "id", "properties": "properties"},
    {"$session_id": "$session_id", NO_PROFILE: NO_PROFILE},
)
_CSV = "input_format_csv_trim_whitespaces = 0, input_format_csv_use_best_effort_in_schema_inference = 0"
_EXAMPLES = 3  # ids of rows that are refused


@dataclass
class SyncState:
    """The progress of the copy in a store, in a file beside it.

    Attributes:
        select: a digest of the SELECT that the rows come from; with another one, all hours are compared.
        hours: hour (UTC) → number and digest of its rows when they were read last.
        last: the time of the last event that is not in the future, and ``compared_at`` when all hours were compared.
        accounts: number and digest of the accounts whose e-mails the people have.
        refused: what is wrong with how many rows, which are no events here, and the ids of some.
    """

    select: str = ""
    hours: dict[str, str] = field(default_factory=dict)
    last: str = ""
    compared_at: str = ""
    accounts: str = ""
    refused: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "SyncState":
        """Read the state in ``file``; that of an empty store where there is none, or it is damaged."""
        try:
            return cls(**json.loads(file.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, file: Path) -> None:
        write_whole(file, json.dumps(self.__dict__))


@dataclass(frozen=True)
class Replaced:
    """The result of `replace_events`.

    Attributes:
        events: number of events that are new or changed.
        moved: number of stored events outside the span that a row with their id has replaced.
        refused: what is wrong with how many rows of all times, and the ids of some.
    """

    events: int
    moved: int
    refused: dict[str, tuple[int, list[str]]]


def replace_events(
    store: Store,
    rows: Path,
    token: str,
    span: tuple[datetime, datetime],
    now: datetime,
    progress: Callable[[str], None],
) -> Replaced:
    """Make the events of ``span``, without its end, those in the file ``rows``: all at once or, after an error, none.

    Other events with an id of these rows, which had another time before, are replaced, too.
    """
    with store.importing() as session, _events(rows, token) as events:
        try:
            read = _read(session, events, span, now, progress)
            repeated = make_uuids_unique(session, unique_uuids=True)
            removed = _collect_gone(session, span)
            moved = count(session, f"posthog.events WHERE uuid IN (SELECT uuid FROM {_GONE}) AND NOT ({_within(span)})")
            with store.write_lock, uninterrupted():
                if removed:
                    _remove(store)
                known = remove_known(session, (clickhouse_time(span[0]), clickhouse_time(span[1])))
                collect_people(session)
                commit(store, session, events, now)
            return Replaced(read - repeated - known, moved, _refused(session))
        finally:
            clear(session)
            session.query(f"DROP TABLE IF EXISTS {_GONE} SYNC")


@contextmanager
def _events(rows: Path, token: str) -> Iterator[Events]:
    kinds = {NO_PROFILE: "bool"}
    columns = tuple(
        FileColumn(name, f"c{number}", kinds.get(name, "text"), written=True) for number, name in enumerate(COLUMNS)
    )
    with _csv(rows, len(COLUMNS)) as relation:
        yield Events(EventFile(rows, columns, relation, _CSV), _MAPPING, token, "UTC")


@contextmanager
def _csv(rows: Path, columns: int) -> Iterator[str]:
    """Make the headerless file a relation of ``columns`` texts, c0 and so on."""
    with temporary_folder() as folder:
        link = folder / "rows.csv"  # ClickHouse would read wildcards in the path itself
        link.symlink_to(rows.resolve())
        yield f"file({quote(str(link))}, 'CSV', {quote(', '.join(f'c{number} String' for number in range(columns)))})"


def _read(
    session: ClickHouseSession,
    events: Events,
    span: tuple[datetime, datetime],
    now: datetime,
    progress: Callable[[str], None],
) -> int:
    """Stage the rows; returns how many. Only where there are bad ones, which are rare, they are read twice."""
    wanted = "first_person NOT IN (SELECT toUUIDOrZero(value) FROM posthog.left_out WHERE what = 'person')"
    if count(session, "posthog.refused"):
        session.query(f"DELETE FROM posthog.refused WHERE {_within(span)}")
    try:
        return stage(session, events, events.stored(now, f"NOT throwIf({BAD}, 'bad row') AND {wanted}"), progress)
    except Exception as error:
        if "FUNCTION_THROW_IF" not in str(error):
            raise
    conditions = ", ".join(f"{condition}, {quote(problem)}" for problem, condition in PROBLEMS.items())
    session.query(
        "INSERT INTO posthog.refused SELECT left(given_uuid, 100), assumeNotNull(timestamp),"
        f" multiIf({conditions}, '') AS problem FROM ({events.rows()}) WHERE problem != ''"
        f" SETTINGS {events.file.settings}"
    )
    return stage(session, events, events.stored(now, f"NOT {BAD} AND {wanted}"), progress)


def _refused(session: ClickHouseSession) -> dict[str, tuple[int, list[str]]]:
    examples = f"groupArrayIf({_EXAMPLES})(id, id != '')"
    rows = session.rows(f"SELECT problem, toUInt32(count()), {examples} FROM posthog.refused GROUP BY problem")
    return dict.fromkeys(PROBLEMS, (0, list[str]())) | {problem: (count, ids) for problem, count, ids in rows}


def _within(span: tuple[datetime, datetime]) -> str:
    since, until = map(clickhouse_time, span)
    return f"timestamp >= '{since}' AND timestamp < '{until}'"


def _collect_gone(session: ClickHouseSession, span: tuple[datetime, datetime]) -> int:
    """Collect the stored events that are not as staged, or are not staged and would have to be; returns how many."""
    content = "sipHash64(event, distinct_id, timestamp, person_mode, toString(properties))"
    session.query(
        f"CREATE TABLE {_GONE} ENGINE = MergeTree ORDER BY uuid AS SELECT uuid FROM posthog.events"
        f" WHERE ({_within(span)} OR uuid IN (SELECT uuid FROM {STAGED}))"
        f" AND (uuid, {content}) NOT IN (SELECT uuid, {content} FROM {STAGED}) SETTINGS use_skip_indexes = 0"
    )
    return count(session, _GONE)


def _remove(store: Store) -> None:
    """Delete the collected events, and then people without any: in Postgres, too, nothing says who they were."""
    store.query(
        f"ALTER TABLE posthog.events DELETE WHERE uuid IN (SELECT uuid FROM {_GONE})"
        " SETTINGS mutations_sync = 1, allow_nondeterministic_mutations = 1"
    )
    lonely = store.rows(
        "SELECT id FROM posthog.persons FINAL WHERE id NOT IN (SELECT person_id FROM posthog.events)"
        f" AND id NOT IN (SELECT person_id FROM {STAGED})"
    )
    if lonely:
        erase_persons(store, [str(id_) for (id_,) in lonely])


def give_emails(store: Store, accounts: Path, now: datetime) -> None:
    """Give each person the e-mail of their account, and take it from who has none any more.

    ``accounts`` is a CSV of ids and e-mails. Whoever has an id is identified: only anonymous visitors have none.
    """
    with _csv(accounts, 2) as relation, store.write_lock:
        store.journal.complete()
        sql = sql_file(__package__, "give_emails")
        for name, value in {"accounts": relation, "version": str(time.time_ns()), "settings": _CSV}.items():
            sql = sql.replace(f"{{{name}}}", value)
        store.query(sql)
    store.definitions.learn([("person", {"email": "somebody@example.com"})], now)
