"""The query library: finds .sql files, reads their YAML headers, and binds parameters to them.

A query is one file and its path is its name. Values are only ever bound, never pasted into the text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from usertrack.errors import UsageError, did_you_mean
from usertrack.metric import Metric, read_metric
from usertrack.sqltext import condition_of, placeholders
from usertrack.sqltext import statement_of as statement_of

SOURCES = ("posthog", "neon")
"""The folders of the library: each holds the queries of the source of that name."""

OFFERED = {"as_of": "timestamp", "internal": "list", "opt_out": "list", "timezone": "text"}
"""Parameters that the runner offers to every query that uses them, with their types."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "text": str,
    "bool": bool,
    "list": list,
    "timestamp": datetime,
    "condition": str,
    "conditions": list,
}
CONDITIONS = ("condition", "conditions")
"""Types of parameters that are SQL: no value can be one, so they stand in the text, each checked and in brackets."""

_HEADER_KEYS = {"title", "about", "key", "people", "params", "facts", "metric"}
_METRIC = re.compile(rb"^--\s*metric\s*:", re.MULTILINE)
_MAPPINGS = {"params", "facts", "metric"}

FACT_TYPES = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "text": "VARCHAR",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP",
    "list": "VARCHAR[]",
}
"""Types of facts, with DuckDB's names for them."""

_MERGES = ("sum", "min", "max", "first", "last")


@dataclass(frozen=True)
class Parameter:
    """A declared parameter. ``default`` is None when a value must be given."""

    name: str
    type: str
    default: Any = None

    def parse(self, text: str) -> Any:
        """The value that ``text`` from a command line stands for; raises UsageError when it is of another type."""
        try:
            return _PARSERS[self.type](text)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"parameter '{self.name}' takes {_ARTICLES[self.type]}, not '{text}'") from error

    def check(self, value: Any, where: str) -> Any:
        """``value`` itself, once it is known to be of the declared type."""
        wrong = not isinstance(value, _TYPES[self.type]) or (isinstance(value, bool) and self.type != "bool")
        if wrong or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
            raise UsageError(f"{where}: parameter '{self.name}' takes {_ARTICLES[self.type]}, not {value!r}")
        return value


def _parse_bool(text: str) -> bool:
    if text.lower() not in {"true", "false", "yes", "no", "1", "0"}:
        raise ValueError(text)
    return text.lower() in {"true", "yes", "1"}


