"""Entities: what an account, a run or a call is in this database. ``{runs}`` stands for ``tables/neon/runs.sql``.

An entity is a SELECT whose columns are declared here. Queries read entities, and no tables: the library puts each one
that a query names in front of it, as a CTE.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from usertrack.core.emails import email_in_postgres, emails_in_postgres
from usertrack.core.errors import UsageError
from usertrack.core.source_names import POSTGRES, TABLES
from usertrack.library.sql import on_one_line, placeholders, with_ctes

TYPES = {"text": "text", "number": "float8", "time": "timestamptz", "id": "text", "flag": "bool"}
"""Types of columns, with what PostgreSQL calls one that is not mapped. An ``id`` is of any type."""


@dataclass(frozen=True)
class EntityColumn:
    """A declared column of an entity. One that is not ``required`` may be left out: it is NULL then, or ``derived``.

    ``value`` is SQL for what queries read of it, where that is not the column itself. ``null`` is what it is where the
    company has no such entity, where its type is that of another one.
    """

    name: str
    type: str
    about: str
    required: bool = False
    derived: str = ""
    value: str = ""
    null: str = ""

    @property
    def sql(self) -> str:
        """Return the SQL of the column, as queries read it."""
        return self.value or (f"{self.name}::text" if self.type == "text" else self.name)


@dataclass(frozen=True)
class EntityKind:
    """A kind of entity: the meaning of its rows, its columns, and the ``states`` that its status may have.

    ``meaning`` is the column with the state of each row, and ``flags`` are states that have a column each. ``added``
    are further columns of the library's own, with their SQL. Rows of which the column ``gone`` is true are left out.
    """

    name: str
    about: str
    columns: tuple[EntityColumn, ...]
    status: str = ""
    states: tuple[str, ...] = ()
    meaning: str = ""
    flags: tuple[str, ...] = ()
    added: Mapping[str, str] = field(default_factory=dict)
    gone: str = ""

    @property
    def derived(self) -> tuple[str, ...]:
        """The columns that the library adds."""
        meaning = (self.meaning,) if self.meaning != self.status else ()
        return (*self.added, *meaning, *self.flags)


UNKNOWN_ZONE = "unknown"
"""The `timezone` of an entity whose times have no zone, while nobody has said which is meant: they count as UTC."""
EMAIL = "email"
"""The key of profiles, unless segments.yaml names another one."""
OUTCOMES = ("ok", "failed", "running", "cancelled")
_ACCOUNT = EntityColumn(
    "account_id",
    "id",
    "the account that did it",
    required=True,
    null="(SELECT account_id FROM {accounts} AS a WHERE false)",
)
_ACTOR = EntityColumn(
    "actor", "text", "a name for who did it, where no account is known", derived="'account ' || account_id"
)
_STATUS = EntityColumn("status", "text", "how it ended, in your words; `states` says what they mean", required=True)
_DURATION = EntityColumn(
    "duration_ms",
    "number",
    "how long it took, in milliseconds; below 0 is not known",
    value="CASE WHEN duration_ms >= 0 THEN duration_ms END",
)


def _at(about: str) -> EntityColumn:
    return EntityColumn("at", "time", about, required=True)


def _activity(name: str, about: str, *columns: EntityColumn) -> EntityKind:
    """An entity whose rows end well or badly."""
    return EntityKind(name, about, columns, "status", OUTCOMES, "outcome", ("ok", "failed"))


_EMAIL = email_in_postgres("email")
ACCOUNTS = EntityKind(
    "accounts",
    "who can sign in: a row per account",
    (
        EntityColumn("account_id", "id", "its id, as runs and calls have it", required=True),
        EntityColumn("email", "text", "the e-mail, by which PostHog's persons are found", required=True, value=_EMAIL),
        EntityColumn(
            "emails",
            "text",
            "all its e-mails in one text, with blanks between: PostHog may know any of them",
            value=emails_in_postgres("emails"),
        ),
        EntityColumn("signed_up_at", "time", "when it was made"),
        EntityColumn("name", "text", "the person's name"),
        EntityColumn("last_active_at", "time", "when the app itself last saw it"),
        EntityColumn("subscription_status", "text", "`active` for who pays; all else as you call it"),
        EntityColumn("converted_at", "time", "when it began to pay"),
        EntityColumn("churned", "flag", "whether it has left, by the app's own account"),
        EntityColumn("churned_at", "time", "when it left"),
        EntityColumn("credits", "number", "what is left of a prepaid balance"),
        EntityColumn("revenue", "number", "what it pays in a month"),
        EntityColumn("organization", "text", "the company or team that it belongs to"),
        EntityColumn("organization_id", "id", "its id, which tells two organizations of one name apart"),
        EntityColumn("organization_revenue", "number", "what that pays in a month, the same in each of its rows"),
        EntityColumn(
            "deleted", "flag", "whether it was deleted: such an account is nobody to act on, and in no answer"
        ),
    ),
    status="subscription_status",
    states=("active",),
    meaning="subscription_status",
    added={
        "person": f"coalesce({_EMAIL}, 'account ' || account_id)",
        "exists_since": "coalesce(signed_up_at, '-infinity')",  # when that is unknown, the account counts at any time
        "no_address": f"({_EMAIL} IS NULL AND email::text ~ '[^[:space:]]') IS TRUE",  # a text, and no e-mail
    },
    gone="deleted",
)
FORMER_ACCOUNTS = "former_accounts"
"""``{former_accounts}`` are the accounts that were deleted, which ``{accounts}`` does not have."""
KINDS: Mapping[str, EntityKind] = {
    kind.name: kind
    for kind in (
        ACCOUNTS,
        _activity(
            "runs",
            "what ends well or badly, such as jobs, builds or workflows: a row per run",
            _ACCOUNT,
            _at("when it began"),
            _STATUS,
            EntityColumn("run_id", "id", "its id"),
            _ACTOR,
            EntityColumn("error", "text", "the message or log of a run that failed"),
            EntityColumn("ended_at", "time", "when it ended"),
        ),
        _activity(
            "calls",
            "calls of tools or of an API: a row per call",
            _ACCOUNT,
            _at("when it was made"),
            _STATUS,
            EntityColumn("tool", "text", "what was called", required=True),
            _ACTOR,
            EntityColumn("kind", "text", "the kind of tool, such as built_in"),
            EntityColumn("provider", "text", "whose tool it is"),
            EntityColumn("error_type", "text", "the class of the error"),
            EntityColumn("error", "text", "the message of a call that failed"),
            _DURATION,
        ),
        _activity(
            "code_runs",
            "executions of a customer's own code: a row per execution",
            _ACCOUNT,
            _at("when it began"),
            _STATUS,
            EntityColumn("name", "text", "what was run"),
            _DURATION,
        ),
        EntityKind(
            "deployments",
            "what customers built and deployed: a row each",
            (
                _ACCOUNT,
                _at("when it was deployed"),
                EntityColumn("name", "text", "what it is called"),
                EntityColumn("description", "text", "what it is for"),
                EntityColumn("code_length", "number", "how long its code is, in characters"),
            ),
        ),
        _activity(
            "agent_runs",
            "executions of agents: a row per execution",
            _ACCOUNT,
            _at("when it began"),
            _STATUS,
            EntityColumn("agent", "text", "which agent"),
            EntityColumn(
                "completed_at",
                "time",
                "when it ended; before it began is not known",
                value="CASE WHEN completed_at >= at THEN completed_at END",
            ),
            _DURATION,
        ),
    )
}
"""Every entity that the shipped queries read."""
OWN_EVENTS = EntityKind(
    "events",
    "what people did: a row per event",
    (
        EntityColumn("id", "id", "its id: an event is counted once, however often it is read", required=True),
        EntityColumn("person", "id", "whose event it is: the id of an account; NULL for an anonymous visitor"),
        EntityColumn("name", "text", "what happened", required=True),
        EntityColumn("time", "time", "when it happened", required=True),
        EntityColumn("properties", "text", "a JSON object with what else is known of it"),
        EntityColumn("session", "text", "the session that it belongs to"),
    ),
)
"""The events that a company keeps in its own Postgres. No query reads them there: they are copied, and asked as HogQL.

