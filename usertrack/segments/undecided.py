"""Conditions over facts of which some are unknown, in Kleene's three-valued logic: true, false, or undecided (NULL).

A fact is unknown for everybody when the query that gives it had no answer, and for some where a table does not say all
of them. Whatever value it has, part of a condition may be decided all the same: ``false AND unknown`` is false, and who
was seen yesterday is not idle for a week, whatever the unknown tables hold. Of values, what is known are bounds.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlglot import exp

from usertrack.segments.expressions import columns, to_sql


@dataclass(frozen=True)
class Bounds:
    """SQL for the least and the greatest value that an expression may have, and for whether it is NULL.

    An empty bound is none, and so is one that is NULL for a person; ``null`` is NULL where that is undecided.
    """

    low: str = ""
    high: str = ""
    null: str = "NULL"


@dataclass(frozen=True)
class Unknowns:
    """The facts that are unknown, and SQL for whom. ``counts`` among them are 0 or more, and never NULL."""

    names: Mapping[str, str]
    counts: Collection[str] = ()

    def in_(self, node: exp.Expr) -> bool:
        return any(name in self.names for name in columns(node))

    def flag(self, node: exp.Expr) -> str:
        """SQL for whom a fact in ``node`` is unknown."""
        return " OR ".join(dict.fromkeys(self.names[name] for name in columns(node) if name in self.names)) or "false"

    def judged(self, node: exp.Expr, *, met_or_not: bool = False, positive: bool = True) -> str:
        """SQL for whether the condition ``node`` is met: true, false, or NULL where an unknown fact decides it.

        NULL of known facts stays NULL, as in SQL. With ``met_or_not`` it is not met, as in WHERE: what is NULL then is
        so because of unknown facts alone. ``positive`` says that ``node`` stands under no NOT.
        """
        sql = f"({to_sql(node)})"
        known = f"coalesce({sql}, {'false' if positive else 'true'})" if met_or_not else sql
        if not self.in_(node):
            return known
        match node:
            case exp.Paren():
                return self.judged(node.this, met_or_not=met_or_not, positive=positive)
            case exp.And() | exp.Or():
                parts = (
                    self.judged(part, met_or_not=met_or_not, positive=positive) for part in (node.this, node.expression)
                )
                return f"({f' {node.key.upper()} '.join(parts)})"
            case exp.Not():
                return f"(NOT {self.judged(node.this, met_or_not=met_or_not, positive=not positive)})"
        flag, unknown = self.flag(node), self._atom(node)
        return unknown if flag == "true" else f"CASE WHEN {flag} THEN {unknown} ELSE {known} END"

    def _atom(self, node: exp.Expr) -> str:
        match node:
            case exp.Is() if isinstance(node.expression, exp.Null):
                return f"({self.bounds(node.this).null})::BOOLEAN"
            case exp.Between():
                sides = (
                    self._compared(">=", node.this, node.args["low"]),
                    self._compared("<=", node.this, node.args["high"]),
                )
                return f"({' AND '.join(sides)})"
        sign = _SIGNS.get(type(node))
        return self._compared(sign, node.this, node.expression) if sign else "NULL::BOOLEAN"

    def _compared(self, sign: str, left: exp.Expr, right: exp.Expr) -> str:
        a, b = self.bounds(left), self.bounds(right)
        below, above = _if_both(a.high, "<", b.low), _if_both(a.low, ">", b.high)
        at_most, at_least = _if_both(a.high, "<=", b.low), _if_both(a.low, ">=", b.high)
        yes, no = {
            "<": (below, at_least),
            "<=": (at_most, above),
            ">": (above, at_most),
            ">=": (at_least, below),
            "=": (f"{at_most} AND {at_least}", f"{below} OR {above}"),
            "<>": (f"{below} OR {above}", f"{at_most} AND {at_least}"),
        }[sign]
        known = f"NOT ({a.null}) AND NOT ({b.null})"
        return f"CASE WHEN {known} AND ({yes}) THEN true WHEN {known} AND ({no}) THEN false END"

    def bounds(self, node: exp.Expr) -> Bounds:
        """Return the bounds of the value of ``node``."""
        if not self.in_(node):
            sql = f"({to_sql(node)})"
            return Bounds(sql, sql, f"{sql} IS NULL")
        match node:
            case exp.Column():
                flag, is_count = self.names[node.name], node.name in self.counts
                if flag == "true":
                    return Bounds("0", "", "false") if is_count else Bounds()
                value, low = to_sql(node), "0" if is_count else "NULL"
                high = f"CASE WHEN NOT {flag} THEN {value} END"
                null = f"CASE WHEN {flag} THEN {'false' if is_count else 'NULL'} ELSE {value} IS NULL END"
                return Bounds(f"CASE WHEN {flag} THEN {low} ELSE {value} END", high, null)
            case exp.Paren():
                return self.bounds(node.this)
            case exp.Add():
                a, b = self.bounds(node.this), self.bounds(node.expression)
                return Bounds(_if_both(a.low, "+", b.low), _if_both(a.high, "+", b.high), _either(a, b))
            case exp.Sub():
                a, b = self.bounds(node.this), self.bounds(node.expression)
                return Bounds(_if_both(a.low, "-", b.high), _if_both(a.high, "-", b.low), _either(a, b))
            case exp.Mul() | exp.Div() if _is_positive(node.expression):
                a, sign = self.bounds(node.this), "*" if isinstance(node, exp.Mul) else "/"
                by = to_sql(node.expression)
                return Bounds(_if_both(a.low, sign, by), _if_both(a.high, sign, by), a.null)
            case exp.Floor() | exp.Ceil() | exp.TimeToUnix():  # the larger the value, the larger the result
                a, name = self.bounds(node.this), node.copy()
                name.set("this", exp.var("§"))
                low, high = (to_sql(name).replace("§", bound) if bound else "" for bound in (a.low, a.high))
                return Bounds(low, high, a.null)
            case exp.Greatest() | exp.Least():
                return self._of_several(node)
            case exp.Coalesce():
                return self._of_first([node.this, *node.expressions])
        return Bounds()

    def _of_several(self, node: exp.Expr) -> Bounds:
        """Bounds of the greatest or least: any known part bounds it on one side, and only all parts on the other."""
        parts = [(self.in_(part), self.bounds(part)) for part in (node.this, *node.expressions)]
        is_greatest = isinstance(node, exp.Greatest)
        name = "greatest" if is_greatest else "least"
        near = [(unknown, bounds.low if is_greatest else bounds.high, bounds) for unknown, bounds in parts]
        far = [(unknown, bounds.high if is_greatest else bounds.low, f"({bounds.null})") for unknown, bounds in parts]
        # NULL is ignored by both functions: what may be NULL is no bound
        sure = [f"CASE WHEN NOT ({of.null}) THEN {side} END" if unknown else side for unknown, side, of in near if side]
        nearest = f"{name}({', '.join(sure)})" if sure else ""
        farthest = ""
        if all(bound for _, bound, _ in far):
            known = " AND ".join(f"({bound} IS NOT NULL OR {null})" for unknown, bound, null in far if unknown)
            farthest = f"CASE WHEN {known} THEN {name}({', '.join(bound for _, bound, _ in far)}) END"
        null = " AND ".join(f"({bounds.null})" for _, bounds in parts)
        return Bounds(*((nearest, farthest) if is_greatest else (farthest, nearest)), f"({null})")

    def _of_first(self, nodes: list[exp.Expr]) -> Bounds:
        first = self.bounds(nodes[0])
        if len(nodes) == 1:
            return first
        rest = self._of_first(nodes[1:])

        def bound(of_first: str, of_rest: str, outermost: str) -> str:
            a, b = of_first or "NULL", of_rest or "NULL"
            either = f"CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN {outermost}({a}, {b}) END"
            return f"CASE ({first.null})::BOOLEAN WHEN false THEN {a} WHEN true THEN {b} ELSE {either} END"

        low = bound(first.low, rest.low, "least") if first.low or rest.low else ""
        high = bound(first.high, rest.high, "greatest") if first.high or rest.high else ""
        return Bounds(low, high, f"(({first.null}) AND ({rest.null}))")


_SIGNS: dict[type[exp.Expr], str] = {
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.EQ: "=",
    exp.NEQ: "<>",
}


def _if_both(a: str, sign: str, b: str) -> str:
    """``a sign b``; empty, or false of a comparison, where one of them is not known."""
    if a and b:
        return f"({a} {sign} {b})"
    return "false" if sign[0] in "<>" else ""


def _either(a: Bounds, b: Bounds) -> str:
    return f"(({a.null}) OR ({b.null}))"


def _is_positive(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and float(node.this) > 0
