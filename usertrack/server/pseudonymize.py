"""People become pseudonyms, month by month: each is replaced by its copy in one step, under the lock of writers.

What is a pseudonym already stays, so that a run which was cut short anywhere is completed by the next.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from usertrack.core.pseudonyms import TOKEN, Pseudonyms
from usertrack.server import user_texts
from usertrack.server.background_jobs import ReportProgress
from usertrack.server.database.store import Store, literal

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
_VERSION = "8"  # of uuids that are pseudonyms: no other ones here have it
_EMAIL = r"[^\s@\"]+(@|%40)[^\s@\"]+\.[^\s@\"]"
_TEXTS = {
    "events": "concat(toString(properties), ' ', distinct_id, ' ', event)",
    "persons": "toString(properties)",
    "groups": "concat(toString(properties), ' ', key)",
    "person_distinct_ids": "distinct_id",
}
_KNOWN_STILL = (
    f"substring(toString(person_id), 15, 1) != '{_VERSION}' OR NOT match(distinct_id, '^(u-[0-9a-f]{{16}})?$')"
)
_STAGED = "posthog.disguised"
# the table of events gives them
_NO_NUMBERS = "SETTINGS enable_block_number_column = 0, enable_block_offset_column = 0"


def pseudonymize(store: Store, pseudonyms: Pseudonyms, report: ReportProgress, *, dry_run: bool) -> dict[str, int]:
    """How many rows of each table there are; e-mails, names and ids in them are replaced. ``left`` still have one."""
    report("counting rows", 0, 0)
    counts = {table: _count(store, table) for table in ("events", *_KEYS)}
    if not dry_run:
        with store.overhaul:
            _replace(store, _pieces(store, counts), _Disguise(pseudonyms), report)
            report("clearing the disk", 0, 0)
            user_texts.reword(store, pseudonyms.text)
            store.scrub(["events", *_KEYS])
    report("looking for e-mails", 0, 0)
    left = sum(_left(store, table) for table in _TEXTS) + user_texts.named(store, pseudonyms.text)
    return counts | {"left": left}


def _replace(store: Store, pieces: Mapping[tuple[str, str], int], disguise: "_Disguise", told: ReportProgress) -> None:
    done, total = 0, sum(pieces.values())
    for table, month in pieces:
        with store.rewriting:
            store.journal.complete()
            for rows in _replaced(store, table, month, disguise):
                done += rows
                told("replacing e-mails, names and ids", min(done, total), total)


def _count(store: Store, table: str) -> int:
    return int(store.rows(f"SELECT count() FROM posthog.{table} {_final(table)}")[0][0])


def _final(table: str) -> str:
    return "FINAL" if table in _KEYS else ""


def _pieces(store: Store, counts: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Partitions of tables with how many rows they have: of events those that were not replaced before.

    The persons come last: as long as one is there, a run that was cut short shows.
    """
    months = store.rows(
        "SELECT _partition_id, count() FROM posthog.events GROUP BY _partition_id"
        f" HAVING countIf({_KNOWN_STILL}) > 0 ORDER BY _partition_id"
    )
    return {("events", str(month)): int(rows) for month, rows in months} | {
        (table, "all"): counts[table] for table in _KEYS if counts[table]
    }


def _replaced(store: Store, table: str, month: str, disguise: "_Disguise") -> Iterator[int]:
    """Put a copy without e-mails in the place of a partition; yields how many rows more are copied."""
    store.query(f"DROP TABLE IF EXISTS {_STAGED} SYNC")
    store.query(f"CREATE TABLE {_STAGED} AS posthog.{table} {'' if table in _KEYS else _NO_NUMBERS}")
    store.query(f"SYSTEM STOP MERGES posthog.{table}")  # parts that are read piece by piece stay what they are
    try:
        for condition in _chunks(store, table, month):
            sql = f"SELECT * FROM posthog.{table} {_final(table)} WHERE {condition}"
            rows = [disguise.row(json.loads(line)) for line in store.query(sql, "JSONEachRow").splitlines()]
            store.insert(_STAGED.removeprefix("posthog."), rows)
            yield len(rows)
    finally:
        store.query(f"SYSTEM START MERGES posthog.{table}")
    store.query(f"ALTER TABLE posthog.{table} REPLACE PARTITION ID '{month}' FROM {_STAGED}")
    store.query(f"DROP TABLE {_STAGED} SYNC")


def _chunks(store: Store, table: str, month: str) -> Iterator[str]:
    """Conditions that each read some of the rows, and only these from the disk where the table is large."""
    if table in _KEYS:
        parts = -(-_count(store, table) // (5 * _CHUNK))  # their rows are short
        yield from (f"cityHash64({_KEYS[table]}) % {parts} = {part}" for part in range(parts))
        return
    for part, rows in store.rows(
        f"SELECT _part, max(_part_offset) + 1 FROM posthog.{table} WHERE _partition_id = '{month}' GROUP BY _part"
    ):
        for first in range(0, int(rows), _CHUNK):
            yield f"_part = '{part}' AND _part_offset >= {first} AND _part_offset < {first + _CHUNK}"


class _Disguise:
    """Rows with pseudonyms for what tells who somebody is. The same few people come again and again."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._id, self._uuid = (lru_cache(maxsize=100_000)(each) for each in (self._of_id, self._of_uuid))

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: self._cell(name, value) for name, value in row.items()}

    def _cell(self, name: str, value: Any) -> Any:
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
        """Another uuid for ``text``, which is a pseudonym; one of those stays."""
        if not _UUID.fullmatch(text) or text[14] == _VERSION:
            return text
        hashed = str(uuid.UUID(bytes=self._pseudonyms.digest(text)[:16]))
        return f"{hashed[:14]}{_VERSION}{hashed[15:19]}8{hashed[20:]}"


def _left(store: Store, table: str) -> int:
    """Rows with an e-mail in them that is no pseudonym."""
    told = f"replaceRegexpAll({_TEXTS[table]}, 'u-[0-9a-f]{{16}}@', '')"
    found = f"match({_TEXTS[table]}, '@|%40') AND match({told}, {literal(_EMAIL)})"
    return int(store.rows(f"SELECT count() FROM posthog.{table} {_final(table)} WHERE {found}")[0][0])