So they are none of ``KINDS``, and no query can name them.
"""
_WITH_FILES = {**KINDS, OWN_EVENTS.name: OWN_EVENTS}
LEADERS = ("posthog", "own")
"""Whose events count where there are both: `leads` in the header of ``tables/neon/events.sql``."""


@dataclass(frozen=True)
class Entity:
    """One entity as it is mapped: the SELECT of its file, the columns of that, and what its states mean.

    ``written`` is the SQL as in the file, with its comments, and ``line`` the one on which that begins. Times without
    a zone are read as of ``timezone``, which may be UNKNOWN_ZONE. ``leads`` is that of own events, and ``same_as``
    are the events of PostHog that tell of the same as rows. ``lacking`` are columns that are NULL, as the tables do not
    have them, and what of the tables that is.
    """

    kind: EntityKind
    sql: str
    mapped: tuple[str, ...]
    states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    path: Path | None = None
    written: str = ""
    line: int = 1
    shipped: bool = False
    timezone: str = ""
    leads: str = ""
    same_as: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Return the name of its file in messages: a shipped one by its place in a workspace."""
        return f"{TABLES}/{self.kind.name}.sql" if self.shipped else str(self.path)

    @property
    def timeless(self) -> str:
        """Its time, where the tables have no column for that; else empty."""
        times = (column.name for column in self.kind.columns if column.required and column.type == "time")
        return next((name for name in times if name in self.lacking), "")

    def gone(self, *, timeless: bool = False) -> list[str]:
        """The columns that it has no values of, as the tables do not have them; ``timeless``: without its time."""
        derived = {column.name for column in self.kind.columns if column.derived}
        return [name for name in self.lacking if name not in derived and not (timeless and name == self.timeless)]

    @cached_property  # each query that reads it writes it in front of itself
    def select(self) -> str:
        """Its rows with all declared columns and, where it has a status, what that means."""
        gone = self.kind.gone
        return self._rows(f"{gone} IS NOT TRUE" if gone in self.mapped else "")

    @cached_property
    def former(self) -> str:
        """The rows that are marked as gone; none where the file marks none."""
        gone = self.kind.gone
        return self._rows(gone if gone in self.mapped else "false")

    def _rows(self, condition: str) -> str:
        columns = ",\n    ".join(self._columns())
        where = f"\nWHERE {condition}" if condition else ""
        return f"SELECT\n    {columns}\nFROM (\n    {self.sql.replace(chr(10), chr(10) + '    ')}\n) AS mapped{where}"

    def _columns(self) -> Iterator[str]:
        kind = self.kind
        for column in kind.columns:
            value = self._value(column) if column.name in self.mapped else self._absent(column)
            yield column.name if value == column.name else f"{value} AS {column.name}"
        known = {column.name for column in kind.columns}
        yield from ('"' + name.replace('"', '""') + '"' for name in self.mapped if name not in known)
        yield from (f"{self._of_mapped(sql)} AS {name}" for name, sql in kind.added.items())
        if kind.meaning and kind.meaning not in known:
            yield f"{self._case(_UNKNOWN)} AS {kind.meaning}"
        yield from (f"{self._is(state)} AS {state}" for state in kind.flags)

    def _value(self, column: EntityColumn) -> str:
        """Return the SQL of a column. Of a status, the mapped state goes before its word, which may sound like one."""
        if column.type == "time" and self.timezone not in ("", UNKNOWN_ZONE):
            zoned = f"CASE WHEN pg_typeof({column.name}) = 'timestamptz'::regtype THEN {column.name}::timestamptz"
            return f"{zoned} ELSE timezone('{self.timezone}', {column.name}::timestamp) END"
        if column.name != self.kind.meaning or not self.states:
            return column.sql
        names = ", ".join(f"'{state}'" for state in self.kind.states)
        return self._case(f"CASE WHEN {column.sql} NOT IN ({names}) THEN {column.sql} END")

    def _absent(self, column: EntityColumn) -> str:
        return column.derived or f"NULL::{TYPES[column.type]}"

    def _of_mapped(self, sql: str) -> str:
        """``sql`` with what queries read of each column that is mapped, and NULL for each that is not."""
        for column in self.kind.columns:
            written = rf"{re.escape(column.value)}|\b{column.name}::text" if column.value else rf"\b{column.name}\b"
            if column.name not in self.mapped:
                sql = re.sub(written, f"NULL::{TYPES[column.type]}", sql)
            elif column.type == "time":
                sql = re.sub(written, self._value(column), sql)
        return sql

    def _case(self, otherwise: str) -> str:
        cases = "".join(
            f" WHEN {self._is(state)} THEN '{state}'" for state in self.kind.states if self.states.get(state)
        )
        return f"CASE{cases} ELSE {otherwise} END" if cases else otherwise

    def _is(self, state: str) -> str:
        words = ", ".join("'" + word.replace("'", "''") + "'" for word in self.states.get(state, ()))
        return f"{self.kind.status}::text IN ({words})" if words else "false"


