"""The journal of a commit: its changes of persons, on disk before they are written to three tables.

A process can be killed between the tables. The next one that opens the store or writes to it completes the commit
first; doing so twice changes nothing.
"""

import json
import os
from collections.abc import Iterable, Mapping

from usertrack.core.json_types import JsonObject
from usertrack.server.database.literals import chunks
from usertrack.server.database.session import ClickHouseSession

Rows = list[JsonObject]


class MergeJournal:
    """The journal of one data directory. Callers hold ``store.write_lock``, or are the first to open the store."""

    def __init__(self, store: ClickHouseSession) -> None:
        self._store = store
        self._path = store.path / "commit.json"
        self._fresh = self._path.with_suffix(".new")

    def commit(self, moves: Mapping[str, str], persons: Rows, links: Rows) -> None:
        """Move events between persons, then write rows of persons and distinct_ids: all now, or all after a crash.

        ``moves`` maps the id of a merged person to that of the surviving one.
        """
        if moves or persons or links:
            self._note({"moves": dict(moves), "persons": persons, "links": links})
            self.complete()

    def begin_import(self, version: int) -> None:
        """Note that an import writes persons with ``version``, and then their distinct_ids."""
        self._note({"import": version})

    def end_import(self) -> None:
        self._path.unlink()

    def complete(self) -> None:
        """Complete the noted commit, if there is one."""
        self._fresh.unlink(missing_ok=True)
        if not self._path.exists():
            return
        noted = json.loads(self._path.read_bytes())
        if "import" in noted:
            self._undo_import(noted["import"])
        else:
            self._move_events(noted["moves"])
            self._store.insert("persons", noted["persons"])
            self._store.insert("person_distinct_ids", noted["links"])
        self._path.unlink()

    def _note(self, entry: JsonObject) -> None:
        self._fresh.touch(mode=0o600)
        with self._fresh.open("w") as file:
            json.dump(entry, file)
            file.flush()
            os.fsync(file.fileno())
        self._fresh.replace(self._path)

    def _move_events(self, moves: Mapping[str, str]) -> None:
        for chunk in chunks(moves):
            former, now = _list(chunk), _list(moves[id_] for id_ in chunk)
            self._store.query(
                "UPDATE posthog.events"
                f" SET person_id = toUUID(transform(toString(person_id), [{former}], [{now}], toString(person_id)))"
                f" WHERE person_id IN ({former})"
            )

    def _undo_import(self, version: int) -> None:
        """Delete the persons that a killed import wrote without distinct_ids; it has no events yet."""
        self._store.query(
            "INSERT INTO posthog.persons (id, created_at, version, is_deleted)"
            f" SELECT id, created_at, version + 1, 1 FROM posthog.persons WHERE version = {version}"
            " AND id NOT IN (SELECT person_id FROM posthog.person_distinct_ids FINAL)"
        )


def _list(ids: Iterable[str]) -> str:
    return ",".join(f"'{id_}'" for id_ in ids)
