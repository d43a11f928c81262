"""Asks the sources what files alone do not tell: first of each entity, then of the queries whose entities are sound."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from usertrack.checks.entities import (
    Problems,
    broken_files,
    check_rows,
    check_zones,
    entity_places,
    is_shipped,
    lacking_columns,
    refused_by_postgres,
    sound_entities,
    strange_files,
)
from usertrack.checks.finding import Finding
from usertrack.checks.matches import check_internal
from usertrack.checks.schema import by_cause
from usertrack.checks.workspace import check_queries_online
from usertrack.core.errors import UsageError, UsertrackError
from usertrack.core.spool import scratch
from usertrack.core.table import Table
from usertrack.core.words import plural
from usertrack.engine.runner import Runner
from usertrack.library.library import Library
from usertrack.segments.applicable import applicable
from usertrack.segments.classify import classify
from usertrack.segments.expressions import columns, parse
from usertrack.segments.profiles import join_profiles, profile_statements
from usertrack.segments.rules import read_rules
from usertrack.segments.staging import stage, stage_addresses

_NAMED = 3  # queries that are named, of all that a problem stops


def check_online(runner: Runner, rules: Path) -> list[Finding]:
    """Every entity and every query; of a broken entity one finding, with the queries and segments that it stops."""
    library = runner.library
    problems = broken_files(library)
    problems |= refused_by_postgres(runner, sound_entities(library, problems))
    readers = _readers(library, problems)
    stopped = {query: name for name, queries in readers.items() for query in queries}
    return [
        *strange_files(library),
        *lacking_columns(library, problems),
        *_problems(library, rules, problems, readers),
        *check_rows(runner, sound_entities(library, problems)),
        *check_zones(runner, sound_entities(library, problems)),
        *by_cause(check_queries_online(runner, stopped), library),
        *(
            Finding("note", query, f"reads {{{name}}}, which is broken", group="queries", implied=True)
            for query, name in stopped.items()
        ),
        *_joined(runner, rules),
        *check_internal(runner),
        *entity_places(library, problems),
    ]


def _joined(runner: Runner, path: Path) -> Iterator[Finding]:
    """Find what stops `segments`: a query whose rows cannot be joined, or a rule that fails on somebody's data."""
    try:
        rules = applicable(read_rules(path), runner.library)
        answers = runner.run(profile_statements(runner, rules))
    except UsageError:  # `check_rules` reports it
        return
    stops = False
    with scratch() as connection:
        stage_addresses(connection, ())
        for number, (name, answer) in enumerate(zip(rules.queries, answers, strict=True)):
            try:
                if isinstance(answer, Table):
                    stage(connection, f"q{number}", runner.library[name], answer, rules.key, runner.library)
            except UsageError as error:
                stops = True
                yield Finding("FAIL", name, f"{error.message}; this stops `segments`", error.hint, "queries")
    if stops or not any(isinstance(answer, Table) for answer in answers):
        return
    try:
        profiles = join_profiles(runner, rules, answers)
        for segment_set in rules.sets.values():
            classify(profiles, segment_set)
    except UsageError as error:
        yield Finding("FAIL", "segments", error.message, error.hint)


def _readers(library: Library, names: Collection[str]) -> dict[str, list[str]]:
    """The queries that read each of the entities ``names``."""
    readers: dict[str, list[str]] = {name: [] for name in names}
    for query in library if names else ():
        try:
            for name in library.entities_in(library[query].sql):
                readers.get(name, []).append(query)
        except UsertrackError:
            pass  # `check_queries_online` says what is wrong with it
    return readers


def _problems(
    library: Library, rules: Path, problems: Problems, readers: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """A finding for each problem; that several tables of the demo are missing has one cause."""
    demos = [
        name
        for name, error in problems.items()
        if is_shipped(library.entities.files[name]) and "does not exist" in error.message
    ]
    if len(demos) > 1:
        causes = ", ".join(f"{name} ({problems[name].message.partition(': ')[2]})" for name in demos)
        text = f"are still those of the demo, whose tables this database does not have: {causes}"
        stopped = sorted({query for name in demos for query in readers[name]})
        yield Finding("FAIL", "entities", text + _stops(library, rules, stopped), _hint("calls"))
    for name, error in problems.items():
        if len(demos) < 2 or name not in demos:
            hint = _hint(name) if name in demos else error.hint
            yield Finding("FAIL", f"entity {name}", error.message + _stops(library, rules, readers[name]), hint)


def _hint(name: str) -> str:
    return f"`usertrack init --from-database` proposes what is yours; without any: `tables: {{{name}: none}}`"


def _stops(library: Library, path: Path, queries: Sequence[str]) -> str:
    """``; it stops 14 queries (…) and the segments power, failing``; empty where it stops nothing."""
    if not queries:
        return ""
    segments = _segments(library, path, queries)
    also = f" and {plural(len(segments), 'segment')} ({some(segments)})" if segments else ""
    return f"; this stops {plural(len(queries), 'query', 'queries')} ({some(queries)}){also}"


def some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _segments(library: Library, path: Path, queries: Collection[str]) -> list[str]:
    """The segments whose conditions need a fact of ``queries``."""
    try:
        rules = applicable(read_rules(path), library)
        unknown = {fact for name in rules.queries if name in queries for fact in library[name].facts}
        for derived in rules.derived:
            if not unknown.isdisjoint(columns(parse(derived.sql, ""))):
                unknown.add(derived.name)
        segments = [segment for segment_set in rules.sets.values() for segment in segment_set.segments]
        return [segment.id for segment in segments if not unknown.isdisjoint(columns(parse(segment.when, "")))]
    except UsageError:  # `check_rules` reports it
        return []
