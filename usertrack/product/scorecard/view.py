"""A scorecard as a document: every value with its n and its interval, and every change with its own."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Change, Document, Field, Paragraph
from usertrack.core.ordinary import FEWEST_WEEKS, MOST_WEEKS
from usertrack.core.period import day, in_zone
from usertrack.core.stats import ConfidenceInterval
from usertrack.core.words import number
from usertrack.library.metric import Bound, Metric
from usertrack.product.scorecard.numbers import Score, Scorecard

_SIGNS = {"above": ">", "at least": "≥", "below": "<", "at most": "≤"}

_COLUMNS: Columns[Score] = Columns(
    Attribute("metric", "VARCHAR", "query.name", text=lambda score: score.metric.label),
    Attribute("label", "VARCHAR", "metric.label"),
    Attribute("unit", "VARCHAR", lambda score: "share" if score.metric.percent else score.metric.unit or None),
    Attribute("value", "DOUBLE", "now.value", text=lambda score: formatted(score.metric, score.now.value)),
    Attribute("low", "DOUBLE", "now.interval.low", text=lambda score: between(score.metric, score.now.interval)),
    Attribute("high", "DOUBLE", "now.interval.high"),
    Attribute("n", "BIGINT", "now.n"),
    Attribute(
        "band",
        "VARCHAR",
        lambda score: score.band or None,
        text=lambda score: score.band or "unknown" if score.metric.good else None,
    ),
    Attribute("good", "VARCHAR", "metric.good.text", text=lambda score: _threshold(score.metric, score.metric.good)),
    Attribute(
        "excellent",
        "VARCHAR",
        "metric.excellent.text",
        text=lambda score: _threshold(score.metric, score.metric.excellent),
    ),
    Attribute("before", "DOUBLE", "before.value", text=lambda score: formatted(score.metric, score.before.value)),
    Attribute(
        "before_low", "DOUBLE", "before.interval.low", text=lambda score: between(score.metric, score.before.interval)
    ),
    Attribute("before_high", "DOUBLE", "before.interval.high"),
    Attribute("before_n", "BIGINT", "before.n"),
    Attribute(
        "change", "DOUBLE", text=lambda score: _change(score, formatted(score.metric, score.change, signed=True))
    ),
    Attribute(
        "change_low",
        "DOUBLE",
        "change_interval.low",
        text=lambda score: between(score.metric, score.change_interval, signed=True),
    ),
    Attribute("change_high", "DOUBLE", "change_interval.high"),
    Attribute("last_week", "DOUBLE", text=lambda score: _last_week(score)),
    Attribute("ordinary_low", "DOUBLE", "ordinary.low", text=lambda score: _ordinary(score) or _no_limits(score)),
    Attribute("ordinary_high", "DOUBLE", "ordinary.high"),
    Attribute("ordinary_weeks", "BIGINT", "ordinary.weeks"),
    Attribute("verdict", "VARCHAR", lambda score: score.verdict or None),
)
"""For files, rates and their changes are shares. People see an interval in the place of its low end."""

HOW = (
    f"ordinary is where a week, made of its days, lies by the {FEWEST_WEEKS} to {MOST_WEEKS} weeks before it; of all "
    "figures here together, one lies outside in at most 5 % of quiet weeks"
)
"""What the limits of an ordinary week promise (`benchmarks/false_alarms.py` measures it)."""

_METRIC = _COLUMNS.show("metric", Field("Metric"))
_N = Field("n", "number")
_INTERVAL = Field("95 % interval")


def metrics_document(scorecard: Scorecard, *, compare: bool = False) -> Document:
    """Values, bands, changes, and a line per day; ``compare`` adds the values of the days before."""
    return Document(
        title="Scorecard",
        subtitle=" against ".join(
            _span(since, until, scorecard)
            for since, until in ((scorecard.since, scorecard.until), (scorecard.before, scorecard.since))
        ),
        blocks=tuple(_blocks(scorecard, compare)),
        notes=tuple(_notes(scorecard)),
        data=lambda: {
            "timezone": scorecard.timezone,
            "days": scorecard.days,
            "window": {"since": scorecard.since, "until": scorecard.until},
            "previous": {"since": scorecard.before, "until": scorecard.since},
            "metrics": [_metric(score, scorecard) for score in scorecard.scores],
            "notes": list(_notes(scorecard)),
        },
        table=_COLUMNS.table(scorecard.scores, "metrics", timezone=scorecard.timezone, as_of=scorecard.until),
        timezone=scorecard.timezone,
        as_of=scorecard.until,
    )


def _blocks(scorecard: Scorecard, compare: bool) -> Iterator[Block]:  # noqa: FBT001
    scores = scorecard.scores
    yield Columns(
        _METRIC,
        _COLUMNS.show("value", Field("Value", align="right")),
        _COLUMNS.show("low", _INTERVAL),
        _COLUMNS.show("n", _N),
        _COLUMNS.show("band", Field("Band", "tag")),
        _COLUMNS.show("good", Field("Good", align="right")),
        _COLUMNS.show("excellent", Field("Excellent", align="right")),
    ).listing(scores)
    before = (
        _COLUMNS.show("before", Field("Before", align="right")),
        _COLUMNS.show("before_low", _INTERVAL),
        _COLUMNS.show("before_n", _N),
    )
    yield Columns(
        _METRIC,
        *(before if compare else ()),
        _COLUMNS.show("change", Field("Change", "change", align="right")),
        _COLUMNS.show("change_low", _INTERVAL),
    ).listing(scores, f"Against {_span(scorecard.before, scorecard.since, scorecard)}")
    yield Columns(
        _METRIC,
        _COLUMNS.show("last_week", Field("Last week", align="right")),
        _COLUMNS.show("ordinary_low", Field("Ordinary")),
        _COLUMNS.show("verdict", Field("Verdict", "tag")),
    ).listing(scores, "Was the last week an ordinary one?")
    yield Paragraph(HOW, "dim")
    if any(score.series for score in scores):
        yield Columns(_METRIC, _day_by_day(scorecard)).listing(scores, "Day by day")
    yield from _score_notes(scorecard)


def compact_blocks(scorecard: Scorecard) -> Iterator[Block]:
    """All of it in one table that fits on a phone, with intervals in brackets."""
    yield Columns(
        _METRIC,
        _COLUMNS.show("value", Field("Value"), _value_with_interval),
        _COLUMNS.show("n", _N),
        _COLUMNS.show("band", Field("Band", "tag")),
        _COLUMNS.show("change", Field("Change"), _change_with_interval),
        _COLUMNS.show("last_week", Field("Last week", "change"), _week_with_limits),
        _day_by_day(scorecard),
    ).listing(scorecard.scores)
    span = _span(scorecard.before, scorecard.since, scorecard)
    yield Paragraph(f"in brackets 95 % intervals; changes are those against {span}, and days those since then", "dim")
    yield from _score_notes(scorecard)


def changes_words(scorecard: Scorecard) -> list[str]:
    """``Run success rate 71.2 % (ordinarily 80 to 92): worse``, for each metric that changed."""
    return [
        f"{score.metric.label} {_last_week(score)} (ordinarily {_ordinary(score)}): {score.verdict}"
        for score in scorecard.scores
        if score.changed
    ]


def changed_blocks(scorecard: Scorecard) -> Iterator[Block]:
    """The metrics whose last week is no ordinary one in a table, all others in a line."""
    changed = [score for score in scorecard.scores if score.changed]
    if changed:
        yield Columns(
            _METRIC,
            _COLUMNS.show(
                "last_week", Field("Last week", "change"), lambda score: Change(_last_week(score), score.better)
            ),
            _COLUMNS.show("ordinary_low", Field("Ordinary")),
            _COLUMNS.show("band", Field("Band", "tag")),
            _COLUMNS.show(
                "change", Field(f"Since {_span(scorecard.before, scorecard.since, scorecard)}"), _change_with_interval
            ),
            _day_by_day(scorecard),
        ).listing(changed)
    values = {score.metric.label: formatted(score.metric, score.now.value) for score in scorecard.scores}
    same = [score for score in scorecard.scores if score not in changed]
    if unknown := [score.metric.label for score in same if not values[score.metric.label]]:
        yield Paragraph(f"Unknown: {' · '.join(unknown)}")
    lines = []
    for name, scores in (
        (f"As in an ordinary week, by the {FEWEST_WEEKS} to {MOST_WEEKS} before it", [x for x in same if x.verdict]),
        ("Too few weeks to say what is ordinary", [x for x in same if not x.verdict]),
    ):
        texts = [f"{score.metric.label} {text}" for score in scores if (text := values[score.metric.label])]
        lines += [f"{name}: {' · '.join(texts)}."] * bool(texts)
    if lines:
        yield Paragraph(" ".join(lines))


def glance_blocks(scorecard: Scorecard) -> Iterator[Block]:
    """Each metric in a line: its value, how it changed, and its days."""
    yield Columns(
        _METRIC,
        _COLUMNS.show("value", Field("Value", align="right")),
        _COLUMNS.show("change", Field("Change", "change", align="right")),
        _day_by_day(scorecard),
    ).listing(scorecard.scores)
    now, before = (
        _span(since, until, scorecard)
        for since, until in ((scorecard.since, scorecard.until), (scorecard.before, scorecard.since))
    )
    yield Paragraph(f"of {now}, what is counted by day as the mean of its days; changes are against {before}", "dim")


def _score_notes(scorecard: Scorecard) -> Iterator[Paragraph]:
    if scorecard.cut:
        begin = day(scorecard.cut, scorecard.timezone)
        yield Paragraph(f"the log begins on {begin}: how figures of events have changed is unknown", "dim")
    yield from (Paragraph(f"{score.metric.label}: {score.note}", "dim") for score in scorecard.scores if score.note)


def _day_by_day(scorecard: Scorecard) -> Attribute[Score]:
    """The days of both windows, with a gap between them."""
    days = scorecard.days
    return Attribute(
        "days",
        "DOUBLE[]",
        lambda score: [*score.series[:days], None, *score.series[days:]] if score.series else None,
        Field(f"{days} days before, then these {days}", "spark"),
    )


def _value_with_interval(score: Score) -> str | None:
    return _bracketed(formatted(score.metric, score.now.value), between(score.metric, score.now.interval))


def _change_with_interval(score: Score) -> Change | None:
    change = formatted(score.metric, score.change, signed=True)
    return _change(score, _bracketed(change, between(score.metric, score.change_interval, signed=True)))


def _change(score: Score, text: str | None) -> Change | None:
    """Good or bad where the last week is no ordinary one."""
    return Change(text, score.better) if text else None


def _last_week(score: Score) -> str:
    return formatted(score.metric, score.last_week) or ""


def _week_with_limits(score: Score) -> Change:
    limits = _ordinary(score)
    text = f"{_last_week(score)} (ordinarily {limits}): {score.verdict}" if limits else _no_limits(score)
    return Change(text, score.better)


def _no_limits(score: Score) -> str:
    return score.ordinary.missing if score.series or score.metric.kind == "estimate" else "its query has no rows by day"


def _ordinary(score: Score) -> str:
    limits = score.ordinary
    return between(score.metric, ConfidenceInterval(limits.low, limits.high)) or ""


def _bracketed(value: str | None, interval: str | None) -> str | None:
    return f"{value or 'not known'} ({interval})" if interval else value


def formatted(metric: Metric, value: float | None, *, signed: bool = False) -> str | None:
    """A value, or with ``signed`` a change, with its unit: ``12.3 %``, ``+1.2 pp``, ``0.8 days``."""
    if value is None:
        return None
    number = _number(value * 100 if metric.percent else value, signed=signed)
    unit = ("pp" if signed else "%") if metric.percent else metric.unit
    return f"{number} {unit}".rstrip()


def between(metric: Metric, interval: ConfidenceInterval, *, signed: bool = False) -> str | None:
    """``8.1 to 9.4``; a side that is not known is open. Nothing when neither is."""
    if interval.low is None and interval.high is None:
        return None
    scale = 100 if metric.percent else 1
    low, high = (
        "?" if side is None else _number(side * scale, signed=signed) for side in (interval.low, interval.high)
    )
    return f"{low} to {high}"


def _number(value: float, *, signed: bool) -> str:
    places = 0 if abs(value) >= 100 or value.is_integer() else 1 if abs(value) >= 1 else 2
    return f"{'+' if signed and value >= 0 else ''}{number(value, places)}".replace("-", "−")


def _threshold(metric: Metric, bound: Bound | None) -> str | None:
    if bound is None:
        return None
    value = bound.value * (100 if metric.percent else 1)
    unit = "%" if metric.percent else metric.unit.removesuffix("s") if value == 1 else metric.unit
    return f"{_SIGNS[bound.word]} {number(value, 0 if value.is_integer() else 1)} {unit}".rstrip()


def _span(first: datetime, end: datetime, scorecard: Scorecard) -> str:
    start, stop = in_zone(first, scorecard.timezone), in_zone(end, scorecard.timezone) - timedelta(days=1)
    return f"{start.day} {start:%b} – {stop.day} {stop:%b %Y}"


def _notes(scorecard: Scorecard) -> Iterator[str]:
    until = in_zone(scorecard.until, scorecard.timezone)
    end = f"{until:%H:%M} on {until.day} {until:%b}"
    yield f"whole days in {scorecard.timezone}: what happened since {end} is in no figure"
    if any((limits.low is None) != (limits.high is None) for score in scorecard.scores for limits in _limits(score)):
        yield "a ? in an interval is a side that the data cannot bound yet"
    for score in scorecard.scores:
        if score.unknown:
            yield f"{score.metric.label} is unknown: {score.unknown}"


def _limits(score: Score) -> tuple[ConfidenceInterval, ...]:
    return (score.now.interval, score.before.interval, score.change_interval)


def _metric(score: Score, scorecard: Scorecard) -> dict[str, object]:
    [columns] = _COLUMNS.dicts([score])
    return {
        **columns,
        "kind": score.metric.kind,
        "parameters": score.parameters,
        "row": score.now.row,
        "note": score.note or None,
        "series": [{"day": day, "value": value} for day, value in zip(scorecard.dates, score.series, strict=False)],
        "error": score.error.message if score.error else None,
        "unknown": score.unknown or None,
    }
