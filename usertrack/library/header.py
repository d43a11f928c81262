"""Reads query files: the YAML header and the SQL. Errors name the file and the line."""

import re
from collections import ChainMap
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, available_timezones

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.json_types import JsonObject
from usertrack.core.source_names import POSTGRES, TABLES
from usertrack.core.yaml_nodes import key_set_twice, read_nodes
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

_HEADER_KEYS = {"title", "about", "key", "people", "params", "facts", "metric", "states", "timezone", "leads"}
_MAPPINGS = {"params", "facts", "metric", "states"}

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
    place = name if shipped else str(path)
    text, meta, body, line = _read(path, place)
    source = name.split("/", 1)[0]
    for key_of_tables in {"states", "timezone", "leads"} & set(meta):
        where = f"{place}:{_line_of(text, key_of_tables, 1)}"
        raise UsageError(f"{where}: a query has no {key_of_tables}", f"those of {TABLES} have")
    params = _parameters(meta, place, text)
    try:
        written = statement_of(body, source)
        expanded = expand(written, source, fragments, params)
    except UsageError as error:
        raise UsageError(f"{place}:{line}: {error.message}", error.hint) from error
    query = Query(
        name=name,
        source=source,
        sql=with_entities(expanded, entities, params) if entities else expanded,  # whose errors name their own file
        written=written,
        title=str(meta.get("title", "")),
        about=str(meta.get("about", "")).strip(),
        key=_key(meta.get("key"), key, place, text),
        people=str(meta.get("people") or ""),
        params={**params, **(params_of(written, source, fragments, params) | params)},  # the header's first
        facts={key: _fact(key, value, place, text) for key, value in (meta.get("facts") or {}).items()},
        metric=_metric(meta["metric"], place, text) if meta.get("metric") is not None else None,
        path=path,
        line=line,
        shipped=shipped,
        declared=tuple(meta.get("facts") or {}),
        absence=absence_of(written, source, fragments, entities, params, timeless=bool(meta.get("facts"))),
        entities=entities,
    )
    _merged_by_times(query, text)
    # without its entities, which differ from one database to the next: each is checked where it is read
    own_sql = name_entities(expanded, params)[0] if entities else expanded
    check_quotes(own_sql, source, {*query.params, *OFFERED}, path, line)
    _declared_equals_used(query, own_sql, text)
    _answers_for_a_window(query, text)
    return without_absent(query)


def _key(value: object, key: str, place: str, text: str) -> str:
    """The key of a query: the one in its header, or of several ``key``, else the first."""
    if not isinstance(value, list):
        return str(value or "")
    if not value or not all(isinstance(name, str) for name in value):
        raise UsageError(f"{place}:{_line_of(text, 'key', 1)}: 'key' takes a name, or a list of names")
    return key if key in value else value[0]


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
    place = str(path)
    text, meta, body, line = _read(path, place)
    known = ["title", "about", "leads" if kind is OWN_EVENTS else "states", "timezone"]
    if unknown := sorted(set(meta) - set(known)):
        raise UsageError(
            f"{place}:{_line_of(text, unknown[0], 1)}: a table has no '{unknown[0]}'",
            f"its header has a {', '.join(known[:-1])} and {known[-1]}",
        )
    leads = str(meta.get("leads") or LEADERS[0])
    if leads not in LEADERS:
        where = f"{place}:{_line_of(text, 'leads', 1)}"
        raise UsageError(f"{where}: 'leads' takes {' or '.join(LEADERS)}, not '{leads}'", "it says whose events count")
    try:
        written = statement_of(body, POSTGRES)
        sql = _piece(without_comments(written, POSTGRES), POSTGRES)
        columns = columns_of(sql)
        foreign = [name for name, _, _ in placeholders(sql, POSTGRES) if name not in (*KINDS, *OFFERED)]
        if foreign:
            raise UsageError(f"a table has no parameter '{foreign[0]}'", "the queries that read it have their own")
        if taken := [name for name in kind.derived if name in columns]:
            raise UsageError(f"'{taken[0]}' is what the library makes of {kind.name}", "choose another name")
    except UsageError as error:
        raise UsageError(f"{place}:{line}: {error.message}", error.hint) from error
    check_quotes(written, POSTGRES, OFFERED, place, line)
    for column in kind.columns:
        if column.name not in columns:
            near = get_close_matches(column.name, set(columns) - {known.name for known in kind.columns}, 1, 0.75)
            if near or (column.required and column.name not in optional):
                at = line_with(near[0], body, line) if near else line
                raise UsageError(
                    f"{place}:{at}: '{kind.name}' has no column '{column.name}': {column.about}",
                    f"is it '{near[0]}'? name it {column.name}{_OF_TIMES * (column.type == 'flag')}"
                    if near
                    else f"add it to the SELECT: … AS {column.name}",
                )
    zone = _zone(str(meta.get("timezone") or ""), f"{place}:{_line_of(text, 'timezone', 1)}")
    states = _states(text, kind, place)
    return Entity(kind, sql, tuple(columns), states, path, written, line, timezone=zone, leads=leads)


