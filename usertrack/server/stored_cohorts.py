"""PostHog's static cohorts: lists of persons, kept in the store.

The size of a cohort is counted when it is read, so it is never out of date.
"""

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from usertrack.core.json_types import JsonObject
from usertrack.server.database.execute import iso_time, read_rows
from usertrack.server.database.literals import literal, literals
from usertrack.server.database.store import Store
from usertrack.server.hogql.sql import clickhouse_time
from usertrack.server.http.api_errors import ApiError
from usertrack.server.stored_persons import person_json, uuid_of

PERSON_ID_KINDS, DISTINCT_ID_KINDS = {"person_id", "person .id"}, {"distinct_id", "distinct-id"}
"""The headers of a CSV that mean a person's id, and a distinct_id."""


class StaticCohorts:
    """The cohorts of a store and their members. Raises ApiError for what PostHog would refuse."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._creating = threading.Lock()  # ids are consecutive

    def list_cohorts(self, search: str = "") -> list[JsonObject]:
        """Every cohort that is not deleted and has ``search`` in its name, newest first."""
        matching = f"AND positionCaseInsensitiveUTF8(name, {literal(search)}) > 0" if search else ""
        return self._read(f"NOT deleted {matching}")

    def get(self, cohort_id: int) -> JsonObject:
        cohorts = self._read(f"id = {cohort_id}")
        if not cohorts:
            raise ApiError(404, "not_found", "Not found.")
        return cohorts[0]

    def create(self, name: str, description: str, persons: Iterable[str]) -> JsonObject:
        with self._creating:
            [[last]] = read_rows(self._store, "SELECT max(id) FROM posthog.cohorts")
            self._write({"id": last + 1, "name": name, "description": description}, clickhouse_time(datetime.now(UTC)))
        self._write_members(last + 1, persons)
        return self.get(last + 1)

    def change(self, cohort_id: int, changes: JsonObject) -> JsonObject:
        before = self.get(cohort_id)
        self._write({**before, **changes}, before["created_at"].replace("T", " ").rstrip("Z"))
        return self.get(cohort_id)

    def add(self, cohort_id: int, persons: Sequence[str]) -> None:
        existing = self.existing(persons)
        if not existing:
            raise ApiError(400, "invalid_input", "No valid users to add to cohort")
        self._write_members(cohort_id, existing)

    def remove(self, cohort_id: int, person: str) -> None:
        existing = self.existing([person])
        if not existing:
            raise ApiError(404, "not_found", "Person with this UUID does not exist in the cohort's team")
        self._write_members(cohort_id, existing, removed=True)

    def existing(self, persons: Sequence[str]) -> list[str]:
        """Return the ids among ``persons`` that exist."""
        sql = f"SELECT id FROM posthog.persons FINAL WHERE id IN {literals(filter(None, map(uuid_of, persons)))}"
        return [id_ for (id_,) in read_rows(self._store, sql)]

    def resolve(self, kind: str, values: Sequence[str]) -> list[str]:
        """Ids of the persons whose id, distinct_id or e-mail, by ``kind``, is in ``values``."""
        if kind.lower() in PERSON_ID_KINDS:
            return self.existing(values)
        if kind.lower() in DISTINCT_ID_KINDS:
            sql = "SELECT DISTINCT person_id FROM posthog.person_distinct_ids FINAL WHERE distinct_id IN"
        else:
            sql = "SELECT id FROM posthog.persons FINAL WHERE properties.email::Nullable(String) IN"
        return [id_ for (id_,) in read_rows(self._store, f"{sql} {literals(values)}")]

    def members(self, cohort_id: int, limit: int, offset: int) -> list[JsonObject]:
        rows = read_rows(
            self._store,
            "SELECT id, toString(created_at), properties, is_identified, toString(last_seen_at), distinct_ids"
            " FROM posthog.persons AS p FINAL LEFT JOIN (SELECT person_id, groupArray(10)(distinct_id) AS distinct_ids"
            " FROM posthog.person_distinct_ids FINAL GROUP BY person_id) AS d ON p.id = d.person_id"
            f" WHERE id IN ({_members(cohort_id)}) ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {offset}",
        )
        return [{**person_json(*row), "matched_recordings": [], "value_at_data_point": None} for row in rows]

    def _write_members(self, cohort_id: int, persons: Iterable[str], *, removed: bool = False) -> None:
        version = self._store.next_version()
        self._store.insert(
            "static_cohort_people",
            ({"cohort_id": cohort_id, "person_id": p, "version": version, "is_deleted": int(removed)} for p in persons),
        )

    def _write(self, cohort: JsonObject, created_at: str) -> None:
        own = {name: cohort[name] for name in ("id", "name", "description")}
        deleted = int(bool(cohort.get("deleted")))
        row = {**own, "created_at": created_at, "deleted": deleted, "version": self._store.next_version()}
        self._store.insert("cohorts", [row])

    def _read(self, where: str) -> list[JsonObject]:
        rows = read_rows(
            self._store,
            "SELECT id, name, description, deleted, toString(created_at), people FROM posthog.cohorts AS c FINAL"
            " LEFT JOIN (SELECT cohort_id, count() AS people FROM posthog.static_cohort_people FINAL"
            " WHERE person_id IN (SELECT id FROM posthog.persons FINAL) GROUP BY cohort_id) AS m ON c.id = m.cohort_id"
            f" WHERE {where} ORDER BY created_at DESC, id DESC",
        )
        return [_cohort(*row) for row in rows]


def _members(cohort_id: int) -> str:
    return f"SELECT person_id FROM posthog.static_cohort_people FINAL WHERE cohort_id = {cohort_id}"


def _cohort(id_: int, name: str, description: str, deleted: int, created_at: str, count: int) -> JsonObject:
    return {
        "id": id_,
        "name": name,
        "description": description,
        "groups": [],
        "deleted": bool(deleted),
        "filters": {"properties": {"type": "OR", "values": []}},
        "query": None,
        "version": None,
        "pending_version": None,
        "is_calculating": False,
        "created_by": None,
        "created_at": iso_time(created_at),
        "last_calculation": iso_time(created_at),
        "errors_calculating": 0,
        "last_error_message": None,
        "count": count,
        "is_static": True,
        "cohort_type": "static",
        "experiment_set": [],
    }
