"""The SQL that reads the rows of a file as events, as capture would store them, and finds what is wrong with a row.

An event's uuid is a hash of its content, so the same rows always make the same events.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from usertrack.server.capture.ip_addresses import is_address_sql, without_addresses_sql
from usertrack.server.capture.payload import DISTINCT_ID_LENGTH
from usertrack.server.capture.persons import NOBODY, first_person_id_sql
from usertrack.server.database.literals import literals
from usertrack.server.hogql.sql import clickhouse_time, quote
from usertrack.server.imports.clock import WallClock
from usertrack.server.imports.event_file import NUMBER, EventFile, FileColumn, holds_objects, open_file
from usertrack.server.imports.mapping import Constant, Mapping, Origin, read_mapping

if TYPE_CHECKING:
    from usertrack.server.database.session import ClickHouseSession

STAGED = "posthog.import_events"
LINKS = "posthog.import_links"  # distinct_id and person_id of the ids that the file links to a person
COLUMNS = (
    *("uuid", "event", "properties", "timestamp", "distinct_id", "person_id", "created_at", "person_mode"),
    *("$session_id", "$window_id"),
)
PROBLEMS = {  # description → condition on ``Events.rows``; of several true ones the first is reported
    "text that is not UTF-8": "garbled",
    "no JSON object in the line": "broken",
    "no readable timestamp": "timestamp IS NULL",
    "no distinct_id": "distinct_id = ''",
    "no event name": "event = ''",
    "properties that are no JSON object": "unsound",
}
NO_PROFILE = "$process_person_profile"  # an event where this is false makes no person
BAD = f"({' OR '.join(PROBLEMS.values())})"
# dates in an order without ambiguity, or Unix time in seconds, ms, µs or ns
_CLOCK = r"[T ]([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
_DAY = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_RFC_2822 = r"([A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d"
_TIME = (
    rf"^\s*({_DAY}({_CLOCK} ?(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)?)?|{_RFC_2822}( (GMT|UTC|[+-]\d{{4}}))?"
    r"|\d{9,10}(\.\d+)?|\d{13}|\d{16}|\d{19})\s*$"
)
_WITHOUT_ZONE = rf"^\s*({_DAY}({_CLOCK} ?)?|{_RFC_2822})\s*$"
_RANGE = "BETWEEN toDateTime64('1900-01-02', 6, 'UTC') AND toDateTime64('2299-12-31', 6, 'UTC')"

Ties = Literal["file", "equal"]
"""Whether rows of one person with the same time keep the order of the file, or stay equal."""


@dataclass(frozen=True)
class ImportOptions:
    """The options of an import. Messages name the file at ``path`` as ``display_path``."""

    path: Path
    display_path: Path
    mapping: Sequence[str] = ()
    omitted: Sequence[str] = ()
    zone: str = "UTC"
    skip_bad: bool = False
    ties: Ties = "file"


@dataclass(frozen=True)
class Events:
    """The events of ``file`` by ``mapping``, for the project of ``token``; times without a timezone are in ``zone``."""

    file: EventFile
    mapping: Mapping
    token: str
    zone: str

    def rows(self, **extra: str) -> str:
        """SELECT of the file's rows as events.

        Its columns: distinct_id, event, timestamp (NULL: unreadable), properties (JSON), garbled, broken, unsound,
        given_uuid and ``extra``.
        """
        of = self.mapping.of
        cells = {
            "distinct_id": self._id(of["distinct_id"]),
            "event": self._text(of["event"]),
            "timestamp": self._timestamp(),
            "properties": _object(self._members()),
            "garbled": self._garbled(),
            "broken": "JSONType(line) != 'Object' OR NOT isValidJSON(line)" if self.file.has_lines else "false",
            "unsound": self._unsound(),
            "given_uuid": self._text(of["uuid"]) if "uuid" in of else "''",
        }
        selected = ", ".join(f"{sql} AS {name}" for name, sql in (cells | extra).items())
        return f"SELECT {selected} FROM {self.file.relation}"

    def stored(self, now: datetime, condition: str) -> str:
        """SELECT of ``COLUMNS`` of ``posthog.events``, from the rows that meet ``condition``."""
        cells = [
            self._uuid(),
            *("event", "properties", "assumeNotNull(timestamp)", "row.distinct_id", "ifNull(known, first_person)"),
            f"toDateTime64('{clickhouse_time(now)}', 6, 'UTC')",
            self._person_mode(),
            self._session("$session_id"),
            self._session("$window_id"),
        ]
        first_person = first_person_id_sql(self.token, "distinct_id")
        return (
            f"SELECT {', '.join(cells)} FROM (SELECT *, {first_person} AS first_person FROM ({self.rows()})"
            f" WHERE {condition}) AS row LEFT ANY JOIN ({self._merged()}) AS merged USING (distinct_id)"
        )

    def numbered(self, condition: str) -> str:
        """SELECT of the uuid, the timestamp and the number of every row that meets ``condition``."""
        rows = self.rows(place="rowNumberInAllBlocks()")
        return f"SELECT {self._uuid()}, assumeNotNull(timestamp), place FROM ({rows}) AS row WHERE {condition}"

    def _merged(self) -> str:
        """The distinct_ids that no longer belong to their first person: few, so the join is cheap."""
        merged = (
            "SELECT distinct_id, toNullable(person_id) AS known FROM posthog.person_distinct_ids FINAL"
            f" WHERE person_id != {first_person_id_sql(self.token, 'distinct_id')}"
        )
        return f"{merged} UNION ALL SELECT * FROM {LINKS}" if self.joins_ids else merged

    @property
    def joins_ids(self) -> bool:
        """Whether a column names the person of a distinct_id."""
        return "person" in self.mapping.of

    def links(self) -> str:
        """SELECT of ``distinct_id`` and ``key``, another distinct_id of the same person."""
        rows = self.rows(person=self._id(self.mapping.of["person"]))
        return (
            f"SELECT distinct_id, argMax(person, timestamp) AS key FROM ({rows})"
            f" WHERE NOT {BAD} AND person != '' AND lower(person) NOT IN {literals(sorted(NOBODY))}"
            " GROUP BY distinct_id"
        )

    def traits(self) -> str:
        """SELECT distinct_id and ``traits``, the JSON of the latest values of its person's properties."""
        cells = {
            f"trait_{number}": self._json(name, origin)
            for number, (name, origin) in enumerate(self.mapping.person.items())
        }
        latest = [
            _member(name, f"argMaxIf({cell}, timestamp, isNotNull({cell}))")
            for name, cell in zip(self.mapping.person, cells, strict=True)
        ]
        rows = f"({self.rows(**cells)}) WHERE NOT {BAD}"
        return f"SELECT distinct_id, {_object(latest)} AS traits FROM {rows} GROUP BY distinct_id"

    @property
    def timestamp_text(self) -> str:
        """The timestamp as the file has it."""
        return self._text(self.mapping.of["timestamp"])

    # cells

    def _timestamp(self) -> str:
        column = self.file[str(self.mapping.of["timestamp"])]
        read = self._moment(column)
        return f"if({read} {_RANGE}, {read}, NULL)"

    def _moment(self, column: FileColumn) -> str:
        if column.written or column.kind == "text":
            read = f"if(match({column.sql}, {quote(_TIME)}), {_read(column)}, NULL)"
            wall = self._wall(column)
            return f"if(match({column.sql}, {quote(_WITHOUT_ZONE)}), {wall.moment}, {read})" if wall else read
        if column.kind == "number":
            return _unix_time(column.sql)
        if column.kind not in ("date", "time"):
            return "CAST(NULL, 'Nullable(DateTime64(6))')"
        wall = self._wall(column)
        return wall.moment if wall else f"toDateTime64({column.sql}, 6, 'UTC')"

    def wall(self) -> WallClock | None:
        """The timestamps without a timezone, as wall clock times in ``zone``; None where all have one."""
        return self._wall(self.file[str(self.mapping.of["timestamp"])])

    def _wall(self, column: FileColumn) -> WallClock | None:
        if self.zone == "UTC":
            return None
        if column.written or column.kind == "text":
            return WallClock(f"if(match({column.sql}, {quote(_WITHOUT_ZONE)}), {_read(column)}, NULL)", self.zone)
        if column.kind == "date" or (column.kind == "time" and column.naive):
            return WallClock(f"toDateTime64({column.sql}, 6, 'UTC')", self.zone)
        return None

    def _id(self, origin: Origin) -> str:
        return f"substringUTF8(replaceAll({self._text(origin)}, '\\0', '\ufffd'), 1, {DISTINCT_ID_LENGTH})"

    def _text(self, origin: Origin) -> str:
        """An SQL text that is never NULL."""
        if isinstance(origin, Constant):
            return quote(origin.text)
        column = self.file[origin]
        if column.written:
            return f"toValidUTF8({column.sql})"
        return f"ifNull({self._plain(column)}, '')"

    def _plain(self, column: FileColumn) -> str:
        if column.kind == "object":
            return f"toJSONString({column.sql})"
        if column.kind == "time":
            return f"formatDateTime(toTimeZone({self._moment(column)}, 'UTC'), '%Y-%m-%dT%H:%i:%S.%fZ')"
        return f"toValidUTF8(toString({column.sql}))"

    def _json(self, name: str, origin: Origin) -> str:
        """The value of the property ``name`` as JSON; NULL for a missing value and for an IP address."""
        if isinstance(origin, Constant):
            return quote(json.dumps(origin.text))
        column = self.file[origin]
        c, plain = column.sql, self._plain(column)
        if column.kind == "object":
            return without_addresses_sql(plain)
        if column.kind in ("number", "bool") and not column.written:
            return f"toJSONString({c})"
        hidden = "" if column.kind == "time" else f"{is_address_sql(plain, name)}, NULL, "
        if column.raw:
            return f"multiIf({column.raw} IN ('', 'null'), NULL, {hidden}{without_addresses_sql(column.raw)})"
        if column.written:
            json_of_kind = {
                "number": f"match({c}, {quote(NUMBER)}), {c}, ",
                "bool": f"lower({c}) IN ('true', 'false'), lower({c}), ",
            }
            hidden = f"{c} = '', NULL, {json_of_kind.get(column.kind, '')}{hidden}"
        return f"multiIf({hidden}toJSONString({plain}))" if hidden else f"toJSONString({plain})"

    def _members(self) -> list[str]:
        named = sorted(self.mapping.properties.items())
        return [*(_member(name, self._json(name, origin)) for name, origin in named), *self._base_members()]

    def _base(self) -> str:
        """The text of the column of JSON objects; empty where there is none."""
        text = f"trim(BOTH ' \\n\\r\\t' FROM {self._text(self.mapping.of['properties'])})"
        return f"if({text} = 'null', '', {text})"

    def _base_members(self) -> list[str]:
        if "properties" not in self.mapping.of:
            return []
        inner = f"substring(left({without_addresses_sql(self._base())}, -1), 2)"
        return [f"if(match({inner}, '\\\\S'), concat({inner}, ','), '')"]

    def _unsound(self) -> str:
        if "properties" not in self.mapping.of:
            return "false"
        base = self._base()
        return f"({base} != '' AND JSONType({base}) != 'Object')"

    def _garbled(self) -> str:
        """Whether a used text is not UTF-8: text in another encoding would be stored broken."""
        if self.file.has_lines:
            return "NOT isValidUTF8(line)"
        used = {*self.mapping.of.values(), *self.mapping.properties.values(), *self.mapping.person.values()}
        texts = [column.sql for column in self.file.columns if column.name in used and column.kind == "text"]
        sound = [f"isValidUTF8(ifNull({column}, ''))" for column in texts]
        return f"NOT ({' AND '.join(sound)})" if sound else "false"

    def _uuid(self) -> str:
        content = "reinterpretAsUUID(sipHash128(row.distinct_id, event, assumeNotNull(timestamp), properties))"
        if "uuid" not in self.mapping.of:
            return content
        from_file = "coalesce(toUUIDOrNull(given_uuid), reinterpretAsUUID(sipHash128(given_uuid)))"
        return f"if(given_uuid = '', {content}, {from_file})"

    def _session(self, name: str) -> str:
        return f"JSONExtractString(properties, {quote(name)})" if self._may_have(name) else "''"

    def _person_mode(self) -> str:
        refused = f"JSONExtractRaw(properties, {quote(NO_PROFILE)}) = 'false'"
        return f"if({refused}, 'propertyless', 'full')" if self._may_have(NO_PROFILE) else "'full'"

    def _may_have(self, name: str) -> bool:
        """Whether an event may have the property ``name``."""
        return "properties" in self.mapping.of or name in self.mapping.properties


