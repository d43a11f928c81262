"""Replaces e-mails, names and ids of people by pseudonyms, one table partition after the other.

A partition is replaced by its copy in one step. Pseudonyms stay as they are, so an interrupted run is completed by the
next one.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from usertrack.core.json_types import JsonObject
from usertrack.core.pseudonyms import TOKEN, Pseudonyms
from usertrack.server import user_texts
from usertrack.server.background_jobs import ReportProgress
from usertrack.server.database.literals import literal
from usertrack.server.database.store import Store
from usertrack.server.database.violation_log import ViolationLog

_CHUNK = 20_000  # rows that are in memory at a time
_KEYS = {  # of the tables that have one partition, and are read as FINAL
    "static_cohort_people": "person_id",
    "groups": "key",
    "person_distinct_ids": "distinct_id",
    "persons": "id",
}
_NAMES = {"name", "first_name", "last_name", "full_name", "firstname", "lastname", "username", "phone", "$name"}
_IDS = {"distinct_id", "$anon_distinct_id", "alias", "$device_id", "$user_id", "user_id", "$distinct_id"}
_HASHED = frozenset(_NAMES | _IDS)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSION = "8"  # of uuids that are pseudonyms; no other uuid of the store has it
_EMAIL = r"[^\s@\"]+(@|%40)[^\s@\"]+\.[^\s@\"]"
_SEARCHED_TEXTS = {
    "events": "concat(toString(properties), ' ', distinct_id, ' ', event)",
    "persons": "toString(properties)",
    "groups": "concat(toString(properties), ' ', key)",
    "person_distinct_ids": "distinct_id",
}
_NOT_REPLACED = (
    f"substring(toString(person_id), 15, 1) != '{_VERSION}' OR NOT match(distinct_id, '^(u-[0-9a-f]{{16}})?$')"
)
_STAGED = "posthog.disguised"
# these settings of the table of events are not for its copies
_NO_NUMBERS = "SETTINGS enable_block_number_column = 0, enable_block_offset_column = 0"


def pseudonymize(
    store: Store, violations: ViolationLog, pseudonyms: Pseudonyms, report: ReportProgress, *, dry_run: bool
) -> dict[str, int]:
    """Replace e-mails, names and ids; returns each table's rows, and as ``left`` those that still have an e-mail."""
    report("counting rows", 0, 0)
    store.require_caught_up()
    counts = {table: _count(store, table) for table in ("events", *_KEYS)}
    if not dry_run:
        with store.maintaining():
            store.leave_out("pseudonyms", datetime.now(UTC).isoformat())
            partitions = _partitions(store, counts)
            pseudonymizer = _Pseudonymizer(pseudonyms)
            done, total = 0, sum(partitions.values())
            for table, month in partitions:
                with store.write_lock:
                    store.journal.complete()
                    for rows in _replace_partition(store, table, month, pseudonymizer):
                        done += rows
                        report("replacing e-mails, names and ids", min(done, total), total)
            report("clearing the disk", 0, 0)
            user_texts.rewrite(store, violations, pseudonyms.text)
            store.purge(["events", *_KEYS])
    report("looking for e-mails", 0, 0)
    rows_left = sum(_rows_with_email(store, table) for table in _SEARCHED_TEXTS)
    return counts | {"left": rows_left + user_texts.count_changes(store, violations, pseudonyms.text)}


def _count(store: Store, table: str) -> int:
    return int(store.rows(f"SELECT count() FROM posthog.{table} {_final(table)}")[0][0])


def _final(table: str) -> str:
    return "FINAL" if table in _KEYS else ""


