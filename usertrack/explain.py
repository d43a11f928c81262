"""Why a person is, or is not, in each segment of a set, and the smallest change of one fact that would flip it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from usertrack.errors import UsageError
from usertrack.expressions import atoms, columns, expand, numbers, parse, texts, to_sql
from usertrack.rules import Segment, SegmentSet
from usertrack.segments import at, because, condition
from usertrack.spool import identifier, quote
from usertrack.workbench import ProfileFact, Workbench


@dataclass(frozen=True)
class Looked:
    """One comparison of a rule with the facts it looked at. ``met`` is None when it is unknown."""

    sql: str
    facts: tuple[tuple[ProfileFact, Any], ...]
    met: bool | None
    joint: str = ""


@dataclass(frozen=True)
class Flip:
    """The smallest change of one fact, all others as they are, that flips the verdict."""

    fact: ProfileFact
    value: Any
    to: Any


@dataclass(frozen=True)
class Verdict:
    """How one segment judged the person. ``member`` is None when that is unknown, ``unknown`` then says why."""

    segment: Segment
    member: bool | None
    because: str
    looked: tuple[Looked, ...]
    flips: tuple[Flip, ...]
    unknown: str = ""
    earlier: str = ""


@dataclass(frozen=True)
class Explanation:
    key: str
    facts: dict[str, Any]
    verdicts: tuple[Verdict, ...]

    @property
    def members(self) -> list[Segment]:
        return [verdict.segment for verdict in self.verdicts if verdict.member and not verdict.earlier]


def find(bench: Workbench, wanted: str) -> str:
    """The key of the person called ``wanted``; raises UsageError naming near matches."""
    key = identifier(bench.key)
    row = bench.connection.execute(f"SELECT {key} FROM profile WHERE {key} = lower(trim(?))", [wanted]).fetchone()
    if row:
        return str(row[0])
    near = bench.connection.execute(
        f"SELECT {key} FROM profile WHERE jaro_winkler_similarity({key}, lower(trim($1))) > 0.82 "
        f"ORDER BY jaro_winkler_similarity({key}, lower(trim($1))) DESC, {key} LIMIT 3",
        [wanted],
    ).fetchall()
    hint = "did you mean " + " or ".join(row[0] for row in near) + "?" if near else f"{bench.people:,} people are known"
    own = bench.connection.execute("SELECT 1 FROM people WHERE internal AND key = lower(trim(?))", [wanted]).fetchone()
    if own:
        hint = "it is one of your own people (`internal` in usertrack.yaml), and those are left out"
    raise UsageError(f"nobody is known as '{wanted}'", hint)


def explain(bench: Workbench, chosen: SegmentSet, wanted: str) -> Explanation:
    """Every rule of ``chosen`` for one person; raises UsageError when the person or a fact is unknown."""
    found = find(bench, wanted)
    bench.connection.execute(
        f"CREATE OR REPLACE TABLE person AS SELECT * FROM profile WHERE {identifier(bench.key)} = ?", [found]
    )
    facts = dict(
        zip(bench.facts, bench.one(f"SELECT {', '.join(map(identifier, bench.facts))} FROM person"), strict=True)
    )
    verdicts: list[Verdict] = []
    for segment in chosen.segments:
        earlier = next((v.segment.name for v in verdicts if v.member), "") if chosen.exclusive else ""
        verdicts.append(_judge(bench, segment, facts, earlier))
    return Explanation(found, facts, tuple(verdicts))


def _judge(bench: Workbench, segment: Segment, facts: dict[str, Any], earlier: str) -> Verdict:
    expression = condition(bench, segment)
    unknown = "; ".join(bench.missing(expression))
    looked = [
        Looked(
            atom.sql,
            tuple((bench.facts[name], facts[name]) for name in atom.columns if name != "as_of"),
            None if bench.missing(parse(atom.sql, "")) else bench.one(f"SELECT ({atom.sql}) FROM person")[0],
            atom.joint,
        )
        for atom in atoms(expression)
    ]
    member, text = bench.one(f"SELECT ({segment.when}), {because(bench, segment)} FROM person")
    member = None if unknown else member
    flips = () if unknown else tuple(_flips(bench, segment, target=not member))
    return Verdict(segment, member, text if member else "", tuple(looked), flips, unknown, earlier)


def _flips(bench: Workbench, segment: Segment, *, target: bool) -> Sequence[Flip]:
    """For each base fact, the nearest value at which the rule gives ``target``; one that cannot is left out."""
    where = at(bench.rules, segment, "when")
    expression = expand(parse(segment.when, where), bench.derived)
    thresholds, words = numbers([expression]), texts([expression])
    found = []
    for name in columns(expression):
        fact = bench.facts[name]
        candidates = _candidates(fact, thresholds, words)
        if name == "as_of" or not candidates:
            continue
        wanted = "IS TRUE" if target else "IS NOT TRUE"
        column = identifier(name)
        row = bench.connection.execute(
            f"WITH tried AS ({candidates}), worlds AS ("
            f"SELECT person.* REPLACE (tried.v AS {column}), person.{column} AS was FROM person, tried) "
            f"SELECT was, {column} FROM worlds WHERE ({to_sql(expression)}) {wanted} AND {column} IS DISTINCT FROM was "
            f"ORDER BY {_distance(fact.type, column)} NULLS LAST, {column} LIMIT 1"
        ).fetchone()
        if row:
            found.append(Flip(fact, row[0], row[1]))
    return found


def _candidates(fact: ProfileFact, thresholds: set[float], words: set[str]) -> str:
    """SQL for a table of values ``v`` to try: every whole number, hour or named text that may matter."""
    most = int(max([1000.0, *(2 * abs(t) for t in thresholds)])) + 1
    if fact.type == "BIGINT":
        return f"SELECT unnest(range(0, {min(most, 100_000)}))::BIGINT AS v"
    if fact.type == "DOUBLE":
        return f"SELECT unnest(range(0, {min(most, 100_000)}))::DOUBLE AS v"
    if fact.type == "TIMESTAMP":
        return "SELECT as_of - to_hours(h) AS v FROM (SELECT as_of FROM person), range(0, 24 * 400) hours(h)"
    if fact.type == "BOOLEAN":
        return "SELECT unnest([true, false]) AS v"
    if fact.type == "VARCHAR" and words:
        return f"SELECT unnest([{', '.join(quote(word) for word in sorted(words))}, 'something else']) AS v"
    return ""


def _distance(kind: str, column: str) -> str:
    if kind == "TIMESTAMP":
        return f"abs(epoch({column}) - epoch(coalesce(was, as_of)))"
    if kind in ("BIGINT", "DOUBLE"):
        return f"abs({column} - coalesce(was, 0))"
    return column
