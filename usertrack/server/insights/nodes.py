"""Reads the parts that all query nodes share, and runs the library's own queries for them.

A number has one definition for commands and for insights. An option that this server does not support is an error; it
is never ignored.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

from usertrack.core.identified import IDENTIFIED
from usertrack.core.json_types import JsonObject
from usertrack.library.library import Library, shipped_root
from usertrack.server.hogql.filters import PROPERTY_PATHS, compared, constant, moment_of, property_condition
from usertrack.server.hogql.parse import Tree, parse_condition
from usertrack.server.hogql.sql import clickhouse_time
from usertrack.server.http.api_errors import ApiError

RunHogQL = Callable[[str, Mapping[str, Any]], list[list[Any]]]
"""Runs a HogQL query with these values and returns all rows; a ``Tree`` among the values is an expression."""

Node = JsonObject
LIMIT = 50_000  # rows of one HogQL query of an insight: the default clamp of the server
BREAKDOWN_LIMIT = 25  # PostHog's BREAKDOWN_VALUES_LIMIT
OTHER, NULL = "$$_posthog_breakdown_other_$$", "$$_posthog_breakdown_null_$$"

# options of all kinds of nodes that change no number
_HARMLESS = {"kind", "version", "tags", "name", "custom_name", "response", "modifiers", "dataColorTheme"}
_MOST_INTERVALS = 10_000  # more than the 8 784 hours of a leap year
_INTERVALS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": None}


@dataclass(frozen=True)
class Project:
    """The settings that numbers depend on. ``now`` is aware; ``week_start_day``: 0 Sunday, 1 Monday."""

    timezone: ZoneInfo
    week_start_day: int
    now: datetime
    test_account_filters: tuple[Mapping[str, Any], ...] = ()


def not_supported(feature: str) -> ApiError:
    return ApiError(400, "invalid_input", f"{feature} is not supported by this server")


def allow(node: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Raise ApiError for an option of ``node`` that is set and not ``known``."""
    for name, value in node.items():
        if name not in _HARMLESS and name not in known and value not in (None, False, [], {}, ""):
            raise not_supported(f"{where}.{name}")


def choice(node: Mapping[str, Any], name: str, known: Mapping[str, Any] | Iterable[str], default: str) -> str:
    value = node.get(name) or default
    if not isinstance(value, str) or value not in known:
        raise not_supported(f"{name} {value}")
    return value


def count(node: Mapping[str, Any], name: str, default: int, limit: int) -> int:
    """A whole number from 1 to ``limit``."""
    value = node.get(name) or default
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= limit:
        raise not_supported(f"{name} {value}")
    return int(value)


def section(node: Mapping[str, object], name: str) -> Node:
    """The object ``node[name]``, {} when it is missing."""
    value = node.get(name) or {}
    if not isinstance(value, dict):
        raise ApiError(400, "invalid_input", f"query.{name} must be an object")
    return value


def objects(node: Mapping[str, object], name: str) -> list[Node]:
    """The list of objects ``node[name]``, [] when it is missing."""
    value = node.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ApiError(400, "invalid_input", f"query.{name} must be a list of objects")
    return value


# Dates


@dataclass(frozen=True)
class DateRange:
    """Intervals in the project's timezone, from the one that holds ``start`` to the one that holds ``end``."""

    interval: str
    start: datetime
    end: datetime

    @cached_property
    def buckets(self) -> list[datetime]:
        """The start of each; raises ApiError for more than 10 000."""
        # in UTC: two times of one zone would be compared without their offsets
        moments, end = [self.start], self.end.astimezone(UTC)
        while (following := step(moments[-1], self.interval)).astimezone(UTC) <= end:
            moments.append(following)
            if len(moments) > _MOST_INTERVALS:
                raise not_supported(f"A range of more than {_MOST_INTERVALS:,} intervals")
        return moments

    @property
    def until(self) -> datetime:
        """The end as an exclusive bound."""
        return self.end.astimezone(UTC) + timedelta(microseconds=1)

    def key(self, moment: datetime) -> str:
        """``moment`` as in PostHog's ``days``."""
        return moment.strftime("%Y-%m-%d %H:%M:%S" if self.interval == "hour" else "%Y-%m-%d")

    @property
    def days(self) -> list[str]:
        return [self.key(bucket) for bucket in self.buckets]

    @property
    def labels(self) -> list[str]:
        hour = " %H:%M" if self.interval == "hour" else ""
        return [f"{bucket.day}-{bucket:%b-%Y{hour}}" for bucket in self.buckets]

    @property
    def values(self) -> JsonObject:
        return {"date_from": clickhouse_time(self.start), "date_to": clickhouse_time(self.end)}


