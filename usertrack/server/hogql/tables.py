"""The tables of HogQL, and their fields in ClickHouse. Nothing else can be read."""

from dataclasses import dataclass, field

from usertrack.server.hogql.sessions import SESSION_COLUMNS
from usertrack.server.hogql.sql import Type

STRING, INT, BOOL = Type("String", False), Type("Int", False), Type("Bool", False)
UUID, TIME, MAYBE_TIME = Type("UUID", False), Type("DateTime", False), Type("DateTime")


@dataclass(frozen=True)
class LazyJoin:
    """PostHog's lazy join: ``field.x`` reads x of ``table`` where its ``remote`` equals our ``local``."""

    table: str
    local: str
    remote: str
    local_fields: dict[str, str] = field(default_factory=dict)  # fields of the other table that this one has, too
    where: str = ""


@dataclass(frozen=True)
class HogQLTable:
    """``aggregates``: columns are SQL over ``clickhouse`` grouped by ``group``, else columns of that name."""

    clickhouse: str
    columns: dict[str, Type]
    links: dict[str, LazyJoin] = field(default_factory=dict)
    itself: frozenset[str] = frozenset()  # e.g. events.pdi.person_id is events.person_id
    final: bool = False
    aggregates: bool = False
    function: bool = False
    hidden: frozenset[str] = frozenset()  # left out of SELECT *


_PERSON = LazyJoin("persons", "person_id", "id", {"id": "person_id"})
_GROUPS = [f"$group_{index}" for index in range(5)]

TABLES = {
    "events": HogQLTable(
        "posthog.events",
        {
            "uuid": UUID,
            "event": STRING,
            "properties": Type("JSON", False, "event"),
            "timestamp": TIME,
            "distinct_id": STRING,
            "elements_chain": STRING,
            "created_at": TIME,
            "$session_id": STRING,
            "$window_id": STRING,
            "person_mode": STRING,
            **dict.fromkeys(_GROUPS, STRING),
            "person_id": UUID,
        },
        {
            "person": _PERSON,
            "session": LazyJoin("sessions", "$session_id", "session_id"),
            **{
                f"group_{index}": LazyJoin("groups", group, "key", where=f"`index` = {index}")
                for index, group in enumerate(_GROUPS)
            },
        },
        itself=frozenset({"pdi", "poe"}),
        hidden=frozenset({"person_id"}),
    ),
    "persons": HogQLTable(
        "posthog.persons",
        {
            "id": UUID,
            "created_at": TIME,
            "properties": Type("JSON", False, "person"),
            "is_identified": BOOL,
            "last_seen_at": MAYBE_TIME,
        },
        {"pdi": LazyJoin("person_distinct_ids", "id", "person_id", {"person_id": "id"})},
        final=True,
    ),
    "person_distinct_ids": HogQLTable(
        "posthog.person_distinct_ids", {"distinct_id": STRING, "person_id": UUID}, {"person": _PERSON}, final=True
    ),
    "groups": HogQLTable(
        "posthog.groups",
        {
            "index": INT,
            "key": STRING,
            "created_at": TIME,
            "updated_at": TIME,
            "properties": Type("JSON", False, "group"),
        },
        final=True,
    ),
    "sessions": HogQLTable(
        "posthog.events", {name: kind for name, (_, kind) in SESSION_COLUMNS.items()}, aggregates=True
    ),
    "numbers": HogQLTable("numbers", {"number": INT}, function=True),
}
# raw_* and *_overrides are PostHog's storage; the tables above are already deduplicated and merged
TABLES["raw_persons"] = TABLES["persons"]
