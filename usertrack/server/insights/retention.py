"""RetentionQuery: of those who began in an interval, how many were back k later (PostHog: retention_query_runner.py).

Interval 0 counts the start itself. The table is a rectangle; what lies behind the end of the range is 0, as in PostHog.
"""

from usertrack.server.insights.nodes import (
    LIMIT,
    Ask,
    Node,
    Period,
    World,
    allow,
    choice,
    clickhouse_time,
    count,
    event_condition,
    fill,
    floor,
    last_moment,
    node_condition,
    section,
    step,
)

_OPTIONS = {"dateRange", "properties", "filterTestAccounts", "retentionFilter"}
_SHOWN = {
    "period", "totalIntervals", "retentionType", "targetEntity", "returningEntity", "display", "dashboardDisplay",
    "meanRetentionCalculation", "retentionReference", "showTrendLines", "showMean", "selectedInterval",
}  # fmt: skip
_TYPES = {"retention_recurring": "{}", "retention_first_time": "arraySlice({}, 1, 1)"}
_NUMBERS = {
    "hour": "dateDiff('hour', toStartOfHour(toDateTime64({first}, 6, 'UTC')), toStartOfHour(timestamp))",
    "day": "dateDiff('day', toDate({first_day}), toDate(timestamp))",
    "week": "intDiv(dateDiff('day', toDate({first_day}), toStartOfWeek(timestamp)), 7)",
    "month": "dateDiff('month', toDate({first_day}), toStartOfMonth(timestamp))",
}
_SQL = """
SELECT cell.1 AS cohort, cell.2 AS later, count(DISTINCT person_id) AS people
FROM (
    SELECT person_id, arrayJoin(arrayFlatten(arrayMap(
        start -> arrayPushFront(arrayMap(back -> (start, back - start), arrayFilter(back -> back > start, returns)),
                                (start, start - start)),
        arrayFilter(start -> start >= 0, STARTS)
    ))) AS cell
    FROM (
        SELECT person_id, arraySort(groupUniqArrayIf(NUMBER, TARGET)) AS starts,
            groupUniqArrayIf(NUMBER, RETURNING) AS returns
        FROM events
        WHERE timestamp <= toDateTime64({date_to}, 6, 'UTC') AND SINCE AND ((TARGET) OR (RETURNING)) AND OTHERS
        GROUP BY person_id
    )
)
GROUP BY cohort, later
LIMIT MOST
"""


def retention(node: Node, ask: Ask, world: World) -> list[Node]:
    """PostHog's list of cohorts; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "RetentionQuery")
    options = section(node, "retentionFilter")
    allow(options, _SHOWN, "retentionFilter")
    unit = choice(options, "period", ("Hour", "Day", "Week", "Month"), "Day")
    total = count(options, "totalIntervals", 7, 200)
    period = _period(node, unit.lower(), total, world)
    first_time = choice(options, "retentionType", _TYPES, "retention_recurring")
    since = "timestamp >= toDateTime64({first}, 6, 'UTC')" if first_time == "retention_recurring" else "true"
    text = fill(
        _SQL,
        STARTS=_TYPES[first_time].format("starts"),
        NUMBER=_NUMBERS[period.interval],
        TARGET=_entity(options, "targetEntity"),
        RETURNING=_entity(options, "returningEntity"),
        SINCE=since,
        OTHERS=node_condition(node, world),
        MOST=str(LIMIT),
    )
    values = {
        "first": clickhouse_time(period.start),
        "first_day": f"{period.start:%Y-%m-%d}",
        "date_to": clickhouse_time(period.end),
    }
    used = {name: value for name, value in values.items() if f"{{{name}}}" in text}
    found = {(cohort, later): people for cohort, later, people in ask(text, used)}
    return [
        {
            "label": f"{unit} {cohort}",
            "date": step(period.start, period.interval, cohort).isoformat(),
            "values": [{"count": found.get((cohort, later), 0), "label": f"{unit} {later}"} for later in range(total)],
        }
        for cohort in range(total)
    ]


def _period(node: Node, interval: str, total: int, world: World) -> Period:
    """``total`` intervals, the last of which holds ``date_to``; ``date_from`` plays no part."""
    dates = section(node, "dateRange")
    allow(dates, {"date_from", "date_to", "explicitDate"}, "dateRange")
    last = floor(last_moment(dates, interval, world), interval, world)
    end = step(last, interval).astimezone(world.timezone)
    return Period(interval, step(last, interval, 1 - total), end)


def _entity(options: Node, name: str) -> str:
    entity = section(options, name) or {"id": "$pageview"}
    allow(entity, {"id", "type", "properties", "order", "uuid", "custom_name", "name"}, name)
    choice(entity, "type", ("events",), "events")
    return event_condition(entity | {"kind": "EventsNode"}, "id")
