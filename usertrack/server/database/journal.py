"""What a commit is about to write on persons, on disk before it is written: it lies in three tables, and a process can
be killed between them. Whoever opens the store, or writes next, completes it first; doing so twice changes nothing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from usertrack.server.database.session import ClickHouseSession

_CHUNK = 5_000
Rows = list[dict[str, Any]]


class Journal:
    """Of one data directory. Its callers have ``store.rewriting``, or are the first to open the store."""

    def __init__(self, store: ClickHouseSession) -> None:
        self._store = store
        self._path = store.path / "commit.json"
        self._fresh = self._path.with_suffix(".new")

    def commit(self, moves: Mapping[str, str], persons: Rows, links: Rows) -> None:
        """Move events from persons to others, then write rows of persons and of their distinct_ids: all, or all later.

        ``moves`` is person id → the id of who took over.
        """
        if moves or persons or links:
            self._note({"moves": dict(moves), "persons": persons, "links": links})
            self.complete()

    def begin_import(self, version: int) -> None:
        """Persons of an import are about to be written with ``version``, and their distinct_ids after them."""
        self._note({"import": version})

    def end_import(self) -> None:
        self._path.unlink()

    def complete(self) -> None:
        """Do what is noted, if anything is."""
        self._fresh.unlink(missing_ok=True)
        if not self._path.exists():
            return
        noted = json.loads(self._path.read_bytes())
        if "import" in noted:
            self._take_back(noted["import"])
        else:
            self._move_events(noted["moves"])
            self._store.insert("persons", noted["persons"])
            self._store.insert("person_distinct_ids", noted["links"])
        self._path.unlink()

    def _note(self, what: dict[str, Any]) -> None:
        self._fresh.touch(mode=0o600)
        self._fresh.write_text(json.dumps(what))
        self._fresh.replace(self._path)

    def _move_events(self, moves: Mapping[str, str]) -> None:
        for chunk in _chunks(moves):
            former, now = _list(chunk), _list(moves[id_] for id_ in chunk)
            self._store.query(
                "UPDATE posthog.events"
                f" SET person_id = toUUID(transform(toString(person_id), [{former}], [{now}], toString(person_id)))"
                f" WHERE person_id IN ({former})"
            )

    def _take_back(self, version: int) -> None:
        """The persons of an import that was cut short before they got ids; it has no events yet."""
        self._store.query(
            "INSERT INTO posthog.persons (id, created_at, version, is_deleted)"
            f" SELECT id, created_at, version + 1, 1 FROM posthog.persons WHERE version = {version}"
            " AND id NOT IN (SELECT person_id FROM posthog.person_distinct_ids FINAL)"
        )


def _list(ids: Iterable[str]) -> str:
    return ",".join(f"'{id_}'" for id_ in ids)


def _chunks(values: Iterable[str]) -> Iterable[list[str]]:
    ordered = list(values)
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))
