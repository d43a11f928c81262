"""LifecycleQuery: who is new, returning, resurrecting and dormant (PostHog: insights/lifecycle_query_runner.py).

"New" is the interval in which the person was created, not that of the first event of this kind.
"""

from usertrack.server.insights.nodes import (
    LIMIT,
    START,
    WITHIN,
    Ask,
    Node,
    World,
    action_of,
    allow,
    clickhouse_time,
    event_condition,
    fill,
    label_of,
    node_condition,
    period_of,
    refused,
    section,
    series_of,
    step,
)

STATUSES = ("new", "returning", "resurrecting", "dormant")
_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "lifecycleFilter"}
_SHOWN = {"showLegend", "showValuesOnSeries", "toggledLifecycles", "stacked"}
_ONE = {
    "hour": "toIntervalHour(1)",
    "day": "toIntervalDay(1)",
    "week": "toIntervalWeek(1)",
    "month": "toIntervalMonth(1)",
}
_SQL = """
SELECT change.1 AS start, change.2 AS status, count(DISTINCT person_id) AS people
FROM (
    SELECT person_id, arrayJoin(arrayConcat(
        arrayMap((at, before, n) -> (at, multiIf(
            at = before, 'new', n > 1 AND before + ONE = at, 'returning', 'resurrecting'
        )), active, arrayPopBack(arrayPushFront(active, created)), arrayEnumerate(active)),
        arrayMap(at -> (at + ONE, 'dormant'), arrayFilter(at -> NOT has(active, at + ONE), active))
    )) AS change
    FROM (
        SELECT person_id, arraySort(groupUniqArray(START)) AS active, assumeNotNull(CREATED) AS created
        FROM events
        WHERE WITHIN AND EVENTS
        GROUP BY person_id
    )
)
GROUP BY start, status
LIMIT MOST
"""


def lifecycle(node: Node, ask: Ask, world: World) -> list[Node]:
    """PostHog's four series, dormant ones below zero; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "LifecycleQuery")
    allow(section(node, "lifecycleFilter"), _SHOWN, "lifecycleFilter")
    series = series_of(node)
    if len(series) > 1:
        raise refused("A lifecycle of more than one series")
    allow(series[0], {"event", "properties", "fixedProperties", "math"}, "series")
    period = period_of(node, world)
    text = fill(
        _SQL,
        EVENTS=f"({event_condition(series[0])}) AND ({node_condition(node, world)})",
        WITHIN=WITHIN,
        START=START[period.interval].format("timestamp"),
        CREATED=START[period.interval].format("min(person.created_at)"),
        ONE=_ONE[period.interval],
        MOST=str(LIMIT),
    )
    # one interval more on both sides: whoever was active just before, and whoever does not come back at the end
    values = {
        "date_from": clickhouse_time(step(period.start, period.interval, -1)),
        "date_to": clickhouse_time(step(period.buckets[-1], period.interval, 2)),
    }
    found = {(str(start)[:19].replace("T", " "), status): people for start, status, people in ask(text, values)}
    return [
        _result(series[0], status, [found.get((day, status), 0) for day in period.days], period.days, period.labels)
        for status in STATUSES
    ]


def _result(item: Node, status: str, people: list[int], days: list[str], labels: list[str]) -> Node:
    data = [-count if status == "dormant" else count for count in people]
    return {
        "status": status,
        "label": f"{label_of(item)} - {status}",
        "action": action_of(item, 0),
        "data": data,
        "count": sum(data),
        "days": days,
        "labels": labels,
    }
