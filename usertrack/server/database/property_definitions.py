"""The type of every property (PostHog's property definitions). The first value seen decides it, as in PostHog."""

import re
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from usertrack.server.database.session import ClickHouseSession
from usertrack.server.hogql.context import PropertyDefinition

# PostHog's property-definitions service: these never become properties of their own
_NOT_PROPERTIES = {"$set", "$set_once", "$unset", "$groups", *(f"$group_{index}" for index in range(5))}
_ALWAYS_STRING = ("utm_", "$initial_utm_", "$feature/", "$feature_flag_response", "$survey_response")
_TIME_WORDS = ("time", "timestamp", "date", "_at", "-at", "createdat", "updatedat")
_DATE = re.compile(
    r"\s*\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?\s*", re.I
)
_LONGEST_NAME = 200
_TABLES = {"event": "events", "person": "persons", "group": "groups"}

Key = tuple[str, str]  # (event | person | group, name)


def property_type(name: str, value: object, now: datetime) -> str:
    """The type that ``value``, seen first, gives to the property ``name``; '' for lists and objects."""
    lowered = name.lower()
    if lowered.startswith(_ALWAYS_STRING):
        return "String"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "DateTime" if _is_unix_time(lowered, value, now) else "Numeric"
    if not isinstance(value, str):
        return ""
    if value.strip() in ("true", "false", "TRUE", "FALSE"):
        return "Boolean"
    return "DateTime" if _DATE.fullmatch(value) else "String"


def _is_unix_time(lowered: str, value: float, now: datetime) -> bool:
    """A whole number, as Unix time at most half a year ago or later, under a name that means a time."""
    recent = (now - timedelta(days=182)).timestamp()
    return isinstance(value, int) and value >= recent and any(word in lowered for word in _TIME_WORDS)


class PropertyDefinitions:
    """The table ``posthog.property_definitions`` with a copy in memory for queries; only changes are written."""

    def __init__(self, store: ClickHouseSession) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: Mapping[Key, PropertyDefinition] = self._read()

    def known(self) -> Mapping[Key, PropertyDefinition]:
        """The definitions as of now; what is learned later does not change them."""
        return self._known

    def _read(self) -> dict[Key, PropertyDefinition]:
        rows = self._store.rows(
            "SELECT type, name, property_type, scalar_string FROM posthog.property_definitions FINAL"
        )
        return {(kind, name): PropertyDefinition(type_, bool(scalar)) for kind, name, type_, scalar in rows}

    def learn(self, seen: Iterable[tuple[str, Mapping[str, object]]], now: datetime) -> None:
        """Write the new definitions in ``seen``, pairs of (event | person | group, properties)."""
        with self._lock:
            news: dict[Key, PropertyDefinition] = {}
            for kind, properties in seen:
                for name, value in properties.items():
                    known = self._known.get((kind, name))
                    if not _teaches_nothing(known, value):
                        self._notice((kind, name), value, now, news)
            self._save(news)

    def _notice(self, key: Key, value: object, now: datetime, news: dict[Key, PropertyDefinition]) -> None:
        known = news.get(key) or self._known.get(key)
        is_string = isinstance(value, str)
        if _teaches_nothing(known, value):
            return
        if value is None or len(key[1]) > _LONGEST_NAME or (key[0] == "event" and key[1] in _NOT_PROPERTIES):
            return
        type_ = (known and known.property_type) or property_type(key[1], value, now)
        news[key] = PropertyDefinition(type_, is_string and (known is None or known.scalar_string))

    def reload(self) -> None:
        """Read the table again, after somebody else has changed it."""
        with self._lock:
            self._known = self._read()

    def refresh(self, now: datetime, events: str = "events", session: ClickHouseSession | None = None) -> None:
        """Learn from the stored rows. Decided types stay; takes some seconds for 10 million events.

        ``events`` is the table of events to read, with ``session`` in place of the store's own.
        """
        reading = session or self._store
        stored_types = [
            (kind, table, _stored_types(reading, table)) for kind, table in {**_TABLES, "event": events}.items()
        ]
        with self._lock:
            self._known = self._read()
            news: dict[Key, PropertyDefinition] = {}
            for kind, table, stored in stored_types:
                for name, types in stored.items():
                    if len(name) <= _LONGEST_NAME and not (kind == "event" and name in _NOT_PROPERTIES):
                        known = self._known.get((kind, name))
                        type_ = (known and known.property_type) or _first_type(reading, table, name, types, now)
                        strings = types == {"String"} and (known is None or known.scalar_string)
                        news[kind, name] = PropertyDefinition(type_, strings)
            self._save(news)

    def _save(self, news: Mapping[Key, PropertyDefinition]) -> None:
        changed = {key: definition for key, definition in news.items() if self._known.get(key) != definition}
        version = time.time_ns()
        self._store.insert(
            "property_definitions",
            (
                {
                    "type": kind,
                    "name": name,
                    "property_type": definition.property_type,
                    "scalar_string": int(definition.scalar_string),
                    "version": version,
                }
                for (kind, name), definition in changed.items()
            ),
        )
        self._known = {**self._known, **changed} if changed else self._known


def _teaches_nothing(known: PropertyDefinition | None, value: object) -> bool:
    """The common case."""
    return bool(known and known.property_type and (not known.scalar_string or isinstance(value, str) or value is None))


def _stored_types(session: ClickHouseSession, table: str) -> dict[str, set[str]]:
    """Top-level property name → ClickHouse types of its values; what lies below a name makes it an object."""
    rows = session.rows(f"SELECT distinctJSONPathsAndTypes(properties) FROM posthog.{table}")
    types: dict[str, set[str]] = {}
    for path, path_types in rows[0][0].items():
        top, _, below = path.partition(".")
        types.setdefault(top.replace("%2E", "."), set()).update(["JSON"] if below else path_types)
    return types


def _first_type(session: ClickHouseSession, table: str, name: str, types: set[str], now: datetime) -> str:
    scalars = [type_ for type_ in ("String", "Bool", "Int64", "UInt64", "Float64") if type_ in types]
    if not scalars:
        return ""
    column = "properties.`" + name.replace("\\", "\\\\").replace("`", "\\`").replace(".", "%2E") + "`"
    value = f"{column}.:{scalars[0]}"
    rows = session.rows(f"SELECT {value} FROM posthog.{table} WHERE {value} IS NOT NULL LIMIT 1")
    return property_type(name, rows[0][0], now) if rows else ""
