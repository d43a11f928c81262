"""StickinessQuery: how many people were active in exactly one, two, … intervals (PostHog: stickiness_query_runner.py).

The numbers come from the library's posthog/stickiness.
"""

from usertrack.server.insights.nodes import (
    DateRange,
    Node,
    Project,
    RunHogQL,
    action_of,
    allow,
    choice,
    date_range_of,
    event_condition,
    every,
    label_of,
    node_condition,
    section,
    series_of,
)
from usertrack.server.insights.shared import ask_library, bucketing

_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "stickinessFilter"}
_FILTER_OPTIONS = {
    "display", "computedAs", "showLegend", "showValuesOnSeries", "showMultipleYAxes", "hiddenLegendIndexes",
    "resultCustomizations", "resultCustomizationBy",
}  # fmt: skip


def stickiness(node: Node, run_hogql: RunHogQL, project: Project) -> list[Node]:
    """PostHog's series, one per event; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "StickinessQuery")
    options = section(node, "stickinessFilter")
    allow(options, _FILTER_OPTIONS, "stickinessFilter")
    choice(options, "computedAs", ("non_cumulative",), "non_cumulative")
    date_range = date_range_of(node, project)
    return [_result(item, order, date_range, node, run_hogql, project) for order, item in enumerate(series_of(node))]


def _result(item: Node, order: int, date_range: DateRange, node: Node, run_hogql: RunHogQL, project: Project) -> Node:
    allow(item, {"event", "properties", "fixedProperties", "math"}, "series")
    where = every(event_condition(item), node_condition(node, project))
    window = {"since": date_range.start, "until": date_range.until}
    rows = ask_library(run_hogql, project, "stickiness", {**bucketing(date_range, project), **window, "where": where})
    people_by_number = {number: people for _, _, number, people, *_ in rows}
    numbers = list(range(1, len(date_range.buckets) + 1))
    data = [people_by_number.get(number, 0) for number in numbers]
    labels = [f"{number} {date_range.interval}{'s' * (number > 1)}" for number in numbers]
    named = {"action": action_of(item, order), "label": label_of(item)}
    return named | {"data": data, "count": sum(data), "days": numbers, "labels": labels}
