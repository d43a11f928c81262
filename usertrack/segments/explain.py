"""Why a person is, or is not, in each segment of a set, and the smallest change of one fact that would flip it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlglot import exp

from usertrack.core.errors import UsageError
from usertrack.core.spool import identifier, quote
from usertrack.library.entities import EMAIL
from usertrack.segments.classify import condition, reason_sql, rule_error
from usertrack.segments.expressions import (
    Atom,
    atoms,
    base_columns,
    columns,
    compared_texts,
    compares_whole_texts,
    expand,
    numbers,
    to_sql,
)
from usertrack.segments.keys import ORGANIZATION, key_words, normalised, similar_keys, subjects_words
from usertrack.segments.match import LEFT_OUT
from usertrack.segments.profiles import ProfileFact, Profiles
from usertrack.segments.rules import Segment, SegmentSet
from usertrack.segments.staging import key_of

Extent = Literal["exactly", "or more", "or less", "anything else"]


@dataclass(frozen=True)
class Flip:
    """The smallest change of one fact that flips the verdict while all other facts stay as they are.

    ``extent`` says which other values flip it: all beyond ``to``, or none that is known. Fractions are tried in whole
    numbers, and in hundredths beside a threshold; times in hours, and in seconds beside a threshold. ``to`` is None for
    NULL, which is tried last. ``texts`` are the other texts of the rule that flip it; with "anything else" those that
    do not.
    """

    fact: ProfileFact
    value: object
    to: Any
    extent: Extent = "exactly"
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleComparison:
    """One comparison of a rule with the person's facts. ``met`` is None when it is unknown.

    ``bases`` are the facts that it rests on, derived ones expanded. ``counts`` are the denominators of its rates, and
    ``bounds`` the least and greatest values that an unknown fact may have, by name of the fact.
    """

    atom: Atom
    facts: tuple[tuple[ProfileFact, Any], ...]
    met: bool | None
    bases: frozenset[str]
    counts: dict[str, int]
    bounds: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Verdict:
    """Whether the person is in one segment. ``member`` is None when that is undecided; ``unknown`` then says why.

    ``met`` says whether its own rule is met. ``earlier`` names the segment of an exclusive set that comes first: its
    rule is met, and this one may be.
    """

    segment: Segment
    member: bool | None
    met: bool | None
    because: str
    comparisons: tuple[RuleComparison, ...]
    flips: tuple[Flip, ...]
    unknown: str = ""
    earlier: str = ""


@dataclass(frozen=True)
class Explanation:
    key: str
    facts: dict[str, object]
    verdicts: tuple[Verdict, ...]

    @property
    def members(self) -> list[Segment]:
        return [verdict.segment for verdict in self.verdicts if verdict.member]


def find_person(profiles: Profiles, email: str, described: str = "") -> str:
    """The key of the person with this ``email``; raises UsageError with similar ones.

    ``described``: which people the profiles are of, where that is not everybody: ``with an account``.
    """
    key = identifier(profiles.key)
    name = key_of("$1", profiles.key)
    row = profiles.connection.execute(f"SELECT {key} FROM profile WHERE {key} = {name}", [email]).fetchone()
    if row:
        return str(row[0])
    hint = similar_keys(profiles.connection, "profile", key, email) or _how_many(profiles, email, described)
    known = profiles.connection.execute(
        f"SELECT {', '.join(LEFT_OUT)} FROM people WHERE key = {name}", [email]
    ).fetchone()
    hint = next((_WHY_LEFT_OUT[kind] for kind, applies in zip(LEFT_OUT, known or (), strict=False) if applies), hint)
    who = "no organization" if profiles.key == ORGANIZATION else "nobody"
    raise UsageError(f"{who} is known as '{email}'", hint)


def _how_many(profiles: Profiles, name: str, described: str) -> str:
    """Say how many are known, and by what, where ``name`` is an e-mail and people have another key."""
    known = f"{subjects_words(profiles.people, profiles.key)}{described and f' {described}'} are known"
    if profiles.key in (EMAIL, ORGANIZATION) or "@" not in name:
        return known
    by_email = f"SELECT {identifier(profiles.key)} FROM profile WHERE {normalised('email')} = {normalised('$1')}"
    row = profiles.connection.execute(by_email, [name]).fetchone() if EMAIL in profiles.facts else None
    return f"{known} by their {key_words(profiles.key)}{f': this is {row[0]}' if row else ''}"


_WHY_LEFT_OUT = {
    "internal": "it is one of your own people (`internal` in usertrack.yaml), and those are left out",
    "opted_out": "whoever it is has opted out of being analysed, and is left out",
    "deleted": "the account was deleted, and such people are left out",
}


def explain(profiles: Profiles, segment_set: SegmentSet, email: str, *, flips: bool = True) -> Explanation:
    """The verdict of each segment of the set on one person; raises UsageError when the person or a fact is unknown.

    ``flips`` also finds what would change each verdict, which takes most of the time.
    """
    import duckdb

    profiles.note(segment_set.note)
    key = find_person(profiles, email)
    profiles.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE person AS SELECT * FROM profile WHERE {identifier(profiles.key)} = ?", [key]
    )
    names = ", ".join(map(identifier, profiles.facts))
    facts = dict(zip(profiles.facts, profiles.row(f"SELECT {names} FROM person"), strict=True))
    verdicts: list[Verdict] = []
    try:
        for segment in segment_set.segments:
            before = verdicts if segment_set.exclusive else []
            rule = condition(profiles, segment)
            met, can_be_met, text = profiles.row(
                f"SELECT {profiles.judged(rule)}, {profiles.judged(rule, met_or_not=True)} IS NOT FALSE, "
                f"{reason_sql(profiles, segment)} FROM person"
            )
            earlier = next((verdict.segment.name for verdict in before if verdict.met), "") if met is not False else ""
            may_be = can_be_met and not earlier
            reasons = profiles.missing(rule) if may_be and not met else []
            if may_be and (doubtful := next((verdict for verdict in before if verdict.unknown), None)):
                reasons.append(f"{doubtful.segment.name} comes first, and is unknown")
            member = None if reasons else False if earlier else met
            changes: list[Flip] = []
            if flips and not reasons:
                searched = _rule(profiles, segment, [verdict.segment for verdict in before])
                changes = _flips(profiles, searched, target=not member)
            reason, comparisons = text if member else "", _comparisons(profiles, rule, facts)
            verdicts.append(
                Verdict(segment, member, met, reason, comparisons, tuple(changes), "; ".join(reasons), earlier)
            )
    except duckdb.Error as error:
        raise rule_error(profiles, segment_set, error) from error
    return Explanation(key, facts, tuple(verdicts))


def _comparisons(profiles: Profiles, rule: exp.Expr, facts: dict[str, object]) -> tuple[RuleComparison, ...]:
    """The comparisons in ``rule`` with their outcomes for the person, all asked for at once."""
    compared = atoms(rule)
    rates = _rates(profiles, rule)
    outcomes = [f"try({profiles.judged(atom.expression)})" for atom in compared]
    denominators = [f"({to_sql(denominator)})" for denominator in rates.values()]
    unknown = [name for name in columns(rule) if profiles.facts[name].missing]
    limits = [
        limit or "NULL"
        for name in unknown
        for limit in (profiles.facts[name].of, profiles.bounds(name).low, profiles.bounds(name).high)
    ]
    values = profiles.row(f"SELECT {', '.join([*outcomes, *denominators, *limits])} FROM person")
    of_rates = len(compared) + len(rates)
    denominated = zip(rates, values[len(compared) : of_rates], strict=True)
    counts = {name: int(count) for name, count in denominated if count is not None}
    limited = zip(unknown, *(values[of_rates + place :: 3] for place in range(3)), strict=True)
    bounds = {name: (low, high) for name, is_unknown, low, high in limited if is_unknown}
    return tuple(
        RuleComparison(
            atom,
            tuple((profiles.facts[name], facts[name]) for name in atom.columns if name != "as_of"),
            met,
            frozenset(base_columns(atom.expression, profiles.derived)),
            {name: counts[name] for name in atom.columns if name in counts},
            {name: bounds[name] for name in atom.columns if name in bounds},
        )
        for atom, met in zip(compared, values, strict=False)
    )


def _rates(profiles: Profiles, rule: exp.Expr) -> dict[str, exp.Expr]:
    """The denominators of the rates in ``rule``."""
    derived = {name: profiles.derived.get(name) for name in columns(rule)}
    return {
        name: fact.expression
        for name, fact in derived.items()
        if isinstance(fact, exp.Div) and profiles.facts[name].unit == "percent"
    }


@dataclass(frozen=True)
class _Rule:
    """A rule over base facts, and what its facts are compared with; it is searched once for all of them.

    ``met`` is SQL for whether somebody is in the segment: its rule is met, and none of the segments before it has them.
    """

    expression: exp.Expr
    met: str
    columns: tuple[str, ...]
    thresholds: tuple[float, ...]
    has_negative: bool
    compared_with_null: frozenset[str]


def _rule(profiles: Profiles, segment: Segment, before: Sequence[Segment]) -> _Rule:
    conditions = [expand(condition(profiles, rule), profiles.derived) for rule in (segment, *before)]
    unknown = profiles.unknowns
    met = unknown.judged(conditions[0])
    for earlier in conditions[1:]:
        met += f" AND NOT {unknown.judged(earlier, met_or_not=True)}"
    rule = exp.and_(*conditions)
    tests = rule.find_all(exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ)
    return _Rule(
        rule,
        met,
        tuple(columns(rule)),
        tuple(sorted(numbers([rule]))),
        rule.find(exp.Neg) is not None,
        frozenset(name for test in tests for name in columns(test)),
    )


def _flips(profiles: Profiles, rule: _Rule, *, target: bool) -> list[Flip]:
    """For each base fact of ``rule`` the nearest value that gives ``target``, where there is one."""
    flips, goal = [], f"({rule.met}) {'IS TRUE' if target else 'IS NOT TRUE'}"
    looked_at = {*rule.columns} - {"as_of", profiles.key}
    for name in (name for name, fact in profiles.facts.items() if name in looked_at and not fact.missing):
        fact = profiles.facts[name]
        if candidates := _candidates(profiles, fact, rule):
            flip = _flip(profiles, fact, candidates, goal) or _null_flip(profiles, fact, rule, goal)
            flips += [flip] if flip else []
    return flips


def _flip(profiles: Profiles, fact: ProfileFact, candidates: str, goal: str) -> Flip | None:
    """The candidate nearest to the fact's value that fulfils ``goal``, and whether all values beyond it do."""
    column = identifier(fact.name)
    profiles.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS WITH tried AS ({candidates}) "
        f"SELECT {column} AS v, was, as_of, coalesce(try({goal}), false) AND v IS DISTINCT FROM was AS ok FROM "
        f"(SELECT person.* REPLACE (tried.v AS {column}), person.{column} AS was FROM person, tried)"
    )
    (value,) = profiles.row(f"SELECT {column} FROM person")
    (nearest,) = profiles.row(f"SELECT arg_min(v, ({_distance(fact.type)}, v)) FILTER (ok) FROM judged")
    if nearest is None:
        return None
    if fact.type == "VARCHAR":
        return _text_flip(profiles, fact, value)
    if fact.type == "BOOLEAN":
        return Flip(fact, value, nearest)
    for side, reach, edge in ((">=", "or more", "min"), ("<=", "or less", "max")):
        # nothing is nearest to an unknown value: take the edge of the values that fulfil the goal
        to = profiles.row(f"SELECT {edge}(v) FILTER (ok) FROM judged")[0] if value is None else nearest
        beyond = value is None or (to > value) is (side == ">=")
        if beyond and profiles.row(f"SELECT bool_and(ok) FROM judged WHERE v {side} ?", [to])[0]:
            return Flip(fact, value, to, cast(Extent, reach))
    return Flip(fact, value, nearest)