WITHIN = "timestamp >= toDateTime64({date_from}, 6, 'UTC') AND timestamp <= toDateTime64({date_to}, 6, 'UTC')"


def date_range_of(node: Node, project: Project) -> DateRange:
    """PostHog's range: from the start of the interval of ``date_from`` (default -7d) to the end of the last day."""
    dates = section(node, "dateRange")
    allow(dates, {"date_from", "date_to", "explicitDate"}, "dateRange")
    interval = choice(node, "interval", _INTERVALS, "day")
    if dates.get("date_from") == "all":
        raise not_supported("date_from all")
    start = moment_of(dates.get("date_from") or "-7d", project.timezone, project.now)
    return DateRange(interval, floor(start, interval, project), last_moment(dates, interval, project))


def last_moment(dates: Mapping[str, object], interval: str, project: Project) -> datetime:
    date_to = dates.get("date_to")
    end = moment_of(date_to, project.timezone, project.now) if date_to else project.now.astimezone(project.timezone)
    if dates.get("explicitDate") or interval == "hour":  # by the hour, PostHog takes a date for its midnight
        return end
    return end.replace(hour=23, minute=59, second=59, microsecond=999_999)


def floor(moment: datetime, interval: str, project: Project) -> datetime:
    if interval == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "week":
        return day - timedelta(days=(day.isoweekday() - project.week_start_day) % 7)
    return day.replace(day=1) if interval == "month" else day


