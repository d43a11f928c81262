"""Reads query files: the YAML header and the SQL. Errors name the file and the line."""

import re
from collections import ChainMap
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, ClassVar, cast
from zoneinfo import ZoneInfo, available_timezones

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.source_names import POSTGRES, TABLES
from usertrack.core.yaml_file import YamlFile
from usertrack.library.entities import (
    KINDS,
    LEADERS,
    OWN_EVENTS,
    UNKNOWN_ZONE,
    Entity,
    EntityKind,
    name_entities,
    with_entities,
)
from usertrack.library.events import EVENTS
from usertrack.library.fragments import Fragment, Fragments, expand, params_of
from usertrack.library.lack import Absence
from usertrack.library.metric import Metric, read_metric
from usertrack.library.own_words import OwnWords
from usertrack.library.parameter import OFFERED, TYPES, Parameter, parse_time
from usertrack.library.position import line_with
from usertrack.library.query import FACT_TYPES, Fact, Query
from usertrack.library.sql import check_piece, check_quotes, columns_of, placeholders, statement_of, without_comments

_KEYS = {"title", "about", "key", "people", "params", "facts", "metric", "states", "timezone", "leads", "same_as"}
_MAPPINGS = {"params", "facts", "metric", "states"}
_MAY_BE_LISTS = {"key", "same_as"}
_FACT_KEYS = {"label", "type", "unit", "absent", "current", "merge", "by", "wins"}
_MERGES = ("sum", "min", "max", "first", "last")

_NO_FRAGMENTS: Mapping[str, Fragment] = {}
_NO_ENTITIES: Mapping[str, Entity] = {}


def read_query(
    path: Path,
    name: str,
    fragments: Mapping[str, Fragment] = _NO_FRAGMENTS,
    entities: Mapping[str, Entity] = _NO_ENTITIES,
    *,
    key: str = "",
    shipped: bool = False,
) -> Query:
    """The query in ``path`` with its ``fragments`` in place. A parameter of the header goes before one of a fragment.

    The ``entities`` that it names stand in front of it. ``key`` is that of profiles, where the header names several.

    Raises UsageError with file and line.
    """
    source = name.split("/", 1)[0]
    header = _Header(path, Path(name) if shipped else path)
    for key_of_tables in {"states", "timezone", "leads", "same_as"} & set(header.document):
        raise header.wrong(f"a query has no {key_of_tables}", key_of_tables, hint=f"those of {TABLES} have")
    params, facts = header.parameters, header.document.get("facts") or {}
    try:
        written = statement_of(header.body, source)
        expanded = expand(written, source, fragments, params)
    except UsageError as error:
        raise header.wrong_sql(error) from error
    query = Query(
        name=name,
        source=source,
        sql=with_entities(expanded, entities, params) if entities else expanded,  # whose errors name their own file
        written=written,
        title=str(header.document["title"]),
        about=header.about,
        key=header.key_among(key),
        people=str(header.document.get("people") or ""),
        params={**params, **(params_of(written, source, fragments, params) | params)},  # the header's first
        facts={fact: header.fact(fact, value) for fact, value in facts.items()},
        metric=header.metric,
        path=path,
        line=header.first_line,
        shipped=shipped,
        declared=tuple(facts),
        absence=absence_of(written, source, fragments, entities, params, timeless=bool(facts)),
        entities=entities,
    )
    header.require_times(query)
    # without its entities, which differ from one database to the next: each is checked where it is read
    own_sql = name_entities(expanded, params)[0] if entities else expanded
    check_quotes(own_sql, source, {*query.params, *OFFERED}, path, query.line)
    header.require_parameters(query, own_sql)
    days = query.params.get("days")
    if query.metric and ("as_of" not in query.used or days is None or days.type != "int"):
        message = "a metric answers for the `days` before {as_of}"
        hint = "use {as_of} and {days} in the SQL, and declare `-- params: {days: 30}`"
        raise header.wrong(message, "metric", hint=hint)
    return without_absent(query)