def _parse_float(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _parse_time(text: str) -> datetime:
    return _utc(datetime.fromisoformat(text))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_PARSERS: dict[str, Any] = {
    "int": int,
    "float": _parse_float,
    "text": str,
    "bool": _parse_bool,
    "list": lambda text: [item.strip() for item in text.split(",") if item.strip()],
    "timestamp": _parse_time,
    "condition": str,
    "conditions": lambda text: [text],
}
_ARTICLES = {
    "int": "a whole number",
    "float": "a number",
    "text": "a text",
    "bool": "true or false",
    "list": "a list of texts (a,b,c)",
    "timestamp": "a date or time such as 2026-11-20T09:00",
    "condition": "a SQL condition",
    "conditions": "a list of SQL conditions",
}


@dataclass(frozen=True)
class Fact:
    """A result column that profiles take up, and what it means to people.

    ``absent`` is its value for somebody whom the query does not list; None means that it is unknown then. A ``current``
    fact has the value of today whatever the moment asked for: its source keeps no record of what it was. ``merge`` says
    what becomes of it when several rows are one person's: unless declared, counts are added and times are the last.
    ``last`` takes the row whose fact ``by``, a time, is the latest; the text ``wins`` goes before all others.
    """

    label: str
    type: str = "text"
    unit: str = ""
    absent: Any = None
    current: bool = False
    merge: str = "first"
    by: str = ""
    wins: str = ""


@dataclass(frozen=True)
class Query:
    """One file of the library. ``line`` is the line on which the SQL starts, for messages.

    ``people`` names the column that counts the records behind one key, in a query that lists everybody a source knows.
    """

    name: str
    source: str
    sql: str
    title: str = ""
    about: str = ""
    key: str = ""
    people: str = ""
    params: Mapping[str, Parameter] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    metric: Metric | None = None
    path: Path | None = None
    line: int = 1
    shipped: bool = False

    @cached_property
    def used(self) -> list[str]:
        """Names of the ``{placeholders}`` in the SQL, outside strings and comments, in order of first use."""
        return list(dict.fromkeys(name for name, _, _ in placeholders(self.sql, self.source)))

    def bind(self, given: Mapping[str, Any], offered: Mapping[str, Any]) -> "Statement":
        """This query with a value for each of its parameters.

        Raises UsageError for an unknown parameter, a missing value, or a value of the wrong type.
        """
        for name in given:
            if name not in self.params:
                raise UsageError(
                    f"query '{self.name}' has no parameter '{name}'",
                    did_you_mean(name, self.params, f"it takes {', '.join(self.params) or 'none'}"),
                )
        values = {name: given[name] if name in given else self._value(name, offered) for name in self.used}
        types = {name: self.params[name].type if name in self.params else OFFERED[name] for name in self.used}
        for name, parameter in self.params.items():
            if name in values:
                parameter.check(values[name], self.name)
        sql = self._with_conditions(values, types)
        bound = {name: value for name, value in values.items() if types[name] not in CONDITIONS}
        return Statement(
            self.source, sql, bound, {name: types[name] for name in bound}, name=self.name, key=self.key, query=self
        )

    def _with_conditions(self, values: Mapping[str, Any], types: Mapping[str, str]) -> str:
        """The SQL with its conditions in place: the only text that ever enters a query, and nothing but conditions."""
        sql = self.sql
        for name, start, end in reversed(placeholders(self.sql, self.source)):
            if types[name] == "condition":
                sql = f"{sql[:start]}({condition_of(values[name], self.source)}){sql[end:]}"
            elif types[name] == "conditions":
                items = ", ".join(f"({condition_of(item, self.source)})" for item in values[name])
                sql = f"{sql[:start]}[{items}]{sql[end:]}"
        return sql

    def _value(self, name: str, offered: Mapping[str, Any]) -> Any:
        if name in self.params:
            if self.params[name].default is None:
                raise UsageError(f"query '{self.name}' needs a value for '{name}'", f"give one with `--param {name}=…`")
            return self.params[name].default
        return offered[name]


@dataclass(frozen=True)
class Statement:
    """A read-only SELECT with bound values.

    ``key`` makes it pageable, ``limit`` bounds its rows; 0 asks for the columns alone. ``whole`` is the statement among
    whose rows those of this one are: they have the value of ``usertrack_key`` in the column ``key``. ``excludes`` says
    that ``internal`` is whom to leave out: the runner adds who has opted out.
    """

    source: str
    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    name: str = "ad hoc"
    key: str = ""
    limit: int | None = None
    query: Query | None = None
    whole: "Statement | None" = None
    excludes: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for what no source takes as text: bytes of a command line that were not UTF-8."""
        _must_be_text(self.sql, "the SQL")
        for name, value in self.values.items():
            for part in value if isinstance(value, list) else [value]:
                _must_be_text(part, f"parameter '{name}'")


def _must_be_text(value: Any, what: str) -> None:
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} is not valid text", "is it UTF-8?") from error


def for_key(statement: Statement, value: str) -> Statement:
    """``statement``, but only its rows for the key ``value`` in any spelling: the source can look before it counts.

    Sources know less of letters and blanks than the workbench, which has the last word: what they give is what may be
    meant, and hardly more.
    """
    inner = statement_of(statement.sql, statement.source)
    key = _AS_TEXT[statement.source].format('"' + statement.key.replace('"', '""') + '"')
    # on the first line: errors count lines
    sql = f"SELECT * FROM ({inner}\n) AS keyed WHERE lower({key}) LIKE {{usertrack_key}}"
    values, types = {**statement.values, "usertrack_key": _like(value)}, {**statement.types, "usertrack_key": "text"}
    return replace(statement, sql=sql, values=values, types=types, whole=statement)


_AS_TEXT = {"posthog": "toString({})", "neon": 'CAST({} AS text) COLLATE "C"'}  # lower-case in ASCII, on any server
_PLAIN = frozenset("abcdefghjlmnopqrstuvwxyz0123456789@.-+")


def _like(value: str) -> str:
    """The pattern of every spelling of ``value``: what is no ASCII, and blanks around it, may be anything.

    K and I are the letters that others become in lower-case: the Kelvin sign, and the I of Turkish.
    """
    letters = ("%" if not letter.isascii() else letter if letter in _PLAIN else "_" for letter in value.strip().lower())
    return re.sub("%+", "%", f"%{''.join(letters)}%")


def read_query(path: Path, name: str, *, shipped: bool = False) -> Query:
    """The query in ``path``; raises UsageError with file and line for whatever is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    header, lines = _split(text)
    meta = _header(header, path)
    source = name.split("/", 1)[0]
    body = "\n".join(text.split("\n")[lines:])
    sql = body.lstrip("\n")
    line = lines + 1 + len(body) - len(sql)
    try:
        sql = statement_of(sql, source)
    except UsageError as error:
        raise UsageError(f"{path}:{line}: {error.message}", error.hint) from error
    query = Query(
        name=name,
        source=source,
        sql=sql,
        title=str(meta.get("title", "")),
        about=str(meta.get("about", "")).strip(),
        key=str(meta.get("key") or ""),
        people=str(meta.get("people") or ""),
        params={key: _parameter(key, value, path, text) for key, value in (meta.get("params") or {}).items()},
        facts={key: _fact(key, value, path, text) for key, value in (meta.get("facts") or {}).items()},
        metric=_metric(meta["metric"], path, text) if meta.get("metric") is not None else None,
        path=path,
        line=line,
        shipped=shipped,
    )
    _merged_by_times(query, text)
    _declared_equals_used(query, text)
    _answers_for_a_window(query, text)
    return query


def _split(text: str) -> tuple[str, int]:
    """The leading comment block as YAML text, and how many lines it takes."""
    header = []
    for line in text.split("\n"):
        if not line.startswith("--"):
            break
        header.append(line[3:] if line.startswith("-- ") else line[2:])
    return "\n".join(header), len(header)


def _header(header: str, path: Path) -> dict[str, Any]:
    import yaml

    try:
        meta = yaml.safe_load(header)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2026-13-01
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or (error if isinstance(error, ValueError) else "not YAML")
        raise UsageError(
            f"{path}:{mark.line + 1 if mark else 1}: the header is not valid YAML: {problem}",
            "the leading `--` lines are YAML such as `-- title: MCP connect clicks per user`",
        ) from error
    if not isinstance(meta, dict) or not meta.get("title"):
        raise UsageError(f"{path}:1: the query has no header with a title", "begin the file with `-- title: …`")
    for number, key in enumerate(meta, start=1):
        if key not in _HEADER_KEYS:
            raise UsageError(
                f"{path}:{_line_of(header, key, number)}: unknown header key '{key}'",
                did_you_mean(str(key), _HEADER_KEYS),
            )
    for key, value in meta.items():
        kind, article = (dict, "a mapping of names to values") if key in _MAPPINGS else (str, "a text")
        if value is not None and not isinstance(value, kind):
            raise UsageError(f"{path}:{_line_of(header, key, 1)}: '{key}' takes {article}")
    return meta


def _line_of(text: str, name: object, otherwise: int) -> int:
    """The first line of ``text`` on which ``name:`` stands."""
    pattern = re.compile(rf"(?<!\w){re.escape(str(name))}\s*:")
    return next((n for n, line in enumerate(text.split("\n"), start=1) if pattern.search(line)), otherwise)


def _parameter(name: str, value: Any, path: Path, text: str) -> Parameter:
    where = f"{path}:{_line_of(text, name, 1)}"
    if isinstance(value, dict):
        declared = Parameter(name, str(value.get("type", "text")), value.get("default"))
        if declared.type not in _TYPES or set(value) - {"type", "default"}:
            raise UsageError(f"{where}: parameter '{name}' has no known type", f"a type is one of {', '.join(_TYPES)}")
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


def _moment(value: Any) -> Any:
    """A date or time of YAML as UTC; anything else as it is."""
    return _parse_time(value.isoformat()) if isinstance(value, date) else value


def _fact(name: str, value: Any, path: Path, text: str) -> Fact:
    where = f"{path}:{_line_of(text, name, 1)}"
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
    return Fact(str(value["label"]), kind, str(value.get("unit", "")), value.get("absent"), current, merge, by, wins)


def _merged_by_times(query: Query, text: str) -> None:
    times = [name for name, fact in query.facts.items() if fact.type == "time"]
    for name, fact in query.facts.items():
        if fact.by and fact.by not in times:
            where = f"{query.path}:{_line_of(text, name, 1)}"
            raise UsageError(
                f"{where}: '{fact.by}', by which '{name}' is merged, is no time of its facts",
                did_you_mean(fact.by, times, f"times are {', '.join(times) or 'none'}"),
            )


def _metric(value: dict[Any, Any], path: Path, text: str) -> Metric:
    try:
        return read_metric(value)
    except UsageError as error:
        key, _, message = error.message.partition(": ")
        start = _line_of(text, "metric", 1)
        inside = "\n".join(text.split("\n")[start - 1 :])
        raise UsageError(f"{path}:{start - 1 + _line_of(inside, key, 1)}: '{key}': {message}", error.hint) from error


def _declared_equals_used(query: Query, text: str) -> None:
    for name, start, _ in placeholders(query.sql, query.source):
        if name not in query.params and name not in OFFERED:
            line = query.line + query.sql[:start].count("\n")
            raise UsageError(
                f"{query.path}:{line}: parameter '{name}' is used but not declared",
                did_you_mean(name, [*query.params, *OFFERED], f"add it to the header: `-- params: {{{name}: …}}`"),
            )
    for name in query.params:
        if name not in query.used:
            raise UsageError(
                f"{query.path}:{_line_of(text, name, 1)}: parameter '{name}' is declared but not used",
                f"use it as {{{name}}} or take it out of the header",
            )


def _answers_for_a_window(query: Query, text: str) -> None:
    days = query.params.get("days")
    if query.metric and ("as_of" not in query.used or days is None or days.type != "int"):
        raise UsageError(
            f"{query.path}:{_line_of(text, 'metric', 1)}: a metric answers for the `days` before {{as_of}}",
            "use {as_of} and {days} in the SQL, and declare `-- params: {days: 30}`",
        )


def _bytes(path: Path) -> bytes:
    """What is in ``path``; nothing when it cannot be read, which `read_query` says."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def shipped_root() -> Path:
    """The folder with ``queries/`` and ``segments.yaml`` as shipped: in the wheel, or at the top of a checkout."""
    packaged = Path(__file__).parent / "shipped"
    return packaged if packaged.exists() else Path(__file__).parent.parent


class Library:
    """Every query by name. A workspace's own file wins over the shipped one of the same name."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.files: dict[str, tuple[Path, bool]] = {}
        self._read: dict[str, Query] = {}
        for root in roots:
            for source in SOURCES:
                for path in sorted((root / source).rglob("*.sql")):
                    name = path.relative_to(root).with_suffix("").as_posix()
                    self.files[name] = (path, root == shipped_root() / "queries")

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.files))

    def metrics(self) -> list[str]:
        """The files with a `-- metric:` line, PostHog's first. No other is parsed: one may be broken."""
        found = [name for name, (path, _) in self.files.items() if _METRIC.search(_bytes(path))]
        return sorted(found, key=lambda name: (SOURCES.index(name.split("/", 1)[0]), name))

    def __getitem__(self, name: str) -> Query:
        """The query called ``name``, or by its last part where that is unique; raises UsageError with near misses."""
        matches = [known for known in self.files if known == name] or [
            known for known in self.files if known.rsplit("/", 1)[-1] == name
        ]
        if len(matches) != 1:
            parts = {part for known in self.files for part in (known, known.rsplit("/", 1)[-1])}
            hint = f"`usertrack query list` shows all {len(self.files)}"
            if matches:
                raise UsageError(f"several queries are named '{name}'", f"say which: {' or '.join(matches)}")
            raise UsageError(f"no query named '{name}'", did_you_mean(name, parts, hint))
        known = matches[0]
        if known not in self._read:
            path, shipped = self.files[known]
            self._read[known] = read_query(path, known, shipped=shipped)
        return self._read[known]