def _zone(zone: str, where: str) -> str:
    """Return ``zone`` if it is empty, unknown or a name of a timezone; else raise UsageError."""
    try:
        if zone not in ("", UNKNOWN_ZONE):
            ZoneInfo(zone)
    except (ValueError, OSError, LookupError) as error:
        hint = did_you_mean(zone, available_timezones(), f"use a name such as Europe/Berlin, or {UNKNOWN_ZONE}")
        raise UsageError(f"{where}: '{zone}' is not a timezone", hint) from error
    return zone


_OF_TIMES = "; of a time, write … IS NOT NULL AS it"


def _states(text: str, kind: EntityKind, place: str) -> dict[str, tuple[str, ...]]:
    """Return the words of every state, as written; raises UsageError for a word that means two states."""
    import yaml

    states = yaml.load(_split(text)[0], Loader=yaml.BaseLoader).get("states") or {}  # `no` and 010 are words here
    meanings: dict[str, str] = {}
    for state, words in states.items():
        where = f"{place}:{_line_of(text, state, 1)}"
        if state not in kind.states:
            known = (
                f"the states of {kind.name} are {', '.join(kind.states)}" if kind.states else f"{kind.name} have none"
            )
            raise UsageError(f"{where}: there is no state '{state}'", did_you_mean(str(state), kind.states, known))
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise UsageError(f"{where}: '{state}' takes a list of words", f"write `{state}: [done, finished]`")
        for word in words:
            if re.search(r"[\n{}]", word):
                raise UsageError(f"{where}: '{word}' is no word of a status", "it has a line break or a brace")
            if meanings.setdefault(word, state) != state:
                raise UsageError(f"{where}: '{word}' is both {meanings[word]} and {state}", "it can mean one of them")
    return {state: tuple(word for word in meanings if meanings[word] == state) for state in states}


def read_fragment(path: Path, source: str) -> Fragment:
    """The fragment in ``path``: a piece of SQL that can stand on one line within a query.

    Raises UsageError with file and line.
    """
    place = str(path)
    text, meta, body, line = _read(path, place)
    if path.stem in OFFERED:
        raise UsageError(f"{place}: '{path.stem}' is what usertrack gives to every query", "choose another name")
    if unknown := sorted(set(meta) - {"title", "about", "params"}):
        raise UsageError(f"{place}: a fragment has no '{unknown[0]}'", "its header has a title, about and params")
    params = _parameters(meta, place, text)
    try:
        sql = _piece(body, source)
        used = {name for name, _, _ in placeholders(sql, source)}
    except UsageError as error:
        raise UsageError(f"{place}:{line}: {error.message}", error.hint) from error
    if unused := sorted(set(params) - used):
        raise UsageError(f"{place}:{_line_of(text, unused[0], 1)}: parameter '{unused[0]}' is declared but not used")
    return Fragment(path.stem, sql, path, str(meta["title"]), str(meta.get("about", "")).strip(), params)


