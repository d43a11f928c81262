"""Activity as a document: each measure beside the period before, the days as a chart, the week as a heatmap."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from usertrack.core.document import Block, Chart, Document, Field, Heatmap, Listing, Paragraph
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import plural
from usertrack.product.activity.numbers import FORMULA, ActiveDay, ActiveDays, Activity, ActivityPeriod, Engagement
from usertrack.product.ask import rest_note
from usertrack.product.compare import Measure, changes, listing, values
from usertrack.product.scope import EVERYBODY, Scope
from usertrack.product.sessions.view import session_figures

_DAYS = (
    Column("breakdown"),
    Column("group"),
    Column("start", "DATE"),
    Column("dau", "BIGINT"),
    Column("wau", "BIGINT"),
    Column("mau", "BIGINT"),
    Column("stickiness", "DOUBLE"),
    Column("sessions", "BIGINT"),
    Column("events", "BIGINT"),
    Column("complete", "BOOLEAN"),
)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PARTS = {
    "stickiness": "DAU ÷ MAU of an average day",
    "came_back": "Seen again within 7 days",
    "stayed": "Sessions that did not bounce",
    "lasted": "Sessions of 2 minutes or more",
}


def activity_document(activity: Activity) -> Document:
    """Every measure of the period and of the one before; files hold a row per group and day."""
    scope = activity.scope
    rows = list(_days(activity))
    notes = tuple(_notes(activity))
    return Document(
        title="Activity",
        subtitle=" · ".join([scope.window, *scope.conditions]),
        blocks=(
            listing(figures(activity.now), figures(activity.before)),
            *_trend(activity),
            *([_groups(activity)] if scope.breakdown else []),
            _week(activity),
            _engagement(activity.now.engagement, activity.before.engagement),
            Paragraph(f"Engagement is {FORMULA}.", "dim"),
        ),
        notes=notes,
        data=lambda: _json(activity, rows, notes),
        table=replace(activity.table, columns=_DAYS, rows=rows, name="activity", timezone=scope.timezone),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def figures(measured: ActivityPeriod) -> dict[str, Measure]:
    """Every figure of a period by its name in JSON."""
    active, people = measured.active, measured.lifecycle.people
    last = active.last
    return {
        "mean_dau": Measure("People on an average day", active.mean, "mean"),
        "dau": Measure("DAU, the last full day", last.dau if last else None),
        "wau": Measure("WAU, the 7 days to it", last.wau if last else None),
        "mau": Measure("MAU, the 30 days to it", last.mau if last else None),
        "stickiness": Measure("DAU ÷ MAU, an average day", active.stickiness, "share"),
        "new": Measure("New", people["new"]),
        "returning": Measure("Returning", people["returning"]),
        "resurrected": Measure("Resurrected", people["resurrecting"]),
        "churned": Measure("Churned", None if measured.lifecycle.unfinished else people["dormant"]),
        **session_figures(measured.visits),
        "engagement_score": Measure("Engagement score", measured.engagement.score, "mean"),
    }


def _trend(activity: Activity) -> Iterator[Block]:
    """Of each bucket, as far as its days are over: an average day, and the 7 and 30 days to the last one."""
    buckets: dict[datetime, list[ActiveDay]] = {}
    for day in activity.now.active.days:
        if day.complete:
            buckets.setdefault(activity.trend.floor(day.start), []).append(day)
    if len(buckets) > 1:
        series: dict[str, Sequence[float]] = {
            "DAU": [sum(day.dau for day in days) / len(days) for days in buckets.values()],
            "WAU": [days[-1].wau for days in buckets.values()],
            "MAU": [days[-1].mau for days in buckets.values()],
        }
        for name, values in series.items():
            yield Chart("trend", name, activity.trend.axis(list(buckets)), {name: values}, unit="people")


def _groups(activity: Activity) -> Listing:
    rows: list[Row] = [(name.written, *_of_group(active)) for name, active in activity.groups.items()]
    fields = {
        "group": Field(activity.scope.breakdown, grows=True),
        "mean": Field("Average day", "bar"),
        "wau": Field("WAU", "number"),
        "mau": Field("MAU", "number"),
        "stickiness": Field("DAU ÷ MAU", "percent"),
    }
    kinds = ("VARCHAR", "DECIMAL(18,1)", "BIGINT", "BIGINT", "DOUBLE")
    table = Table(tuple(map(Column, fields, kinds)), rows, as_of=activity.scope.as_of)
    return Listing(table, f"Active people by {activity.scope.breakdown}", fields)


def _of_group(active: ActiveDays) -> tuple[float | None, int | None, int | None, float | None]:
    last = active.last
    return active.mean, last.wau if last else None, last.mau if last else None, active.stickiness


def _week(activity: Activity) -> Heatmap:
    counts = [[0.0] * 24 for _ in _WEEKDAYS]
    for (day, hour), events in activity.hours.items():
        counts[day.weekday()][hour] += events
    first = -1 if activity.scope.week_start == "sunday" else 0
    order = [(at + first) % 7 for at in range(7)]
    return Heatmap(
        "Events by weekday and hour",
        [_WEEKDAYS[at] for at in order],
        [str(hour) for hour in range(24)],
        [counts[at] for at in order],
    )


def _engagement(now: Engagement, before: Engagement) -> Listing:
    rows: list[Row] = [(label, getattr(now, name), getattr(before, name)) for name, label in _PARTS.items()]
    fields = {
        "part": Field(" "),
        "now": Field("Now", "bar", full=1.0),
        "before": Field("Before", "percent"),
    }
    score = "not known" if now.score is None else f"{now.score:.0f} of 100"
    table = Table((Column("part"), Column("now", "DOUBLE"), Column("before", "DOUBLE")), rows)
    return Listing(table, f"Engagement: {score}", fields)


def _days(activity: Activity) -> Iterator[Row]:
    scope = activity.scope
    for name, active in {EVERYBODY: activity.now.active, **activity.groups}.items():
        for at, day in enumerate(active.days):
            visits = activity.sessions.at(at)
            own = (visits.count, activity.events(day.start.date())) if not name else (None, None)
            counts = (day.dau, day.wau, day.mau, day.stickiness, *own)
            yield *name.columns.values(), scope.stored(day.start), *counts, day.complete


def _notes(activity: Activity) -> Iterator[str]:
    now, scope = activity.now, activity.scope
    yield from scope.notes
    if now.active.days and not activity.hours:
        yield "nobody was active in this time"
    if now.active.days and not now.active.last:
        yield "no day of this time is over: DAU, WAU and MAU are of full days"
    if activity.no_sessions:
        yield activity.no_sessions
    if (interval := activity.trend.interval) != "day":
        yield f"charts by {interval}: DAU of an average day, WAU and MAU at its end"
    if activity.by_value:
        yield from rest_note(activity.by_value, scope)
    yield f"before: the {_length(scope)} before that; WAU and MAU at its end"


def _length(scope: Scope) -> str:
    hours = round(scope.elapsed.total_seconds() / 3600)
    days, rest = divmod(hours, 24)
    parts = [plural(days, "day")] * bool(days) + [plural(rest, "hour")] * bool(rest)
    return " and ".join(parts) or "time"


def _json(activity: Activity, rows: Sequence[Row], notes: Sequence[str]) -> dict[str, Any]:
    now, before = figures(activity.now), figures(activity.before)
    return {
        **activity.scope.as_dict(),
        "user": activity.scope.user.name if activity.scope.user else None,
        "now": values(now),
        "before": values(before),
        "change": changes(now, before),
        "engagement": {
            "formula": FORMULA,
            "now": vars(activity.now.engagement),
            "before": vars(activity.before.engagement),
        },
        "by_hour": activity.by_hour,
        "by_weekday": activity.by_weekday,
        "days": Table(_DAYS, rows).dicts(),
        "notes": list(notes),
    }
