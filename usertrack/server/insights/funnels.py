"""FunnelsQuery: how many people reach each step, in order, strictly or in any order (PostHog: funnel_udf.py, steps.rs).

The numbers come from the library's posthog/funnel and posthog/funnel_unordered.
"""

from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.server.insights.nodes import (
    NULL,
    OTHER,
    Node,
    Project,
    RunHogQL,
    allow,
    any_of,
    ask_library,
    breakdown_of,
    choice,
    count,
    date_range_of,
    event_condition,
    every,
    node_condition,
    not_supported,
    section,
    series_of,
)

_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "breakdownFilter", "funnelsFilter"}
_FILTER_OPTIONS = {
    "funnelVizType", "funnelOrderType", "funnelWindowInterval", "funnelWindowIntervalUnit", "breakdownAttributionType",
    "layout", "funnelStepReference", "hiddenLegendBreakdowns", "showValuesOnSeries", "resultCustomizations",
}  # fmt: skip
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}
_ORDERS = {"ordered": "funnel", "strict": "funnel", "unordered": "funnel_unordered"}

Measures = tuple[int, float | None, float | None]
"""People who reached a step; mean and median seconds since the step before."""


def funnels(node: Node, run_hogql: RunHogQL, project: Project) -> list[Any]:
    """PostHog's list of steps, or of lists of steps with a breakdown; raises ApiError for what is not supported."""
    series, order, window = _options_of(node)
    hits = [event_condition(item) for item in series]
    filters = node_condition(node, project)
    date_range, (breakdown, values) = date_range_of(node, project), _breakdown(node)
    rows = ask_library(
        run_hogql,
        project,
        _ORDERS[order],
        {
            **values,
            **({"strict": True} if order == "strict" else {}),
            "steps": [""] * len(series),  # any event: the condition has its name, which may contain the library's |
            "conditions": hits,
            "where": filters if order == "strict" else every(any_of(*hits), filters),
            "window": window,
            "since": date_range.start,
            "until": date_range.until,
            "origin": date_range.start,
        },
    )
    groups: dict[int, tuple[str, dict[int, Measures]]] = {}
    for value, rank, step, _, _, people, _, mean, median, *_ in rows:
        name = OTHER if rank == values.get("top", rank) + 1 else NULL if value is None else str(value)
        groups.setdefault(rank, (name, {}))[1][step] = (people, mean, median)
    if not breakdown:
        return _steps(series, order, groups[1][1] if groups else {}, None)
    return [_steps(series, order, measures, name) for _, (name, measures) in sorted(groups.items())]


def _breakdown(node: Node) -> tuple[bool, JsonObject]:
    """Whether the node has a breakdown, and the library's parameters for it."""
    breakdown = breakdown_of(node)
    if breakdown is None:
        return False, {}
    if breakdown.kind == "session":
        raise not_supported("A funnel by a property of sessions")
    return True, {"grouped": True, "group_of": breakdown.value, "top": breakdown.limit}


def _options_of(node: Node) -> tuple[list[Node], str, int]:
    """The steps, their order, and the window in seconds."""
    allow(node, _OPTIONS, "FunnelsQuery")
    options = section(node, "funnelsFilter")
    allow(options, _FILTER_OPTIONS, "funnelsFilter")
    choice(options, "funnelVizType", ("steps",), "steps")
    choice(options, "breakdownAttributionType", ("first_touch",), "first_touch")
    order = choice(options, "funnelOrderType", _ORDERS, "ordered")
    unit = choice(options, "funnelWindowIntervalUnit", _SECONDS, "day")
    series = series_of(node)
    if not 2 <= len(series) <= 20:
        raise not_supported(f"A funnel of {len(series)} steps")
    for item in series:
        allow(item, {"event", "properties", "fixedProperties"}, "series")
    longest = 10_000 * _SECONDS["month"] // _SECONDS[unit]  # the same longest time in every unit; PostHog sets none
    return series, order, count(options, "funnelWindowInterval", 14, longest) * _SECONDS[unit]


def _steps(series: list[Node], order: str, measures: dict[int, Measures], value: str | None) -> list[Node]:
    breakdown = {} if value is None else {"breakdown": [value], "breakdown_value": [value]}
    steps = []
    for number, item in enumerate(series, start=1):
        people, mean, median = measures.get(number, (0, None, None))
        name = item.get("name") or item.get("event") or "All events"
        steps.append(
            {
                "action_id": item.get("event"),
                "name": f"Completed {number} step{'s' * (number > 1)}" if order == "unordered" else name,
                "custom_name": None if order == "unordered" else item.get("custom_name"),
                "order": number - 1,
                "people": [],
                "type": "events",
                "count": people,
                "average_conversion_time": mean,
                "median_conversion_time": median,
                **breakdown,
            }
        )
    return steps
