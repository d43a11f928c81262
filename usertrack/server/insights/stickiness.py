"""StickinessQuery: how many people were active in exactly one, two, … intervals (PostHog: stickiness_query_runner.py).

The numbers are those of the library's posthog/stickiness.
"""

from usertrack.server.insights.nodes import (
    DateRange,
    Node,
    Project,
    RunHogQL,
    action_of,
    allow,
    choice,
    event_condition,
    every,
    label_of,
    node_condition,
    period_of,
    section,
    series_of,
)
from usertrack.server.insights.shared import ask_library, bucketing

_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "stickinessFilter"}
_SHOWN = {
    "display", "computedAs", "showLegend", "showValuesOnSeries", "showMultipleYAxes", "hiddenLegendIndexes",
    "resultCustomizations", "resultCustomizationBy",
}  # fmt: skip


def stickiness(node: Node, ask: RunHogQL, world: Project) -> list[Node]:
    """PostHog's series, one per event; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "StickinessQuery")
    shown = section(node, "stickinessFilter")
    allow(shown, _SHOWN, "stickinessFilter")
    choice(shown, "computedAs", ("non_cumulative",), "non_cumulative")
    period = period_of(node, world)
    return [_result(item, order, period, node, ask, world) for order, item in enumerate(series_of(node))]


def _result(item: Node, order: int, period: DateRange, node: Node, ask: RunHogQL, world: Project) -> Node:
    allow(item, {"event", "properties", "fixedProperties", "math"}, "series")
    where = every(event_condition(item), node_condition(node, world))
    window = {"since": period.start, "until": period.until}
    rows = ask_library(ask, world, "stickiness", {**bucketing(period, world), **window, "where": where})
    found = {number: people for _, _, number, people, *_ in rows}
    numbers = list(range(1, len(period.buckets) + 1))
    data = [found.get(number, 0) for number in numbers]
    labels = [f"{number} {period.interval}{'s' * (number > 1)}" for number in numbers]
    named = {"action": action_of(item, order), "label": label_of(item)}
    return named | {"data": data, "count": sum(data), "days": numbers, "labels": labels}
