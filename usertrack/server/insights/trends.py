"""TrendsQuery: a number per interval and series (PostHog: insights/trends; WAU and MAU trail over 7 and 30 days)."""

from collections.abc import Mapping
from typing import Any

from usertrack.server.hogql.parse import Tree
from usertrack.server.hogql.sql import clickhouse_time
from usertrack.server.insights.nodes import (
    LIMIT,
    NULL,
    OTHER,
    START,
    WITHIN,
    Breakdown,
    DateRange,
    Node,
    Project,
    RunHogQL,
    action_of,
    allow,
    breakdown_of,
    choice,
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

_MATH = {
    "total": "count()",
    "dau": "count(DISTINCT person_id)",
    "unique_session": "count(DISTINCT $session_id)",
}
_OF_PROPERTY = {"sum": "sum({})", "avg": "avg({})", "min": "min({})", "max": "max({})", "median": "median({})"}
_TRAILING = {"weekly_active": 7, "monthly_active": 30}
_WHOLE = {"BoldNumber", "ActionsTable", "ActionsPie", "ActionsBarValue", "WorldMap"}
_DISPLAYS = {"ActionsLineGraph", "ActionsBar", "ActionsUnstackedBar", "ActionsAreaGraph", *_WHOLE}
_DISPLAY_OPTIONS = {
    "display", "showLegend", "showValuesOnSeries", "showLabelsOnSeries", "showPercentStackView", "decimalPlaces",
    "aggregationAxisFormat", "aggregationAxisPrefix", "aggregationAxisPostfix", "yAxisScaleType", "hiddenLegendIndexes",
    "resultCustomizations", "resultCustomizationBy", "showAlertThresholdLines", "showMultipleYAxes",
}  # fmt: skip
_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "breakdownFilter", "trendsFilter"}
_SERIES_OPTIONS = {"event", "properties", "fixedProperties", "math", "math_property"}


def trends(node: Node, ask: RunHogQL, world: Project) -> list[Node]:
    """PostHog's list of series; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "TrendsQuery")
    shown = section(node, "trendsFilter")
    allow(shown, _DISPLAY_OPTIONS, "trendsFilter")
    display = choice(shown, "display", _DISPLAYS, "ActionsLineGraph")
    series = series_of(node)
    period = period_of(node, world)
    breakdown = breakdown_of(node)
    found = []
    for order, item in enumerate(series):
        allow(item, _SERIES_OPTIONS, "series")
        where = every(event_condition(item), node_condition(node, world))
        one = _Series(item, where, period, ask, whole=display in _WHOLE)
        for value, data in one.by_value(breakdown):
            found.append(_named(item, order, value, len(series)) | one.displayed(data))
    return found


def _named(item: Node, order: int, value: str | None, of: int) -> Node:
    """What a result is called; the label is PostHog's: the value, behind the series where there are several."""
    name = label_of(item)
    label = name if value is None else value if of == 1 else f"{name} - {value}"
    named: Node = {"action": action_of(item, order), "label": label, "filter": {}}
    return named if value is None else named | {"breakdown_value": value}


class _Series:
    """One series, asked in one or two questions. ``whole``: one number for the period instead of one per interval."""

    def __init__(self, item: Node, where: Node, period: DateRange, ask: RunHogQL, *, whole: bool) -> None:
        self._math = str(item.get("math") or "total")
        self._number, self._values = _number(item, self._math)
        self._values |= {**period.values, "where": Tree(where)}
        self._period, self._ask, self._whole = period, ask, whole
        if self._math in _TRAILING and (whole or period.interval != "day"):
            raise refused(f"math {self._math} without a daily interval")

    def displayed(self, data: list[Any]) -> Node:
        """The data as PostHog has it."""
        if self._whole:
            return {"data": [], "days": [], "labels": [], "count": 0, "aggregated_value": data[0]}
        return {"data": data, "days": self._period.days, "labels": self._period.labels, "count": sum(data)}

    def by_value(self, breakdown: Breakdown | None) -> list[tuple[str | None, list[Any]]]:
        """The data, once for each value of the breakdown: the most frequent first, all others in one."""
        if breakdown is None:
            return [(None, self._data(self._rows("''", {}), ""))]
        limit, cell = breakdown.limit, f"ifNull(nullIf(toString({{breakdown}}), ''), '{NULL}')"
        value_of = {"breakdown": Tree(breakdown.value)}
        ranked = self._ask(
            f"SELECT {cell} AS cell, {self._number} AS n FROM events WHERE {WITHIN} AND {{where}}"
            f" GROUP BY cell ORDER BY n DESC, cell LIMIT {limit + 1}",
            {**self._values, **value_of},
        )
        kept = [str(value) for value, _ in ranked[:limit]]
        rows = self._rows(f"if({cell} IN {{kept}}, {cell}, '{OTHER}')", {"kept": kept, **value_of})
        return [(value, self._data(rows, value)) for value in [*kept, *([OTHER] if len(ranked) > limit else [])]]

    def _rows(self, cell: str, values: Mapping[str, Any]) -> list[list[Any]]:
        """(start of the interval, value of the breakdown, number)"""
        if self._math in _TRAILING:
            return self._trailing(cell, values)
        start = "''" if self._whole else START[self._period.interval].format("timestamp")
        return self._ask(
            f"SELECT {start} AS start, {cell} AS cell, {self._number} AS n FROM events"
            f" WHERE {WITHIN} AND {{where}} GROUP BY start, cell LIMIT {LIMIT}",
            {**self._values, **values},
        )

    def _trailing(self, cell: str, values: Mapping[str, Any]) -> list[list[Any]]:
        days = _TRAILING[self._math]
        before = step(self._period.start, "day", 1 - days)
        return self._ask(
            "SELECT day, cell, count(DISTINCT person_id) AS n FROM (SELECT person_id, cell,"
            f" arrayJoin(arrayMap(n -> addDays(active, n), range(0, {days}))) AS day FROM (SELECT DISTINCT"
            f" toDate(timestamp) AS active, {cell} AS cell, person_id FROM events WHERE {WITHIN} AND {{where}}))"
            f" GROUP BY day, cell LIMIT {LIMIT}",
            {**self._values, "date_from": clickhouse_time(before), **values},
        )

    def _data(self, rows: list[list[Any]], value: str) -> list[Any]:
        mine = {str(start): n for start, cell, n in rows if cell == value}
        return [mine.get("", 0)] if self._whole else [mine.get(start, 0) for start in self._period.starts]


def _number(item: Node, math: str) -> tuple[str, dict[str, Any]]:
    """What is counted, as HogQL, and its values."""
    name = item.get("math_property")
    if math in _OF_PROPERTY and name and isinstance(name, str):
        of = Tree({"node": "Field", "chain": ["properties", name]})
        return f"ifNull({_OF_PROPERTY[math].format('toFloat({property})')}, 0)", {"property": of}
    if math not in _MATH and math not in _TRAILING:
        raise refused(f"math {math}")
    return _MATH.get(math, _MATH["dau"]), {}
