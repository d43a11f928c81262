"""FunnelsQuery: how far people get in an order, within a window from step 1 (PostHog: funnel_udf.py, steps.rs).

Every step-1 event opens an attempt; of a person's attempts the furthest counts, the first of those. One event fills one
step.
"""

from typing import Any

from usertrack.server.insights.nodes import (
    LIMIT,
    NULL,
    OTHER,
    WITHIN,
    Ask,
    Node,
    World,
    allow,
    breakdown_of,
    choice,
    count,
    event_condition,
    fill,
    node_condition,
    period_of,
    refused,
    section,
    series_of,
)

_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "breakdownFilter", "funnelsFilter"}
_SHOWN = {
    "funnelVizType", "funnelOrderType", "funnelWindowInterval", "funnelWindowIntervalUnit", "breakdownAttributionType",
    "layout", "funnelStepReference", "hiddenLegendBreakdowns", "showValuesOnSeries", "resultCustomizations",
}  # fmt: skip
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}
# `tried`: for each step the times of the attempt that reached it last; `first`: of the one that reached it first
_SQL = """
SELECT KEPT AS value, MEASURES
FROM (
    SELECT cell, arrayLast(times -> notEmpty(times),
        arrayMap((first, tried) -> if(empty(first), tried, first), ends.2, ends.1)) AS times
    FROM (
        SELECT CELL AS cell, arrayFold(
            (ends, hit) -> (
                arrayMap(step -> if(
                    hit.2[step] = 1 AND (step = 1 OR (notEmpty(ends.1[greatest(step - 1, 1)])
                        AND hit.1 - ends.1[greatest(step - 1, 1)][1] <= WINDOW)),
                    arrayPushBack(arraySlice(ends.1[greatest(step - 1, 1)], 1, step - 1), hit.1),
                    ends.1[step]
                ), range(1, STEPS + 1)),
                arrayMap((first, tried) -> if(empty(first), tried, first), ends.2, ends.1)
            ),
            arraySort(hit -> (hit.3, indexOf(hit.2, 1)),
                groupArray((toUnixTimestamp64Milli(timestamp) / 1000, [HITS], timestamp))),
            (arrayMap(step -> arraySlice([0.5], 2), range(1, STEPS + 1)),
             arrayMap(step -> arraySlice([0.5], 2), range(1, STEPS + 1)))
        ) AS ends
        FROM events
        WHERE WITHIN AND (ANY_STEP) AND OTHERS
        GROUP BY person_id
    )
)
WHERE notEmpty(times)
GROUP BY value
ORDER BY count() DESC, value
LIMIT MOST
"""


def funnels(node: Node, ask: Ask, world: World) -> list[Any]:
    """PostHog's list of steps, or of lists of steps with a breakdown; raises ApiError for what is not supported."""
    series, window = _checked(node)
    breakdown, limit = breakdown_of(node)
    hits = [event_condition(item) for item in series]
    parts = {
        "MEASURES": ", ".join(_measures(len(series))),
        "CELL": _first_touch(breakdown) if breakdown else "''",
        "WINDOW": str(window),
        "STEPS": str(len(series)),
        "HITS": ", ".join(f"if({hit}, 1, 0)" for hit in hits),
        "ANY_STEP": " OR ".join(f"({hit})" for hit in hits),
        "OTHERS": node_condition(node, world),
        "WITHIN": WITHIN,
        "MOST": str(LIMIT),
    }
    values = period_of(node, world).values
    rows = ask(fill(_SQL, KEPT="cell", **parts), values)
    if not breakdown:
        return _steps(series, rows[0][1:] if rows else [0] * 3 * len(series), None)
    if len(rows) > limit:
        kept = [row[0] for row in rows[:limit]]
        some = f"if(cell IN {{kept}}, cell, '{OTHER}')"
        rows = ask(fill(_SQL, KEPT=some, **parts), {**values, "kept": kept})
    return [_steps(series, row[1:], row[0]) for row in rows]


def _checked(node: Node) -> tuple[list[Node], int]:
    """The steps, and the window in seconds."""
    allow(node, _OPTIONS, "FunnelsQuery")
    options = section(node, "funnelsFilter")
    allow(options, _SHOWN, "funnelsFilter")
    choice(options, "funnelVizType", ("steps",), "steps")
    choice(options, "funnelOrderType", ("ordered",), "ordered")
    choice(options, "breakdownAttributionType", ("first_touch",), "first_touch")
    unit = choice(options, "funnelWindowIntervalUnit", _SECONDS, "day")
    series = series_of(node)
    if not 2 <= len(series) <= 20:
        raise refused(f"A funnel of {len(series)} steps")
    for item in series:
        allow(item, {"event", "properties", "fixedProperties"}, "series")
    return series, count(options, "funnelWindowInterval", 14, 10_000) * _SECONDS[unit]


def _measures(steps: int) -> list[str]:
    """For each step: who reached it, and the average and the median of seconds since the one before."""
    found = []
    for number in range(1, steps + 1):
        found.append(f"countIf(length(times) >= {number})")
        took = f"times[{number}] - times[{number - 1}]" if number > 1 else "0"
        reached = f"length(times) >= {number} AND {took} > 0"
        found += [f"avgIf({took}, {reached})", f"medianIf({took}, {reached})"]
    return found


def _first_touch(breakdown: str) -> str:
    """A person's value: that of the first of their events which has one."""
    text = f"toString({breakdown})"
    return f"ifNull(nullIf(argMinIf({text}, timestamp, notEmpty(ifNull({text}, ''))), ''), '{NULL}')"


def _steps(series: list[Node], measures: list[Any], value: str | None) -> list[Node]:
    broken = {} if value is None else {"breakdown": [value], "breakdown_value": [value]}
    return [
        {
            "action_id": item.get("event"),
            "name": item.get("name") or item.get("event") or "All events",
            "custom_name": item.get("custom_name"),
            "order": order,
            "people": [],
            "type": "events",
            "count": measures[3 * order],
            "average_conversion_time": measures[3 * order + 1] if order else None,
            "median_conversion_time": measures[3 * order + 2] if order else None,
            **broken,
        }
        for order, item in enumerate(series)
    ]
