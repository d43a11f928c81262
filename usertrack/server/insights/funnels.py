"""FunnelsQuery: how far people get, ordered, strictly ordered or in any order (PostHog: funnel_udf.py, steps.rs).

The numbers are those of the library's posthog/funnel and posthog/funnel_unordered.
"""

from typing import Any

from usertrack.server.insights.nodes import (
    NULL,
    OTHER,
    Node,
    Project,
    RunHogQL,
    allow,
    any_of,
    breakdown_of,
    choice,
    count,
    event_condition,
    every,
    node_condition,
    period_of,
    refused,
    section,
    series_of,
)
from usertrack.server.insights.shared import ask_library

_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "breakdownFilter", "funnelsFilter"}
_SHOWN = {
    "funnelVizType", "funnelOrderType", "funnelWindowInterval", "funnelWindowIntervalUnit", "breakdownAttributionType",
    "layout", "funnelStepReference", "hiddenLegendBreakdowns", "showValuesOnSeries", "resultCustomizations",
}  # fmt: skip
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}
_ORDERS = {"ordered": "funnel", "strict": "funnel", "unordered": "funnel_unordered"}

Measures = tuple[int, float | None, float | None]
"""Who reached a step; mean and median of the seconds since the one before."""


def funnels(node: Node, ask: RunHogQL, world: Project) -> list[Any]:
    """PostHog's list of steps, or of lists of steps with a breakdown; raises ApiError for what is not supported."""
    series, order, window = _checked(node)
    hits = [event_condition(item) for item in series]
    others = node_condition(node, world)
    period, (breakdown, values) = period_of(node, world), _breakdown(node)
    rows = ask_library(
        ask,
        world,
        _ORDERS[order],
        {
            **values,
            **({"strict": True} if order == "strict" else {}),
            "steps": [""] * len(series),  # any event that fulfils the condition: names may hold the library's |
            "conditions": hits,
            "where": others if order == "strict" else every(any_of(*hits), others),
            "window": window,
            "since": period.start,
            "until": period.until,
            "origin": period.start,
        },
    )
    found: dict[int, tuple[str, dict[int, Measures]]] = {}
    for value, rank, step, _, _, people, _, mean, median, *_ in rows:
        name = OTHER if rank > values.get("top", rank) else NULL if value is None else str(value)
        found.setdefault(rank, (name, {}))[1][step] = (people, mean, median)
    if not breakdown:
        return _steps(series, order, found[1][1] if found else {}, None)
    return [_steps(series, order, measures, name) for _, (name, measures) in sorted(found.items())]


def _breakdown(node: Node) -> tuple[bool, dict[str, Any]]:
    """Whether there is one, and the library's parameters for it."""
    breakdown = breakdown_of(node)
    if breakdown is None:
        return False, {}
    if breakdown.kind == "session":
        raise refused("A funnel by a property of sessions")
    return True, {"group_of": breakdown.value, "top": breakdown.limit}


def _checked(node: Node) -> tuple[list[Node], str, int]:
    """The steps, their order, and the window in seconds."""
    allow(node, _OPTIONS, "FunnelsQuery")
    options = section(node, "funnelsFilter")
    allow(options, _SHOWN, "funnelsFilter")
    choice(options, "funnelVizType", ("steps",), "steps")
    choice(options, "breakdownAttributionType", ("first_touch",), "first_touch")
    order = choice(options, "funnelOrderType", _ORDERS, "ordered")
    unit = choice(options, "funnelWindowIntervalUnit", _SECONDS, "day")
    series = series_of(node)
    if not 2 <= len(series) <= 20:
        raise refused(f"A funnel of {len(series)} steps")
    for item in series:
        allow(item, {"event", "properties", "fixedProperties"}, "series")
    most = 10_000 * _SECONDS["month"] // _SECONDS[unit]  # a time as long in every unit, of which PostHog bounds none
    return series, order, count(options, "funnelWindowInterval", 14, most) * _SECONDS[unit]


def _steps(series: list[Node], order: str, measures: dict[int, Measures], value: str | None) -> list[Node]:
    broken = {} if value is None else {"breakdown": [value], "breakdown_value": [value]}
    found = []
    for number, item in enumerate(series, start=1):
        people, mean, median = measures.get(number, (0, None, None))
        name = item.get("name") or item.get("event") or "All events"
        found.append(
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
                **broken,
            }
        )
    return found
