"""LifecycleQuery, StickinessQuery and RetentionQuery, as PostHog's query runners of these names answer them.

The numbers come from the library's queries of the same names. As in PostHog the table of retention is a rectangle:
buckets after the end of the range are 0.
"""

from usertrack.server.insights.nodes import (
    DateRange,
    Node,
    Project,
    RunHogQL,
    action_of,
    allow,
    any_of,
    ask_library,
    bucketing,
    choice,
    count,
    date_range_of,
    event_condition,
    every,
    floor,
    label_of,
    last_moment,
    node_condition,
    not_supported,
    section,
    series_of,
    step,
)

_SERIES_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts"}
_ITEM_OPTIONS = {"event", "properties", "fixedProperties", "math"}
_LIFECYCLE_FILTER = {"showLegend", "showValuesOnSeries", "toggledLifecycles", "stacked"}
_STICKINESS_FILTER = {
    "display", "computedAs", "showLegend", "showValuesOnSeries", "showMultipleYAxes", "hiddenLegendIndexes",
    "resultCustomizations", "resultCustomizationBy",
}  # fmt: skip
_RETENTION_FILTER = {
    "period", "totalIntervals", "retentionType", "targetEntity", "returningEntity", "display", "dashboardDisplay",
    "meanRetentionCalculation", "retentionReference", "showTrendLines", "showMean", "selectedInterval",
    "minimumOccurrences",
}  # fmt: skip
_RETENTION_TYPES = ("retention_recurring", "retention_first_time")


def lifecycle(node: Node, run_hogql: RunHogQL, project: Project) -> list[Node]:
    """PostHog's four series, dormant ones below zero; raises ApiError for options that are not supported."""
    allow(node, {*_SERIES_OPTIONS, "lifecycleFilter"}, "LifecycleQuery")
    allow(section(node, "lifecycleFilter"), _LIFECYCLE_FILTER, "lifecycleFilter")
    series = series_of(node)
    if len(series) > 1:
        raise not_supported("A lifecycle of more than one series")
    allow(series[0], _ITEM_OPTIONS, "series")
    date_range = date_range_of(node, project)
    where = every(event_condition(series[0]), node_condition(node, project))
    # one interval more on both sides: people active just before, and the whole last interval
    interval, buckets = date_range.interval, date_range.buckets
    window = {"before": step(date_range.start, interval, -1), "until": step(buckets[-1], interval)}
    rows = ask_library(run_hogql, project, "lifecycle", {**bucketing(date_range, project), **window, "where": where})
    people_by_bucket = {(at, status): people for _, _, at, status, people, *_ in rows}
    results = []
    for status in ("new", "returning", "resurrecting", "dormant"):
        sign = -1 if status == "dormant" else 1
        data = [sign * people_by_bucket.get((at, status), 0) for at in range(len(buckets))]
        named = {"status": status, "label": f"{label_of(series[0])} - {status}", "action": action_of(series[0], 0)}
        drawn = {"data": data, "count": sum(data), "days": date_range.days, "labels": date_range.labels}
        results.append(named | drawn)
    return results


def stickiness(node: Node, run_hogql: RunHogQL, project: Project) -> list[Node]:
    """PostHog's series, one per event; raises ApiError for options that are not supported."""
    allow(node, {*_SERIES_OPTIONS, "stickinessFilter"}, "StickinessQuery")
    options = section(node, "stickinessFilter")
    allow(options, _STICKINESS_FILTER, "stickinessFilter")
    choice(options, "computedAs", ("non_cumulative",), "non_cumulative")
    date_range = date_range_of(node, project)
    window = {**bucketing(date_range, project), "since": date_range.start, "until": date_range.until}
    numbers = list(range(1, len(date_range.buckets) + 1))
    labels = [f"{number} {date_range.interval}{'s' * (number > 1)}" for number in numbers]
    results = []
    for order, item in enumerate(series_of(node)):
        allow(item, _ITEM_OPTIONS, "series")
        where = every(event_condition(item), node_condition(node, project))
        rows = ask_library(run_hogql, project, "stickiness", {**window, "where": where})
        people_by_number = {number: people for _, _, number, people, *_ in rows}
        data = [people_by_number.get(number, 0) for number in numbers]
        named = {"action": action_of(item, order), "label": label_of(item)}
        results.append(named | {"data": data, "count": sum(data), "days": numbers, "labels": labels})
    return results


def retention(node: Node, run_hogql: RunHogQL, project: Project) -> list[Node]:
    """PostHog's list of cohorts; raises ApiError for options that are not supported."""
    allow(node, {"dateRange", "properties", "filterTestAccounts", "retentionFilter"}, "RetentionQuery")
    options = section(node, "retentionFilter")
    allow(options, _RETENTION_FILTER, "retentionFilter")
    unit = choice(options, "period", ("Hour", "Day", "Week", "Month"), "Day")
    total = count(options, "totalIntervals", 7, 200)
    # as many intervals as requested, the last with ``date_to`` in it; ``date_from`` is ignored
    interval = unit.lower()
    dates = section(node, "dateRange")
    allow(dates, {"date_from", "date_to", "explicitDate"}, "dateRange")
    last = floor(last_moment(dates, interval, project), interval, project)
    end = step(last, interval).astimezone(project.timezone)
    date_range = DateRange(interval, step(last, interval, 1 - total), end)
    target, returning = _entity(options, "targetEntity"), _entity(options, "returningEntity")
    rows = ask_library(
        run_hogql,
        project,
        "retention",
        {
            **bucketing(date_range, project),
            "since": date_range.start,
            "until": date_range.end,
            "target_where": target,
            "returning_where": returning,
            "first_time": choice(options, "retentionType", _RETENTION_TYPES, _RETENTION_TYPES[0])
            == "retention_first_time",
            "minimum": count(options, "minimumOccurrences", 1, 1_000_000),
            "where": every(any_of(target, returning), node_condition(node, project)),
        },
    )
    people_by_bucket = {(cohort, later): people for _, _, cohort, later, people, *_ in rows}
    return [
        {
            "label": f"{unit} {cohort}",
            "date": step(date_range.start, date_range.interval, cohort).isoformat(),
            "values": [
                {"count": people_by_bucket.get((cohort, later), 0), "label": f"{unit} {later}"}
                for later in range(total)
            ],
        }
        for cohort in range(total)
    ]


def _entity(options: Node, name: str) -> Node:
    entity = section(options, name) or {"id": "$pageview"}
    allow(entity, {"id", "type", "properties", "order", "uuid", "custom_name", "name"}, name)
    choice(entity, "type", ("events",), "events")
    return event_condition(entity | {"kind": "EventsNode"}, "id")