class _Header(YamlFile):
    """The header of ``path``: its leading comment as YAML, whose lines are those of the file. ``body`` is the rest.

    ``place`` stands for the file in messages.
    """

    needs: ClassVar[str] = "a header with a title"
    hint: ClassVar[str] = "begin the file with `-- title: …`; the leading `--` lines are YAML"

    def __init__(self, path: Path, place: Path) -> None:
        if path.exists() and not path.is_file():  # reading a FIFO or a device may never end
            raise UsageError(f"{place}: it is not a regular file", "a query is a file of text; take it away")
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{place}: cannot be read as UTF-8 text ({type(error).__name__})") from error
        comment = [*takewhile(lambda line: line.startswith("--"), lines)]
        text = "\n".join(line.removeprefix("--").removeprefix(" ") for line in comment)
        self.body = "\n".join(lines[len(comment) :]).lstrip("\n")
        self.first_line = len(lines) - self.body.count("\n")
        super().__init__(place, text)
        self.known(self.document, _KEYS)
        if not self.document.get("title"):
            raise self.wrong(f"the file needs {self.needs}", hint=self.hint)
        for key, value in self.document.items():
            kind, article = (dict, "a mapping of names to values") if key in _MAPPINGS else (str, "a text")
            if (
                value is not None
                and not isinstance(value, kind)
                and not (key in _MAY_BE_LISTS and isinstance(value, list))
            ):
                raise self.wrong(f"'{key}' takes {article}", key)

    @property
    def about(self) -> str:
        return str(self.document.get("about", "")).strip()

    def wrong_sql(self, error: UsageError) -> UsageError:
        """Return the error of the body, with its place."""
        return UsageError(f"{self.path}:{self.first_line}: {error.message}", error.hint)

    def key_among(self, key: str) -> str:
        """Return the key in the header; of several ``key``, else the first."""
        value = self.document.get("key")
        if not isinstance(value, list):
            return str(value or "")
        if not value or not all(isinstance(name, str) for name in value):
            raise self.wrong("'key' takes a name, or a list of names", "key")
        return key if key in value else value[0]

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        return {name: self._parameter(name, value) for name, value in (self.document.get("params") or {}).items()}

    def _parameter(self, name: str, value: object) -> Parameter:
        where = f"{self.path}:{self.line('params', name)}"
        if isinstance(value, dict):
            declared = Parameter(name, str(value.get("type", "text")), value.get("default"))
            if declared.type not in TYPES or set(value) - {"type", "default"}:
                message = f"{where}: parameter '{name}' has no known type"
                raise UsageError(message, f"a type is one of {', '.join(TYPES)}")
            if declared.default is None:
                return declared
            default = _moment(declared.default) if declared.type == "timestamp" else declared.default
            return replace(declared, default=declared.check(default, where))
        for kind, python in (("bool", bool), ("int", int), ("float", float), ("text", str), ("list", list)):
            if isinstance(value, python):
                return Parameter(name, kind, Parameter(name, kind).check(value, where))
        if isinstance(value, date):
            return Parameter(name, "timestamp", _moment(value))
        raise UsageError(
            f"{where}: parameter '{name}' needs a default or a type", "write `name: 30` or `name: {type: int}`"
        )

    def fact(self, name: str, value: object) -> Fact:
        if not isinstance(value, dict) or not {"label", "type"} <= set(value) <= _FACT_KEYS:
            hint = "write `runs: {label: runs, type: int, absent: 0}`"
            raise self.wrong(f"fact '{name}' needs a label and a type", "facts", name, hint=hint)
        if value["type"] not in FACT_TYPES:
            hint = f"a type is one of {', '.join(FACT_TYPES)}"
            raise self.wrong(f"fact '{name}' has no known type", "facts", name, hint=hint)
        current = value.get("current", False)
        if not isinstance(current, bool):
            raise self.wrong(f"'current' of fact '{name}' is true or false", "facts", name)
        kind = str(value["type"])
        merge = value.get("merge", {"int": "sum", "time": "max"}.get(kind, "first"))
        if merge not in _MERGES or (merge == "sum" and kind not in ("int", "float")):
            message = f"'merge' of fact '{name}' is one of {', '.join(_MERGES)}; a sum is of numbers"
            raise self.wrong(message, "facts", name)
        by, wins = str(value.get("by", "")), str(value.get("wins", ""))
        if (merge == "last") != bool(by) or (wins and (merge, kind) != ("last", "text")):
            message = f"'by' and 'wins' of fact '{name}' go with 'merge: last', and 'by' must be there"
            hint = "write `merge: last, by: last_active_at`, and `wins: active` where one text goes before all others"
            raise self.wrong(message, "facts", name, hint=hint)
        unit, merges = str(value.get("unit", "")), "merge" in value
        return Fact(str(value["label"]), kind, unit, value.get("absent"), current, merge, merges, by, wins)

    @property
    def metric(self) -> Metric | None:
        written = self.document.get("metric")
        try:
            return None if written is None else read_metric(written)
        except UsageError as error:
            key, _, message = error.message.partition(": ")
            raise self.wrong(f"'{key}': {message}", "metric", key, hint=error.hint) from error

    def states(self, kind: EntityKind) -> dict[str, tuple[str, ...]]:
        """Return the words of every state, as written; raises UsageError for a word that means two states."""
        import yaml

        meanings: dict[str, str] = {}
        pair = self._pair(self.root, "states") if self.root else None
        states = {name.value: node.value for name, node in pair[1].value} if pair and pair[1].value else {}
        for state, words in states.items():
            at = ("states", state)
            if state not in kind.states:
                listed = ", ".join(kind.states)
                known = f"the states of {kind.name} are {listed}" if listed else f"{kind.name} have none"
                hint = did_you_mean(str(state), kind.states, known)
                raise self.wrong(f"there is no state '{state}'", *at, hint=hint)
            if not isinstance(words, list) or not all(isinstance(node, yaml.ScalarNode) for node in words):
                raise self.wrong(f"'{state}' takes a list of words", *at, hint=f"write `{state}: [done, finished]`")
            for word in (node.value for node in words):  # as written: `no` and 010 are words here
                if re.search(r"[\n{}]", word):
                    raise self.wrong(f"'{word}' is no word of a status", *at, hint="it has a line break or a brace")
                if meanings.setdefault(word, state) != state:
                    message = f"'{word}' is both {meanings[word]} and {state}"
                    raise self.wrong(message, *at, hint="it can mean one of them")
        return {state: tuple(word for word in meanings if meanings[word] == state) for state in states}

    @property
    def same_as(self) -> tuple[str, ...]:
        """Return the events that tell of the same as rows; raises UsageError for what is no list of events."""
        events = self.document.get("same_as") or []
        events = [events] if isinstance(events, str) else events
        if not isinstance(events, list) or not all(isinstance(name, str) and name for name in events):
            raise self.wrong("'same_as' takes a list of events", "same_as", hint="write `same_as: [run_completed]`")
        return tuple(events)

    @property
    def zone(self) -> str:
        """Return the timezone of times without one: empty, unknown or a name; else raise UsageError."""
        zone = str(self.document.get("timezone") or "")
        try:
            if zone not in ("", UNKNOWN_ZONE):
                ZoneInfo(zone)
        except (ValueError, OSError, LookupError) as error:
            hint = did_you_mean(zone, available_timezones(), f"use a name such as Europe/Berlin, or {UNKNOWN_ZONE}")
            raise self.wrong(f"'{zone}' is not a timezone", "timezone", hint=hint) from error
        return zone

    def require_times(self, query: Query) -> None:
        """Raise UsageError for a fact that is merged by what is no time."""
        times = [name for name, fact in query.facts.items() if fact.type == "time"]
        for name, fact in query.facts.items():
            if fact.by and fact.by not in times:
                hint = did_you_mean(fact.by, times, f"times are {', '.join(times) or 'none'}")
                message = f"'{fact.by}', by which '{name}' is merged, is no time of its facts"
                raise self.wrong(message, "facts", name, hint=hint)

    def require_parameters(self, query: Query, sql: str) -> None:
        """Raise UsageError for a parameter that only the header has, or only ``sql``, which is without its entities."""
        used = placeholders(sql, query.source)
        for name, start, _ in used:
            if name not in query.params and name not in OFFERED:
                hint = did_you_mean(
                    name, [*query.params, *OFFERED], f"add it to the header: `-- params: {{{name}: …}}`"
                )
                line = query.line + sql[:start].count("\n")
                raise UsageError(f"{self.path}:{line}: parameter '{name}' is used but not declared", hint)
        for name in query.params:
            if all(name != other for other, _, _ in used):
                hint = f"use it as {{{name}}} or take it out of the header"
                raise self.wrong(f"parameter '{name}' is declared but not used", "params", name, hint=hint)


