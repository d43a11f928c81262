"""Who is in the store, read and deleted person by person. What was deleted is off the disk when it counts as completed.

Ids stand in no statement that deletes: ClickHouse keeps the text of its mutations in files.
"""

import logging
import threading
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from usertrack.server.database.execute import read_rows
from usertrack.server.database.store import Store, literal, literals

PERSON_TABLES = ("static_cohort_people", "person_distinct_ids", "persons")
"""Persons last: while they are there, a deletion cut short is seen, and redone."""

log = logging.getLogger(__name__)


class StoredPersons:
    """The persons of a store. Deletions are carried out one after the other, in the background."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._worker = ThreadPoolExecutor(1, "deletion")
        self._deletions: list[dict[str, Any]] = []
        self._turn = threading.Lock()

    def found(self, *, email: str = "", distinct_id: str = "", search: str = "") -> list[str]:
        """The ids of the persons with that e-mail, that distinct_id, and ``search`` in either or in the name.

        Newest first, as PostHog lists them; everybody when nothing is asked for.
        """
        wanted = [f"properties.email::Nullable(String) = {literal(email)}"] if email else []
        if distinct_id:
            wanted.append(f"id IN ({_having(f'distinct_id = {literal(distinct_id)}')})")
        if search:
            email_or_name = [f"ifNull(properties.{name}::Nullable(String), '')" for name in ("email", "name")]
            within = [f"positionCaseInsensitiveUTF8({text}, {literal(search)}) > 0" for text in email_or_name]
            having = _having(f"positionCaseInsensitiveUTF8(distinct_id, {literal(search)}) > 0")
            wanted.append(f"({' OR '.join(within)} OR id IN ({having}))")
        where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
        rows = read_rows(self._store, f"SELECT id FROM posthog.persons FINAL {where} ORDER BY created_at DESC, id DESC")
        return [id_ for (id_,) in rows]

    def read(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those persons as PostHog shows them, newest first, with every one of their distinct_ids."""
        rows = read_rows(
            self._store,
            "SELECT id, toString(created_at), properties, is_identified, toString(last_seen_at), distinct_ids"
            " FROM posthog.persons AS p FINAL"
            " LEFT JOIN (SELECT person_id, arraySort(groupArray(distinct_id)) AS distinct_ids"
            f" FROM posthog.person_distinct_ids FINAL WHERE person_id IN {literals(ids)} GROUP BY person_id) AS d"
            f" ON p.id = d.person_id WHERE id IN {literals(ids)} ORDER BY created_at DESC, id DESC",
        )
        return [_shown(*row) for row in rows]

    def of_distinct_ids(self, distinct_ids: Sequence[str]) -> list[str]:
        return [id_ for (id_,) in read_rows(self._store, _having(f"distinct_id IN {literals(distinct_ids)}"))]

    def delete(
        self, ids: Sequence[str], distinct_ids: Sequence[str] = (), *, events: bool, keep_person: bool = False
    ) -> list[dict[str, Any]]:
        """Begin to delete persons, and with ``events`` all that they, or ``distinct_ids`` without a person, did.

        Returns the deletions as `deletions` lists them, which grow complete.
        """
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        with self._turn:
            begun = [{"person_uuid": id_, "created_at": now, "status": "pending"} for id_ in ids]
            self._deletions += begun
        self._worker.submit(self._delete, begun, list(ids), list(distinct_ids), events, keep_person)
        return begun

    def deletions(self, status: str, person: str = "") -> list[dict[str, Any]]:
        """The deletions begun since the server started; ``status`` is pending, completed or all."""
        with self._turn:
            return [
                dict(each)
                for each in self._deletions
                if status in ("all", each["status"]) and person in ("", each["person_uuid"])
            ]

    def finish(self) -> None:
        """Return when every deletion that was begun is done."""
        self._worker.submit(lambda: None).result()

    def _delete(
        self,
        begun: list[dict[str, Any]],
        ids: list[str],
        distinct_ids: list[str],
        events: bool,  # noqa: FBT001
        keep_person: bool,  # noqa: FBT001
    ) -> None:
        tables = (["events"] if events else []) + ([] if keep_person else list(PERSON_TABLES))
        try:
            with self._store.overhaul:
                with self._store.rewriting:
                    if events:
                        self._store.erase("events", {"person_id": ids, "distinct_id": distinct_ids})
                    if not keep_person:
                        erase_persons(self._store, ids)
                self._store.scrub(tables)
        except Exception:
            log.exception("a deletion failed")
            return  # it stays pending
        with self._turn:
            for each in begun:
                each["status"] = "completed"


def erase_persons(store: Store, ids: Sequence[str]) -> None:
    """Delete persons, and all that was kept of those who were merged; the caller has ``store.rewriting``."""
    store.journal.complete()
    for table in PERSON_TABLES:
        # rows of before a merge go first: without those that replaced them they would count again
        store.query(f"OPTIMIZE TABLE posthog.{table} FINAL")
        store.query(f"ALTER TABLE posthog.{table} DELETE WHERE is_deleted SETTINGS mutations_sync = 2")
        store.erase(table, {"id" if table == "persons" else "person_id": ids})


def uuid_of(text: object) -> str:
    """``text`` as ClickHouse reads a UUID, which is one spelling of many; '' for what is none."""
    try:
        return str(uuid.UUID(str(text)))
    except ValueError:
        return ""


def _having(condition: str) -> str:
    return f"SELECT DISTINCT person_id FROM posthog.person_distinct_ids FINAL WHERE {condition}"


def _shown(
    id_: str,
    created_at: str,
    properties: dict[str, Any],
    identified: int,
    seen: str | None,
    distinct_ids: Iterable[str],
) -> dict[str, Any]:
    ids = list(distinct_ids)
    return {
        "id": id_,
        "uuid": id_,
        "type": "person",
        "name": str(properties.get("email") or properties.get("name") or (ids or [id_])[0]),
        "distinct_ids": ids,
        "properties": properties,
        "created_at": created_at.replace(" ", "T") + "Z",
        "last_seen_at": seen and seen.replace(" ", "T") + "Z",
        "is_identified": bool(identified),
    }
