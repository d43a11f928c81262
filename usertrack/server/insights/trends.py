"""TrendsQuery: a number per interval and series, by the library's queries of trends (PostHog: insights/trends)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from usertrack.core.errors import UsageError
from usertrack.core.json_types import JsonObject
from usertrack.core.series import Formula, cumulative
from usertrack.library.trend_math import MATHS, math_parameters
from usertrack.server.http.api_errors import ApiError
from usertrack.server.insights.nodes import (
    NULL,
    OTHER,
    DateRange,
    Node,
    Project,
    RunHogQL,
    action_of,
    allow,
    ask_library,
    breakdown_of,
    bucketing,
    choice,
    date_range_of,
    event_condition,
    label_of,
    node_condition,
    not_supported,
    objects,
    section,
    series_of,
    step,
)

_TOTAL_DISPLAYS = {"BoldNumber", "ActionsTable", "ActionsPie", "ActionsBarValue", "WorldMap"}
_CUMULATIVE = "ActionsLineGraphCumulative"
_DISPLAYS = {"ActionsLineGraph", _CUMULATIVE, "ActionsBar", "ActionsUnstackedBar", "ActionsAreaGraph", *_TOTAL_DISPLAYS}
_DISPLAY_OPTIONS = {
    "display", "formula", "formulas", "formulaNodes", "showLegend", "showValuesOnSeries", "showLabelsOnSeries",
    "showPercentStackView", "decimalPlaces",
    "aggregationAxisFormat", "aggregationAxisPrefix", "aggregationAxisPostfix", "yAxisScaleType", "hiddenLegendIndexes",
    "resultCustomizations", "resultCustomizationBy", "showAlertThresholdLines", "showMultipleYAxes",
}  # fmt: skip
_OPTIONS = {
    "dateRange", "interval", "series", "properties", "filterTestAccounts", "breakdownFilter", "trendsFilter",
    "compareFilter",
}  # fmt: skip
_SERIES_OPTIONS = {"event", "properties", "fixedProperties", "math", "math_property"}


def trends(node: Node, run_hogql: RunHogQL, project: Project) -> list[Node]:
    """PostHog's list of series; raises ApiError for options that are not supported."""
    allow(node, _OPTIONS, "TrendsQuery")
    options = section(node, "trendsFilter")
    allow(options, _DISPLAY_OPTIONS, "trendsFilter")
    display = choice(options, "display", _DISPLAYS, "ActionsLineGraph")
    compares = section(node, "compareFilter")
    allow(compares, {"compare"}, "compareFilter")
    series, date_range = series_of(node), date_range_of(node, project)
    ranges = {"current": date_range, **({"previous": _previous(date_range)} if compares.get("compare") else {})}
    formulas = _formulas(options, len(series))
    question = _Question(node, run_hogql, project, as_total=display in _TOTAL_DISPLAYS)
    results: list[Node] = []
    values: list[str] | None = None
    for order, item in enumerate(series):
        allow(item, _SERIES_OPTIONS, "series")
        for compare_label, dates in ranges.items():
            given = values if formulas or compare_label == "previous" else None
            groups = question.groups(item, dates, given)
            if given is None:
                values = [value for value in groups if value not in (None, NULL, OTHER)]
            for value, data in groups.items():
                # PostHog's label: the breakdown's value, after the series where there are several
                name = label_of(item)
                label = name if value is None else value if len(series) == 1 else f"{name} - {value}"
                result: Node = {"action": action_of(item, order), "label": label, "filter": {}}
                result |= {} if value is None else {"breakdown_value": value}
                result |= {"compare": True, "compare_label": compare_label} if len(ranges) > 1 else {}
                data = cumulative(data) if display == _CUMULATIVE else data
                results.append(result | _displayed(data, dates, as_total=question.as_total))
    if not formulas:
        return results
    return [
        one for name, formula in formulas for one in _calculated(name, formula, results, as_total=question.as_total)
    ]


