"""Rules over unknown facts: DuckDB decides exactly what an evaluator written in plain Python decides."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usertrack.segments.expressions import parse
from usertrack.segments.undecided import Unknowns

# a, b and c are known facts (NULL is none), x and y unknown counts, t an unknown number that may be anything
KNOWN, COUNTS, UNKNOWN = ("a", "b", "c"), ("x", "y"), ("t",)
VALUES = (None, 0, 1, 2, 5, 9)
Tree = tuple[Any, ...]

compared = st.tuples(
    st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]), st.sampled_from(KNOWN + COUNTS + UNKNOWN), st.integers(0, 9)
)
atoms = compared | st.tuples(st.just("null"), st.sampled_from(KNOWN + COUNTS + UNKNOWN))
trees: st.SearchStrategy[Tree] = st.recursive(
    atoms,
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner),
    max_leaves=8,
)
facts = st.fixed_dictionaries({name: st.sampled_from(VALUES) for name in KNOWN})
# of some people it is known what y is
people = facts.map(lambda known: {**known, "away": 1}) | st.tuples(facts, st.sampled_from([0, 3, 8])).map(
    lambda both: {**both[0], "y": both[1], "away": 0}
)
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
}


def sql(tree: Tree) -> str:
    match tree:
        case ("null", name):
            return f"{name} IS NULL"
        case ("not", inner):
            return f"NOT ({sql(inner)})"
        case ("and" | "or" as joint, left, right):
            return f"({sql(left)}) {joint.upper()} ({sql(right)})"
        case (sign, name, number):
            return f"{name} {sign} {number}"
    raise AssertionError(tree)


def kleene(tree: Tree, person: dict[str, Any]) -> bool | None:
    match tree:
        case ("null", name):
            return person[name] is None if name in person else False if name in COUNTS else None
        case ("not", inner):
            met = kleene(inner, person)
            return None if met is None else not met
        case ("and" | "or" as joint, left, right):
            decisive, sides = joint == "or", (kleene(left, person), kleene(right, person))
            return decisive if decisive in sides else None if None in sides else not decisive
        case (sign, name, number):
            if name in person:
                return None if person[name] is None else SIGNS[sign](person[name], number)
            worlds = {SIGNS[sign](count, number) for count in range(11)} if name in COUNTS else {True, False}
            return worlds.pop() if len(worlds) == 1 else None
    raise AssertionError(tree)


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    with duckdb.connect() as connection:
        yield connection


def decided(database: Any, rule: str, person: dict[str, Any], *, met_or_not: bool = False) -> bool | None:
    unknown = Unknowns({"x": "true", "y": "away > 0", "t": "true"}, COUNTS)
    condition = unknown.judged(parse(rule, "test"), met_or_not=met_or_not)
    return outcome(database, condition, dict.fromkeys(COUNTS + UNKNOWN) | person)


def outcome(database: Any, condition: str, person: dict[str, Any]) -> bool | None:
    row = ", ".join(f"${name}::BIGINT AS {name}" for name in person)
    (met,) = database.execute(f"SELECT {condition} FROM (SELECT {row})", person).fetchone()
    return met if met is None else bool(met)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(trees, people)
def test_and_or_not_are_those_of_kleene(database: Any, tree: Tree, person: dict[str, Any]) -> None:
    assert decided(database, sql(tree), person) is kleene(tree, person)


numbers = st.recursive(
    st.sampled_from(KNOWN + COUNTS + UNKNOWN) | st.integers(0, 9).map(str),
    lambda inner: (
        st.tuples(st.sampled_from(["{} + {}", "{} - {}", "greatest({}, {})", "least({}, {})"]), inner, inner).map(
            lambda of: f"({of[0].format(*of[1:])})"
        )
        | st.tuples(inner, inner).map(lambda of: f"coalesce({of[0]}, {of[1]})")
        | inner.map(lambda of: f"floor({of} / 2)")
    ),
    max_leaves=5,
)
conditions = st.tuples(numbers, st.sampled_from([*SIGNS]), numbers).map(" ".join) | numbers.map("{} IS NULL".format)


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(
    parts=st.lists(conditions, min_size=1, max_size=3),
    joint=st.sampled_from([" AND ", " OR "]),
    negated=st.booleans(),
    person=people,
)
def test_what_is_decided_is_so_whatever_the_unknown_facts_are(
    *, database: Any, parts: list[str], joint: str, negated: bool, person: dict[str, Any]
) -> None:
    rule = f"{'NOT ' * negated}({joint.join(parts)})"
    worlds = [dict(zip(COUNTS + UNKNOWN, each, strict=True)) for each in product((0, 3, 20), (0, 8), (None, -7, 4))]
    outcomes = {outcome(database, f"({rule})", world | person) for world in worlds}
    met = decided(database, rule, person)
    assert met is None or outcomes == {met}
    for_sure = decided(database, rule, person, met_or_not=True)
    assert for_sure is None or {bool(each) for each in outcomes} == {for_sure}


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        ("a + x >= 5", True),  # 9 or more
        ("greatest(a, t) > 5", True),  # seen yesterday, whatever the broken table holds
        ("greatest(a, t) > 20", None),
        ("least(a, t) > 20", False),
        ("9 - greatest(a, t) > 3", False),
        ("coalesce(a, t) = 9", True),
        ("coalesce(b, t) = 9", None),
        ("x BETWEEN -5 AND -1", False),
        ("greatest(a, t) IS NULL", False),
        ("t IS DISTINCT FROM 3", None),
        ("x / t > 1", None),
        ("a > 5 OR t = 1", True),
        ("a < 5 AND t = 1", False),
    ],
)
def test_part_of_the_facts_may_decide(database: Any, rule: str, *, met: bool | None) -> None:
    assert decided(database, rule, {"a": 9, "b": None, "c": 0, "away": 1}) is met
