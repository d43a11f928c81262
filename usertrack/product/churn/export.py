"""Churn for files: a row per risk segment, with a breakdown per group, and of a trend per group and bucket.

The row of a group has of how many the last period's churn rate is, and how long people stay. What segments are called
in files is what they are called everywhere.
"""

from collections.abc import Sequence
from typing import Any

from usertrack.core.table import Column, Row, Table
from usertrack.product import shares as over_time
from usertrack.product.churn.numbers import BackTest, Churn, ChurnGroup, Mark, Risk, Segment
from usertrack.product.scope import Scope
from usertrack.product.shares import Share

_RISKS = (
    Column("segment"),
    Column("regular"),
    Column("silent"),
    Column("people", "BIGINT"),
    Column("churn_probability", "DOUBLE"),
    Column("low", "DOUBLE"),
    Column("high", "DOUBLE"),
    Column("past_people", "BIGINT"),
    Column("past_left", "BIGINT"),
    Column("likely", "BOOLEAN"),
    Column("characteristics", "VARCHAR[]"),
)
_GROUPS = (
    *map(Column, ("breakdown", "group")),
    *(Column(name, "BIGINT") for name in ("people", "left")),
    *(Column(name, "DOUBLE") for name in ("churn_rate", "low", "high", "median_days", "mean_days", "horizon_days")),
)
REGULAR = {1: "1 day", 2: "2 to 4 days", 3: "5 days or more"}
METHOD = (
    "segments by how regular and how recent people were in a period; the risk is the share of the same segment,"
    " a period earlier, that left"
)
_MARKS = 3


def has_trend(churn: Churn) -> bool:
    return any(group.trend for group in churn.groups)


def columns(churn: Churn) -> tuple[Column, ...]:
    if has_trend(churn):
        return over_time.columns(churn.scope, "left")
    return _GROUPS if churn.scope.breakdown else _RISKS


def rows(churn: Churn) -> list[Row]:
    """One as `columns` are, each."""
    if has_trend(churn):
        return [row for group in churn.groups for row in over_time.rows(group.name, group.trend, churn.scope)]
    return list(map(_group, churn.groups)) if churn.scope.breakdown else _risks(churn)


def _risks(churn: Churn) -> list[Row]:
    return [_risk(risk, churn.gone) for risk in churn.risks]


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


def _risk(risk: Risk, gone: int) -> Row:
    return (
        segment_name(risk.segment, gone),
        REGULAR[risk.segment[0]],
        days_silent(risk.segment[1], gone),
        risk.people,
        risk.past.value,
        risk.past.interval.low,
        risk.past.interval.high,
        risk.past.n,
        risk.past.hits,
        risk.likely,
        characteristics(risk),
    )


def _group(group: ChurnGroup) -> Row:
    latest, life = _latest(group), group.lifetime
    rate = (latest.value, latest.interval.low, latest.interval.high)
    return (*group.name.columns.values(), latest.n, latest.hits, *rate, life.median, life.mean, life.horizon)


def _latest(group: ChurnGroup) -> Share:
    return group.periods[-1].left if group.periods else Share()


def as_json(churn: Churn, notes: Sequence[str]) -> dict[str, Any]:
    unused = () if has_trend(churn) else ("interval", "week_start")
    return {
        **{key: value for key, value in churn.scope.as_dict().items() if key not in unused},
        "event": churn.event or None,
        "gone_days": churn.gone,
        "method": METHOD,
        "groups": [_group_json(group, churn.scope) for group in churn.groups],
        "risk_segments": Table(_RISKS, _risks(churn)).dicts(),
        "marks": [
            {
                "fact": fact(mark),
                "left": _share_json(mark.share),
                "stayed": _share_json(mark.other_share),
                "difference": mark.change,
                "low": mark.interval.low,
                "high": mark.interval.high,
            }
            for mark in churn.marks
        ],
        "back_test": _test_json(churn.test),
        "notes": list(notes),
    }


def _group_json(group: ChurnGroup, scope: Scope) -> dict[str, Any]:
    life = group.lifetime
    return {
        **group.name.columns,
        "churn_rate": _share_json(_latest(group)),
        "periods": [
            {"start": period.start.date(), "end": period.end.date(), **_share_json(period.left)}
            for period in group.periods
        ],
        **({"trend": over_time.as_json(group.trend, scope, "left")} if group.trend else {}),
        "lifetime": {
            "people": life.n,
            "left": life.ended,
            "median_days": life.median,
            "median_low": life.median_interval.low,
            "median_high": life.median_interval.high,
            "mean_days": life.mean,
            "mean_low": life.mean_interval.low,
            "mean_high": life.mean_interval.high,
            "horizon_days": life.horizon,
            "curve": [
                {
                    "day": point.time,
                    "at_risk": point.at_risk,
                    "left": point.ended,
                    "share": point.share,
                    "low": point.interval.low,
                    "high": point.interval.high,
                }
                for point in life.points
            ],
        },
        "too_new": group.too_new,
    }


def _share_json(share: Share) -> dict[str, Any]:
    low, high = share.interval.low, share.interval.high
    return {"rate": share.value, "hits": share.hits, "n": share.n, "low": low, "high": high}


def _test_json(test: BackTest | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {name: _share_json(getattr(test, name)) for name in ("precision", "recall", "base")}
