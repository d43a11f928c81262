"""Activity as a document: each measure beside the period before, the days as a chart, the week as a heatmap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from usertrack.core import period
from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Chart, Document, Field, Heatmap, Listing, Paragraph
from usertrack.core.table import NamedRow
from usertrack.core.words import plural
from usertrack.product.activity.numbers import FORMULA, ActiveDay, ActiveDays, Activity, ActivityPeriod, Engagement
from usertrack.product.ask import all_others_note
from usertrack.product.attributes import group_attributes
from usertrack.product.compare import Measure, changes, listing, values
from usertrack.product.scope import EVERYBODY, GroupName, Scope
from usertrack.product.sessions.view import session_figures, unmeasured_notes

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PARTS = {
    "stickiness": "DAU ÷ MAU of an average day",
    "came_back": "Seen again within 7 days",
    "stayed": "Sessions that did not bounce",
    "lasted": "Sessions of 2 minutes or more",
}


@dataclass(frozen=True)
class DayRow:
    """A day of one group of the breakdown: a row of files and of JSON.

    ``sessions`` and ``events`` are known of everybody together alone.
    """

    group: GroupName
    day: ActiveDay
    sessions: int | None = None
    events: int | None = None


_DAYS: Columns[DayRow] = Columns(
    *group_attributes(lambda row: row.group),
    Attribute("start", "DATE", lambda row: row.day.start.date()),
    Attribute("dau", "BIGINT", "day.dau"),
    Attribute("wau", "BIGINT", "day.wau"),
    Attribute("mau", "BIGINT", "day.mau"),
    Attribute("stickiness", "DOUBLE", "day.stickiness"),
    Attribute("sessions", "BIGINT"),
    Attribute("events", "BIGINT"),
    Attribute("complete", "BOOLEAN", "day.complete"),
)
_PART_COLUMNS: Columns[tuple[str, float | None, float | None]] = Columns(
    Attribute("part", "VARCHAR", lambda row: row[0], Field(" ")),
    Attribute("now", "DOUBLE", lambda row: row[1], Field("Now", "bar", full=1.0)),
    Attribute("before", "DOUBLE", lambda row: row[2], Field("Before", "percent")),
)


def activity_document(activity: Activity) -> Document:
    """Every measure of the period and of the one before; files hold a row per group and day."""
    scope = activity.scope
    rows = list(_days(activity))
    notes = tuple(_notes(activity))
    return Document(
        title="Activity",
        subtitle=" · ".join([scope.window, *scope.conditions]),
        blocks=(
            listing(*figures(activity)),
            *_trend(activity),
            *([_groups(activity)] if scope.breakdown else []),
            _week(activity),
            _engagement(activity.now.engagement, activity.before.engagement),
            Paragraph(f"Engagement is {FORMULA}.", "dim"),
        ),
        notes=notes,
        data=lambda: _json(activity, _DAYS.dicts(rows), notes),
        table=_DAYS.table(rows, "activity", source=activity.table, timezone=scope.timezone),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def figures(activity: Activity) -> tuple[dict[str, Measure], dict[str, Measure]]:
    """Every figure by its name in JSON, now and before; DAU before is that of the same weekday, a week earlier."""
    now = _figures(activity.now, activity.now.active.last)
    before = _figures(activity.before, activity.week_earlier)
    if activity.now.engagement.known.keys() != activity.before.engagement.known.keys():  # a score of other parts
        before["engagement_score"] = replace(before["engagement_score"], value=None)
    return now, before


def _figures(measured: ActivityPeriod, day: ActiveDay | None) -> dict[str, Measure]:
    """The figures of a period; DAU is that of ``day``."""
    active, people = measured.active, measured.lifecycle.people
    last = active.last
    return {
        "mean_dau": Measure("People on an average day", active.mean, "mean", "higher"),
        "dau": Measure("DAU, the last full day", day.dau if day else None, better="higher"),
        "wau": Measure("WAU, the 7 days to it", last.wau if last else None, better="higher"),
        "mau": Measure("MAU, the 30 days to it", last.mau if last else None, better="higher"),
        "stickiness": Measure("DAU ÷ MAU, an average day", active.stickiness, "share", "higher"),
        "new": Measure("New", people["new"], better="higher"),
        "returning": Measure("Returning", people["returning"], better="higher"),
        "resurrected": Measure("Resurrected", people["resurrecting"], better="higher"),
        "churned": Measure("Churned", None if measured.lifecycle.unfinished else people["dormant"], better="lower"),
        **session_figures(measured.visits),
        "engagement_score": Measure(
            ", ".join(filter(None, ["Engagement score", measured.engagement.of_parts])),
            measured.engagement.score,
            "mean",
            "higher",
        ),
    }


def _trend(activity: Activity) -> Iterator[Block]:
    """Yield charts by bucket, as far as its days are over: DAU of an average day, WAU and MAU at its end."""
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
    breakdown = activity.scope.breakdown
    columns: Columns[tuple[GroupName, ActiveDays]] = Columns(
        Attribute("group", "VARCHAR", lambda row: row[0].written, Field(breakdown, grows=True)),
        Attribute("mean", "DECIMAL(18,1)", lambda row: row[1].mean, Field("Average day", "bar")),
        Attribute("wau", "BIGINT", lambda row: row[1].last and row[1].last.wau, Field("WAU", "number")),
        Attribute("mau", "BIGINT", lambda row: row[1].last and row[1].last.mau, Field("MAU", "number")),
        Attribute("stickiness", "DOUBLE", lambda row: row[1].stickiness, Field("DAU ÷ MAU", "percent")),
    )
    heading = f"Active people by {breakdown}"
    return columns.listing(activity.groups.items(), heading, as_of=activity.scope.as_of)


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
    parts = ((label, getattr(now, name), getattr(before, name)) for name, label in _PARTS.items())
    score = "not known" if now.score is None else ", ".join(filter(None, [f"{now.score:.0f} of 100", now.of_parts]))
    return _PART_COLUMNS.listing(parts, f"Engagement: {score}")


def _days(activity: Activity) -> Iterator[DayRow]:
    for at, day in enumerate(activity.now.active.days):
        yield DayRow(EVERYBODY, day, activity.sessions.at(at).count, activity.events(day.start.date()))
    for name, active in activity.groups.items():
        yield from (DayRow(name, day) for day in active.days)


def _notes(activity: Activity) -> Iterator[str]:
    now, scope = activity.now, activity.scope
    yield from scope.notes
    if now.active.days and not activity.hours:
        yield "nobody was active in this time"
    if now.active.days and not now.active.last:
        yield "no day of this time is over: DAU, WAU and MAU are of full days"
    if activity.no_sessions:
        yield activity.no_sessions
    yield from unmeasured_notes(now.visits)
    if activity.begin and any(day.start < activity.begin for day in now.active.days):
        yield "days before the log began are in no average and no chart"
    if activity.begin and None in (
        activity.now.lifecycle.people["dormant"],
        activity.before.lifecycle.people["dormant"],
    ):
        begin, new = period.day(activity.begin, scope.timezone), "" if activity.by_accounts else "new, "
        whose = "" if activity.now.lifecycle.people["dormant"] is None else "of the period before, "
        yield f"the log begins on {begin}: {whose}who is {new}returning, resurrected or churned is unknown"
        if activity.by_accounts:
            yield "new: who signed up, by the accounts in Postgres"
    if (interval := activity.trend.interval) != "day":
        yield f"charts by {interval}: DAU of an average day, WAU and MAU at its end"
    if activity.by_value:
        yield from all_others_note(activity.by_value, scope)
    yield f"before: the {_length(scope)} before that; WAU and MAU at its end, DAU of the same weekday a week earlier"


def _length(scope: Scope) -> str:
    hours = round(scope.elapsed.total_seconds() / 3600)
    days, rest = divmod(hours, 24)
    parts = [plural(days, "day")] * bool(days) + [plural(rest, "hour")] * bool(rest)
    return " and ".join(parts) or "time"


def _json(activity: Activity, days: list[NamedRow], notes: Sequence[str]) -> dict[str, object]:
    now, before = figures(activity)
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
        "days": days,
        "notes": list(notes),
    }
