"""A scorecard as a document: figures never without what they are made of, nor a change without its interval."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from usertrack.core.document import Block, Document, Field, Listing, Paragraph
from usertrack.core.period import in_zone
from usertrack.core.stats import Interval
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number
from usertrack.library.metric import Bound, Metric
from usertrack.product.scorecard.numbers import Reading, Score, Scorecard

_SIGNS = {"above": ">", "at least": "≥", "below": "<", "at most": "≤"}
_TYPES = {
    **dict.fromkeys(("value", "low", "high", "before", "before_low", "before_high"), "DOUBLE"),
    **dict.fromkeys(("change", "change_low", "change_high"), "DOUBLE"),
    **dict.fromkeys(("n", "before_n"), "BIGINT"),
}


def metrics_document(scorecard: Scorecard, *, compare: bool = False) -> Document:
    """The figures, their bands, what changed, and a line per day; ``compare`` adds the figures of the days before."""
    return Document(
        title="Scorecard",
        subtitle=" against ".join(
            _span(since, until, scorecard)
            for since, until in ((scorecard.since, scorecard.until), (scorecard.before, scorecard.since))
        ),
        blocks=tuple(_blocks(scorecard, compare)),
        notes=tuple(_notes(scorecard)),
        data=lambda: _json(scorecard),
        table=_table(scorecard),
        timezone=scorecard.timezone,
        as_of=scorecard.until,
    )


def _blocks(scorecard: Scorecard, compare: bool) -> Iterator[Block]:  # noqa: FBT001
    yield _listing(scorecard, "", {"value": _RIGHT, "interval": _TEXT, "n": _NUMBER, **_BAND})
    before = {"before": _RIGHT, "before_interval": _TEXT, "before_n": _NUMBER} if compare else {}
    against = f"Against {_span(scorecard.before, scorecard.since, scorecard)}"
    yield _listing(
        scorecard, against, {**before, "change": _RIGHT, "change_interval": _TEXT, "verdict": Field(kind="tag")}
    )
    if any(score.series for score in scorecard.scores):
        yield _listing(scorecard, "Day by day", {"days": Field(kind="spark")})
    yield from (Paragraph(f"{score.metric.label}: {score.note}", "dim") for score in scorecard.scores if score.note)


def compact_blocks(scorecard: Scorecard) -> Iterator[Block]:
    """All of it in a table that a phone has room for: intervals stand beside what they are of, in brackets."""
    fields = {
        "metric": Field("Metric"),
        "value": Field("Value"),
        "n": _NUMBER,
        "band": _BAND["band"],
        "change": Field("Change"),
        "days": Field(kind="spark"),
    }
    rows = []
    for cells in (_cells(score, scorecard) for score in scorecard.scores):
        value, change = (_bracketed(cells[name], cells[limits]) for name, limits in _LIMITS)
        verdict = f": {cells['verdict']}" if cells["verdict"] else ""
        rows.append({**cells, "value": value, "change": change and f"{change}{verdict}"})
    yield _table_of(rows, "", fields, scorecard)
    span = _span(scorecard.before, scorecard.since, scorecard)
    yield Paragraph(f"in brackets 95 % intervals; changes are those against {span}, and days those since then", "dim")
    yield from (Paragraph(f"{score.metric.label}: {score.note}", "dim") for score in scorecard.scores if score.note)


_LIMITS = (("value", "interval"), ("change", "change_interval"))


def _bracketed(value: str | None, interval: str | None) -> str | None:
    return f"{value or 'not known'} ({interval})" if interval else value


_RIGHT, _TEXT, _NUMBER = Field(align="right"), Field(), Field(kind="number")
_BAND = {"band": Field(kind="tag"), "good": _RIGHT, "excellent": _RIGHT}
_LABELS = {
    "n": "n",
    "before_n": "n",
    **dict.fromkeys(("interval", "before_interval", "change_interval"), "95 % interval"),
}


def _listing(scorecard: Scorecard, heading: str, fields: dict[str, Field]) -> Listing:
    """A row per metric with these of its `_cells`."""
    return _table_of(
        [_cells(score, scorecard) for score in scorecard.scores],
        heading,
        {"metric": Field("Metric")} | fields,
        scorecard,
    )


def _table_of(cells: list[dict[str, Any]], heading: str, fields: dict[str, Field], scorecard: Scorecard) -> Listing:
    labels = {**_LABELS, "days": f"{scorecard.days} days before, then these {scorecard.days}"}
    named = {name: replace(how, label=labels.get(name, name.capitalize())) for name, how in fields.items()}
    types = {"n": "BIGINT", "before_n": "BIGINT", "days": "DOUBLE[]"}
    columns = tuple(Column(name, types.get(name, "VARCHAR")) for name in named)
    rows: list[Row] = [tuple(row[name] for name in named) for row in cells]
    return Listing(Table(columns, rows), heading, named)


def _cells(score: Score, scorecard: Scorecard) -> dict[str, Any]:
    metric = score.metric
    return {
        "metric": metric.label,
        "value": formatted(metric, score.now.value),
        "interval": between(metric, score.now.interval),
        "n": score.now.n,
        "band": score.band or "unknown" if metric.good else None,
        "good": _threshold(metric, metric.good),
        "excellent": _threshold(metric, metric.excellent),
        "before": formatted(metric, score.before.value),
        "before_interval": between(metric, score.before.interval),
        "before_n": score.before.n,
        "change": formatted(metric, score.change, signed=True),
        "change_interval": between(metric, score.change_interval, signed=True),
        "verdict": score.verdict or None,
        "days": [*score.series[: scorecard.days], None, *score.series[scorecard.days :]] if score.series else None,
    }


def formatted(metric: Metric, value: float | None, *, signed: bool = False) -> str | None:
    """A figure, or with ``signed`` a change, with its unit: ``12.3 %``, ``+1.2 pp``, ``0.8 days``."""
    if value is None:
        return None
    number = _number(value * 100 if metric.percent else value, signed=signed)
    unit = ("pp" if signed else "%") if metric.percent else metric.unit
    return f"{number} {unit}".rstrip()


def between(metric: Metric, interval: Interval, *, signed: bool = False) -> str | None:
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


def _limits(score: Score) -> tuple[Interval, ...]:
    return (score.now.interval, score.before.interval, score.change_interval)


def _row(score: Score) -> dict[str, Any]:
    """One metric as numbers, for files; rates and their changes are shares."""
    return {
        "metric": score.query.name,
        "label": score.metric.label,
        "unit": "share" if score.metric.percent else score.metric.unit or None,
        **_reading("", score.now),
        "band": score.band or None,
        "good": _plain(score.metric.good),
        "excellent": _plain(score.metric.excellent),
        **_reading("before", score.before),
        "change": score.change,
        "change_low": score.change_interval.low,
        "change_high": score.change_interval.high,
        "verdict": score.verdict or None,
    }


def _reading(prefix: str, reading: Reading) -> dict[str, Any]:
    names = ("before", "before_low", "before_high", "before_n") if prefix else ("value", "low", "high", "n")
    values = (reading.value, reading.interval.low, reading.interval.high, reading.n)
    return dict(zip(names, values, strict=True))


def _plain(bound: Bound | None) -> str | None:
    return bound.text if bound else None


def _table(scorecard: Scorecard) -> Table:
    rows = [_row(score) for score in scorecard.scores]
    columns = tuple(Column(name, _TYPES.get(name, "VARCHAR")) for name in rows[0])
    values: Sequence[Row] = [tuple(row.values()) for row in rows]
    return Table(columns, values, name="metrics", as_of=scorecard.until, timezone=scorecard.timezone)


def _json(scorecard: Scorecard) -> dict[str, Any]:
    return {
        "timezone": scorecard.timezone,
        "days": scorecard.days,
        "window": {"since": scorecard.since, "until": scorecard.until},
        "previous": {"since": scorecard.before, "until": scorecard.since},
        "metrics": [_metric(score, scorecard) for score in scorecard.scores],
        "notes": list(_notes(scorecard)),
    }


def _metric(score: Score, scorecard: Scorecard) -> dict[str, Any]:
    row = _row(score)
    name = row.pop("metric")
    return {
        "query": name,
        "kind": score.metric.kind,
        "parameters": score.parameters,
        **row,
        "row": score.now.row,
        "note": score.note or None,
        "series": [{"day": day, "value": value} for day, value in zip(scorecard.dates, score.series, strict=False)],
        "error": score.error.message if score.error else None,
        "unknown": score.unknown or None,
    }
