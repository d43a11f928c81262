"""The questions of patterns to profiles: conditions in `where:` and `segment:`, and the facts of a signal."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.spool import identifier
from usertrack.library.library import Library
from usertrack.live.signals.patterns import Pattern, Patterns
from usertrack.live.signals.wording import OWN_FACTS
from usertrack.segments.expressions import bracketed, columns, parse
from usertrack.segments.profiles import Profiles
from usertrack.segments.staging import duckdb_message

_PLACE = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")


@dataclass(frozen=True)
class Questions:
    """SQL over the profile: ``conditions`` by pattern, and ``facts`` by name. Segments are ``members`` by pattern.

    ``unknown`` says for patterns why their condition is undecided for some people in this run; ``left_out`` what
    patterns and facts rest on that does not exist in this company.
    """

    conditions: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def questions(patterns: Patterns, profiles: Profiles, library: Library) -> Questions:
    """Return the questions of ``patterns``, checked against the facts of ``profiles``.

    Raises UsageError with file and line.
    """
    ask, mistakes = checked_questions(patterns, profiles, library)
    if mistakes:
        raise mistakes[0]
    return ask


def checked_questions(patterns: Patterns, profiles: Profiles, library: Library) -> tuple[Questions, list[UsageError]]:
    """Return the questions of ``patterns`` and their mistakes. With a mistake, they must not be asked."""
    absent = _absent(profiles, library)
    mistakes: list[UsageError] = []
    conditions, members, unknown, left_out = {}, {}, {}, {}
    for pattern in patterns.patterns:
        if pattern.segment:
            cause = profiles.rules.absent.get(pattern.segment.rpartition("/")[2])
            if cause:
                left_out[pattern.id] = cause
                continue
            with _noting(mistakes):
                members[pattern.id] = _segment(patterns, pattern, profiles)
        if pattern.where:
            where = f"{patterns.path}:{pattern.lines.get('where', 1)}"
            with _noting(mistakes):
                if missing := _checked(pattern.where, where, profiles, absent, "BOOLEAN"):
                    left_out[pattern.id] = missing
                    continue
                rule = parse(pattern.where, where)
                conditions[pattern.id] = profiles.judged(rule)
                if reasons := profiles.missing(rule):
                    unknown[pattern.id] = "; ".join(reasons)
    facts = {}
    for name, (sql, line) in patterns.facts.items():
        with _noting(mistakes):
            if missing := _checked(sql, f"{patterns.path}:{line}", profiles, absent):
                left_out[f"fact {name}"] = missing
            else:
                facts[name] = sql
    for pattern in patterns.patterns:
        for name in _PLACE.findall(pattern.because):
            if name in facts or name in OWN_FACTS or name in absent or name in patterns.facts:
                continue
            if name in profiles.facts:
                facts[name] = identifier(name)
                continue
            where = f"{patterns.path}:{pattern.lines.get('because', 1)}"
            hint = did_you_mean(name, [*profiles.facts, *OWN_FACTS], f"such as {', '.join(list(OWN_FACTS)[:6])}")
            mistakes.append(UsageError(f"{where}: unknown fact '{name}'", hint))
    return Questions(conditions, members, facts, unknown, left_out), mistakes


@contextmanager
def _noting(mistakes: list[UsageError]) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        mistakes.append(error)


def _absent(profiles: Profiles, library: Library) -> set[str]:
    """The facts that segments.yaml knows and that cannot be here."""
    declared = {name for query in library.files for name in _declared(library, query)}
    return {name for name in declared if name not in profiles.facts}


def _declared(library: Library, query: str) -> tuple[str, ...]:
    try:
        return library[query].declared
    except UsageError:  # `check` says so where the query itself is looked at
        return ()


def _segment(patterns: Patterns, pattern: Pattern, profiles: Profiles) -> tuple[str, str]:
    try:
        segment_set, id_ = profiles.rules.set_of(pattern.segment)
    except UsageError as error:
        where = f"{patterns.path}:{pattern.lines.get('segment', 1)}"
        raise UsageError(f"{where}: {error.message}", error.hint) from error
    return segment_set.name, id_


def _checked(sql: str, where: str, profiles: Profiles, absent: set[str], kind: str = "") -> str:
    """Return the absent facts that ``sql`` rests on, or "". Raises UsageError where it cannot run."""
    import duckdb

    names = columns(parse(sql, where))
    for name in names:
        if name not in profiles.facts and name not in absent:
            hint = did_you_mean(name, profiles.facts, "`usertrack query list` has the queries that declare facts")
            raise UsageError(f"{where}: unknown fact '{name}'", hint)
    if missing := [name for name in names if name in absent]:
        return ", ".join(missing)
    try:
        described = profiles.connection.execute(f"DESCRIBE SELECT {bracketed(sql)} FROM profile").fetchall()
    except duckdb.Error as error:
        raise UsageError(f"{where}: {duckdb_message(error)}", f"in `{sql}`") from error
    if kind and described[0][1] != kind:
        raise UsageError(f"{where}: gives {str(described[0][1]).lower()}, not true or false", f"in `{sql}`")
    return ""
