"""The result of a PostHog insight of any kind as one table. An unknown shape is an error.

The shapes are PostHog's for /insights/ and /query/: TrendsResult, LifecycleResult, RetentionResult, FunnelStep, ….
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from usertrack.core.errors import QueryError
from usertrack.core.json_types import JsonObject
from usertrack.core.period import as_stored, known_zone
from usertrack.core.spool import Spool
from usertrack.core.table import Column, Row, Table
from usertrack.library.nodes import source_of
from usertrack.sources.clickhouse import AnswerRows, rows_of

Result = list[Any]
_LEGACY = "TRENDS FUNNELS RETENTION LIFECYCLE STICKINESS PATHS"
_OTHER = {"$$_posthog_breakdown_other_$$": "(other)", "$$_posthog_breakdown_null_$$": "(none)"}


def kind_of(body: JsonObject) -> str:
    """hogql, trends, retention, lifecycle, funnels, stickiness, paths, …; of old insights by their ``filters``."""
    if isinstance(body.get("query"), Mapping):
        return str(_source(body).get("kind") or "").removesuffix("Query").lower()
    filters = body.get("filters")
    legacy = str(filters.get("insight") or "TRENDS") if isinstance(filters, Mapping) and filters else ""
    return legacy.lower() if legacy in _LEGACY.split() else ""


def interval_of(body: JsonObject) -> str:
    """hour, day, week or month: the width of the intervals of trends, lifecycles and retentions."""
    source = _source(body)
    retention = source.get("retentionFilter")
    period = retention.get("period") if isinstance(retention, Mapping) else None
    filters = body.get("filters")
    legacy = filters.get("interval") if isinstance(filters, Mapping) else None
    return str(source.get("interval") or period or legacy or "day").lower()


def table_of(body: JsonObject, spool: Spool, kind: str) -> Table:
    """The ``result`` of an insight; raises QueryError for one that is not as PostHog's are."""
    result = body.get("result")
    zone = known_zone(body.get("timezone"))
    if kind == "hogql":
        return _hogql(body, spool, zone)
    shape = _SHAPES.get(kind)
    if shape is None:
        raise QueryError(
            f"usertrack cannot read insights of the kind '{kind or 'unknown'}'",
            "it reads trends, retention, lifecycle, funnels, stickiness, paths, web overviews and HogQL",
        )
    try:
        columns, rows = shape(result, body)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise QueryError(
            f"PostHog's result is not that of a {kind} insight", "try --refresh; if it stays, please report it"
        ) from error
    return Table(tuple(columns), rows, source="posthog", timezone=zone, truncated=bool(body.get("hasMore")))


def _hogql(body: JsonObject, spool: Spool, zone: str) -> Table:
    document = {**body, "results": body.get("result")}
    result = AnswerRows(spool)
    result.add(document, rows_of(document))
    rows = result.rows()
    cut = bool(body.get("hasMore"))
    notes = (f"PostHog shows the first {len(rows)} rows; a LIMIT in the query shows more",) if cut else ()
    sql = str(_source(body).get("query") or "")
    return Table(rows.columns, rows, source="posthog", query=sql, truncated=cut, timezone=zone, notes=notes)


def _source(body: JsonObject) -> JsonObject:
    """The query inside its visualization node, {} for old insights with filters."""
    source = source_of(body.get("query"))
    return source if isinstance(source, dict) else {}


Shape = tuple[Sequence[Column], list[Row]]


