"""The columns of churn, and its JSON.

Files have a row per risk segment; with a breakdown a row per group; with a trend a row per group and bucket.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Field
from usertrack.core.stats import ConfidenceInterval
from usertrack.core.survival import Point, Survival
from usertrack.core.table import Table
from usertrack.core.words import plural, signed
from usertrack.product import shares
from usertrack.product.attributes import group_attributes
from usertrack.product.churn.numbers import Churn, ChurnGroup, ChurnPeriod, Mark, Risk, Segment
from usertrack.product.scope import Scope
from usertrack.product.shares import Share, ShareLabels, label

REGULAR = {1: "1 day", 2: "2 to 4 days", 3: "5 days or more"}
METHOD = (
    "segments by how regular and how recent people were in a period; the risk is the share of the same segment,"
    " a period earlier, that left"
)
_MARKS = 3  # that a line names


def has_trend(churn: Churn) -> bool:
    return any(group.trend for group in churn.groups)


TREND = ShareLabels("left", "% who left", "Here", "Left", "Churn rate")
"""The churn rate of each bucket of the scope."""


def risk_columns(gone: int) -> Columns[Risk]:
    """The columns of a risk segment; people have left after ``gone`` days without an event."""
    return Columns(
        Attribute("segment", "VARCHAR", lambda risk: segment_name(risk.segment, gone)),
        Attribute("regular", "VARCHAR", lambda risk: REGULAR[risk.segment[0]], Field("Active on")),
        Attribute("silent", "VARCHAR", lambda risk: days_silent(risk.segment[1], gone), Field("Silent")),
        Attribute("people", "BIGINT", field=Field("People", "number")),
        Attribute("churn_probability", "DOUBLE", "past.value", Field("Risk", "percent")),
        Attribute("low", "DOUBLE", "past.interval.low", Field("95 %"), lambda risk: label(risk.past.interval)),
        Attribute("high", "DOUBLE", "past.interval.high"),
        Attribute("past_people", "BIGINT", "past.n", Field("n", "number")),
        Attribute("past_left", "BIGINT", "past.hits"),
        Attribute(
            "likely",
            "BOOLEAN",
            field=Field("Leave"),
            text=lambda risk: {True: "likely", False: "·", None: "too few"}[risk.likely],
        ),
        Attribute("characteristics", "VARCHAR[]", lambda risk: characteristics(risk)),
    )


GROUPS: Columns[ChurnGroup] = Columns(
    *group_attributes(lambda group: group.name),
    Attribute("people", "BIGINT", lambda group: _latest(group).n),
    Attribute("left", "BIGINT", lambda group: _latest(group).hits),
    Attribute("churn_rate", "DOUBLE", lambda group: _latest(group).value),
    Attribute("low", "DOUBLE", lambda group: _latest(group).interval.low),
    Attribute("high", "DOUBLE", lambda group: _latest(group).interval.high),
    Attribute("median_days", "DOUBLE", "lifetime.median"),
    Attribute("mean_days", "DOUBLE", "lifetime.mean"),
    Attribute("horizon_days", "DOUBLE", "lifetime.horizon"),
)
"""The churn rate of the last period, and how long people stay."""

PERIODS: Columns[ChurnPeriod] = Columns(
    Attribute("start", "DATE", lambda period: period.start.date(), Field("In"), lambda period: _days(period), place=-3),
    Attribute("end", "DATE", lambda period: period.end.date()),
    Attribute("rate", "DOUBLE", "left.value", Field("Churn rate", "bar", full=1.0)),
    Attribute("hits", "BIGINT", "left.hits", Field("Left", "number"), place=-1),
    Attribute("n", "BIGINT", "left.n", Field("Active before", "number"), place=-2),
    Attribute("low", "DOUBLE", "left.interval.low", Field("95 %"), lambda period: label(period.left.interval)),
    Attribute("high", "DOUBLE", "left.interval.high"),
)
"""How many left in each period; ``end`` is the day after it."""

SURVIVAL: Columns[tuple[float, Point]] = Columns(
    Attribute("day", "DOUBLE", lambda row: row[0], Field("After"), lambda row: plural(int(row[0]), "day")),
    Attribute("at_risk", "BIGINT", lambda row: row[1].at_risk),
    Attribute("left", "BIGINT", lambda row: row[1].ended),
    Attribute("share", "DOUBLE", lambda row: row[1].share, Field("Still here", "bar", full=1.0)),
    Attribute("low", "DOUBLE", lambda row: row[1].interval.low, Field("95 %"), lambda row: label(row[1].interval)),
    Attribute("high", "DOUBLE", lambda row: row[1].interval.high),
)
"""How many still stay on a day after their first, as the point of the curve before it has it."""

LIFETIME: Columns[Survival] = Columns(
    Attribute("people", "BIGINT", "n"),
    Attribute("left", "BIGINT", "ended"),
    Attribute("median_days", "DOUBLE", "median"),
    Attribute("median_low", "DOUBLE", "median_interval.low"),
    Attribute("median_high", "DOUBLE", "median_interval.high"),
    Attribute("mean_days", "DOUBLE", "mean"),
    Attribute("mean_low", "DOUBLE", "mean_interval.low"),
    Attribute("mean_high", "DOUBLE", "mean_interval.high"),
    Attribute("horizon_days", "DOUBLE", "horizon"),
)

MARKS: Columns[Mark] = Columns(
    Attribute("fact", "VARCHAR", lambda mark: fact(mark), Field("In the period before")),
    Attribute(
        "left",
        "JSON",
        lambda mark: SHARE.dicts([mark.share])[0],
        Field("Left", "bar", full=1.0),
        lambda mark: mark.share.value,
    ),
    Attribute(
        "stayed",
        "JSON",
        lambda mark: SHARE.dicts([mark.other_share])[0],
        Field("Stayed", "bar", full=1.0),
        lambda mark: mark.other_share.value,
    ),
    Attribute(
        "difference",
        "DOUBLE",
        "change",
        Field("Difference", align="right"),
        lambda mark: f"{signed(100 * mark.change)} pp",
    ),
    Attribute("low", "DOUBLE", "interval.low", Field("95 %", spare=True), lambda mark: _points(mark.interval)),
    Attribute("high", "DOUBLE", "interval.high"),
)


def table(churn: Churn) -> Table:
    """A row per risk segment, with a breakdown per group, and of a trend per group and bucket."""
    scope = churn.scope
    about: Any = {"source": churn.table, "timezone": scope.timezone, "as_of": scope.as_of}
    if has_trend(churn):
        rows = [row for group in churn.groups for row in shares.rows(group.name, group.trend)]
        return shares.grouped(scope, TREND).table(rows, "churn", **about)
    if scope.breakdown:
        return GROUPS.table(churn.groups, "churn", **about)
    return risk_columns(churn.gone).table(churn.risks, "churn", **about)


def segment_name(segment: Segment, gone: int) -> str:
    return f"active on {REGULAR[segment[0]]}, silent {days_silent(segment[1], gone)}"


def days_silent(silent: int, gone: int) -> str:
    """The whole days since the last event; nothing where a period is too short for that."""
    first, second = -(-gone // 4), -(-gone // 2)  # as `posthog/churn` divides them
    low, high = ((0, first), (first, second), (second, gone))[silent]
    return "" if low == high else f"{low} to {high - 1} d" if high - 1 > low else f"{low} d"


def characteristics(risk: Risk) -> list[str]:
    return [f"{fact(mark)} {_percent(mark.share)}, others {_percent(mark.other_share)}" for mark in risk.marks[:_MARKS]]


def fact(mark: Mark) -> str:
    return mark.event or "came in that period"


def _percent(share: Share) -> str:
    return "·" if share.value is None else percent(share.value)


def percent(share: float, places: int = 0) -> str:
    return f"{100 * share:.{places}f} %"


def _days(period: ChurnPeriod) -> str:
    last = period.end.date() - timedelta(days=1)
    first = f"{period.start.day} {period.start:%b} – " if period.start.date() != last else ""
    return f"{first}{last.day} {last:%b %Y}"


def _points(interval: ConfidenceInterval) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f"{signed(100 * interval.low)} to {signed(100 * interval.high)}"


def _latest(group: ChurnGroup) -> Share:
    return group.periods[-1].left if group.periods else Share()


def as_json(churn: Churn, notes: Sequence[str]) -> dict[str, object]:
    unused = () if has_trend(churn) else ("interval", "week_start")
    tests = vars(churn.test) if churn.test else {}
    return {
        **{key: value for key, value in churn.scope.as_dict().items() if key not in unused},
        "event": churn.event or None,
        "gone_days": churn.gone,
        "method": METHOD,
        "groups": [_group_json(group, churn.scope) for group in churn.groups],
        "risk_segments": risk_columns(churn.gone).dicts(churn.risks),
        "marks": MARKS.dicts(churn.marks),
        **({"paid": PERIODS.dicts(churn.paid)} if churn.paid else {}),
        "back_test": dict(zip(tests, SHARE.dicts(tests.values()), strict=True)) or None,
        "notes": list(notes),
    }


def _group_json(group: ChurnGroup, scope: Scope) -> dict[str, object]:
    life, trend = group.lifetime, shares.columns(scope, TREND)
    return {
        **group.name.columns,
        "churn_rate": SHARE.dicts([_latest(group)])[0],
        "periods": PERIODS.dicts(group.periods),
        **({"trend": trend.dicts(shares.rows(group.name, group.trend))} if group.trend else {}),
        "lifetime": {
            **LIFETIME.dicts([life])[0],
            "curve": SURVIVAL.dicts((point.time, point) for point in life.points),
        },
        "too_new": group.too_new,
    }


SHARE: Columns[Share] = Columns(
    Attribute("rate", "DOUBLE", "value"),
    Attribute("hits", "BIGINT"),
    Attribute("n", "BIGINT"),
    Attribute("low", "DOUBLE", "interval.low"),
    Attribute("high", "DOUBLE", "interval.high"),
)
