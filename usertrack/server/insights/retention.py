"""RetentionQuery: of those who began in an interval, how many were back k later (PostHog: retention_query_runner.py).

The numbers are those of the library's posthog/retention. The table is a rectangle; what lies behind the end of the
range is 0, as in PostHog.
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
_SHOWN = {
    "period", "totalIntervals", "retentionType", "targetEntity", "returningEntity", "display", "dashboardDisplay",
    "meanRetentionCalculation", "retentionReference", "showTrendLines", "showMean", "selectedInterval",
    "minimumOccurrences",
}  # fmt: skip
_TYPES = ("retention_recurring", "retention_first_time")


def retention(node: Node, ask: RunHogQL, world: Project) -> list[Node]:
    """PostHog's list of cohorts; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "RetentionQuery")
    options = section(node, "retentionFilter")
    allow(options, _SHOWN, "retentionFilter")
    unit = choice(options, "period", ("Hour", "Day", "Week", "Month"), "Day")
    total = count(options, "totalIntervals", 7, 200)
    period = _period(node, unit.lower(), total, world)
    target, returning = _entity(options, "targetEntity"), _entity(options, "returningEntity")
    rows = ask_library(
        ask,
        world,
        "retention",
        {
            **bucketing(period, world),
            "since": period.start,
            "until": period.end,
            "target_where": target,
            "returning_where": returning,
            "first_time": choice(options, "retentionType", _TYPES, _TYPES[0]) == "retention_first_time",
            "minimum": count(options, "minimumOccurrences", 1, 1_000_000),
            "where": every(any_of(target, returning), node_condition(node, world)),
        },
    )
    found = {(cohort, later): people for _, _, cohort, later, people, *_ in rows}
    return [
        {
            "label": f"{unit} {cohort}",
            "date": step(period.start, period.interval, cohort).isoformat(),
            "values": [{"count": found.get((cohort, later), 0), "label": f"{unit} {later}"} for later in range(total)],
        }
        for cohort in range(total)
    ]


def _period(node: Node, interval: str, total: int, world: Project) -> DateRange:
    """``total`` intervals, the last of which holds ``date_to``; ``date_from`` plays no part."""
    dates = section(node, "dateRange")
    allow(dates, {"date_from", "date_to", "explicitDate"}, "dateRange")
    last = floor(last_moment(dates, interval, world), interval, world)
    end = step(last, interval).astimezone(world.timezone)
    return DateRange(interval, step(last, interval, 1 - total), end)


def _entity(options: Node, name: str) -> Node:
    entity = section(options, name) or {"id": "$pageview"}
    allow(entity, {"id", "type", "properties", "order", "uuid", "custom_name", "name"}, name)
    choice(entity, "type", ("events",), "events")
    return event_condition(entity | {"kind": "EventsNode"}, "id")