def _null_flip(profiles: Profiles, fact: ProfileFact, rule: _Rule, goal: str) -> Flip | None:
    """NULL, if it fulfils ``goal``: for texts, and for facts that ``rule`` compares with NULL."""
    if fact.type != "VARCHAR" and fact.name not in rule.compared_with_null:
        return None
    column = identifier(fact.name)
    without = f"(SELECT person.* REPLACE (NULL::{fact.type} AS {column}), {column} AS was FROM person)"
    value, will_do = profiles.row(f"SELECT was, coalesce(try({goal}), false) FROM {without}")
    return Flip(fact, value, None) if will_do and value is not None else None


def _text_flip(profiles: Profiles, fact: ProfileFact, value: str | None) -> Flip:
    """Any other text, where a text that the rule does not name fulfils the goal; else the named ones that do."""
    rows = profiles.connection.execute("SELECT v, ok FROM judged ORDER BY v").fetchall()
    will_do = [text for text, ok in rows if ok]
    if _OTHER in will_do:
        return Flip(fact, value, None, "anything else", tuple(text for text, ok in rows if not ok and text != value))
    return Flip(fact, value, will_do[0], texts=tuple(will_do[1:]))


_OTHER = "something else"
_MOST = 1_000_000  # values of one fact that are tried


def _candidates(profiles: Profiles, fact: ProfileFact, rule: _Rule) -> str:
    """SQL for a table of values ``v`` to try: the whole numbers, hours or texts that may flip ``rule``."""
    named = ", ".join(f"{number:f}" for number in rule.thresholds) or "0"
    if fact.type in ("BIGINT", "DOUBLE"):
        own = profiles.row(f"SELECT greatest(0, {', '.join(_sizes(profiles, rule))}) FROM person")[0]
        most = min(_MOST, int(2 * max([500, own, *rule.thresholds])) + 1)
        least = -most if rule.has_negative else 0
        integers = f"SELECT unnest(range({least}, {most}))::{fact.type} AS v"
        beside = f"(SELECT unnest([{named}]) AS n), (SELECT unnest([-0.01, 0, 0.01]) AS s) WHERE n + s >= {least}"
        return integers if fact.type == "BIGINT" else f"{integers} UNION SELECT n + s FROM {beside}"
    if fact.type == "TIMESTAMP":
        beside = (
            f"SELECT as_of - to_seconds(n * u + s) FROM person, (SELECT unnest([{named}])::DOUBLE AS n), "
            "(SELECT unnest([1, 60, 3600, 86400, 604800]) AS u), (SELECT unnest([-1, 0, 1]) AS s) "
            "WHERE n * u + s BETWEEN 0 AND 4e8"
        )
        return f"SELECT as_of - to_hours(h) AS v FROM person, range(0, 24 * 400) hours(h) UNION {beside}"
    if fact.type == "BOOLEAN":
        return "SELECT unnest([true, false]) AS v"
    if fact.type != "VARCHAR":
        return ""
    others = [_OTHER] * compares_whole_texts(rule.expression, fact.name)
    words = sorted(compared_texts(rule.expression, fact.name)) + others
    return f"SELECT unnest([{', '.join(map(quote, words))}]::VARCHAR[]) AS v"


def _sizes(profiles: Profiles, rule: _Rule) -> list[str]:
    names = [name for name in rule.columns if profiles.facts[name].type in ("BIGINT", "DOUBLE")]
    return [f"coalesce(abs({identifier(name)}), 0)" for name in names]


def _distance(kind: str) -> str:
    if kind == "TIMESTAMP":
        return "abs(epoch(v) - epoch(coalesce(was, as_of)))"
    return "abs(v - coalesce(was, 0))" if kind in ("BIGINT", "DOUBLE") else "0"
