"""Rules and values of facts in words, instead of SQL."""

from datetime import datetime

from sqlglot import exp

from usertrack.core.period import in_zone
from usertrack.core.words import number
from usertrack.segments.expressions import Atom, to_sql
from usertrack.segments.profiles import ProfileFact

_SIGNS: dict[type[exp.Expr], str] = {
    exp.GT: ">",
    exp.GTE: "≥",
    exp.LT: "<",
    exp.LTE: "≤",
    exp.EQ: "=",
    exp.NEQ: "≠",
    exp.NullSafeEQ: "is",
    exp.NullSafeNEQ: "is not",
}
_AGO: dict[type[exp.Expr], str] = {
    exp.LT: "more than {} ago",
    exp.LTE: "at least {} ago",
    exp.GT: "less than {} ago",
    exp.GTE: "at most {} ago",
}


def rule_words(atom: Atom, facts: dict[str, ProfileFact]) -> str:
    """The comparison without its fact (``> 5``); with the labels of the facts where it is more complex."""
    node = atom.expression
    text = _of_one_fact(node, facts) or to_sql(node.transform(lambda part: _labelled(part, facts)))
    return f"{atom.before} {text}{atom.after}".strip().replace("( ", "(")


def _labelled(node: exp.Expr, facts: dict[str, ProfileFact]) -> exp.Expr:
    return exp.var(facts[node.name].label) if isinstance(node, exp.Column) and node.name in facts else node


def _of_one_fact(node: exp.Expr, facts: dict[str, ProfileFact]) -> str:
    """The comparison without its fact, when it is a column on the left and a single value on the right; else empty."""
    if isinstance(node, exp.Not) and isinstance(node.this, exp.Is):
        return "known" if _is_null(node.this, facts) else ""
    if _is_null(node, facts):
        return "none seen" if facts[node.this.name].type == "TIMESTAMP" else "not known"
    fact = facts.get(node.this.name) if isinstance(node.this, exp.Column) else None
    right = node.args.get("expression")
    if fact is None or type(node) not in _SIGNS:
        return ""
    if ago := _ago(right):
        return _AGO[type(node)].format(ago) if type(node) in _AGO else ""
    if not isinstance(right, exp.Literal):
        return ""
    value = right.this if right.is_string else value_words(fact, float(right.this))
    return f"{_SIGNS[type(node)]} {value}"


def _is_null(node: exp.Expr, facts: dict[str, ProfileFact]) -> bool:
    return (
        isinstance(node, exp.Is)
        and isinstance(node.this, exp.Column)
        and node.this.name in facts
        and isinstance(node.expression, exp.Null)
    )


def _ago(node: exp.Expr | None) -> str:
    """``as_of - INTERVAL 7 DAY`` → ``7 days``."""
    if not (isinstance(node, exp.Sub) and node.this.name == "as_of" and isinstance(node.expression, exp.Interval)):
        return ""
    amount, unit = node.expression.this.name, node.expression.text("unit").lower().rstrip("s")
    return f"{amount} {unit}{'s' * (amount != '1')}" if unit else ""


def value_words(fact: ProfileFact, value: object, timezone: str = "UTC") -> str:
    """A value of ``fact`` in words; times are in ``timezone``."""
    if value is None:
        if fact.missing:
            return "unknown"
        return {"TIMESTAMP": "none seen", "VARCHAR": "none"}.get(fact.type, "unknown")
    if fact.unit == "percent" and isinstance(value, int | float):
        return f"{_short(100 * value, 1)} %"
    if isinstance(value, datetime):
        local = in_zone(value, timezone)
        return f"{local.day} {local:%b %Y %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return _short(value, 2) if isinstance(value, int | float) else str(value)


def bounded_words(fact: ProfileFact, low: object, high: object, timezone: str) -> str:
    """Describe the bounds of an unknown fact: ``3 or more``, ``20 Nov 2026 09:00 or later``."""
    is_time = fact.type == "TIMESTAMP"
    sides = [(low, "or later" if is_time else "or more"), (high, "or earlier" if is_time else "or less")]
    known = [f"{value_words(fact, value, timezone)} {words}" for value, words in sides if value is not None]
    return ", ".join(known) or "unknown"


def _short(value: float, places: int) -> str:
    text = number(float(value), places)
    return text.rstrip("0").rstrip(".") if "." in text else text