@contextmanager
def open_events(session: "ClickHouseSession", options: ImportOptions, token: str) -> Iterator[Events]:
    """Open the file of ``options`` as events for the project of ``token``. Raises UsageError."""
    with open_file(session, options.path, options.display_path) as file:
        names = [column.name for column in file.columns if not column.computed]
        omitted = [*options.omitted, *(name for name in file.left_out if name not in options.omitted)]
        mapping = read_mapping(names, partial(holds_objects, session, file), options.mapping, omitted, file.known)
        yield Events(file, mapping, token, options.zone)


def _read(column: FileColumn) -> str:
    return f"parseDateTime64BestEffortOrNull({column.sql}, 6, 'UTC')"


def _unix_time(column: str) -> str:
    """Unix time in seconds, ms, µs or ns, by its size; a number before 1973 is rather a date such as 20260101."""
    units = {
        (1e8, 1e11): "{} * 1000000",
        (1e11, 1e14): "{} * 1000",
        (1e14, 1e17): "{}",
        (1e17, 9.2e18): "intDiv({}, 1000)",
    }
    read = ", ".join(
        f"{column} >= {low} AND {column} < {high}, toInt64({micros.format(column)})"
        for (low, high), micros in units.items()
    )
    return f"fromUnixTimestamp64Micro(multiIf({read}, NULL), 'UTC')"


def _member(name: str, value: str) -> str:
    """``"name":value,`` of a JSON object; empty where ``value`` is NULL."""
    key = quote(f"{json.dumps(name, ensure_ascii=False)}:")
    return f"ifNull(concat({key}, {value}, ','), '')"


def _object(members: list[str]) -> str:
    return f"concat('{{', left(concat('', '', {', '.join(members)}), -1), '}}')" if members else "'{}'"