def _trends(result: Result, body: JsonObject) -> Shape:
    """A row per series, value of the breakdown, compared period and interval; one number where there is no time."""
    broken = any(item.get("breakdown_value") is not None for item in result)
    compared = any(item.get("compare_label") for item in result)
    totals_only = bool(result) and all(not item.get("data") and "aggregated_value" in item for item in result)
    date = _moments([day for item in result for day in item.get("days") or []])
    zone = _zone(body)
    columns = [
        Column("series"),
        *([Column("breakdown")] if broken else []),
        *([Column("period")] if compared else []),
        *([] if totals_only else [date]),
        Column("value", "DOUBLE"),
    ]
    rows: list[Row] = []
    for item in result:
        head: list[Any] = [_series(item)]
        head += [_named(item.get("breakdown_value"))] if broken else []
        head += [item.get("compare_label")] if compared else []
        if totals_only:
            rows.append((*head, _number(item.get("aggregated_value"))))
        else:
            points = zip(item.get("days") or item["labels"], item["data"], strict=True)
            rows += [(*head, _moment(day, date, zone), _number(value)) for day, value in points]
    return _whole_numbers(columns, rows)


def _series(item: JsonObject) -> str:
    action = item.get("action") or {}
    return str(action.get("custom_name") or action.get("name") or item.get("label") or "")


def _lifecycle(result: Result, body: JsonObject) -> Shape:
    """A row per interval; dormant people are below zero, as PostHog has them."""
    by_status = {item["status"]: item for item in result}
    order = [status for status in ("new", "returning", "resurrecting", "dormant") if status in by_status]
    days = by_status[order[0]]["days"] if order else []
    date, zone = _moments(days), _zone(body)
    rows: list[Row] = [
        (_moment(day, date, zone), *(_number(by_status[status]["data"][number]) for status in order))
        for number, day in enumerate(days)
    ]
    return _whole_numbers([date, *(Column(status, "DOUBLE") for status in order)], rows)


def _retention(result: Result, body: JsonObject) -> Shape:
    """A row per cohort: its start, its size, and how many came back 1, 2, … intervals later; None: not over yet.

    PostHog fills the part of the table that lies in the future with zeros.
    """
    broken = any(item.get("breakdown_value") is not None for item in result)
    width = max((len(item["values"]) for item in result), default=0)
    zone = _zone(body)
    starts = [_start(item["date"], zone) for item in result]
    cohorts = sorted({start.astimezone(UTC) for start in starts})
    unit = str(result[0]["label"]).split()[0].lower() if result else "day"
    columns = [
        *([Column("breakdown")] if broken else []),
        Column("cohort", "TIMESTAMP" if unit == "hour" else "DATE"),
        Column("people", "BIGINT"),
        *(Column(f"{unit}_{later}", "BIGINT") for later in range(1, width)),
    ]
    rows: list[Row] = []
    for start, item in zip(starts, result, strict=True):
        moment = start.astimezone(UTC)
        open_ = len(cohorts) - cohorts.index(moment)
        counts = [value["count"] if later < open_ else None for later, value in enumerate(item["values"])]
        counts += [None] * (width - len(counts))
        head = [_named(item.get("breakdown_value"))] if broken else []
        rows.append((*head, as_stored(moment) if unit == "hour" else start.date(), *counts))
    return columns, rows


def _zone(body: JsonObject) -> ZoneInfo:
    return ZoneInfo(known_zone(body.get("timezone")))


def _start(text: object, zone: ZoneInfo) -> datetime:
    """When an interval begins, with PostHog's offset if it has one."""
    start = datetime.fromisoformat(str(text))
    return start if start.tzinfo else start.replace(tzinfo=zone)


def _funnels(result: Any, body: JsonObject) -> Shape:  # noqa: ANN401
    """A row per step (and value of the breakdown): people who got there, and how long it took from the step before."""
    if isinstance(result, dict):
        return _bins(result)
    if result and isinstance(result[0], Mapping) and "data" in result[0]:
        return _trends(result, body)
    broken = bool(result) and isinstance(result[0], list)
    columns = [
        *([Column("breakdown")] if broken else []),
        Column("step", "BIGINT"),
        Column("name"),
        Column("people", "BIGINT"),
        Column("of_first", "DOUBLE"),
        Column("of_previous", "DOUBLE"),
        Column("average_seconds", "DOUBLE"),
        Column("median_seconds", "DOUBLE"),
    ]
    rows: list[Row] = []
    for steps in result if broken else [result]:
        ordered = sorted(steps, key=lambda step: step["order"])
        for before, step in zip([None, *ordered], ordered, strict=False):
            head = [_named(step.get("breakdown_value"))] if broken else []
            rows.append((*head, *_step(step, ordered[0], before)))
    return columns, rows


