"""Checks of a workspace's files: queries, fragments, segments.yaml, failures.yaml and funnels.yaml."""

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from usertrack.checks.finding import Finding
from usertrack.core.errors import Absent, NotConnected, QueryError, UsageError, UsertrackError
from usertrack.core.source_names import POSTGRES
from usertrack.core.words import number, plural
from usertrack.engine.own_people import is_rule, own_rule
from usertrack.engine.runner import Runner
from usertrack.library.causes import read_catalogue
from usertrack.library.entities import name_entities
from usertrack.library.fragments import expand as with_fragments
from usertrack.library.functions import BEYOND_TABLES, refused_function
from usertrack.library.library import SOURCES, Library, Query, Statement, shipped_root
from usertrack.library.sql import syntax_error
from usertrack.live.alerts.channels.senders import senders
from usertrack.live.signals.facts import checked_questions
from usertrack.live.signals.read import pattern_problems, read_patterns
from usertrack.plan.read import read_plan
from usertrack.product.funnel.numbers import named_funnels
from usertrack.product.scorecard.numbers import listed_metrics
from usertrack.segments.applicable import applicable
from usertrack.segments.classify import all_right, check_rule, condition, declared_profiles, rule_location
from usertrack.segments.expressions import expand, parse
from usertrack.segments.keys import ORGANIZATION
from usertrack.segments.profiles import Profiles
from usertrack.segments.reachability import Reachability, extremes
from usertrack.segments.rules import Rules, Segment, SegmentSet, read_rules
from usertrack.workspace.files import failures_paths, funnel_paths, new_plan_path, patterns_path, rules_path
from usertrack.workspace.settings import NotFetchedError, Settings
from usertrack.workspace.weekly_sections import listed_sections


def check_queries(library: Library) -> list[Finding]:
    """Every query file: header, parameters, and whether it is one statement that only reads."""
    findings = []
    for name in library:
        try:
            query = library[name]
            findings.append(_syntax_finding(query, library) or Finding("ok", name, query.title, group="queries"))
        except UsertrackError as error:
            findings.append(Finding("FAIL", name, error.message, error.hint, "queries"))
    return findings


def check_fragments(library: Library) -> list[Finding]:
    """Every fragment with an error, whether or not a query uses it, and every one that replaces a shipped one."""
    findings = []
    for fragments in map(library.fragments, SOURCES):
        for name, path in fragments.files.items():
            try:
                fragments[name]
            except UsertrackError as error:
                findings.append(Finding("FAIL", f"fragment {path.stem}", error.message, error.hint, "fragments"))
            else:
                if name in fragments.replaced and not path.is_relative_to(shipped_root()):
                    text = f"{path} replaces the shipped one, in every query that uses it"
                    findings.append(Finding("note", f"fragment {name}", text, group="fragments"))
    return findings


def _syntax_finding(query: Query, library: Library) -> Finding | None:
    """Find what is wrong with its SQL, as far as that is known without its source."""
    if query.source != POSTGRES:
        return None  # PostHog alone knows HogQL
    if refused := refused_function(query.sql):
        where = f"{query.path}:{query.line + query.sql[: refused[0]].count(chr(10))}"
        return Finding("FAIL", query.name, f"{where}: {refused[1]}", BEYOND_TABLES, "queries")
    # entities by name: each was parsed when it was read, and is longer than most queries
    expanded = with_fragments(query.written, query.source, library.fragments(query.source), query.params)
    if problem := syntax_error(name_entities(expanded, query.params)[0]):
        where = f"{query.place}:{query.line + problem[0] - 1}"
        return Finding("FAIL", query.name, f"{where}: this is no SQL, near '{problem[1]}'", _ASK, "queries")
    return None


_ASK = "`usertrack check --online` says what Postgres itself makes of it"


