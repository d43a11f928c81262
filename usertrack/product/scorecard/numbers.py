"""The scorecard: each metric of the library over whole days, beside the days before. At n = 0 a figure is unknown.

A metric is a query with a `metric:` header (`usertrack.library.metric`); the same query answers for both windows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import chain, islice
from typing import Any

from usertrack.core.errors import Absent, QueryError, UsageError, UsertrackError, did_you_mean
from usertrack.core.ordinary import MOST_WEEKS, NO_WEEKS, OrdinaryWeek, Scale, ordinary_week
from usertrack.core.period import in_zone, midnight
from usertrack.core.stats import UNKNOWN, ConfidenceInterval, difference, poisson, student, wilson
from usertrack.core.table import NamedRow, Table
from usertrack.engine.runner import Answer, Done, Runner
from usertrack.library.library import Library, Query, Statement
from usertrack.library.metric import Metric
from usertrack.library.sql import events_of
from usertrack.product.events import known_events, never_occurred
from usertrack.product.sign_ups import log_begin
from usertrack.workspace.setting import Setting


@dataclass(frozen=True)
class Reading:
    """The value of a metric in one window. Shares are 0…1; ``n`` is the sample size; ``row`` is the row of the query.

    ``value`` is None where it is undefined (nothing was finished) or not reached (a median of people still waiting).
    ``days`` has the value of each day for which there is one, and ``sizes`` of how many things it is.
    """

    value: float | None = None
    interval: ConfidenceInterval = UNKNOWN
    n: int | None = None
    row: NamedRow = field(default_factory=dict)
    days: dict[date, float | None] = field(default_factory=dict)
    sizes: dict[date, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """A metric with its values; ``error`` says why there are none, ``never`` that an event of it never occurred.

    ``series`` has a value for each of `Scorecard.dates`, None for a gap, and is empty where the metric has none.
    ``change`` is the difference of the values: of a rate, 0.05 is 5 percentage points. ``last_week`` is the figure of
    the last seven days, made of the values of its days, and ``ordinary`` what it would be by the weeks before.
    """

    query: Query
    metric: Metric
    parameters: dict[str, Any] = field(default_factory=dict)
    now: Reading = field(default_factory=Reading)
    before: Reading = field(default_factory=Reading)
    change: float | None = None
    change_interval: ConfidenceInterval = UNKNOWN
    series: tuple[float | None, ...] = ()
    last_week: float | None = None
    ordinary: OrdinaryWeek = NO_WEEKS
    error: UsertrackError | None = None
    never: str = ""

    @property
    def unknown(self) -> str:
        """Why there is no value; empty where there is one, or where there was nothing to count."""
        return self.error.message if self.error else self.never

    @property
    def band(self) -> str:
        """``excellent``, ``good``, ``below good``, or nothing where the value is not known.

        The lesser of the bands in which the interval begins and ends; ``unsure`` where it reaches from below good into
        another: two runs of one person are not excellent, nor are they bad. A count is what was counted.
        """
        interval, is_count = self.now.interval, self.metric.kind == "count"
        ends = [self.now.value] if is_count or interval.low is None else [interval.low, interval.high]
        bands = {self.metric.band(end) for end in ends}
        if len(bands) == 1:
            return bands.pop()
        return "unsure" if "below good" in bands else "good"

    @property
    def extreme(self) -> bool:
        """Whether all or nothing was counted, as happens with an event that never occurs."""
        return not self.error and self.now.value in (None, 0, *([1] if self.metric.percent else []))

    @property
    def verdict(self) -> str:
        """``ordinary``, ``better`` or ``worse`` (``above`` or ``below`` where neither is better); empty if unknown."""
        side, rises = self.ordinary.side(self.last_week), self.metric.rises
        if side in ("", "within"):
            return "ordinary" if side else ""
        return side if rises is None else "better" if (side == "above") == rises else "worse"

    @property
    def changed(self) -> bool:
        """Whether the last week lies outside what is ordinary."""
        return self.verdict not in ("", "ordinary")

    @property
    def better(self) -> bool | None:
        """Whether the last week changed for the better; None where it did not change, or neither is."""
        return {"better": True, "worse": False}.get(self.verdict)

    @property
    def note(self) -> str:
        """The query's own note on this window; empty for a value that is not known."""
        return "" if self.never else str(self.now.row.get("note") or "")