def _partitions(store: Store, counts: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """(table, partition) → its number of rows; of events only partitions that were not replaced before.

    Persons come last: as long as one is not replaced, an interrupted run can be recognised.
    """
    months = store.rows(
        "SELECT _partition_id, count() FROM posthog.events GROUP BY _partition_id"
        f" HAVING countIf({_NOT_REPLACED}) > 0 ORDER BY _partition_id"
    )
    return {("events", str(month)): int(rows) for month, rows in months} | {
        (table, "all"): counts[table] for table in _KEYS if counts[table]
    }


def _replace_partition(store: Store, table: str, month: str, pseudonymizer: "_Pseudonymizer") -> Iterator[int]:
    """Replace a partition by its pseudonymized copy; yields the number of rows of each copied chunk."""
    store.query(f"DROP TABLE IF EXISTS {_STAGED} SYNC")
    store.query(f"CREATE TABLE {_STAGED} AS posthog.{table} {'' if table in _KEYS else _NO_NUMBERS}")
    store.query(f"SYSTEM STOP MERGES posthog.{table}")  # the chunks are read by the offset in their part
    try:
        for condition in _chunks(store, table, month):
            sql = f"SELECT * FROM posthog.{table} {_final(table)} WHERE {condition}"
            rows = [pseudonymizer.row(json.loads(line)) for line in store.query(sql, "JSONEachRow").splitlines()]
            store.insert(_STAGED.removeprefix("posthog."), rows)
            yield len(rows)
    finally:
        store.query(f"SYSTEM START MERGES posthog.{table}")
    store.query(f"ALTER TABLE posthog.{table} REPLACE PARTITION ID '{month}' FROM {_STAGED}")
    store.query(f"DROP TABLE {_STAGED} SYNC")


def _chunks(store: Store, table: str, month: str) -> Iterator[str]:
    """WHERE conditions of chunks of the table; those of a large table read only their own rows from the disk."""
    if table in _KEYS:
        parts = -(-_count(store, table) // (5 * _CHUNK))  # their rows are short
        yield from (f"cityHash64({_KEYS[table]}) % {parts} = {part}" for part in range(parts))
        return
    for part, rows in store.rows(
        f"SELECT _part, max(_part_offset) + 1 FROM posthog.{table} WHERE _partition_id = '{month}' GROUP BY _part"
    ):
        for first in range(0, int(rows), _CHUNK):
            yield f"_part = '{part}' AND _part_offset >= {first} AND _part_offset < {first + _CHUNK}"


class _Pseudonymizer:
    """Replaces identifying values in rows, with a cache: the same few people come again and again."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        # 100 000: the events of a month are mostly of the same people
        self._id, self._uuid = (lru_cache(maxsize=100_000)(function) for function in (self._of_id, self._of_uuid))

    def row(self, row: JsonObject) -> JsonObject:
        return {name: self._cell(name, value) for name, value in row.items()}

    def _cell(self, name: str, value: object) -> object:
        if isinstance(value, str):
            return self._text(name, value)
        if isinstance(value, dict):
            return {self._pseudonyms.text(key): self._cell(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._cell(name, item) for item in value]
        return value

    def _text(self, name: str, value: str) -> str:
        if name == "person_id" or (name == "id" and _UUID.fullmatch(value)):
            return self._uuid(value)
        if name.lower() in _HASHED:
            return self._id(value)
        return self._pseudonyms.text(value)

    def _of_id(self, text: str) -> str:
        return text if not text or TOKEN.fullmatch(text) else self._pseudonyms.of_id(text)

    def _of_uuid(self, text: str) -> str:
        """The uuid that is the pseudonym of ``text``; a pseudonym stays."""
        if not _UUID.fullmatch(text) or text[14] == _VERSION:
            return text
        hashed = str(uuid.UUID(bytes=self._pseudonyms.digest(text)[:16]))
        return f"{hashed[:14]}{_VERSION}{hashed[15:19]}8{hashed[20:]}"


def _rows_with_email(store: Store, table: str) -> int:
    """Rows with an e-mail in them that is no pseudonym."""
    without_pseudonyms = f"replaceRegexpAll({_SEARCHED_TEXTS[table]}, 'u-[0-9a-f]{{16}}@', '')"
    has_email = f"match({_SEARCHED_TEXTS[table]}, '@|%40') AND match({without_pseudonyms}, {literal(_EMAIL)})"
    return int(store.rows(f"SELECT count() FROM posthog.{table} {_final(table)} WHERE {has_email}")[0][0])
