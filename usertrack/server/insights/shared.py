"""The library's own queries, asked about what a node means: a number is defined in one text, whoever asks for it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from usertrack.core.identified import IDENTIFIED
from usertrack.library.library import Library, shipped_root
from usertrack.server.hogql.parse import Tree, parse_condition
from usertrack.server.insights.nodes import LIMIT, DateRange, Project, RunHogQL


def ask_library(ask: RunHogQL, world: Project, name: str, values: Mapping[str, Any]) -> list[list[Any]]:
    """The rows of the shipped query ``posthog/<name>``. Internal people count: a node has filters of its own.

    Conditions among ``values`` are nodes of HogQL's syntax tree.
    """
    query = _library()[f"posthog/{name}"]
    given = {**{key: parameter.default for key, parameter in query.params.items()}, **values}
    bound = {key: _bound(query.params[key].type, value) for key, value in given.items()}
    conditions = {"identified": _bound("condition", IDENTIFIED), "opted_out": _bound("condition", "false")}
    shared = {"internal": [], **conditions, "timezone": world.timezone.key}
    return ask(f"{query.sql}\nLIMIT {LIMIT}", {**bound, **shared})


def bucketing(period: DateRange, world: Project) -> dict[str, Any]:
    """The parameters of queries that count in intervals: the first one is number 0."""
    sundays = period.interval == "week" and world.week_start_day == 0
    return {"interval": period.interval, "sundays": sundays, "origin": period.start}


@cache
def _library() -> Library:
    return Library([shipped_root() / "queries"])


def _bound(kind: str, value: Any) -> Any:
    """Conditions as trees: they enter the query without ever having been text."""
    if kind == "condition":
        return Tree(parse_condition(value) if isinstance(value, str) else value)
    if kind == "conditions":
        return Tree({"node": "Array", "exprs": value})
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