@dataclass(frozen=True)
class Scorecard:
    """Two windows of whole days in ``timezone``: [before, since) and [since, until), in UTC.

    ``dates`` are the days of both, oldest first. ``cut`` is where the log begins, if that is after ``before``: figures
    of events have no change then.
    """

    scores: tuple[Score, ...]
    days: int
    before: datetime
    since: datetime
    until: datetime
    timezone: str
    dates: tuple[date, ...]
    cut: datetime | None = None

    @property
    def missing(self) -> bool:
        """Whether a source left a metric without figures."""
        return any(score.error for score in self.scores)


def questions(queries: Sequence[Query]) -> int:
    """How many questions a scorecard of these metrics asks the sources."""
    return sum(2 + (_WEEKS if query.metric and query.metric.kind == "estimate" else 1) for query in queries)


def scorecard(
    runner: Runner, names: Sequence[str] = (), *, days: int = 30, beside: int = 0, done: Done | None = None
) -> Scorecard:
    """Every metric of the library, or those named, over the last ``days`` days that were over at ``runner.as_of``.

    ``beside`` is how many other figures of its page are compared with their past weeks. All windows of all metrics run
    at once. Raises UsageError for a name that is no metric, and a source's error when no metric has an answer; other
    errors of a source are in its scores.
    """
    queries = metrics_named(runner.library, names)
    zone = runner.settings["timezone"]
    before, since, until = (midnight(runner.as_of, zone, back=back * days) for back in (2, 1, 0))
    ends = [midnight(runner.as_of, zone, back=7 * back) for back in range(_WEEKS - 1, -1, -1)]
    statements = [runner.bind(query.name, {"days": days}, as_of=until) for query in queries]
    statements += [
        runner.bind(query.name, {"days": days}, as_of=midnight(runner.as_of, zone, back=max(days, _cohort(query))))
        for query in queries
    ]
    weekly: list[list[Statement]] = [
        [
            runner.bind(
                query.name, {"days": 7} | {name: 7 for name in ("cohort_days",) if name in query.params}, as_of=end
            )
            for end in ends
        ]
        if query.metric and query.metric.kind == "estimate"  # medians of days make no median of a week
        else [runner.bind(query.name, {"days": 7 * _WEEKS}, as_of=until)]
        for query in queries
    ]
    answers = runner.run([*statements, *chain.from_iterable(weekly)], done)
    start, stop = in_zone(before, zone).date(), in_zone(until, zone).date()
    dates = tuple(start + timedelta(days=number) for number in range((stop - start).days))
    begin = (
        log_begin(runner, until)
        if any(isinstance(answer, Table) and answer.source == "posthog" for answer in answers)
        else None
    )
    cut = begin if begin and begin > before else None
    measured, count, left = [], len(queries), iter(answers[2 * len(queries) :])
    for query, now, then, asked in zip(queries, answers[:count], answers[count : 2 * count], weekly, strict=True):
        answers_of_weeks = list(islice(left, len(asked)))
        metric = query.metric
        assert metric is not None
        try:
            current, previous = (reading(metric, answer) for answer in (now, then))
            of_weeks = [reading(metric, answer) for answer in answers_of_weeks]
        except UsertrackError as error:
            measured.append(Score(query, metric, error=error))
            continue
        weeks = _weeks(metric, of_weeks, stop)
        known = dict(chain.from_iterable(week.days.items() for week in of_weeks)) | previous.days | current.days
        nothing = 0.0 if metric.kind == "count" else None
        score = Score(
            query,
            metric,
            now.parameters if isinstance(now, Table) else {},
            current,
            Reading() if cut and query.source == "posthog" else previous,
            series=tuple(known.get(day, nothing) for day in dates) if known else (),
        )
        if score.before.value is not None and current.value is not None:
            change = difference(current.value, current.interval, score.before.value, score.before.interval)
            score = replace(score, change=current.value - score.before.value, change_interval=change)
        if weeks and query.source == "posthog" and begin:  # a week in which the log began is none
            weeks = [week for week, end in zip(weeks, ends, strict=True) if end - timedelta(days=7, hours=1) >= begin]
        if empty := next((at for at, (_, size) in enumerate(weeks) if size), len(weeks)):
            weeks = weeks[empty + 1 :]  # what is counted may begin in the middle of its first week
        if weeks and weeks[-1][0] is not None:
            *past, (last, size) = ((value, size) for value, size in weeks if value is not None)
            ordinary = ordinary_week(
                [value for value, _ in past],
                _SCALES[metric.kind],
                figures=count + beside,
                sizes=[size for _, size in past],
                size=size,
            )
            score = replace(score, last_week=last, ordinary=ordinary)
        measured.append(score)
    scores = _of_what_occurred(runner, statements, measured)
    errors = [score.error for score in scores if score.error]
    if len(errors) == len(scores):
        raise errors[0]
    return Scorecard(scores, days, before, since, until, zone, dates, cut)


