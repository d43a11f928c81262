"""TrendsQuery: a number per interval and series (PostHog: insights/trends; WAU and MAU trail over 7 and 30 days)."""

from collections.abc import Mapping
from typing import Any

from usertrack.core.json_types import JsonObject
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

_MATH = {"total": "count()", "dau": "count(DISTINCT person_id)", "unique_session": "count(DISTINCT $session_id)"}
_OF_PROPERTY = {"sum": "sum({})", "avg": "avg({})", "min": "min({})", "max": "max({})", "median": "median({})"}
_TRAILING = {"weekly_active": 7, "monthly_active": 30}
_TOTAL_DISPLAYS = {"BoldNumber", "ActionsTable", "ActionsPie", "ActionsBarValue", "WorldMap"}
_DISPLAYS = {"ActionsLineGraph", "ActionsBar", "ActionsUnstackedBar", "ActionsAreaGraph", *_TOTAL_DISPLAYS}
_DISPLAY_OPTIONS = {
    "display", "showLegend", "showValuesOnSeries", "showLabelsOnSeries", "showPercentStackView", "decimalPlaces",
    "aggregationAxisFormat", "aggregationAxisPrefix", "aggregationAxisPostfix", "yAxisScaleType", "hiddenLegendIndexes",
    "resultCustomizations", "resultCustomizationBy", "showAlertThresholdLines", "showMultipleYAxes",
}  # fmt: skip
_OPTIONS = {"dateRange", "interval", "series", "properties", "filterTestAccounts", "breakdownFilter", "trendsFilter"}
_SERIES_OPTIONS = {"event", "properties", "fixedProperties", "math", "math_property"}


def trends(node: Node, run_hogql: RunHogQL, project: Project) -> list[Node]:
    """PostHog's list of series; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "TrendsQuery")
    options = section(node, "trendsFilter")
    allow(options, _DISPLAY_OPTIONS, "trendsFilter")
    display = choice(options, "display", _DISPLAYS, "ActionsLineGraph")
    series = series_of(node)
    date_range = date_range_of(node, project)
    breakdown = breakdown_of(node)
    results = []
    for order, item in enumerate(series):
        allow(item, _SERIES_OPTIONS, "series")
        where = every(event_condition(item), node_condition(node, project))
        trend = _Series(item, where, date_range, run_hogql, as_total=display in _TOTAL_DISPLAYS)
        for value, data in trend.by_value(breakdown):
            # PostHog's label: the breakdown's value, after the series where there are several
            name = label_of(item)
            label = name if value is None else value if len(series) == 1 else f"{name} - {value}"
            named: Node = {"action": action_of(item, order), "label": label, "filter": {}}
            results.append((named if value is None else named | {"breakdown_value": value}) | trend.displayed(data))
    return results


class _Series:
    """One series of a trend. ``as_total``: one number for the whole date range instead of one per interval."""

    def __init__(self, item: Node, where: Node, date_range: DateRange, run_hogql: RunHogQL, *, as_total: bool) -> None:
        self._math = str(item.get("math") or "total")
        self._number, self._values = _number(item, self._math)
        self._values |= {**date_range.values, "where": Tree(where)}
        self._date_range, self._run_hogql, self._as_total = date_range, run_hogql, as_total
        if self._math in _TRAILING and (as_total or date_range.interval != "day"):
            raise not_supported(f"math {self._math} without a daily interval")

    def displayed(self, data: list[Any]) -> Node:
        """The data as in PostHog's result."""
        if self._as_total:
            return {"data": [], "days": [], "labels": [], "count": 0, "aggregated_value": data[0]}
        return {"data": data, "days": self._date_range.days, "labels": self._date_range.labels, "count": sum(data)}

    def by_value(self, breakdown: Breakdown | None) -> list[tuple[str | None, list[Any]]]:
        """(value of the breakdown, data) for the most frequent values, then for all others together."""
        if breakdown is None:
            return [(None, self._data(self._rows("''", {}), ""))]
        limit, cell = breakdown.limit, f"ifNull(nullIf(toString({{breakdown}}), ''), '{NULL}')"
        value_of = {"breakdown": Tree(breakdown.value)}
        ranked = self._run_hogql(
            f"SELECT {cell} AS cell, {self._number} AS n FROM events WHERE {WITHIN} AND {{where}}"
            f" GROUP BY cell ORDER BY n DESC, cell LIMIT {limit + 1}",
            {**self._values, **value_of},
        )
        top_values = [str(value) for value, _ in ranked[:limit]]
        rows = self._rows(f"if({cell} IN {{top_values}}, {cell}, '{OTHER}')", {"top_values": top_values, **value_of})
        return [(value, self._data(rows, value)) for value in [*top_values, *([OTHER] if len(ranked) > limit else [])]]

    def _rows(self, cell: str, values: Mapping[str, Any]) -> list[list[Any]]:
        """Rows of (start of the interval, value of the breakdown, number)."""
        if self._math in _TRAILING:
            days = _TRAILING[self._math]
            before = step(self._date_range.start, "day", 1 - days)
            return self._run_hogql(
                "SELECT day, cell, count(DISTINCT person_id) AS n FROM (SELECT person_id, cell,"
                f" arrayJoin(arrayMap(n -> addDays(active, n), range(0, {days}))) AS day FROM (SELECT DISTINCT"
                f" toDate(timestamp) AS active, {cell} AS cell, person_id FROM events WHERE {WITHIN} AND {{where}}))"
                f" GROUP BY day, cell LIMIT {LIMIT}",
                {**self._values, "date_from": clickhouse_time(before), **values},
            )
        start = "''" if self._as_total else START[self._date_range.interval].format("timestamp")
        return self._run_hogql(
            f"SELECT {start} AS start, {cell} AS cell, {self._number} AS n FROM events"
            f" WHERE {WITHIN} AND {{where}} GROUP BY start, cell LIMIT {LIMIT}",
            {**self._values, **values},
        )

    def _data(self, rows: list[list[Any]], value: str) -> list[Any]:
        mine = {str(start): n for start, cell, n in rows if cell == value}
        return [mine.get("", 0)] if self._as_total else [mine.get(start, 0) for start in self._date_range.starts]


def _number(item: Node, math: str) -> tuple[str, JsonObject]:
    """The aggregation as HogQL, and its values."""
    name = item.get("math_property")
    if math in _OF_PROPERTY and name and isinstance(name, str):
        of = Tree({"node": "Field", "chain": ["properties", name]})
        return f"ifNull({_OF_PROPERTY[math].format('toFloat({property})')}, 0)", {"property": of}
    if math not in _MATH and math not in _TRAILING:
        raise not_supported(f"math {math}")
    return _MATH.get(math, _MATH["dau"]), {}