def in_words(query: Query, words: OwnWords) -> Query:
    """``query`` with its texts in the company's own words."""
    facts = {name: replace(fact, label=words(fact.label)) for name, fact in query.facts.items()}
    metric = query.metric and replace(query.metric, label=words(query.metric.label))
    return replace(query, title=words(query.title), about=words(query.about), facts=facts, metric=metric)


def without_absent(query: Query) -> Query:
    """``query`` without the facts that cannot be known here; a metric without its figure is absent as a whole."""
    if query.metric and (causes := frozenset().union(*map(query.absence.of, query.metric.columns))):
        return replace(query, absence=Absence(empty=True, causes=causes))
    lacking = {f"{entity.kind.name}.{name}" for entity in query.sources for name in entity.lacking}
    of_facts = {name: query.absence.of(name) for name in query.facts}
    facts = {
        name: replace(fact, lacking=of_facts[name])
        for name, fact in query.facts.items()
        if not of_facts[name] or (of_facts[name] <= lacking and not query.absence.empty)
    }
    for name, fact in facts.items():
        if fact.by and fact.by not in facts:
            facts[name] = replace(fact, merge="first", by="", wins="")
    return replace(query, facts=facts)


def absence_of(
    sql: str,
    source: str,
    fragments: Mapping[str, Fragment],
    entities: Mapping[str, Entity],
    own: Collection[str],
    *,
    timeless: bool = False,
) -> Absence:
    """Return what the result of ``sql``, as written, cannot have here; ``timeless`` as in `absence_in`."""
    from usertrack.library.absence import absence_in, absence_of_roles, role_mark

    if entities:
        return absence_in(expand(sql, source, fragments, own), entities, own, timeless=timeless)
    absent = fragments.absent if isinstance(fragments, Fragments) else ()
    if EVENTS in absent:
        return Absence(empty=True, causes=frozenset([EVENTS]))
    if not absent:
        return Absence()
    marked = ChainMap({name: Fragment(name, role_mark(name)) for name in absent}, cast(dict[str, Fragment], fragments))
    return absence_of_roles(expand(sql, source, marked, own), absent)


