"""Runs the library's own queries for insights, so that a number has one definition for commands and for insights."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from usertrack.core.identified import IDENTIFIED
from usertrack.library.library import Library, shipped_root
from usertrack.server.hogql.parse import Tree, parse_condition
from usertrack.server.insights.nodes import LIMIT, DateRange, Project, RunHogQL


def ask_library(run_hogql: RunHogQL, project: Project, name: str, values: Mapping[str, Any]) -> list[list[Any]]:
    """The rows of the shipped query ``posthog/<name>``, with internal people: a node has filters of its own.

    Conditions in ``values`` are nodes of HogQL's syntax tree.
    """
    query = _library()[f"posthog/{name}"]
    parameters = {**{key: parameter.default for key, parameter in query.params.items()}, **values}
    bound = {key: _bound(query.params[key].type, value) for key, value in parameters.items()}
    conditions = {"identified": _bound("condition", IDENTIFIED), "opted_out": _bound("condition", "false")}
    shared = {"internal": [], "own_people": [], **conditions, "timezone": project.timezone.key}
    return run_hogql(f"{query.sql}\nLIMIT {LIMIT}", {**bound, **shared})


def bucketing(date_range: DateRange, project: Project) -> dict[str, Any]:
    """The parameters of queries that number the intervals, from 0."""
    sundays = date_range.interval == "week" and project.week_start_day == 0
    return {"interval": date_range.interval, "sundays": sundays, "origin": date_range.start}


@cache
def _library() -> Library:
    return Library([shipped_root() / "queries"])


def _bound(kind: str, value: Any) -> Any:
    """``value`` as the query binds it; conditions become trees, never text."""
    if kind == "condition":
        return Tree(parse_condition(value) if isinstance(value, str) else value)
    if kind == "conditions":
        return Tree({"node": "Array", "exprs": value})
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
