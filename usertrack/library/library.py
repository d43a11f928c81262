"""The library of queries: finds .sql files by name. A query is one file, and its path is its name."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path
from types import MappingProxyType

from usertrack.core.emails import email_in_hogql
from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.source_names import POSTGRES
from usertrack.library.causes import Catalogue, read_catalogue
from usertrack.library.entities import EMAIL, KINDS, Entities, Entity, EntityKind, with_entities
from usertrack.library.events import EVENTS, NONE, ROLES, connects_servers, parse_step
from usertrack.library.fragments import Fragment, Fragments, expand, used
from usertrack.library.header import in_words, read_entity, read_fragment
from usertrack.library.header import read_query as read_query
from usertrack.library.lacking import Columns, fitted
from usertrack.library.own_words import PLAIN, OwnWords
from usertrack.library.parameter import OFFERED as OFFERED
from usertrack.library.parameter import Parameter as Parameter
from usertrack.library.query import FACT_TYPES as FACT_TYPES
from usertrack.library.query import SOURCES as SOURCES
from usertrack.library.query import Fact as Fact
from usertrack.library.query import Query as Query
from usertrack.library.query import Statement as Statement
from usertrack.library.query import for_key as for_key
from usertrack.library.sql import quoted, tables_of
from usertrack.library.sql import statement_of as statement_of

_METRIC = re.compile(rb"^--\s*metric\s*:", re.MULTILINE)


def _bytes(path: Path) -> bytes:
    """The content of ``path``; empty when it cannot be read, for which `read_query` has the error."""
    try:
        return path.read_bytes() if path.is_file() else b""  # a FIFO would wait for ever
    except OSError:
        return b""


@cache  # asked for with each file
def shipped_root() -> Path:
    """The folder with ``queries/`` and ``segments.yaml`` as shipped: in the wheel, or at the top of a checkout."""
    packaged = Path(__file__).parents[1] / "shipped"
    return packaged if packaged.exists() else Path(__file__).parents[2]


def _role(name: str, step: str) -> Fragment:
    """The condition that ``{name}`` stands for in a query."""
    condition = "false" if step == NONE else parse_step(step).sql
    return Fragment(name, condition, None, ROLES[name].about, f"Here: `{step}`.")


def _is_copy(events: Collection[str]) -> Fragment:
    """The condition that an event tells of the same as a row, so that a sum of both counts it once."""
    # not `event IN`, which names events that a query needs (`events_of`): nothing is unknown where a copy never occurs
    condition = f"has([{', '.join(map(quoted, sorted(events)))}], event)" if events else "false"
    about = "Whether an event tells of the same as a row of Postgres: `same_as` in the header of an entity."
    return Fragment("is_copy", condition, title="An event that is a copy", about=about)


_LIKE = {"person_id": ("account_id", "person_id")}
"""The keys whose folders a key has, where that is not its own alone; the last one wins."""
_EMAILS = {
    "email_of_event": "person.properties.email",
    "email_of_person": "properties.email",
    "email_of_text": "written",
}


def _email(name: str, text: str) -> Fragment:
    """The e-mail in ``text`` as people are joined on it."""
    return Fragment(name, email_in_hogql(text), title="A normalised e-mail", about=f"That in `{text}`, or NULL.")


class Library:
    """Every query by name. A file of the workspace replaces the shipped one of the same name."""

    def __init__(  # noqa: PLR0913
        self,
        roots: Iterable[Path],
        tables: Iterable[Path] = (),
        absent: Collection[str] = (),
        roles: Mapping[str, str] = MappingProxyType({}),
        words: OwnWords = PLAIN,
        key: str = EMAIL,
        causes: Sequence[Path] = (),
    ) -> None:
        """``roots`` hold queries, ``tables`` the entities that replace shipped ones.

        ``absent`` are the entities that are not here, and `events` where there are none at all. ``roles`` are the
        events of a role as a step, or none. The labels of queries are in ``words``. ``key`` is what profiles are joined
        on: what stands in a folder ``by_KEY`` of a root replaces the rest. ``causes`` are files of causes of failure,
        the workspace's own first.
        """
        self._causes = tuple(causes) or (shipped_root() / "failures.yaml",)
        self.key = key
        self._optional = () if key == EMAIL else (EMAIL,)
        self.files: dict[str, tuple[Path, bool]] = {}
        self._read: dict[str, Query] = {}
        self._plain_roots, self._tables, self._absent = list(roots), list(tables), list(absent)
        self._roots = [
            *self._plain_roots,
            *(root / f"by_{folder}" for folder in _LIKE.get(key, (key,)) for root in self._plain_roots),
        ]
        self._fragments: dict[str, Fragments] = {}
        self.has_events = EVENTS not in absent
        kinds = [name for name in absent if name in KINDS]
        self.entities = Entities([shipped_root() / "tables", *self._tables], self._read_entity, kinds)
        self.words = words
        self.roles = {name: role.default for name, role in ROLES.items()} | dict(roles)
        for root in self._roots:
            for source in SOURCES:
                for path in sorted((root / source).rglob("*.sql")):
                    name = path.relative_to(root).with_suffix("").as_posix()
                    self.files[name] = (path, path.is_relative_to(shipped_root() / "queries"))

    @cached_property
    def catalogue(self) -> Catalogue:
        """The causes of failures; raises UsageError for a file that is wrong."""
        return read_catalogue(self._causes)

    def by(self, key: str) -> "Library":
        """Return this library for profiles that are joined on ``key``."""
        if key == self.key:
            return self
        library = Library(self._plain_roots, self._tables, self._absent, self.roles, self.words, key, self._causes)
        library._optional = self._optional
        library.entities = self.entities  # with the stand-ins of those that are broken
        return library

    def without(self, entities: Collection[str]) -> "Library":
        """Return this library without ``entities``. Facts of a query that rest on other entities stay."""
        absent = {*self._absent, *entities}
        library = Library(self._plain_roots, self._tables, absent, self.roles, self.words, self.key, self._causes)
        library._optional = self._optional
        library.entities.ask = self.entities.ask
        return library

    def asking(self, columns: Callable[[Collection[str]], Columns]) -> "Library":
        """Return this library for a database whose tables have ``columns``. Columns that are missing become NULL."""
        library = self.without(())
        library.entities.ask = columns
        return library

    def _read_entity(self, path: Path, kind: EntityKind) -> Entity:
        entity = read_entity(path, kind, self._optional)
        entity = replace(entity, shipped=path.is_relative_to(shipped_root() / "tables"))
        return fitted(entity, self._columns) if self.entities.ask and kind.name in KINDS else entity

    @cached_property
    def _columns(self) -> Columns:
        """The columns of all tables that entities read, asked for once."""
        tables: set[str] = set()
        for name in self.entities.present:
            with suppress(UsageError):  # a broken file is an error where it is read
                tables |= {*tables_of(read_entity(self.entities.files[name], KINDS[name], self._optional).sql).values()}
        return self.entities.ask(sorted(tables)) if self.entities.ask else {}

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all queries, without those of MCP servers where nobody connects any."""
        connects = connects_servers(self.roles, self._absent)
        return iter(
            sorted(name for name, (_, shipped) in self.files.items() if connects or not shipped or "mcp" not in name)
        )

    def metrics(self) -> list[str]:
        """Names of the files with a `-- metric:` line, PostHog's first. The files are not parsed: one may be broken."""
        names = [name for name, (path, _) in self.files.items() if _METRIC.search(_bytes(path))]
        return sorted(names, key=lambda name: (SOURCES.index(name.split("/", 1)[0]), name))

    def __getitem__(self, name: str) -> Query:
        """The query called ``name``, or by its last part where that is unique; raises UsageError with similar names."""
        matches = [known for known in self.files if known == name] or [
            known for known in self.files if known.rsplit("/", 1)[-1] == name
        ]
        if len(matches) != 1:
            parts = {part for known in self.files for part in (known, known.rsplit("/", 1)[-1])}
            hint = f"`usertrack query list` shows all {len([*self])}"
            if matches:
                raise UsageError(f"several queries are named '{name}'", f"say which: {' or '.join(matches)}")
            raise UsageError(f"no query named '{name}'", did_you_mean(name, parts, hint))
        known = matches[0]
        if known not in self._read:
            path, shipped = self.files[known]
            source = known.split("/", 1)[0]
            entities = self.entities if source == POSTGRES else {}
            query = read_query(path, known, self.fragments(source), entities, key=self.key, shipped=shipped)
            self._read[known] = in_words(query, self.words)
        return self._read[known]

    def compiled(self, name: str) -> str:
        """The SQL of a query as in its file, with its fragments and entities written out."""
        query = self[name]
        return self.expanded(query.written, query.source, query.params, flat=False)

    def present(self, names: Iterable[str]) -> list[str]:
        """The queries of ``names`` that rest on nothing that is absent here."""
        return [name for name in names if not self[name].absence.empty]

    def expanded(self, sql: str, source: str, own: Collection[str], *, flat: bool = True) -> str:
        """``sql`` with its fragments and entities in place; ``own`` are its parameters, which stay."""
        sql = expand(sql, source, self.fragments(source), own, flat=flat)
        return with_entities(sql, self.entities, own, flat=flat) if source == POSTGRES else sql

    def entities_in(self, sql: str) -> list[str]:
        """The entities that stand in front of ``sql``: those that it reads, and those that these read."""
        return [entity.kind.name for entity in self.entities.in_(sql)]

    def fragments_in(self, query: Query) -> dict[str, Path | None]:
        """The files of the fragments that ``query`` is made of, by name; None for one as shipped."""
        fragments = self.fragments(query.source)
        paths = {
            fragment.name: fragment.path for fragment in used(query.written, query.source, fragments, query.params)
        }
        own = {name: path for name, path in paths.items() if path and not path.is_relative_to(shipped_root())}
        return {name: own.get(name) for name in sorted(paths)}

    @cached_property
    def copies(self) -> Mapping[str, str]:
        """The events that tell of the same as rows, with the name of their entity, of entities that are here."""
        files = {name: self.entities.files.get(name) for name in self.entities.present}
        copies: dict[str, str] = {}
        for name in (name for name, path in files.items() if path and b"same_as" in _bytes(path)):
            with suppress(UsageError):  # a broken file is an error where it is read
                copies |= dict.fromkeys(self.entities[name].same_as, name)
        return copies

    def fragments(self, source: str) -> Fragments:
        """The fragments for queries of ``source``; one of the workspace replaces the shipped one of the same name."""
        if source not in self._fragments:
            made: dict[str, Callable[[], Fragment]] = {}
            if source == "posthog":
                made = {name: partial(_role, name, step) for name, step in self.roles.items()}
                made |= {name: partial(_email, name, text) for name, text in _EMAILS.items()}
                made["is_copy"] = lambda: _is_copy(self.copies)
            absent = [name for name, step in self.roles.items() if step == NONE]
            absent += [] if self.has_events else [EVENTS]
            self._fragments[source] = Fragments(self._roots, source, read_fragment, made, absent)
        return self._fragments[source]