def _step(step: JsonObject, first: JsonObject, before: JsonObject | None) -> Row:
    count, name = step["count"], step.get("custom_name") or step.get("name") or ""
    times = (step.get("average_conversion_time"), step.get("median_conversion_time"))
    return (step["order"] + 1, name, count, _share(count, first), _share(count, before), *map(_number, times))


def _share(count: int, of: JsonObject | None) -> float | None:
    """Undefined, not 0, of nobody."""
    return count / of["count"] if of and of["count"] else None


def _bins(result: JsonObject) -> Shape:
    """Return a row for each bin of the times that people took."""
    rows: list[Row] = [(_number(start), people) for start, people in result["bins"]]
    return [Column("from_seconds", "DOUBLE"), Column("people", "BIGINT")], rows


def _stickiness(result: Result, body: JsonObject) -> Shape:
    """A row per series and number of intervals: people active in exactly so many."""
    rows: list[Row] = [
        (_series(item), number, _number(people)) for item in result for number, people in enumerate(item["data"], 1)
    ]
    return _whole_numbers([Column("series"), Column("intervals", "BIGINT"), Column("people", "DOUBLE")], rows)


def _paths(result: Result, body: JsonObject) -> Shape:
    """A row per edge; PostHog counts its time in milliseconds."""
    columns = [Column("source"), Column("target"), Column("people", "BIGINT"), Column("average_seconds", "DOUBLE")]
    rows: list[Row] = []
    for edge in result:
        took = _number(edge.get("average_conversion_time"))
        rows.append((edge["source"], edge["target"], edge["value"], took / 1000 if took is not None else None))
    return columns, rows


def _web_overview(result: Result, body: JsonObject) -> Shape:
    columns = [Column("metric"), Column("unit"), Column("value", "DOUBLE"), Column("previous", "DOUBLE")]
    return columns, [
        (item["key"], item.get("kind"), _number(item.get("value")), _number(item.get("previous"))) for item in result
    ]


_SHAPES: dict[str, Callable[[Any, JsonObject], Shape]] = {
    "trends": _trends,
    "lifecycle": _lifecycle,
    "retention": _retention,
    "funnels": _funnels,
    "stickiness": _stickiness,
    "paths": _paths,
    "weboverview": _web_overview,
}


def _named(value: object) -> str | None:
    """A value of a breakdown, several of them joined, and PostHog's own marks in words."""
    if isinstance(value, list):
        return ", ".join(str(_named(item)) for item in value)
    return None if value is None else _OTHER.get(str(value), str(value))


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def _moments(days: Sequence[object]) -> Column:
    """Days, or moments where intervals are shorter."""
    return Column("date", "TIMESTAMP" if any(len(str(day)) > 10 for day in days) else "DATE")


def _moment(day: object, column: Column, zone: ZoneInfo) -> date | datetime:
    start = _start(day, zone)
    return start.date() if column.type == "DATE" else as_stored(start)


def _whole_numbers(columns: Sequence[Column], rows: list[Row]) -> Shape:
    """PostHog writes counts as 3.0: a column that has only whole numbers becomes one of integers."""
    integral = [
        column.type == "DOUBLE" and all(row[at] is None or float(row[at]).is_integer() for row in rows)
        for at, column in enumerate(columns)
    ]
    kinds = [Column(c.name, "BIGINT") if is_whole else c for c, is_whole in zip(columns, integral, strict=True)]
    return kinds, [
        tuple(
            int(cell) if is_whole and cell is not None else cell for cell, is_whole in zip(row, integral, strict=True)
        )
        for row in rows
    ]
