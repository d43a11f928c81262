"""The persons of a store: found, read and deleted. A deletion is completed when the data is off the disk.

Deleting statements contain no ids: ClickHouse keeps the text of its mutations in files.
"""

import logging
import threading
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from usertrack.core.json_types import JsonObject
from usertrack.server.database.execute import iso_time, read_rows
from usertrack.server.database.literals import literal, literals
from usertrack.server.database.store import Store

PERSON_TABLES = ("static_cohort_people", "person_distinct_ids", "persons")
"""Persons come last: as long as a person is there, an interrupted deletion is repeated."""

log = logging.getLogger(__name__)


class StoredPersons:
    """The persons of a store. Deletions are carried out one after the other, in the background."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._worker = ThreadPoolExecutor(1, "deletion")
        self._deletions: list[JsonObject] = []
        self._turn = threading.Lock()

    def find(self, *, email: str = "", distinct_id: str = "", search: str = "") -> list[str]:
        """Ids of the persons with that e-mail, that distinct_id, and ``search`` in an e-mail, name or distinct_id.

        Newest first, as PostHog lists them; all persons without a filter.
        """
        conditions = [f"properties.email::Nullable(String) = {literal(email)}"] if email else []
        if distinct_id:
            conditions.append(f"id IN ({_persons_having(f'distinct_id = {literal(distinct_id)}')})")
        if search:
            email_or_name = [f"ifNull(properties.{name}::Nullable(String), '')" for name in ("email", "name")]
            within = [f"positionCaseInsensitiveUTF8({text}, {literal(search)}) > 0" for text in email_or_name]
            having = _persons_having(f"positionCaseInsensitiveUTF8(distinct_id, {literal(search)}) > 0")
            conditions.append(f"({' OR '.join(within)} OR id IN ({having}))")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = read_rows(self._store, f"SELECT id FROM posthog.persons FINAL {where} ORDER BY created_at DESC, id DESC")
        return [id_ for (id_,) in rows]

    def read(self, ids: Sequence[str]) -> list[JsonObject]:
        """These persons as PostHog's JSON, newest first, with all their distinct_ids."""
        rows = read_rows(
            self._store,
            "SELECT id, toString(created_at), properties, is_identified, toString(last_seen_at), distinct_ids"
            " FROM posthog.persons AS p FINAL"
            " LEFT JOIN (SELECT person_id, arraySort(groupArray(distinct_id)) AS distinct_ids"
            f" FROM posthog.person_distinct_ids FINAL WHERE person_id IN {literals(ids)} GROUP BY person_id) AS d"
            f" ON p.id = d.person_id WHERE id IN {literals(ids)} ORDER BY created_at DESC, id DESC",
        )
        return [person_json(*row) for row in rows]

    def of_distinct_ids(self, distinct_ids: Sequence[str]) -> list[str]:
        return [id_ for (id_,) in read_rows(self._store, _persons_having(f"distinct_id IN {literals(distinct_ids)}"))]

    def delete(
        self, ids: Sequence[str], distinct_ids: Sequence[str] = (), *, events: bool, keep_person: bool = False
    ) -> list[JsonObject]:
        """Start deleting persons, and with ``events`` their events and those of ``distinct_ids``.

        Returns the deletions as `deletions` lists them.
        """
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        with self._turn:
            deletions = [{"person_uuid": id_, "created_at": now, "status": "pending"} for id_ in ids]
            self._deletions += deletions
        self._worker.submit(self._delete, deletions, list(ids), list(distinct_ids), events, keep_person)
        return deletions

    def deletions(self, status: str, person: str = "") -> list[JsonObject]:
        """The deletions since the server started; ``status`` is pending, completed or all."""
        with self._turn:
            return [
                dict(deletion)
                for deletion in self._deletions
                if status in ("all", deletion["status"]) and person in ("", deletion["person_uuid"])
            ]

    def finish(self) -> None:
        """Wait until all deletions are done."""
        self._worker.submit(lambda: None).result()

    def _delete(
        self,
        deletions: list[JsonObject],
        ids: list[str],
        distinct_ids: list[str],
        events: bool,  # noqa: FBT001
        keep_person: bool,  # noqa: FBT001
    ) -> None:
        tables = (["events"] if events else []) + ([] if keep_person else list(PERSON_TABLES))
        try:
            self._store.require_caught_up()
            with self._store.maintaining():
                with self._store.write_lock:
                    if events and not keep_person:
                        self._store.leave_out("person", *ids)
                    if events:
                        self._store.erase("events", {"person_id": ids, "distinct_id": distinct_ids})
                    if not keep_person:
                        erase_persons(self._store, ids)
                self._store.purge(tables)
        except Exception:
            log.exception("a deletion failed")
            return  # it stays pending
        with self._turn:
            for deletion in deletions:
                deletion["status"] = "completed"


def erase_persons(store: Store, ids: Sequence[str]) -> None:
    """Delete persons, and the rows of merged ones; the caller holds ``store.write_lock``."""
    store.journal.complete()
    for table in PERSON_TABLES:
        # replaced rows go first: without the rows that replaced them they would be current again
        store.query(f"OPTIMIZE TABLE posthog.{table} FINAL")
        store.query(f"ALTER TABLE posthog.{table} DELETE WHERE is_deleted SETTINGS mutations_sync = 2")
        store.erase(table, {"id" if table == "persons" else "person_id": ids})


def uuid_of(text: object) -> str:
    """``text`` as ClickHouse writes a UUID; '' when it is no UUID."""
    try:
        return str(uuid.UUID(str(text)))
    except ValueError:
        return ""


def _persons_having(condition: str) -> str:
    return f"SELECT DISTINCT person_id FROM posthog.person_distinct_ids FINAL WHERE {condition}"


def person_json(
    id_: str,
    created_at: str,
    properties: JsonObject,
    identified: int,
    seen: str | None,
    distinct_ids: Iterable[str],
) -> JsonObject:
    ids = list(distinct_ids)
    return {
        "id": id_,
        "uuid": id_,
        "type": "person",
        "name": str(properties.get("email") or properties.get("name") or (ids or [id_])[0]),
        "distinct_ids": ids,
        "properties": properties,
        "created_at": iso_time(created_at),
        "last_seen_at": seen and iso_time(seen),
        "is_identified": bool(identified),
    }