class _Question:
    """The part that all series share. ``as_total``: one number for the whole date range instead of one per interval."""

    def __init__(self, node: Node, run_hogql: RunHogQL, project: Project, *, as_total: bool) -> None:
        self.as_total = as_total
        self._breakdown = breakdown_of(node)
        self._run_hogql, self._project = run_hogql, project
        self._where = node_condition(node, project)

    def groups(self, item: Node, dates: DateRange, given: Sequence[str] | None) -> dict[str | None, list[Any]]:
        """The data of each value of the breakdown, or of those that are ``given``, then of all others together."""
        posthogs_name = str(item.get("math") or "total")
        name = {"first_time_for_user": "first_time", "first_time": ""}.get(posthogs_name, posthogs_name)
        math = MATHS.get(name)
        if math is None or (not math.unit and not isinstance(item.get("math_property"), str)):
            raise not_supported(f"math {posthogs_name}")
        if math.trailing and (self.as_total or dates.interval != "day"):
            raise not_supported(f"math {posthogs_name} without a daily interval")
        starts = len(dates.buckets)
        values: JsonObject = {
            **bucketing(dates, self._project),
            **math_parameters(name, starts),
            "since": step(dates.start, "day", 1 - math.trailing) if math.trailing else dates.start,
            "until": dates.until,
            "event_where": event_condition(item),
            "where": self._where,
        }
        if not math.unit:
            values["value_of"] = {"node": "Field", "chain": ["properties", item["math_property"]]}
        if self._breakdown:
            values |= {"grouped": True, "group_of": self._breakdown.value, "top": self._breakdown.limit}
        if given is not None:
            values |= {"given": True, "values": given}
        top = self._breakdown.limit if self._breakdown else 1
        nothing = [0] * (1 if self.as_total else starts)
        groups: dict[str | None, list[Any]] = {} if self._breakdown else {None: list(nothing)}
        for value, rank, period, number, _ in ask_library(self._run_hogql, self._project, math.query, values):
            group = None if not self._breakdown else OTHER if rank == top + 1 else value or NULL
            data = groups.setdefault(group, list(nothing))
            if (period is None) == self.as_total:
                data[period or 0] = int(number or 0) if math.unit else number or 0
        return groups


def _displayed(data: list[Any], dates: DateRange, *, as_total: bool) -> Node:
    """The data as in PostHog's result."""
    if as_total:
        return {"data": [], "days": [], "labels": [], "count": 0, "aggregated_value": data[0]}
    return {"data": data, "days": dates.days, "labels": dates.labels, "count": sum(data)}


def _previous(dates: DateRange) -> DateRange:
    """As many intervals just before; the last is as long as the last of ``dates``."""
    starts = len(dates.buckets)
    last = step(dates.buckets[-1], dates.interval, -starts)
    end = min(last + (dates.end - dates.buckets[-1]), step(last, dates.interval) - timedelta(microseconds=1))
    return replace(dates, start=step(dates.start, dates.interval, -starts), end=end)


def _formulas(options: Node, series: int) -> list[tuple[str, Formula]]:
    """The name and the formula of each line that replaces the series; raises ApiError."""
    nodes = [(str(node.get("custom_name") or ""), node.get("formula")) for node in objects(options, "formulaNodes")]
    texts = options.get("formulas") or ([options["formula"]] if options.get("formula") else [])
    try:
        return [
            (name or f"Formula ({text})", Formula(str(text), series))
            for name, text in nodes or [("", t) for t in texts]
        ]
    except UsageError as error:
        raise ApiError(400, "invalid_input", f"{error.message}: {error.hint}") from error


def _calculated(name: str, formula: Formula, results: Sequence[Node], *, as_total: bool) -> list[Node]:
    """A line per value of the breakdown and time; what a series lacks is 0, as is a division by 0."""
    lines: dict[tuple[Any, Any], dict[int, Node]] = {}
    for result in results:
        key = (result.get("breakdown_value"), result.get("compare_label"))
        lines.setdefault(key, {})[result["action"]["order"]] = result
    calculated = []
    for (value, _), parts in lines.items():
        first = next(iter(parts.values()))
        line = {**first, "action": None, "label": name if value is None else f"{name} - {value}"}
        orders = range(len(formula.letters))
        if as_total:
            totals = [parts[order]["aggregated_value"] if order in parts else 0 for order in orders]
            line["aggregated_value"] = formula(totals) or 0
        else:
            nothing = [0] * len(first["data"])
            columns = [parts[order]["data"] if order in parts else nothing for order in orders]
            line["data"] = [formula(numbers) or 0 for numbers in zip(*columns, strict=True)]
            line["count"] = sum(line["data"])
        calculated.append(line)
    return calculated