def _piece(body: str, source: str) -> str:
    """SQL without the lines that are comments; raises UsageError where it cannot stand on one line within a query."""
    sql = "\n".join(written.rstrip() for written in body.split("\n") if not written.lstrip().startswith("--")).strip()
    check_piece(sql, source)
    return sql


def _read(path: Path, place: str) -> tuple[str, JsonObject, str, int]:
    """The text of a file, its header, its body, and the line on which the body begins."""
    if path.exists() and not path.is_file():  # reading a FIFO or a device may never end
        raise UsageError(f"{place}: it is not a regular file", "a query is a file of text; take it away")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{place}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    header, lines = _split(text)
    rest = "\n".join(text.split("\n")[lines:])
    body = rest.lstrip("\n")
    return text, _header(header, place), body, lines + 1 + len(rest) - len(body)


def _parameters(meta: JsonObject, place: str, text: str) -> dict[str, Parameter]:
    return {name: _parameter(name, value, place, text) for name, value in (meta.get("params") or {}).items()}


def _split(text: str) -> tuple[str, int]:
    """The leading comment block as YAML text, and how many lines it takes."""
    header = []
    for line in text.split("\n"):
        if not line.startswith("--"):
            break
        header.append(line[3:] if line.startswith("-- ") else line[2:])
    return "\n".join(header), len(header)


def _header(header: str, place: str) -> JsonObject:
    import yaml

    try:
        loader, root = read_nodes(header)
        twice = key_set_twice(root)
        meta = loader.construct_document(root) if root else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2026-13-01
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or (error if isinstance(error, ValueError) else "not YAML")
        raise UsageError(
            f"{place}:{mark.line + 1 if mark else 1}: the header is not valid YAML: {problem}",
            "the leading `--` lines are YAML such as `-- title: Sign-ups per day`",
        ) from error
    if twice:
        raise UsageError(
            f"{place}:{twice[1]}: '{twice[0]}' is set twice", "the last one alone would count: make it one"
        )
    if not isinstance(meta, dict) or not meta.get("title"):
        raise UsageError(f"{place}:1: the query has no header with a title", "begin the file with `-- title: …`")
    for number, key in enumerate(meta, start=1):
        if key not in _HEADER_KEYS:
            raise UsageError(
                f"{place}:{_line_of(header, key, number)}: unknown header key '{key}'",
                did_you_mean(str(key), _HEADER_KEYS),
            )
    for key, value in meta.items():
        kind, article = (dict, "a mapping of names to values") if key in _MAPPINGS else (str, "a text")
        if value is not None and not isinstance(value, kind) and not (key == "key" and isinstance(value, list)):
            raise UsageError(f"{place}:{_line_of(header, key, 1)}: '{key}' takes {article}")
    return meta


def _line_of(text: str, name: object, otherwise: int) -> int:
    """The number of the first line of ``text`` with ``name:``."""
    pattern = re.compile(rf"(?<!\w){re.escape(str(name))}\s*:")
    return next((n for n, line in enumerate(text.split("\n"), start=1) if pattern.search(line)), otherwise)


def _parameter(name: str, value: object, place: str, text: str) -> Parameter:
    where = f"{place}:{_line_of(text, name, 1)}"
    if isinstance(value, dict):
        declared = Parameter(name, str(value.get("type", "text")), value.get("default"))
        if declared.type not in TYPES or set(value) - {"type", "default"}:
            raise UsageError(f"{where}: parameter '{name}' has no known type", f"a type is one of {', '.join(TYPES)}")
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


def _moment(value: object) -> Any:
    """A date or time of YAML as UTC; anything else as it is."""
    return parse_time(value.isoformat()) if isinstance(value, date) else value