_WEEKS = MOST_WEEKS + 1  # the last one, and its past
_SCALES: dict[str, Scale] = {"rate": "share", "count": "count", "mean": "measure", "estimate": "measure"}


def _cohort(query: Query) -> int:
    """The days of the people who count, where more than the window's do: what is compared must not overlap."""
    days = query.params["cohort_days"].default if "cohort_days" in query.params else 0
    assert isinstance(days, int)
    return days


def _weeks(metric: Metric, answers: Sequence[Reading], stop: date) -> list[tuple[float | None, float]]:
    """The figure of each week up to ``stop`` and of how many things it is, oldest first: of an estimate an answer each.

    A week of a rate has all hits of its days beside all of their things, a mean all values, a count their sum.
    """
    if metric.kind == "estimate":
        return [(answer.value, answer.n or 0) for answer in answers]
    [answer] = answers
    if not answer.days:
        return []
    weeks: list[tuple[float | None, float]] = []
    for back in range(_WEEKS, 0, -1):
        days = [stop - timedelta(days=7 * back - number) for number in range(7)]
        known = [(value, answer.sizes.get(day) or 0) for day in days if (value := answer.days.get(day)) is not None]
        if metric.kind == "count":
            total = sum(value for value, _ in known)
            weeks.append((total, total))
        else:
            size = sum(size for _, size in known)
            weeks.append((sum(value * size for value, size in known) / size if size else None, size))
    return weeks


def scored_metrics(library: Library, names: Sequence[str] = ()) -> Sequence[str]:
    """The metrics of a scorecard: ``names``, or without any those that are here."""
    return names or library.present(library.metrics())


def metrics_named(library: Library, names: Sequence[str] = ()) -> list[Query]:
    """The metrics called ``names`` in that order, else all that are here.

    Raises UsageError for one that is none, and Absent where none can be here.
    """
    hint, known = "a metric is a query with `metric:` in its header", library.metrics()
    for query in map(library.__getitem__, names):
        if query.metric is None:
            raise UsageError(f"'{query.name}' is not a metric", did_you_mean(query.name, known, hint))
    queries = [query for query in map(library.__getitem__, scored_metrics(library, names)) if query.metric]
    if causes := not queries and frozenset().union(*(library[name].absence.causes for name in known)):
        raise Absent("every metric", causes)
    if not queries:
        raise UsageError("there is no metric", hint)
    return queries


def listed_metrics(library: Library, listed: Setting) -> list[str]:
    """The names of the metrics that the setting `metrics` lists, but for those that are absent here; empty for all.

    Raises UsageError, with the line, for a name that is no metric.
    """
    try:
        names = [query.name for query in metrics_named(library, listed.value)] if listed.value else []
    except UsageError as error:
        raise UsageError(f"{listed.place}: {error.message}", error.hint) from error
    present = library.present(dict.fromkeys(names))
    if names and not present:
        raise Absent(f"{listed.place}: every metric of the list", library[names[0]].absence.causes)
    return present


