"""LifecycleQuery: who is new, returning, resurrecting and dormant (PostHog: insights/lifecycle_query_runner.py).

The numbers come from the library's posthog/lifecycle.
"""

from usertrack.server.insights.nodes import (
    DateRange,
    Node,
    Project,
    RunHogQL,
    action_of,
    allow,
    date_range_of,
    event_condition,
    every,
    label_of,
    node_condition,
    not_supported,
    section,
    series_of,
    step,
)
from usertrack.server.insights.shared import ask_library, bucketing

STATUSES = ("new", "returning", "resurrecting", "dormant")
_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "lifecycleFilter"}
_FILTER_OPTIONS = {"showLegend", "showValuesOnSeries", "toggledLifecycles", "stacked"}


def lifecycle(node: Node, run_hogql: RunHogQL, project: Project) -> list[Node]:
    """PostHog's four series, dormant ones below zero; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "LifecycleQuery")
    allow(section(node, "lifecycleFilter"), _FILTER_OPTIONS, "lifecycleFilter")
    series = series_of(node)
    if len(series) > 1:
        raise not_supported("A lifecycle of more than one series")
    allow(series[0], {"event", "properties", "fixedProperties", "math"}, "series")
    date_range = date_range_of(node, project)
    where = every(event_condition(series[0]), node_condition(node, project))
    # one interval more on both sides: people active just before, and the whole last interval
    interval, buckets = date_range.interval, date_range.buckets
    window = {"before": step(date_range.start, interval, -1), "until": step(buckets[-1], interval)}
    rows = ask_library(run_hogql, project, "lifecycle", {**bucketing(date_range, project), **window, "where": where})
    people_by_bucket = {(at, status): people for _, _, at, status, people, *_ in rows}
    return [
        _result(series[0], status, [people_by_bucket.get((at, status), 0) for at in range(len(buckets))], date_range)
        for status in STATUSES
    ]


def _result(item: Node, status: str, people: list[int], date_range: DateRange) -> Node:
    data = [-count if status == "dormant" else count for count in people]
    return {
        "status": status,
        "label": f"{label_of(item)} - {status}",
        "action": action_of(item, 0),
        "data": data,
        "count": sum(data),
        "days": date_range.days,
        "labels": date_range.labels,
    }
