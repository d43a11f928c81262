"""Texts that people wrote: saved insights, names of cohorts and of properties. Privacy requests rewrite them.

What the live check has kept of such names is deleted, and so are events that could not be stored.
"""

import json
from collections.abc import Callable
from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.server.database.saved_insights import SavedInsights
from usertrack.server.database.set_aside import SetAside
from usertrack.server.database.store import Store
from usertrack.server.database.violation_log import ViolationLog

Change = Callable[[str], str]
TABLES = ("cohorts", "property_definitions")


def count_changes(store: Store, violations: ViolationLog, change: Change) -> int:
    """Count how many of these texts ``change`` would change."""
    rows = [row for table in TABLES for row in _rows(store, table)]
    texts = [*rows, *SavedInsights(store.path).fields(), *violations.texts()]
    return sum(text != _changed(text, change) for text in texts)


def rewrite(store: Store, violations: ViolationLog, change: Change) -> None:
    """Replace all texts by ``change(text)`` and remove the last results of insights, from the disk, too.

    The caller is in ``store.maintaining()``.
    """
    SavedInsights(store.path).reword(lambda fields: _changed(fields, change))
    violations.forget(lambda text: change(text) != text)
    SetAside(store.path).forget(lambda text: change(text) != text)
    stale = {table: [row for row in _rows(store, table) if row != _changed(row, change)] for table in TABLES}
    for table, rows in stale.items():
        if rows:
            store.insert(table, ({**_changed(row, change), "version": row["version"] + 1} for row in rows))
    store.erase("property_definitions", {"name": [row["name"] for row in stale["property_definitions"]]})
    replaced = (*TABLES, "groups")  # of groups: their replaced rows
    for table in replaced:
        store.query(f"OPTIMIZE TABLE posthog.{table} FINAL")
    store.purge(replaced)
    store.definitions.reload()


def _rows(store: Store, table: str) -> list[JsonObject]:
    lines = store.query(f"SELECT * FROM posthog.{table} FINAL", "JSONEachRow").splitlines()
    return [json.loads(line) for line in lines]


def _changed(value: Any, change: Change) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(name): _changed(item, change) for name, item in value.items()}
    return [_changed(item, change) for item in value] if isinstance(value, list) else value
