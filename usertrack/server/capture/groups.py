"""Groups (companies, projects …) that events belong to. A project has at most five group types; more are ignored."""

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING

from usertrack.core.json_types import JsonObject
from usertrack.server.capture.payload import Event, as_dict
from usertrack.server.database.literals import literal
from usertrack.server.hogql.sql import clickhouse_time

if TYPE_CHECKING:
    from usertrack.server.database.store import Store

MAX_GROUP_TYPES = 5  # PostHog's limit: `$group_0` to `$group_4`


class Groups:
    """Writes the group types and groups of a store; keeps the index of every group type in memory."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        rows = store.rows("SELECT index, group_type FROM posthog.group_types FINAL ORDER BY index")
        self._index = {group_type: index for index, group_type in rows}

    def columns(self, groups: object) -> dict[str, str]:
        """An event's `$groups` as the columns `$group_0` … `$group_4`."""
        columns = {}
        for group_type, key in as_dict(groups).items():
            index = self._type_index(group_type)
            if index is not None and key is not None:
                columns[f"$group_{index}"] = _key(key)
        return columns

    def identify(self, events: list[Event], now: datetime) -> None:
        """Apply the `$groupidentify` among ``events``: `$group_set` overwrites, other properties stay."""
        updates: dict[tuple[int, str], JsonObject] = {}
        for event in events:
            properties = event.properties
            group_type, key = properties.get("$group_type"), properties.get("$group_key")
            if event.event != "$groupidentify" or not isinstance(group_type, str) or key is None:
                continue
            index = self._type_index(group_type)
            if index is not None:
                updates.setdefault((index, _key(key)), {}).update(as_dict(properties.get("$group_set")))
        self._store.insert("groups", [self._updated(*group, new, now) for group, new in updates.items()])

    def _updated(self, index: int, key: str, new: JsonObject, now: datetime) -> JsonObject:
        stored = self._store.rows(
            "SELECT toString(created_at), properties, version FROM posthog.groups FINAL"
            f" WHERE index = {index} AND key = {literal(key)}"
        )
        created_at, properties, version = stored[0] if stored else (clickhouse_time(now), {}, 0)
        return {
            "index": index,
            "key": key,
            "created_at": created_at,
            "updated_at": clickhouse_time(now),
            "properties": {**properties, **new},
            "version": max(version + 1, time.time_ns()),
        }

    def _type_index(self, group_type: str) -> int | None:
        if group_type not in self._index and len(self._index) < MAX_GROUP_TYPES:
            index = len(self._index)
            self._store.insert("group_types", [{"index": index, "group_type": group_type}])
            self._index[group_type] = index
        return self._index.get(group_type)


def _key(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
