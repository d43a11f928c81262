"""Churn as a document: how many leave, how long people stay, who is about to go and how well that is known."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from usertrack.analytics.asking import others
from usertrack.analytics.churn import FEWEST, LIKELY, BackTest, Churn, Group, Mark, Period, Risk, Segment
from usertrack.analytics.over_time import Share
from usertrack.document import Block, Document, Facts, Heatmap, Listing, Paragraph, Section, Shown, Spark
from usertrack.intervals import Interval
from usertrack.measures import number, people_words, plural, signed
from usertrack.report import over_time
from usertrack.report.over_time import said
from usertrack.table import Column, Row, Table

_DAYS = (1, 7, 14, 30, 60, 90, 180, 365)
_COLUMNS = (
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
_OF_GROUPS = (
    *map(Column, ("breakdown", "group")),
    *(Column(name, "BIGINT") for name in ("people", "left")),
    *(Column(name, "DOUBLE") for name in ("churn_rate", "low", "high", "median_days", "mean_days", "horizon_days")),
)
_REGULAR = {1: "1 day", 2: "2 to 4 days", 3: "5 days or more"}
METHOD = (
    "segments by how regular and how recent people were in a period; the risk is the share of the same segment,"
    " a period earlier, that left"
)
_MARKS = 3


def churn_document(found: Churn) -> Document:
    """Rate, lifetime, risk, its back-test; files hold a row per risk segment, of a trend one per group and bucket.

    With a breakdown they hold a row per group: of how many the last period's churn rate is, and how long people stay.
    """
    frame, gone = found.frame, found.gone
    risks: list[Row] = [_row(risk, gone) for risk in found.risks]
    trend: list[Row] = [row for group in found.groups for row in over_time.rows(group.name, group.trend)]
    columns, rows = (over_time.columns("left"), trend) if trend else (_COLUMNS, risks)
    if frame.breakdown and not trend:
        columns, rows = _OF_GROUPS, list(map(_of_group, found.groups))
    notes = _notes(found)
    return Document(
        title="Churn",
        subtitle=" · ".join(
            [
                frame.said,
                f"left: {plural(gone, 'whole day')} without {found.event or 'any event'}",
                *frame.scope,
                *(frame.weeks if trend else []),
            ]
        ),
        blocks=tuple(_blocks(found)),
        notes=notes,
        data=lambda: _json(found, risks, notes),
        table=replace(
            found.table,
            columns=columns,
            rows=rows,
            name="churn",
            timezone=frame.timezone,
            as_of=frame.as_of,
        ),
        timezone=frame.timezone,
        as_of=frame.as_of,
    )


def _blocks(found: Churn) -> Iterator[Block]:
    for group in found.groups:
        blocks = (*_rate(group, found), *_lifetime(group))
        yield Section(found.frame.heading(group.name) or "Everybody", blocks)
    yield Section(f"Who is about to leave, of {number(sum(risk.people for risk in found.risks))}", tuple(_risk(found)))
    yield Section("What marks those who left", (_marks(found),))
    yield Section("Back-test", (_tested(found),))


def _rate(group: Group, found: Churn) -> Iterator[Block]:
    if group.trend:
        headings = {"line": "% who left", "people": "Here", "hits": "Left", "rate": "Churn rate"}
        yield from over_time.blocks(group.trend, found.frame, **headings)
        return
    if not group.periods:
        yield Paragraph("churn rate: not known, the history is shorter than two periods")
        return
    rows: list[Row] = [
        (_span(period), period.left.n, period.left.hits, period.left.value, said(period.left.interval))
        for period in group.periods
    ]
    shown = {
        "period": Shown("In"),
        "n": Shown("Active before", "number"),
        "left": Shown("Left", "number"),
        "rate": Shown("Churn rate", "bar", full=1.0),
        "interval": Shown("95 %"),
    }
    yield _listing(rows, shown, {"n": "BIGINT", "left": "BIGINT", "rate": "DOUBLE"})


def _lifetime(group: Group) -> Iterator[Block]:
    life = group.lifetime
    if not life.points:
        yield Paragraph("lifetime: nobody began early enough to tell")
        return
    days = [life.at(day) for day in range(int(life.horizon) + 1)]
    ends = f"{100 * life.points[-1].share:.0f} % after {plural(int(life.horizon), 'day')}"
    yield Spark("Still here, day 0 on", [None if point is None else 100 * point.share for point in days], ends)
    rows: list[Row] = [
        (plural(day, "day"), point.share, said(point.interval))
        for day in _DAYS
        if (point := life.at(day)) is not None and day <= life.horizon
    ]
    shown = {"day": Shown("After"), "share": Shown("Still here", "bar", full=1.0), "interval": Shown("95 %")}
    yield _listing(rows, shown, {"share": "DOUBLE"})
    yield Facts(
        (
            ("median lifetime", _days(life.median, life.median_interval, "not reached: less than half have left")),
            (f"mean, up to {plural(int(life.horizon), 'day')}", _days(life.mean, life.mean_interval, "")),
            ("people", f"{number(life.n)}: {number(life.ended)} left, {number(life.n - life.ended)} have not yet"),
        )
    )


def _days(value: float | None, interval: Interval, otherwise: str) -> str:
    if value is None:
        return otherwise
    low, high = ("?" if bound is None else f"{bound:.1f}".removesuffix(".0") for bound in (interval.low, interval.high))
    said = f"{value:.1f}".removesuffix(".0")
    return f"{said} day{'s' * (said != '1')} (95 %: {low} to {high})"


def _risk(found: Churn) -> Iterator[Block]:
    by_segment = {risk.segment: risk for risk in found.risks}
    silences = {silent: text for silent in range(3) if (text := _silent(silent, found.gone))}
    values = [
        [
            by_segment[segment].past.value if (segment := (regular, silent)) in by_segment else None
            for silent in silences
        ]
        for regular in _REGULAR
    ]
    yield Heatmap(
        "Risk to leave in the next period",
        [f"active on {text}" for text in _REGULAR.values()],
        list(silences.values()),
        values,
        "percent",
        corner="silent for",
        steps=(0.1, 0.25, 0.5, 0.75),
    )
    risks = sorted(found.risks, key=lambda risk: -(risk.past.value or 0.0))
    rows: list[Row] = [
        (
            _REGULAR[risk.segment[0]],
            _silent(risk.segment[1], found.gone),
            risk.people,
            risk.past.value,
            said(risk.past.interval),
            risk.past.n,
            {True: "likely", False: "·", None: "too few"}[risk.likely],
        )
        for risk in risks
    ]
    shown = {
        "regular": Shown("Active on"),
        "silent": Shown("Silent"),
        "people": Shown("People", "number"),
        "risk": Shown("Risk", "percent"),
        "interval": Shown("95 %"),
        "n": Shown("n", "number"),
        "likely": Shown("Leave"),
    }
    yield _listing(rows, shown, {"people": "BIGINT", "n": "BIGINT", "risk": "DOUBLE"})
    if marked := tuple(
        (_name(risk.segment, found.gone), "; ".join(_characteristics(risk))) for risk in risks if risk.marks
    ):
        yield Section("What marks them", (Facts(marked),))


def _name(segment: Segment, gone: int) -> str:
    return f"active on {_REGULAR[segment[0]]}, silent {_silent(segment[1], gone)}"


def _silent(silent: int, gone: int) -> str:
    """The whole days since the last event; nothing where a period is too short for that."""
    first, second = -(-gone // 4), -(-gone // 2)  # as `posthog/churn` divides them
    low, high = ((0, first), (first, second), (second, gone))[silent]
    return "" if low == high else f"{low} to {high - 1} d" if high - 1 > low else f"{low} d"


def _characteristics(risk: Risk) -> list[str]:
    return [f"{_fact(mark)} {_percent(mark.here)}, others {_percent(mark.there)}" for mark in risk.marks[:_MARKS]]


def _fact(mark: Mark) -> str:
    return mark.event or "came in that period"


def _percent(share: Share) -> str:
    return "·" if share.value is None else _said(share.value)


def _said(share: float, places: int = 0) -> str:
    return f"{100 * share:.{places}f} %"


def _marks(found: Churn) -> Block:
    if not found.marks:
        return Paragraph("nothing tells them from those who stayed: no fact differs for sure")
    rows: list[Row] = [
        (_fact(mark), mark.here.value, mark.there.value, f"{signed(100 * mark.change)} pp", _points(mark.interval))
        for mark in found.marks
    ]
    shown = {
        "fact": Shown("In the period before"),
        "left": Shown("Left", "bar", full=1.0),
        "stayed": Shown("Stayed", "bar", full=1.0),
        "change": Shown("Difference", align="right"),
        "interval": Shown("95 %", spare=True),
    }
    listing = _listing(rows, shown, {"left": "DOUBLE", "stayed": "DOUBLE"})
    n = found.marks[0]
    return replace(listing, limit=12, more=f"of {number(n.here.n)} who left and {number(n.there.n)} who stayed")


def _points(interval: Interval) -> str:
    return (
        ""
        if interval.low is None or interval.high is None
        else f"{signed(100 * interval.low)} to {signed(100 * interval.high)}"
    )


def _tested(found: Churn) -> Block:
    test = found.test
    if test is None:
        return Paragraph(f"not possible: the history is shorter than {3 * found.gone} days, three periods")
    return Facts(
        (
            ("the rule", f"who is in a segment of which {_said(LIKELY)} or more left before is held to leave"),
            ("as of", f"one period ago, learnt from the period before that, on {people_words(test.base.n)}"),
            ("precision", _share(test.precision, "of those it named left")),
            ("recall", _share(test.recall, "of those who left were named")),
            ("without the rule", _share(test.base, "of all left")),
        )
    )


def _share(share: Share, of: str) -> str:
    if share.value is None:
        return "undefined, n=0"
    hits = f"{number(share.hits)} of {number(share.n)} {of}"
    return f"{_said(share.value, 1)} (95 %: {said(share.interval)}): {hits}"


def _span(period: Period) -> str:
    last = period.end.date() - timedelta(days=1)
    first = f"{period.start.day} {period.start:%b} – " if period.start.date() != last else ""
    return f"{first}{last.day} {last:%b %Y}"


def _listing(rows: list[Row], shown: dict[str, Shown], kinds: dict[str, str]) -> Listing:
    return Listing(Table(tuple(Column(name, kinds.get(name, "VARCHAR")) for name in shown), rows), "", shown)


def _row(risk: Risk, gone: int) -> Row:
    return (
        _name(risk.segment, gone),
        _REGULAR[risk.segment[0]],
        _silent(risk.segment[1], gone),
        risk.people,
        risk.past.value,
        risk.past.interval.low,
        risk.past.interval.high,
        risk.past.n,
        risk.past.hits,
        risk.likely,
        _characteristics(risk),
    )


def _of_group(group: Group) -> Row:
    latest, life = _latest(group), group.lifetime
    rate = (latest.value, latest.interval.low, latest.interval.high)
    return (*group.name.columns.values(), latest.n, latest.hits, *rate, life.median, life.mean, life.horizon)


def _latest(group: Group) -> Share:
    return group.periods[-1].left if group.periods else Share()


def _notes(found: Churn) -> tuple[str, ...]:
    too_new, left_out = (sum(getattr(group, name) for group in found.groups) for name in ("too_new", "left_out"))
    return (
        f"lifetime: Kaplan-Meier from the first event to the first {plural(found.gone, 'day')} of silence; who is"
        " still here counts for as long as that is known",
        f"risk: {METHOD}; segments of fewer than {FEWEST} are not judged",
        *(
            [f"in no lifetime yet: {people_words(too_new)} who came in the last {plural(found.gone, 'day')}"]
            if too_new
            else []
        ),
        *([f"not counted: {people_words(left_out)} without an e-mail (--of all)"] if left_out else []),
        *(["nobody has an e-mail: everybody counts"] if found.fell_back else []),
        *_trend_notes(found),
        *others(found.table, found.frame),
    )


def _trend_notes(found: Churn) -> Iterator[str]:
    if not any(group.trend for group in found.groups):
        return
    unit = found.frame.interval
    silence = f"{plural(found.gone, 'whole day')} of silence"
    yield f"here: active in the {unit}, or on both sides of it with less than {silence} in between"
    yield f"left: in the {unit} of the last event before {silence}, and not back in it"
    still = f"{plural(found.gone, 'day')} after their end are not over"
    yield from over_time.note([group.trend for group in found.groups], found.frame, still)


def _json(found: Churn, rows: Sequence[Row], notes: Sequence[str]) -> dict[str, Any]:
    unused = () if any(group.trend for group in found.groups) else ("interval", "week_start")
    return {
        **{key: value for key, value in found.frame.as_dict().items() if key not in unused},
        "event": found.event or None,
        "gone_days": found.gone,
        "counted": found.counted,
        "method": METHOD,
        "groups": [_group_json(group) for group in found.groups],
        "risk_segments": Table(_COLUMNS, rows).dicts(),
        "marks": [
            {
                "fact": _fact(mark),
                "left": _share_json(mark.here),
                "stayed": _share_json(mark.there),
                "difference": mark.change,
                "low": mark.interval.low,
                "high": mark.interval.high,
            }
            for mark in found.marks
        ],
        "back_test": _test_json(found.test),
        "notes": list(notes),
    }


def _group_json(group: Group) -> dict[str, Any]:
    life = group.lifetime
    return {
        **group.name.columns,
        "churn_rate": _share_json(_latest(group)),
        "periods": [{"start": period.start, "end": period.end, **_share_json(period.left)} for period in group.periods],
        **({"trend": over_time.as_json(group.trend, "left")} if group.trend else {}),
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
        "left_out": group.left_out,
    }


def _share_json(share: Share) -> dict[str, Any]:
    low, high = share.interval.low, share.interval.high
    return {"rate": share.value, "hits": share.hits, "n": share.n, "low": low, "high": high}


def _test_json(test: BackTest | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {name: _share_json(getattr(test, name)) for name in ("precision", "recall", "base")}
