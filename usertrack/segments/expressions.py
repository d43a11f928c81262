"""SQL expressions over a profile, in DuckDB's dialect: parsing them, and the facts and comparisons in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from usertrack.core.errors import UsageError

DIALECT = "duckdb"


@lru_cache(maxsize=2048)  # a rule is looked at many times on its way to an answer
def parse(sql: str, where: str) -> exp.Expr:
    """``sql`` as one expression without subqueries, which nobody may change.

    Raises UsageError whose message begins with ``where``.
    """
    try:
        return _parsed(sql, where)
    except RecursionError:
        raise UsageError(f"{where}: the expression is nested too deeply") from None


def _parsed(sql: str, where: str) -> exp.Expr:
    try:
        parts = [part for part in sqlglot.parse(f"SELECT {sql}", read=DIALECT) if part is not None]
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        raise UsageError(f"{where}: not a SQL expression: {sql}", str(details[0].get("description") or "")) from error
    select = parts[0] if len(parts) == 1 else None
    if (
        not isinstance(select, exp.Select)
        or len(select.expressions) != 1
        or any(value for key, value in select.args.items() if key not in {"expressions", "kind"})
    ):
        raise UsageError(f"{where}: not one SQL expression: {sql}")
    expression: exp.Expr = select.expressions[0]
    clock = next((name for node in expression.walk() if (name := _name(node)) in _CLOCKS), "")
    if clock:
        raise UsageError(f"{where}: '{clock}' gives another answer each time", "the moment to answer for is as_of")
    if expression.find(exp.Query, exp.Table, exp.Star, exp.AggFunc, exp.Window):
        raise UsageError(
            f"{where}: a condition may only look at the facts of one person: {sql}",
            "subqueries and aggregates belong in a query file",
        )
    to_sql(expression)  # whoever parses it writes it again, and that may go deeper
    return expression


def bracketed(sql: str) -> str:
    """``sql`` in brackets that a comment at its end cannot swallow."""
    return f"({sql}\n)"


_CLOCKS = {
    *("now", "today", "current_timestamp", "current_date", "current_time", "current_localtimestamp", "localtimestamp"),
    *("get_current_timestamp", "transaction_timestamp", "random", "rand", "uuid", "gen_random_uuid"),
}


def _name(node: exp.Expr) -> str:
    """The name of a function; empty for anything else."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else ""


def columns(expression: exp.Expr) -> list[str]:
    """Names of the columns in ``expression``, each once, in order."""
    return list(dict.fromkeys(column.name for column in expression.find_all(exp.Column, bfs=False)))


def base_columns(expression: exp.Expr, derived: Mapping[str, exp.Expr]) -> list[str]:
    """`columns`, with those of its own expression in the place of every derived one."""
    names: dict[str, None] = {}
    for name in columns(expression):
        names |= dict.fromkeys(base_columns(derived[name], derived) if name in derived else [name])
    return list(names)


def expand(expression: exp.Expr, derived: Mapping[str, exp.Expr]) -> exp.Expr:
    """A copy of ``expression`` with every derived column replaced by its own expression."""

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and node.name in derived:
            return exp.paren(expand(derived[node.name], derived), copy=False)
        return node

    return expression.transform(replace)


def to_sql(expression: exp.Expr) -> str:
    return expression.sql(dialect=DIALECT)


@dataclass(frozen=True)
class Atom:
    """One comparison in a condition. ``before`` joins it to the previous one (``and (``), ``after`` closes brackets."""

    expression: exp.Expr
    before: str = ""
    after: str = ""

    @cached_property
    def sql(self) -> str:
        return to_sql(self.expression)

    @cached_property
    def columns(self) -> list[str]:
        return columns(self.expression)


def atoms(expression: exp.Expr) -> list[Atom]:
    """The comparisons that ``expression`` is made of, in reading order."""
    node = expression.unnest()
    if not isinstance(node, exp.And | exp.Or):
        return [Atom(node)]
    joint = exp.And if isinstance(node, exp.And) else exp.Or
    comparisons: list[Atom] = []
    for part in node.flatten():
        inner = atoms(part)
        if len(inner) > 1:
            inner[0] = replace(inner[0], before=f"({inner[0].before}")
            inner[-1] = replace(inner[-1], after=f"{inner[-1].after})")
        if comparisons:
            inner[0] = replace(inner[0], before=f"{'and' if joint is exp.And else 'or'} {inner[0].before}".strip())
        comparisons += inner
    return comparisons


def numbers(expressions: Iterable[exp.Expr]) -> set[float]:
    """Every number in the expressions that is no divisor: the thresholds at which a rule may change its outcome."""
    return {
        -float(literal.this) if isinstance(literal.parent, exp.Neg) else float(literal.this)
        for expression in expressions
        for literal in expression.find_all(exp.Literal)
        if _is_number(literal.this) and not (isinstance(literal.parent, exp.Div) and literal.arg_key == "expression")
    }


def compared_texts(expression: exp.Expr, column: str = "") -> set[str]:
    """Every text that ``expression`` compares for equality with a column: any column, or the one of this name."""
    return {
        str(literal.this)
        for literal in expression.find_all(exp.Literal)
        if literal.is_string
        and isinstance(literal.parent, _EQUALITIES)
        and (not column or column in columns(literal.parent))
    }


def compares_whole_texts(expression: exp.Expr, column: str) -> bool:
    """Whether ``column`` is only compared for equality and with NULL, so that all other texts have the same outcome."""
    for node in expression.find_all(exp.Column):
        comparison = node.parent
        while isinstance(comparison, exp.Paren | exp.Coalesce):
            comparison = comparison.parent
        is_whole = isinstance(comparison, (*_EQUALITIES, exp.Is)) and columns(comparison) == [column]
        if node.name == column and not is_whole:
            return False
    return True


_EQUALITIES = (exp.EQ, exp.NEQ, exp.In, exp.NullSafeEQ, exp.NullSafeNEQ)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True