def check_queries_online(runner: Runner, stopped: Collection[str] = ()) -> list[Finding]:
    """Every query but the ``stopped`` ones, run at its source for no rows.

    Parameters without a default get a placeholder.
    """
    statements, findings = [], []
    for name in runner.library:
        if name in stopped:
            continue
        try:
            query = runner.library[name]
            filler = {p.name: _FILLERS[p.type] for p in query.params.values() if p.default is None}
            statements.append(runner.bind(name, filler, limit=0))
        except UsertrackError as error:
            findings.append(Finding("FAIL", name, error.message, error.hint, "queries"))
    for statement, answer in zip(statements, runner.run(statements), strict=True):
        if isinstance(answer, Absent | NotConnected):
            text = answer.message.removeprefix(f"{statement.name} ")
            findings.append(Finding("note", statement.name, f"left out: it {text}", group="queries", implied=True))
        elif isinstance(answer, UsertrackError):
            findings.append(
                Finding("FAIL", statement.name, _message_with_place(statement, answer), answer.hint, "queries")
            )
        else:
            findings.append(_columns_finding(statement.name, answer.names, runner.library))
    return findings


def _message_with_place(statement: Statement, error: UsertrackError) -> str:
    """The source's message with the query's file and line, and without our LIMIT 0."""
    message = error.message.removeprefix(f"{statement.name}: ")
    query = statement.query
    if query is None or not isinstance(error, QueryError) or query.place in message:
        return message
    return f"{query.place}:{query.line}: {_ADDED_LIMIT.sub('', message)}"


_ADDED_LIMIT = re.compile(r"\s*\bLIMIT 0\b")


_FILLERS: dict[str, Any] = {
    "int": 1,
    "float": 1.0,
    "text": "nobody@example.com",
    "bool": True,
    "list": ["nobody"],
    "timestamp": datetime(2026, 1, 1, tzinfo=UTC),
    "condition": "true",
    "conditions": ["true"],
}


def _columns_finding(name: str, names: Sequence[str], library: Library) -> Finding:
    query = library[name]
    declared = [*query.facts, *filter(None, [query.key]), *(query.metric.columns if query.metric else ())]
    missing = [column for column in declared if column not in names]
    if missing:
        return Finding(
            "FAIL",
            name,
            f"declares {', '.join(missing)} and returns {', '.join(names)}",
            "header and SELECT must agree",
            "queries",
        )
    return Finding("ok", name, f"answers with {len(names)} columns", group="queries")


def check_files(settings: Settings, library: Library) -> list[Finding]:
    """The workspace's segments.yaml and its like, or the shipped ones; its tracking.yaml."""
    checks: dict[str, Callable[[], list[Finding]]] = {
        "segments.yaml": lambda: check_rules(rules_path(settings), library),
        "failures.yaml": lambda: _check_causes(failures_paths(settings)),
        "patterns.yaml": lambda: [
            *check_patterns(patterns_path(settings), lambda: rules_path(settings), library),
            *_check_channels(settings),
        ],
        "funnels.yaml": lambda: _check_funnels(funnel_paths(settings)),
        "usertrack.yaml": lambda: _check_lists(settings, library),
        "tracking.yaml": lambda: _check_plan(new_plan_path(settings)),
    }
    findings = []
    for name, check in checks.items():
        try:
            findings += check()
        except UsageError as error:
            findings.append(Finding("FAIL", name, error.message, error.hint))
    return findings


def check_rules(path: Path, library: Library) -> list[Finding]:
    """segments.yaml: shape, unknown facts, types, rules that can never apply, and rules that imply another one."""
    try:
        rules = read_rules(path)
        of_organizations = rules.judging(ORGANIZATION)
        findings = _rule_findings(rules, library)
        if of_organizations.sets:
            about = _rule_findings(of_organizations, library.by(ORGANIZATION))
            findings += [finding for finding in about if finding.level != "note"]  # most companies are judged by people
            findings += _left_out(applicable(of_organizations, library.by(ORGANIZATION)))
    except UsageError as error:
        return [Finding("FAIL", path.name, error.message, error.hint)]
    return findings


