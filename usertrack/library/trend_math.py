"""The ways in which trends make a number of events, in PostHog's words, and the shipped query of each."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Math:
    """``unit`` is what it counts, empty for a figure of a property.

    ``adds_up``: the numbers of the periods add up to that of the whole time. ``trailing``: the days that end with each
    day of which the people count.
    """

    unit: str = ""
    query: str = "trends"
    adds_up: bool = False
    trailing: int = 0
    quantile: float | None = None


MATHS: Mapping[str, Math] = {
    "total": Math("events", adds_up=True),
    "dau": Math("people"),
    "weekly_active": Math("people", "trends_active", trailing=7),
    "monthly_active": Math("people", "trends_active", trailing=30),
    "unique_session": Math("sessions"),
    "first_time": Math("people", "trends_first", adds_up=True),
    "sum": Math(adds_up=True),
    "avg": Math(),
    "min": Math(),
    "max": Math(),
    "median": Math(quantile=0.5),
    "p75": Math(quantile=0.75),
    "p90": Math(quantile=0.9),
    "p95": Math(quantile=0.95),
    "p99": Math(quantile=0.99),
}


def math_parameters(name: str, periods: int) -> dict[str, object]:
    """The parameters of ``MATHS[name].query`` that say how to count, in a range of so many ``periods``."""
    math = MATHS[name]
    if math.trailing:
        return {"trailing": math.trailing, "last": periods - 1}
    if math.query != "trends":
        return {}
    return {"math": "quantile", "quantile": math.quantile} if math.quantile else {"math": name}