def reading(metric: Metric, answer: Answer) -> Reading:
    """The value in the rows of a metric's query.

    Raises the error that is the answer, and QueryError for rows that do not fit its kind.
    """
    if isinstance(answer, UsertrackError):
        raise answer
    table, rows = answer, answer.dicts()
    totals = [row for row in rows if row.get("day") is None]
    daily = [row for row in rows if row.get("day") is not None]
    if missing := [name for name in metric.columns if name not in table.names]:
        problem = f"lacks {', '.join(missing)}"
    elif len(totals) > 1:
        problem = f"has {len(totals)} rows for the whole window"
    elif any(isinstance(row["day"], datetime) or not isinstance(row["day"], date) for row in daily):
        problem = "has a `day` that is no date"
    elif any(not _numbers(metric, row) for row in rows):
        problem = "has what is no number"
    elif any(not _sound(metric, row) for row in rows):
        problem = "has hits that are more than n, or below 0" if metric.kind == "rate" else "counts less than nothing"
    else:
        by_day = {row["day"]: _figure(metric, row) for row in daily}
        days, sizes = ({day: getattr(figure, name) for day, figure in by_day.items()} for name in ("value", "n"))
        return replace(_figure(metric, totals[0]) if totals else Reading(), days=days, sizes=sizes)
    hint = f"a {metric.kind} is one row of {', '.join(metric.columns)} for the window, and one for each `day`"
    raise QueryError(f"{table.name}: the answer {problem}", hint)


def _numbers(metric: Metric, row: NamedRow) -> bool:
    values = [row.get(name) for name in (*metric.columns, "n_effective")]
    return all(value is None or isinstance(value, int | float) for value in values)


def _sound(metric: Metric, row: NamedRow) -> bool:
    """Whether what counts things, or measures how they spread, is not below 0, and hits are among the n."""
    counts = ["n", "sd", "n_effective", *(["value"] if metric.kind == "count" else [])]
    if any((row.get(name) or 0) < 0 for name in counts):
        return False
    return metric.kind != "rate" or 0 <= (row["hits"] or 0) <= (row["n"] or 0)


def _figure(metric: Metric, row: NamedRow) -> Reading:
    known = {name: _number(row[name]) for name in (*metric.columns, "n_effective") if name in row}
    n, value, interval = known.get("n"), known.get("value"), UNKNOWN
    match metric.kind:
        case "rate" if n:
            value, worth = (known["hits"] or 0.0) / n, known.get("n_effective") or n
            interval = wilson(value * worth, worth)
        case "mean":
            deviation = known["sd"]
            if n and value is not None and deviation is not None:
                interval = student(value, deviation, n)
        case "count":
            n, interval = value, UNKNOWN if value is None else poisson(value)
        case "estimate":
            interval = ConfidenceInterval(known["low"], known["high"])
    return Reading(value if n or metric.kind == "count" else None, interval, None if n is None else round(n), row)


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _of_what_occurred(runner: Runner, statements: Sequence[Statement], scores: Sequence[Score]) -> tuple[Score, ...]:
    """``scores``, without a value for events that never occurred: 0 % of a mistyped name is not a result.

    The source is asked for its events only where all or nothing was counted.
    """
    named = [
        events_of(statement.sql, statement.values) if score.extreme and statement.source == "posthog" else []
        for statement, score in zip(statements, scores, strict=False)
    ]
    try:
        known = known_events(runner) if any(named) else []
    except UsertrackError as error:
        return tuple(
            Score(score.query, score.metric, error=error) if events else score
            for score, events in zip(scores, named, strict=True)
        )
    return tuple(_unless_unknown(score, events, known) for score, events in zip(scores, named, strict=True))


def _unless_unknown(score: Score, named: Sequence[Sequence[str]], known: Sequence[str]) -> Score:
    missing = [name for names in named if not set(names) & set(known) for name in names]
    if not missing:
        return score
    why = never_occurred(list(dict.fromkeys(missing)), known)
    unknown = Reading(n=score.now.n, row=score.now.row)
    return Score(score.query, score.metric, score.parameters, unknown, never=f"{why.message}; {why.hint}")
