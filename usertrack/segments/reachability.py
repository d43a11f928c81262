"""Whether the conditions of rules can be true for anybody, for `usertrack check`.

A condition is impossible only when every combination of sample values was tried; what cannot be tried is possible.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import ceil, floor, prod
from typing import TYPE_CHECKING

from sqlglot import exp

from usertrack.core.spool import identifier, quote
from usertrack.segments.expressions import columns, compared_texts, numbers, to_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLES = 20_000  # random people: bounds the time of a check; an extreme that they miss is only not noted
Wish = tuple[exp.Expr, bool]
"""A condition, and whether it should be true, or not true (false or unknown)."""

_WAYS, _WORLDS = 4_096, 200_000  # bound the time of a check: beyond them a condition counts as possible
_UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400, "WEEK": 604_800}
_ORDERS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_PLAIN = (
    *_ORDERS,
    *(exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Not, exp.And, exp.Or, exp.Paren, exp.Neg),
    *(exp.Coalesce, exp.Greatest, exp.Least, exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean),
)


class Reachability:
    """Tries sample values on conditions. ``types`` are DuckDB's types of all facts, by name."""

    def __init__(self, connection: "DuckDBPyConnection", types: Mapping[str, str]) -> None:
        self._connection = connection
        self._types = types
        self._any = cache(self._tried)

    def possible(self, wishes: Sequence[Wish]) -> bool:
        """Whether the facts of one person can fulfil all ``wishes`` at once."""
        ways: list[list[Wish]] = [[]]
        for wish in wishes:
            ways = _both(ways, _ways(*wish))
        return any(self._open(way) for way in ways)

    def _open(self, way: Sequence[Wish]) -> bool:
        """Whether each group of comparisons that share facts can be fulfilled."""
        wishes = {(to_sql(node), is_true): node for node, is_true in way}
        if any((sql, not is_true) in wishes for sql, is_true in wishes):
            return False
        groups: list[tuple[set[str], list[tuple[str, bool]], list[exp.Expr]]] = []
        for key, node in wishes.items():
            if self._plain(node):
                merged = (set(columns(node)) - {"as_of"}, [key], [node])
                for group in [group for group in groups if group[0] & merged[0]]:
                    groups.remove(group)
                    merged = (merged[0] | group[0], merged[1] + group[1], merged[2] + group[2])
                groups.append(merged)
        return all(self._any(tuple(sorted(keys)), self._values(nodes)) for _, keys, nodes in groups)

    def _plain(self, node: exp.Expr) -> bool:
        """Whether trying values around those in ``node`` covers all of its outcomes."""
        for part in node.walk(prune=_is_moment):
            if not (isinstance(part, _PLAIN) or _is_moment(part)):
                return False
            kinds = {self._types[name] for name in columns(part) if name in self._types}
            if isinstance(part, _ORDERS) and not kinds <= {"BIGINT", "DOUBLE", "TIMESTAMP"}:
                return False
        return all(self._types[name] in _SAMPLED_TYPES for name in columns(node))

    def _values(self, nodes: Sequence[exp.Expr]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each fact in ``nodes`` with the values to try, as SQL."""
        thresholds = sorted({0.0, *numbers(nodes)})
        words = sorted({word for node in nodes for word in compared_texts(node)})
        names = dict.fromkeys(name for node in nodes for name in columns(node) if name != "as_of")
        return tuple((name, _sample_values(self._types[name], thresholds, words)) for name in names)

    def _tried(self, conditions: tuple[tuple[str, bool], ...], values: tuple[tuple[str, tuple[str, ...]], ...]) -> bool:
        if prod(len(of_one) for _, of_one in values) > _WORLDS:
            return True
        goal = " AND ".join(f"({sql}) IS {'' if true else 'NOT '}TRUE" for sql, true in conditions)
        worlds = ["(SELECT TIMESTAMP '2026-01-01' AS as_of)"]
        for name, of_one in values:
            worlds.append(f"(SELECT unnest([{', '.join(of_one)}])::{self._types[name]} AS {identifier(name)})")
        match = self._connection.execute(f"SELECT 1 FROM {', '.join(worlds)} WHERE {goal} LIMIT 1").fetchone()
        return match is not None


def extremes(
    connection: "DuckDBPyConnection", types: Mapping[str, str], when: exp.Expr, number: exp.Expr
) -> tuple[float | None, float | None]:
    """The least and the largest ``number`` among random people for whom ``when`` is true; None where there is none.

    Their facts are drawn from sample values that are not negative. The draw is the same each time; other numbers may
    still be possible.
    """
    thresholds = sorted({0.0, *numbers([when, number])})
    words = sorted({*compared_texts(when), *compared_texts(number)})
    drawn = ["TIMESTAMP '2026-01-01' AS as_of"]
    for at, name in enumerate(dict.fromkeys(n for n in (*columns(when), *columns(number)) if n != "as_of")):
        kind = types[name]
        samples = _sample_values(kind, thresholds, words) if kind in _SAMPLED_TYPES else ["NULL"]
        values = [value for value in samples if not value.startswith("-")]
        pick = f"[{', '.join(values)}][1 + (hash(i * 1000 + {at}) % {len(values)})::INT]"
        drawn.append(f"({pick})::{kind} AS {identifier(name)}")
    people = f"SELECT {', '.join(drawn)} FROM range({_SAMPLES}) t(i)"
    value = f"try(({to_sql(number)})::DOUBLE)"
    [bounds] = connection.execute(
        f"SELECT min(p), max(p) FROM (SELECT {value} AS p FROM ({people}) WHERE try({to_sql(when)})) WHERE isfinite(p)"
    ).fetchall()
    least, largest = bounds
    return least, largest


def _ways(node: exp.Expr, is_true: bool) -> list[list[Wish]]:  # noqa: FBT001 - half of a Wish
    """All ways to make ``node`` true, or not true: each is a list of comparisons with their outcomes."""
    node = node.unnest()
    if not isinstance(node, exp.And | exp.Or):
        return [[(node, is_true)]]
    left, right = _ways(node.left, is_true), _ways(node.right, is_true)
    return _both(left, right) if isinstance(node, exp.And) is is_true else left + right


def _both(left: list[list[Wish]], right: list[list[Wish]]) -> list[list[Wish]]:
    if len(left) * len(right) > _WAYS:
        return [[]]  # too many to look at: possible
    return [way + other for way in left for other in right]


def _is_moment(node: exp.Expr) -> bool:
    """Whether ``node`` is ``as_of``, or an interval before or after it."""
    if isinstance(node, exp.Column):
        return node.name == "as_of"
    return (
        isinstance(node, exp.Sub | exp.Add)
        and _is_moment(node.this)
        and isinstance(node.expression, exp.Interval)
        and node.expression.text("unit").upper().rstrip("S") in _UNITS
    )


_SAMPLED_TYPES = ("BIGINT", "DOUBLE", "TIMESTAMP", "BOOLEAN", "VARCHAR")


def _sample_values(kind: str, thresholds: Sequence[float], words: Sequence[str]) -> tuple[str, ...]:
    """SQL values of a fact: each threshold, beside it, between two, beyond all, and NULL."""
    if kind == "BOOLEAN":
        return ("NULL", "true", "false")
    if kind == "VARCHAR":
        return ("NULL", *map(quote, [*words, "something else"]))
    if kind == "TIMESTAMP":
        seconds = {abs(n) * unit + step for n in thresholds for unit in _UNITS.values() for step in (-1, 0, 1)}
        return ("NULL", *(f"TIMESTAMP '2026-01-01' - to_seconds({number:f})" for number in sorted(seconds)))
    values = {*_around(thresholds), *(-value for value in _around(thresholds))}
    if kind == "BIGINT":
        values = {float(integer) for value in values for integer in (floor(value), ceil(value))}
    return ("NULL", *(f"{value:f}" for value in sorted(values)))


def _around(thresholds: Sequence[float]) -> Iterator[float]:
    yield from (number + step for number in thresholds for step in (-1, 0, 1))
    yield from ((low + high) / 2 for low, high in pairwise(thresholds))
    yield 10 * (thresholds[-1] + 1)
