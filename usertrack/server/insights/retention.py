"""RetentionQuery: people of a cohort who returned k intervals later (PostHog: retention_query_runner.py).

The numbers come from the library's posthog/retention. As in PostHog the table is a rectangle: buckets after the end of
the range are 0.
"""

from usertrack.server.insights.nodes import (
    DateRange,
    Node,
    Project,
    RunHogQL,
    allow,
    any_of,
    choice,
    count,
    event_condition,
    every,
    floor,
    last_moment,
    node_condition,
    section,
    step,
)
from usertrack.server.insights.shared import ask_library, bucketing

_OPTIONS = {"dateRange", "properties", "filterTestAccounts", "retentionFilter"}
_FILTER_OPTIONS = {
    "period", "totalIntervals", "retentionType", "targetEntity", "returningEntity", "display", "dashboardDisplay",
    "meanRetentionCalculation", "retentionReference", "showTrendLines", "showMean", "selectedInterval",
    "minimumOccurrences",
}  # fmt: skip
_TYPES = ("retention_recurring", "retention_first_time")


def retention(node: Node, run_hogql: RunHogQL, project: Project) -> list[Node]:
    """PostHog's list of cohorts; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "RetentionQuery")
    options = section(node, "retentionFilter")
    allow(options, _FILTER_OPTIONS, "retentionFilter")
    unit = choice(options, "period", ("Hour", "Day", "Week", "Month"), "Day")
    total = count(options, "totalIntervals", 7, 200)
    date_range = _date_range(node, unit.lower(), total, project)
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
            "first_time": choice(options, "retentionType", _TYPES, _TYPES[0]) == "retention_first_time",
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


def _date_range(node: Node, interval: str, total: int, project: Project) -> DateRange:
    """``total`` intervals, the last with ``date_to`` in it; ``date_from`` is ignored."""
    dates = section(node, "dateRange")
    allow(dates, {"date_from", "date_to", "explicitDate"}, "dateRange")
    last = floor(last_moment(dates, interval, project), interval, project)
    end = step(last, interval).astimezone(project.timezone)
    return DateRange(interval, step(last, interval, 1 - total), end)


def _entity(options: Node, name: str) -> Node:
    entity = section(options, name) or {"id": "$pageview"}
    allow(entity, {"id", "type", "properties", "order", "uuid", "custom_name", "name"}, name)
    choice(entity, "type", ("events",), "events")
    return event_condition(entity | {"kind": "EventsNode"}, "id")