def step(moment: datetime, interval: str, count: int = 1) -> datetime:
    """``moment`` plus ``count`` intervals; days are calendar days."""
    if interval == "month":
        index = moment.year * 12 + moment.month - 1 + count
        return moment.replace(year=index // 12, month=index % 12 + 1)
    width = _INTERVALS[interval] or timedelta()
    if interval == "hour":
        return (moment.astimezone(UTC) + count * width).astimezone(moment.tzinfo)
    return moment + count * width


# Events and filters


def series_of(node: Node) -> list[Node]:
    series = node.get("series")
    if not isinstance(series, list) or not series or not all(isinstance(item, dict) for item in series):
        raise ApiError(400, "required", "This field is required: query.series")
    for item in series:
        if item.get("kind", "EventsNode") != "EventsNode":
            raise not_supported(f"A series of kind {item['kind']}")
    return series


def event_condition(item: Node, name: str = "event") -> Node:
    """The condition for the events of the EventsNode ``item``; without a name every event."""
    event = item.get(name)
    if not isinstance(event, str | None):
        raise ApiError(400, "invalid_input", f"{name} must be the name of an event")
    own = [] if event is None else [compared("==", {"node": "Field", "chain": ["event"]}, constant(event))]
    return every(*own, *conditions(item.get("properties")), *conditions(item.get("fixedProperties")))


def node_condition(node: Node, project: Project) -> Node:
    """The filters of the whole query."""
    tests = project.test_account_filters if node.get("filterTestAccounts") else ()
    return every(*conditions(node.get("properties")), *map(property_condition, tests))


def conditions(properties: Any) -> list[Node]:  # noqa: ANN401
    """Property filters, a list or a group of groups, as conditions that must all hold."""
    group = isinstance(properties, dict) and "values" in properties
    items = (properties["values"] if group else properties) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ApiError(400, "invalid_property_filter", "Property filters must be a list of objects")
    parts = [part for item in items for part in (conditions(item) if "values" in item else [property_condition(item)])]
    if not group or not parts:
        return parts
    return [any_of(*parts) if choice(properties, "type", ("AND", "OR"), "AND") == "OR" else every(*parts)]


def every(*parts: Node) -> Node:
    return parts[0] if len(parts) == 1 else {"node": "And", "exprs": list(parts)} if parts else constant(True)


def any_of(*parts: Node) -> Node:
    return parts[0] if len(parts) == 1 else {"node": "Or", "exprs": list(parts)}


def label_of(item: Node) -> str:
    return str(item.get("custom_name") or item.get("name") or item.get("event") or "All events")


def action_of(item: Node, order: int) -> Node:
    """The series as PostHog repeats it in a result."""
    names = ("math", "math_property", "custom_name")
    name = item.get("name") or item.get("event") or "All events"
    return {"id": item.get("event"), "type": "events", "order": order, "name": name, **{n: item.get(n) for n in names}}


@dataclass(frozen=True)
class Breakdown:
    """A breakdown by a property of an event, a person or a session (``kind``), into at most ``limit`` values."""

    kind: str
    name: str
    limit: int

    @property
    def value(self) -> Node:
        return {"node": "Field", "chain": [*PROPERTY_PATHS[self.kind], self.name]}


def breakdown_of(node: Node) -> Breakdown | None:
    filters = section(node, "breakdownFilter")
    allow(filters, {"breakdown", "breakdown_type", "breakdowns", "breakdown_limit"}, "breakdownFilter")
    several = objects(filters, "breakdowns")
    if len(several) > 1:
        raise not_supported("More than one breakdown")
    if several:
        allow(several[0], {"property", "type"}, "breakdownFilter.breakdowns")
    name = several[0].get("property") if several else filters.get("breakdown")
    kind = (several[0].get("type") if several else filters.get("breakdown_type")) or "event"
    if name is None:
        return None
    if not isinstance(kind, str) or kind not in PROPERTY_PATHS or not isinstance(name, str):
        raise not_supported(f"A breakdown of type {kind}")
    return Breakdown(kind, name, count(filters, "breakdown_limit", BREAKDOWN_LIMIT, 1000))


def ask_library(run_hogql: RunHogQL, project: Project, name: str, values: Mapping[str, Any]) -> list[list[Any]]:
    """The rows of the shipped query ``posthog/<name>``, with internal people: a node has filters of its own.

    Conditions in ``values`` are nodes of HogQL's syntax tree.
    """
    query = _library()[f"posthog/{name}"]
    parameters = {**{key: parameter.default for key, parameter in query.params.items()}, **values}
    bound = {key: _bound(query.params[key].type, value) for key, value in parameters.items()}
    conditions = {"identified": _bound("condition", IDENTIFIED), "opted_out": _bound("condition", "false")}
    shared = {"internal": [], "own_people": [], **conditions, "timezone": project.timezone.key}
    return run_hogql(f"{query.sql}\nLIMIT {LIMIT}", {**bound, **shared})


def bucketing(date_range: DateRange, project: Project) -> JsonObject:
    """The parameters of queries that number the intervals, from 0."""
    sundays = date_range.interval == "week" and project.week_start_day == 0
    return {"interval": date_range.interval, "sundays": sundays, "origin": date_range.start}


@cache
def _library() -> Library:
    return Library([shipped_root() / "queries"])


def _bound(kind: str, value: Any) -> Any:  # noqa: ANN401
    """``value`` as the query binds it; conditions become trees, never text."""
    if kind == "condition":
        return Tree(parse_condition(value) if isinstance(value, str) else value)
    if kind == "conditions":
        return Tree({"node": "Array", "exprs": value})
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