def read_entity(path: Path, kind: EntityKind, optional: Collection[str] = ()) -> Entity:
    """The entity in ``path``: one SELECT that names its columns, and has all that are required and not ``optional``.

    Raises UsageError with file and line.
    """
    header = _Header(path, path)
    known = ["title", "about", *(["leads"] if kind is OWN_EVENTS else ["states", "same_as"]), "timezone"]
    if unknown := sorted(set(header.document) - set(known)):
        hint = f"its header has a {', '.join(known[:-1])} and {known[-1]}"
        raise header.wrong(f"a table has no '{unknown[0]}'", unknown[0], hint=hint)
    leads = str(header.document.get("leads") or LEADERS[0])
    if leads not in LEADERS:
        message = f"'leads' takes {' or '.join(LEADERS)}, not '{leads}'"
        raise header.wrong(message, "leads", hint="it says whose events count")
    try:
        written = statement_of(header.body, POSTGRES)
        sql = _piece(without_comments(written, POSTGRES), POSTGRES)
        columns = columns_of(sql)
        foreign = [name for name, _, _ in placeholders(sql, POSTGRES) if name not in (*KINDS, *OFFERED)]
        if foreign:
            raise UsageError(f"a table has no parameter '{foreign[0]}'", "the queries that read it have their own")
        if taken := [name for name in kind.derived if name in columns]:
            raise UsageError(f"'{taken[0]}' is what the library makes of {kind.name}", "choose another name")
    except UsageError as error:
        raise header.wrong_sql(error) from error
    line = header.first_line
    check_quotes(written, POSTGRES, OFFERED, path, line)
    for column in kind.columns:
        if column.name not in columns:
            near = get_close_matches(column.name, set(columns) - {known.name for known in kind.columns}, 1, 0.75)
            if near or (column.required and column.name not in optional):
                at = line_with(near[0], header.body, line) if near else line
                raise UsageError(
                    f"{path}:{at}: '{kind.name}' has no column '{column.name}': {column.about}",
                    f"is it '{near[0]}'? name it {column.name}{_OF_TIMES * (column.type == 'flag')}"
                    if near
                    else f"add it to the SELECT: … AS {column.name}",
                )
    return Entity(
        *(kind, sql, tuple(columns), header.states(kind), path, written, line),
        timezone=header.zone,
        leads=leads,
        same_as=header.same_as,
    )


_OF_TIMES = "; of a time, write … IS NOT NULL AS it"


def read_fragment(path: Path, source: str) -> Fragment:
    """The fragment in ``path``: a piece of SQL that can stand on one line within a query.

    Raises UsageError with file and line.
    """
    header = _Header(path, path)
    if path.stem in OFFERED:
        raise UsageError(f"{path}: '{path.stem}' is what usertrack gives to every query", "choose another name")
    if unknown := sorted(set(header.document) - {"title", "about", "params"}):
        hint = "its header has a title, about and params"
        raise header.wrong(f"a fragment has no '{unknown[0]}'", unknown[0], hint=hint)
    try:
        sql = _piece(header.body, source)
        used = {name for name, _, _ in placeholders(sql, source)}
    except UsageError as error:
        raise header.wrong_sql(error) from error
    if unused := sorted(set(header.parameters) - used):
        raise header.wrong(f"parameter '{unused[0]}' is declared but not used", "params", unused[0])
    return Fragment(path.stem, sql, path, str(header.document["title"]), header.about, header.parameters)


def _piece(body: str, source: str) -> str:
    """SQL without the lines that are comments; raises UsageError where it cannot stand on one line within a query."""
    sql = "\n".join(written.rstrip() for written in body.split("\n") if not written.lstrip().startswith("--")).strip()
    check_piece(sql, source)
    return sql


def _moment(value: object) -> Any:  # noqa: ANN401
    """A date or time of YAML as UTC; anything else as it is."""
    return parse_time(value.isoformat()) if isinstance(value, date) else value