_UNKNOWN = "'unknown'"


def without_rows(kind: EntityKind, path: Path | None = None) -> Entity:
    """An entity that this company does not have; with ``path``, the stand-in for one whose file is broken."""
    values = (f"{column.null or f'NULL::{TYPES[column.type]}'} AS {column.name}" for column in kind.columns)
    return Entity(
        kind, f"SELECT {', '.join(values)} WHERE false", tuple(column.name for column in kind.columns), path=path
    )


class Entities(Mapping[str, Entity]):
    """The entities of Postgres by name. Each is read on first use: a broken one affects only its own queries."""

    def __init__(
        self, roots: Iterable[Path], read: Callable[[Path, EntityKind], Entity], absent: Iterable[str] = ()
    ) -> None:
        """The file in the last of the ``roots`` wins; ``absent`` are the names of those that the company lacks.

        ``ask`` is set where there is a database, and gives the columns of its tables.
        """
        self.files = {path.stem: path for root in roots for path in sorted((root / POSTGRES).glob("*.sql"))}
        self.ask: Callable[[Collection[str]], Mapping[str, Collection[str]]] | None = None
        self.absent = frozenset(absent)
        self._reader = read
        self._entities: dict[str, Entity] = {name: without_rows(KINDS[name]) for name in self.absent}

    def __getitem__(self, name: str) -> Entity:
        if name not in self._entities:
            self._entities[name] = self._reader(self.files[name], _WITH_FILES[name])
        return self._entities[name]

    def stand_in(self, name: str) -> None:
        """From now on, queries that read ``name`` read a stand-in."""
        self._entities[name] = without_rows(_WITH_FILES[name], self.files[name])

    def in_(self, sql: str) -> list[Entity]:
        """The entities that stand in front of ``sql``: those that it reads, and those that these read."""
        return [self[name] for name in self if f"{cte_name(name)} {CTE}" in sql]

    @property
    def present(self) -> list[str]:
        """The entities that this company has, of those that queries read."""
        return [name for name in KINDS if name not in self.absent]

    @property
    def with_files(self) -> list[str]:
        """Return the entities of this company, with own events where a file defines them."""
        return [*self.present, *({OWN_EVENTS.name} & self.files.keys())]

    @property
    def own_events(self) -> Entity | None:
        """Return the entity of own events, where a file defines it; raises UsageError for a broken one."""
        return self[OWN_EVENTS.name] if OWN_EVENTS.name in self.files else None

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)


