"""What can be known to be wrong in a workspace before anybody asks it a question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from usertrack.errors import UsageError, UsertrackError
from usertrack.expressions import columns, expand, numbers, parse, texts, to_sql
from usertrack.library import Library
from usertrack.rules import Segment, SegmentSet, read_rules
from usertrack.run import Runner
from usertrack.segments import at, classify
from usertrack.spool import identifier, quote
from usertrack.workbench import Workbench

_WORLDS = 100_000


@dataclass(frozen=True)
class Finding:
    """``level`` is ok, note or FAIL; only FAIL makes a check fail."""

    level: str
    what: str
    detail: str = ""
    hint: str = ""


def check_queries(library: Library) -> list[Finding]:
    """Every query file: header, parameters, and that it is one statement that reads."""
    findings = []
    for name in library:
        try:
            query = library[name]
            findings.append(Finding("ok", name, query.title))
        except UsertrackError as error:
            findings.append(Finding("FAIL", name, error.message, error.hint))
    return findings


def check_queries_online(runner: Runner) -> list[Finding]:
    """Every query that has a value for each parameter, asked of its source for no rows at all."""
    statements, findings = [], []
    for name in runner.library:
        try:
            query = runner.library[name]
            filler = {p.name: _FILLERS[p.type] for p in query.params.values() if p.default is None}
            statements.append(runner.bind(name, filler, limit=0))
        except UsertrackError as error:
            findings.append(Finding("FAIL", name, error.message, error.hint))
    for statement, answer in zip(statements, runner.run(statements), strict=True):
        if isinstance(answer, UsertrackError):
            findings.append(Finding("FAIL", statement.name, answer.message, answer.hint))
        else:
            findings.append(_has_its_facts(statement.name, answer.names, runner.library))
    return findings


_FILLERS: dict[str, Any] = {"int": 1, "float": 1.0, "text": "nobody@example.com", "bool": True, "list": ["nobody"]}


def _has_its_facts(name: str, names: Sequence[str], library: Library) -> Finding:
    query = library[name]
    lacking = [fact for fact in [*query.facts, *filter(None, [query.key])] if fact not in names]
    if lacking:
        return Finding(
            "FAIL",
            name,
            f"declares {', '.join(lacking)} and returns {', '.join(names)}",
            "header and SELECT must agree",
        )
    return Finding("ok", name, f"answers with {len(names)} columns")


def check_rules(path: Path, library: Library) -> list[Finding]:
    """segments.yaml: shape, unknown facts, types, rules that can never apply, and rules inside others."""
    from datetime import UTC, datetime

    try:
        rules = read_rules(path)
        bench = Workbench(rules, library, datetime(2026, 1, 1, tzinfo=UTC))
        bench.declare()
    except UsageError as error:
        return [Finding("FAIL", path.name, error.message, error.hint)]
    findings = []
    for chosen in rules.sets.values():
        problems = [problem for segment in chosen.segments if (problem := _problem(bench, chosen, segment))]
        findings += problems or [
            Finding("ok", f"set {chosen.name}", f"{len(chosen.segments)} segments"),
            *_logic(bench, chosen),
        ]
    return findings


def _problem(bench: Workbench, chosen: SegmentSet, segment: Segment) -> Finding | None:
    try:
        classify(bench, SegmentSet(chosen.name, (segment,)))
    except UsageError as error:
        return Finding("FAIL", f"segment {segment.id}", error.message, error.hint)
    return None


def _logic(bench: Workbench, chosen: SegmentSet) -> list[Finding]:
    """What the rules of a set mean for each other, tried at every threshold they name and just beside it."""
    rules = {s.id: expand(parse(s.when, at(bench.rules, s, "when")), bench.derived) for s in chosen.segments}
    never = [segment for segment in chosen.segments if not _ever(bench, [rules[segment.id]], "{0}")]
    findings = [
        Finding(
            "FAIL",
            f"segment {s.id}",
            f"{at(bench.rules, s, 'when')}: nobody can ever be in it",
            "its conditions exclude each other",
        )
        for s in never
    ]
    possible = [segment for segment in chosen.segments if segment not in never]
    if chosen.exclusive:
        return findings + _hidden(bench, possible, rules)
    for first, second in combinations(possible, 2):
        for inner, outer in ((first, second), (second, first)):
            if not _ever(bench, [rules[inner.id], rules[outer.id]], "{0} AND NOT coalesce({1}, false)"):
                findings.append(_inside(bench, inner, outer, hidden=inner is second))
    return findings


def _hidden(bench: Workbench, segments: Sequence[Segment], rules: Mapping[str, Any]) -> list[Finding]:
    """In an exclusive set: segments that the ones before them leave nobody for."""
    findings = []
    for number, segment in enumerate(segments[1:], start=1):
        earlier = " OR ".join(f"coalesce({{{n + 1}}}, false)" for n in range(number))
        if not _ever(
            bench, [rules[segment.id], *(rules[s.id] for s in segments[:number])], f"{{0}} AND NOT ({earlier})"
        ):
            where = at(bench.rules, segment, "when")
            findings.append(
                Finding(
                    "FAIL",
                    f"segment {segment.id}",
                    f"{where}: the segments before it leave nobody for it",
                    "change `precedence`",
                )
            )
    return findings


def _inside(bench: Workbench, inner: Segment, outer: Segment, *, hidden: bool) -> Finding:
    where = at(bench.rules, inner, "when")
    text = f"{where}: overlap: everybody in it is in {outer.id} too"
    if hidden:
        return Finding(
            "note",
            f"segment {inner.id}",
            f"{text}, which comes first, so it is nobody's primary segment",
            "move it up in `precedence`",
        )
    return Finding("note", f"segment {inner.id}", f"{text}; precedence decides")


def _ever(bench: Workbench, rules: Sequence[Any], template: str) -> bool:
    """Whether some world makes the condition true: all combinations of telling values, or a fixed sample of them."""
    names = [name for name in dict.fromkeys(n for rule in rules for n in columns(rule)) if name != "as_of"]
    literals, words = numbers(rules), texts(rules)
    choices = [_telling(bench.facts[name].type, literals, words) for name in names]
    total = 1
    for values in choices:
        total *= len(values)
    picks = []
    for name, values in zip(names, choices, strict=True):
        listed = f"[{', '.join(values)}]"
        index = (
            f"hash(concat(i, {quote(name)}))" if total > _WORLDS else f"(i // {_stride(choices, names.index(name))})"
        )
        picks.append(f"{listed}[1 + ({index} % {len(values)})::BIGINT]::{bench.facts[name].type} AS {identifier(name)}")
    condition = template.format(*(f"({to_sql(rule)})" for rule in rules))
    picks.append("TIMESTAMP '2026-01-01' AS as_of")
    worlds = f"SELECT {', '.join(picks)} FROM range({min(total, _WORLDS)}) worlds(i)"
    return bool(bench.one(f"SELECT count(*) FROM (SELECT * FROM ({worlds}) WHERE {condition} LIMIT 1)")[0])


def _stride(choices: Sequence[Sequence[str]], position: int) -> int:
    stride = 1
    for values in choices[:position]:
        stride *= len(values)
    return stride


def _telling(kind: str, literals: set[float], words: set[str]) -> list[str]:
    """Values of a fact around every threshold: on it, just beside it, none at all."""
    near = sorted({number + step for number in literals | {0.0} for step in (-1, 0, 1) if number + step >= 0})
    if kind in ("BIGINT", "DOUBLE"):
        return ["NULL", *(f"{number:g}" for number in near), f"{10 * (max(near) + 1):g}"]
    if kind == "TIMESTAMP":
        return ["NULL", *(f"TIMESTAMP '2026-01-01' - to_hours({int(24 * days)})" for days in [*near, 400])]
    if kind == "BOOLEAN":
        return ["NULL", "true", "false"]
    if kind == "VARCHAR":
        return ["NULL", *map(quote, sorted(words)), "'something else'"]
    return ["NULL"]
