"""SQL expressions over a profile (DuckDB's dialect): what they look at, and what they are made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from usertrack.errors import UsageError

DIALECT = "duckdb"
_ATOMS = (exp.And, exp.Or, exp.Not, exp.Paren)


def parse(sql: str, where: str) -> exp.Expression:
    """``sql`` as one expression without subqueries; raises UsageError that begins with ``where``."""
    try:
        parts = [part for part in sqlglot.parse(f"SELECT {sql}", read=DIALECT) if part is not None]
    except SqlglotError as error:
        found = getattr(error, "errors", None) or [{}]
        raise UsageError(f"{where}: not a SQL expression: {sql}", str(found[0].get("description") or "")) from error
    select = parts[0] if len(parts) == 1 else None
    if (
        not isinstance(select, exp.Select)
        or len(select.expressions) != 1
        or any(value for key, value in select.args.items() if key not in {"expressions", "kind"})
    ):
        raise UsageError(f"{where}: not one SQL expression: {sql}")
    expression: exp.Expression = select.expressions[0]
    if expression.find(exp.Query, exp.Table, exp.Star):
        raise UsageError(
            f"{where}: a condition may only look at the facts of one person", "a subquery belongs in a query file"
        )
    return expression


def columns(expression: exp.Expression) -> list[str]:
    """Names of the columns that ``expression`` looks at, each once, in their order."""
    return list(dict.fromkeys(column.name for column in expression.find_all(exp.Column)))


def expand(expression: exp.Expression, derived: Mapping[str, exp.Expression]) -> exp.Expression:
    """``expression`` with every derived column replaced by what it is computed from."""

    def replace(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and node.name in derived:
            return exp.paren(expand(derived[node.name].copy(), derived))
        return node

    return expression.copy().transform(replace)


def to_sql(expression: exp.Expression) -> str:
    return expression.sql(dialect=DIALECT)


@dataclass(frozen=True)
class Atom:
    """One comparison inside a condition. ``joint`` is the word that ties it to the one before: and, or."""

    sql: str
    columns: tuple[str, ...]
    joint: str = ""


def atoms(expression: exp.Expression) -> list[Atom]:
    """The comparisons that ``expression`` is made of, in reading order."""
    found: list[Atom] = []

    def walk(node: Any, joint: str) -> None:
        if isinstance(node, exp.And | exp.Or):
            walk(node.left, joint)
            walk(node.right, "and" if isinstance(node, exp.And) else "or")
        elif isinstance(node, exp.Paren):
            walk(node.this, joint)
        else:
            found.append(Atom(to_sql(node), tuple(columns(node)), joint))

    walk(expression, "")
    return found


def numbers(expressions: Iterable[exp.Expression]) -> set[float]:
    """Every number that the expressions name: the thresholds near which a rule may change its mind."""
    return {
        float(literal.this)
        for expression in expressions
        for literal in expression.find_all(exp.Literal)
        if _is_number(literal.this)
    }


def texts(expressions: Iterable[exp.Expression]) -> set[str]:
    """Every text that the expressions name."""
    return {
        str(literal.this)
        for expression in expressions
        for literal in expression.find_all(exp.Literal)
        if literal.is_string and not isinstance(literal.parent, exp.Interval)
    }


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True