def with_entities(sql: str, entities: Mapping[str, Entity], own: Collection[str] = (), *, flat: bool = True) -> str:
    """``sql`` with each ``{entity}`` named, and in front of it as a CTE; ``own`` are parameters of the query.

    ``flat``: the CTEs on the first line, so that the lines of the query keep their numbers. Raises UsageError for an
    entity that reads itself.
    """
    sql, names = name_entities(sql, own)
    ctes: dict[str, str] = {}
    for name in names:
        _add(ctes, name, entities, ())
    if not ctes:
        return sql
    texts = [f"{cte_name(name)} {CTE}{on_one_line(text) if flat else text})" for name, text in ctes.items()]
    return with_ctes(sql, texts, " " if flat else "\n")


def _add(ctes: dict[str, str], name: str, entities: Mapping[str, Entity], around: tuple[str, ...]) -> None:
    """Add an entity to ``ctes`` behind those that it reads."""
    if name in around:
        raise UsageError(
            f"{_line_of(name, around[-1], entities)}: the table '{name}' reads itself: {' → '.join((*around, name))}",
            f"write a table of your database in the place of {{{name}}}",
        )
    if name not in ctes:
        entity = entities[ACCOUNTS.name if name == FORMER_ACCOUNTS else name]
        text, names = name_entities(entity.former if name == FORMER_ACCOUNTS else entity.select)
        for inner in names:
            _add(ctes, inner, entities, (*around, name))
        ctes[name] = text


def _line_of(name: str, reader: str, entities: Mapping[str, Entity]) -> str:
    """File and line of ``{name}`` in the entity ``reader``."""
    entity = entities[ACCOUNTS.name if reader == FORMER_ACCOUNTS else reader]
    starts = [start for named, start, _ in placeholders(entity.written, POSTGRES) if named == name]
    return f"{entity.path}:{entity.line + entity.written[: starts[0] if starts else 0].count(chr(10))}"


def name_entities(sql: str, own: Collection[str] = ()) -> tuple[str, list[str]]:
    """``sql`` with the name of a CTE for each ``{entity}`` but its ``own`` parameters, and the entities in it."""
    names: dict[str, None] = {}
    for name, start, end in reversed(placeholders(sql, POSTGRES)):
        if (name in KINDS or name == FORMER_ACCOUNTS) and name not in own:
            sql = f"{sql[:start]}{cte_name(name)}{sql[end:]}"
            names[name] = None
    return sql, list(names)[::-1]


PREFIX, CTE = "usertrack_", "AS NOT MATERIALIZED ("
"""What the name of a CTE begins with, and what stands between that and its SQL."""


def cte_name(name: str) -> str:
    return f"{PREFIX}{name}"
