"""LifecycleQuery: who is new, returning, resurrecting and dormant (PostHog: insights/lifecycle_query_runner.py).

The numbers are those of the library's posthog/lifecycle.
"""

from usertrack.server.insights.nodes import (
    DateRange,
    Node,
    Project,
    RunHogQL,
    action_of,
    allow,
    event_condition,
    every,
    label_of,
    node_condition,
    period_of,
    refused,
    section,
    series_of,
    step,
)
from usertrack.server.insights.shared import ask_library, bucketing

STATUSES = ("new", "returning", "resurrecting", "dormant")
_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "lifecycleFilter"}
_SHOWN = {"showLegend", "showValuesOnSeries", "toggledLifecycles", "stacked"}


def lifecycle(node: Node, ask: RunHogQL, world: Project) -> list[Node]:
    """PostHog's four series, dormant ones below zero; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "LifecycleQuery")
    allow(section(node, "lifecycleFilter"), _SHOWN, "lifecycleFilter")
    series = series_of(node)
    if len(series) > 1:
        raise refused("A lifecycle of more than one series")
    allow(series[0], {"event", "properties", "fixedProperties", "math"}, "series")
    period = period_of(node, world)
    where = every(event_condition(series[0]), node_condition(node, world))
    # one interval more on both sides: whoever was active just before, and the whole of the last one
    around = {"before": step(period.start, period.interval, -1), "until": step(period.buckets[-1], period.interval)}
    rows = ask_library(ask, world, "lifecycle", {**bucketing(period, world), **around, "where": where})
    found = {(at, status): people for _, _, at, status, people, *_ in rows}
    return [
        _result(series[0], status, [found.get((at, status), 0) for at in range(len(period.buckets))], period)
        for status in STATUSES
    ]


def _result(item: Node, status: str, people: list[int], period: DateRange) -> Node:
    data = [-count if status == "dormant" else count for count in people]
    return {
        "status": status,
        "label": f"{label_of(item)} - {status}",
        "action": action_of(item, 0),
        "data": data,
        "count": sum(data),
        "days": period.days,
        "labels": period.labels,
    }
