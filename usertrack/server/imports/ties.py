"""Ties: rows of one person with the same time. They keep the order of the file, a microsecond apart, if there is room.

An event's uuid is made of the time in the file, so the events are recognised when the file is imported again.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from usertrack.core.words import plural
from usertrack.server.hogql.sql import quote
from usertrack.server.imports.events import BAD, COLUMNS, STAGED, Events
from usertrack.server.imports.reading import IN_ORDER, run_insert

if TYPE_CHECKING:
    from usertrack.server.database.session import ClickHouseSession

TIES = "posthog.import_ties"  # person_id, timestamp, number of rows; `room`: the next time is late enough
PLACES = "posthog.import_places"  # uuid, timestamp and place in the file of each tied row
SPREAD = 1  # seconds; no row is moved by more
_SAMPLE_ROWS = 100_000  # the first rows of the file, which show whether the newest of a person come first
_TIED = f"(person_id, timestamp) IN (SELECT person_id, timestamp FROM {TIES} WHERE room)"
_SAME = "with the time of another row of the same person"


def spread_ties(
    session: "ClickHouseSession", events: Events, aside: str, progress: Callable[[str], None]
) -> tuple[str, ...]:
    """Move tied rows apart, by way of the empty table ``aside``; returns notes for the user."""
    tied, crowded = _collect_ties(session)
    if tied:
        # read the file once more, in its order
        session.query(
            f"CREATE TABLE {PLACES} (uuid UUID, timestamp DateTime64(6, 'UTC'), place UInt64)"
            " ENGINE = MergeTree ORDER BY (uuid, timestamp)"
        )
        rows = events.numbered(f"NOT {BAD} AND timestamp IN (SELECT timestamp FROM {TIES} WHERE room)")
        run_insert(session, f"INSERT INTO {PLACES} {rows} SETTINGS {events.file.settings}, {IN_ORDER}", progress)
        _move(session, aside, "DESC" if _newest_first(session, events) else "")
    return (
        *([f"{plural(tied, 'row')} {_SAME}: the file's order is kept, a microsecond apart"] if tied else ()),
        *([f"{plural(crowded, 'row')} {_SAME}, too close to the next time to keep their order"] if crowded else ()),
    )


def left_equal(session: "ClickHouseSession") -> tuple[str, ...]:
    """Notes for the user where tied rows stay equal."""
    tied = sum(_collect_ties(session))
    return (f"{plural(tied, 'row')} {_SAME} stay equal: which of them came first is not known",) if tied else ()


def has_times(session: "ClickHouseSession", zone: str) -> bool:
    """Whether any staged row has a time of day; in a log of dates the order within a day means nothing."""
    midnight = f"toStartOfDay(toTimeZone(timestamp, {quote(zone)}))"
    return bool(session.rows(f"SELECT 1 FROM {STAGED} WHERE timestamp != {midnight} LIMIT 1"))


def _collect_ties(session: "ClickHouseSession") -> tuple[int, int]:
    """Collect the ties of different rows; returns how many rows can be moved apart, and how many cannot."""
    ((any_tie,),) = session.rows(f"SELECT count() > uniqExact(sipHash64(person_id, timestamp)) FROM {STAGED}")
    if not any_tie:
        return 0, 0
    session.query(
        f"CREATE TABLE {TIES} ENGINE = MergeTree ORDER BY (person_id, timestamp) AS"
        " SELECT person_id, timestamp, rows, rows <= 1000000 AND"
        "  (next <= timestamp OR dateDiff('microsecond', timestamp, next) >= rows) AS room"
        " FROM (SELECT *, leadInFrame(timestamp) OVER (PARTITION BY person_id ORDER BY timestamp"
        "  ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next"
        "  FROM (SELECT person_id, timestamp, count() AS rows, uniqExact(uuid) AS different"
        f"   FROM {STAGED} GROUP BY person_id, timestamp)) WHERE different > 1"
    )
    ((tied, crowded),) = session.rows(f"SELECT toInt32(sumIf(rows, room)), toInt32(sumIf(rows, NOT room)) FROM {TIES}")
    return int(tied), int(crowded)


def _newest_first(session: "ClickHouseSession", events: Events) -> bool:
    """Whether the times of a person go down more often than up in the first rows of the file.

    The order of the file as a whole says nothing: a log may list one person after the other.
    """
    rows = f"SELECT * FROM ({events.rows(place='rowNumberInAllBlocks()')} LIMIT {_SAMPLE_ROWS}) WHERE NOT {BAD}"
    before = "lagInFrame(timestamp, 1, timestamp) OVER (PARTITION BY distinct_id ORDER BY place)"
    ((down,),) = session.rows(
        "SELECT countIf(timestamp < before) > countIf(timestamp > before)"
        f" FROM (SELECT timestamp, {before} AS before FROM ({rows})) SETTINGS {events.file.settings}, {IN_ORDER}"
    )
    return bool(down)


def _move(session: "ClickHouseSession", aside: str, direction: str) -> None:
    columns, moved = ", ".join(f"`{name}`" for name in COLUMNS), "timestamp + toIntervalMicrosecond(later)"
    again = "row_number() OVER (PARTITION BY uuid, timestamp"  # identical rows are interchangeable
    session.query(
        f"INSERT INTO {aside} ({columns}) SELECT {columns.replace('`timestamp`', moved)} FROM ("
        "SELECT *, row_number() OVER (PARTITION BY person_id, timestamp"
        f" ORDER BY place {direction}) - 1 AS later"
        f" FROM (SELECT *, {again}) AS nth FROM {STAGED} WHERE {_TIED}) AS staged"
        f" LEFT ANY JOIN (SELECT *, {again} ORDER BY place) AS nth FROM {PLACES}) AS places"
        " USING (uuid, timestamp, nth))"
    )
    session.query(f"DELETE FROM {STAGED} WHERE {_TIED}")
    session.query(f"INSERT INTO {STAGED} SELECT * FROM {aside}")
    session.query(f"TRUNCATE TABLE {aside}")