def check_patterns(path: Path, rules_file: Callable[[], Path], library: Library) -> list[Finding]:
    """patterns.yaml: its shape, and what it asks of the profiles that the file of rules makes."""
    try:
        patterns = read_patterns(path)
    except UsageError:
        return [Finding("FAIL", path.name, problem.message, problem.hint) for problem in pattern_problems(path)]
    with ExitStack() as stack:
        try:
            profiles = stack.enter_context(_declared(applicable(read_rules(rules_file()), library), library))
        except UsageError:
            return [Finding("note", path.name, "its conditions are not checked before segments.yaml is right")]
        ask, mistakes = checked_questions(patterns, profiles, library)
    if mistakes:
        return [Finding("FAIL", path.name, mistake.message, mistake.hint) for mistake in mistakes]
    left_out = [
        Finding("note", f"pattern {name}", f"left out: it rests on {cause}, absent here")
        for name, cause in ask.left_out.items()
    ]
    return [Finding("ok", path.name, plural(len(patterns.patterns), "pattern")), *left_out]


def _check_channels(settings: Settings) -> list[Finding]:
    """Find why `alerts watch` would not start: a secret may be missing here and be there where it runs."""
    try:
        senders(read_patterns(patterns_path(settings)).notifications, settings.without_fetching())
    except NotFetchedError:
        return []
    except UsageError as error:
        return [Finding("note", "channels", f"`usertrack alerts watch` does not start: {error.message}", error.hint)]
    return []


def _rule_findings(all_rules: Rules, library: Library) -> list[Finding]:
    """Find what is wrong with the sets of one subject; raises UsageError."""
    rules = applicable(all_rules, library)
    findings = [] if rules.by else _left_out(rules)
    with _declared(rules, library) as profiles:
        for segment_set in rules.sets.values():
            findings += _problems(profiles, segment_set.segments) or [
                Finding("ok", f"set {segment_set.name}", plural(len(segment_set.segments), "segment")),
                *_logic_findings(profiles, segment_set),
            ]
    return findings


def _declared(rules: Rules, library: Library) -> AbstractContextManager[Profiles]:
    return declared_profiles(rules, library, datetime(2026, 1, 1, tzinfo=UTC))


def _left_out(rules: Rules) -> list[Finding]:
    """The segments that are dropped. Where organizations are not known at all, nobody misses theirs."""
    if rules.by and not rules.sets:
        return []
    of = f" {rules.by}" if rules.by else ""
    return [
        Finding(
            "note", f"segment{of} {segment}", f"cannot be evaluated: it rests on {cause}, absent here", lacking=not of
        )
        for segment, cause in rules.absent.items()
    ]


def check_metrics(library: Library) -> list[Finding]:
    """The metrics that cannot be evaluated, by what they rest on, and how many can."""
    causes: dict[str, list[str]] = {}
    for name in library.metrics():
        with suppress(UsageError):  # `check_queries` has the error
            absence = library[name].absence
            causes.setdefault(", ".join(sorted(absence.causes)) if absence.empty else "", []).append(name)
    known = causes.pop("", [])
    return [
        *(
            Finding(
                "note",
                plural(len(names), "metric"),
                f"cannot be evaluated: {', '.join(names)} rest{'s' * (len(names) == 1)} on {cause}, absent here",
                lacking=len(names),
            )
            for cause, names in causes.items()
        ),
        *([Finding("ok", "metrics", plural(len(known), "metric"))] if known else []),
    ]


def _check_plan(path: Path) -> list[Finding]:
    """The structure of tracking.yaml; `usertrack plan lint` says more."""
    return [Finding("ok", path.name, plural(len(read_plan(path).events), "event"))] if path.is_file() else []


def _check_causes(paths: Sequence[Path]) -> list[Finding]:
    """failures.yaml: shape, patterns, categories and labels of every rule."""
    catalogue = read_catalogue(paths)
    counts = f"{len(catalogue.rules)} rules in {len(catalogue.categories)} categories"
    return [Finding("ok", "failures.yaml", counts)]


def _check_lists(settings: Settings, library: Library) -> list[Finding]:
    """The names that `metrics` and `sections` list, and who is `internal`."""
    listed_metrics(library, settings.values["metrics"])
    strange = [item for item in settings["internal"] if not is_rule(own_rule(item))]
    findings = [
        Finding("note", "internal", f"'{item}' matches nobody", "write a domain, or an e-mail") for item in strange
    ]
    if settings["sections"]:
        listed_sections(settings.values["sections"], read_rules(rules_path(settings)).names)
    return findings