def _fact(name: str, value: object, place: str, text: str) -> Fact:
    where = f"{place}:{_line_of(text, name, 1)}"
    known = {"label", "type", "unit", "absent", "current", "merge", "by", "wins"}
    if not isinstance(value, dict) or not {"label", "type"} <= set(value) <= known:
        raise UsageError(
            f"{where}: fact '{name}' needs a label and a type", "write `runs: {label: runs, type: int, absent: 0}`"
        )
    if value["type"] not in FACT_TYPES:
        raise UsageError(f"{where}: fact '{name}' has no known type", f"a type is one of {', '.join(FACT_TYPES)}")
    current = value.get("current", False)
    if not isinstance(current, bool):
        raise UsageError(f"{where}: 'current' of fact '{name}' is true or false")
    kind = str(value["type"])
    merge = value.get("merge", {"int": "sum", "time": "max"}.get(kind, "first"))
    if merge not in _MERGES or (merge == "sum" and kind not in ("int", "float")):
        raise UsageError(f"{where}: 'merge' of fact '{name}' is one of {', '.join(_MERGES)}; a sum is of numbers")
    by, wins = str(value.get("by", "")), str(value.get("wins", ""))
    if (merge == "last") != bool(by) or (wins and (merge, kind) != ("last", "text")):
        raise UsageError(
            f"{where}: 'by' and 'wins' of fact '{name}' go with 'merge: last', and 'by' must be there",
            "write `merge: last, by: last_active_at`, and `wins: active` where one text goes before all others",
        )
    unit, merges = str(value.get("unit", "")), "merge" in value
    return Fact(str(value["label"]), kind, unit, value.get("absent"), current, merge, merges, by, wins)


def _merged_by_times(query: Query, text: str) -> None:
    times = [name for name, fact in query.facts.items() if fact.type == "time"]
    for name, fact in query.facts.items():
        if fact.by and fact.by not in times:
            where = f"{query.place}:{_line_of(text, name, 1)}"
            raise UsageError(
                f"{where}: '{fact.by}', by which '{name}' is merged, is no time of its facts",
                did_you_mean(fact.by, times, f"times are {', '.join(times) or 'none'}"),
            )


def _metric(value: dict[Any, Any], place: str, text: str) -> Metric:
    try:
        return read_metric(value)
    except UsageError as error:
        key, _, message = error.message.partition(": ")
        start = _line_of(text, "metric", 1)
        inside = "\n".join(text.split("\n")[start - 1 :])
        raise UsageError(f"{place}:{start - 1 + _line_of(inside, key, 1)}: '{key}': {message}", error.hint) from error


def _declared_equals_used(query: Query, sql: str, text: str) -> None:
    """Raise UsageError for a parameter that only the header has, or only ``sql``, which is without its entities."""
    used = placeholders(sql, query.source)
    for name, start, _ in used:
        if name not in query.params and name not in OFFERED:
            line = query.line + sql[:start].count("\n")
            raise UsageError(
                f"{query.place}:{line}: parameter '{name}' is used but not declared",
                did_you_mean(name, [*query.params, *OFFERED], f"add it to the header: `-- params: {{{name}: …}}`"),
            )
    for name in query.params:
        if all(name != other for other, _, _ in used):
            raise UsageError(
                f"{query.place}:{_line_of(text, name, 1)}: parameter '{name}' is declared but not used",
                f"use it as {{{name}}} or take it out of the header",
            )


def _answers_for_a_window(query: Query, text: str) -> None:
    days = query.params.get("days")
    if query.metric and ("as_of" not in query.used or days is None or days.type != "int"):
        raise UsageError(
            f"{query.place}:{_line_of(text, 'metric', 1)}: a metric answers for the `days` before {{as_of}}",
            "use {as_of} and {days} in the SQL, and declare `-- params: {days: 30}`",
        )