def _check_funnels(paths: Sequence[Path]) -> list[Finding]:
    """funnels.yaml: shape, steps with their conditions, windows and orders of every funnel."""
    funnels = named_funnels(paths)
    return [Finding("ok", "funnels.yaml", f"{len(funnels)} funnel{'s' * (len(funnels) != 1)}")]


def _problems(profiles: Profiles, segments: Sequence[Segment]) -> list[Finding]:
    if all_right(profiles, segments):
        return []
    return [problem for segment in segments if (problem := _problem(profiles, segment))]


def _problem(profiles: Profiles, segment: Segment) -> Finding | None:
    try:
        check_rule(profiles, segment)
    except UsageError as error:
        return Finding("FAIL", f"segment {segment.id}", error.message, error.hint)
    return None


def _logic_findings(profiles: Profiles, segment_set: SegmentSet) -> list[Finding]:
    """Rules of a set that nobody can fulfil, and rules that imply another rule of the set."""
    reach = Reachability(profiles.connection, {name: fact.type for name, fact in profiles.facts.items()})
    rules = {segment.id: condition(profiles, segment) for segment in segment_set.segments}
    findings, before = [], list[Segment]()
    for segment in segment_set.segments:
        earlier_rules = [(rules[earlier.id], False) for earlier in before] if segment_set.exclusive else []
        if not reach.possible([(rules[segment.id], True)]):
            findings.append(
                _unreachable(profiles, segment, "nobody can ever be in it", "its conditions exclude each other")
            )
        elif not reach.possible([(rules[segment.id], True), *earlier_rules]):
            findings.append(
                _unreachable(
                    profiles, segment, "the segments before it leave nobody for it", "move it up in `precedence`"
                )
            )
        else:
            before.append(segment)
        findings += _off_scale(profiles, segment, rules[segment.id])
    if not segment_set.exclusive:
        for first, second in combinations(before, 2):
            for inner, outer in ((first, second), (second, first)):
                if not reach.possible([(rules[inner.id], True), (rules[outer.id], False)]):
                    findings.append(_overlap(profiles, inner, outer, hidden=inner is second))
    return findings


def _unreachable(profiles: Profiles, segment: Segment, detail: str, hint: str) -> Finding:
    return Finding("FAIL", f"segment {segment.id}", f"{rule_location(profiles.rules, segment, 'when')}: {detail}", hint)


_SCALE = (0, 10)  # of priorities, so that people of all segments can be sorted together


def _off_scale(profiles: Profiles, segment: Segment, rule: Any) -> list[Finding]:  # noqa: ANN401
    """A note for a priority that can leave the scale, with an example that DuckDB computed."""
    where = rule_location(profiles.rules, segment, "priority")
    expressions = [expand(part, profiles.derived) for part in (rule, parse(segment.priority, where))]
    least, most = extremes(
        profiles.connection, {name: fact.type for name, fact in profiles.facts.items()}, *expressions
    )
    outside = [value for value in (most, least) if value is not None and not _SCALE[0] <= round(value, 1) <= _SCALE[1]]
    if not outside:
        return []
    text = f"{where}: its priority can be {number(outside[0], 1)}, and the scale is {_SCALE[0]} to {_SCALE[1]}"
    return [Finding("note", f"segment {segment.id}", text, "write least(10, greatest(0, …)) around it")]


def _overlap(profiles: Profiles, inner: Segment, outer: Segment, *, hidden: bool) -> Finding:
    text = f"{rule_location(profiles.rules, inner, 'when')}: overlap: everybody in it is in {outer.id} too"
    if hidden:
        text, hint = f"{text}, which comes first, so it is nobody's primary segment", "move it up in `precedence`"
        return Finding("note", f"segment {inner.id}", text, hint)
    return Finding("note", f"segment {inner.id}", f"{text}; precedence decides")
