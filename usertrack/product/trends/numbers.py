"""Trends as PostHog defines them: how often something happened in each period, by how many people, or how much."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.period import span
from usertrack.core.series import Formula, cumulative, smoothed
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.library.events import EventStep
from usertrack.library.sql import properties_of, quoted
from usertrack.library.trend_math import MATHS, math_parameters
from usertrack.product.ask import ScopedQuery, answer, answers, require_known
from usertrack.product.events import require_steps
from usertrack.product.scope import EVERYBODY, GroupName, Scope, values_first

_NO_VALUE = "usertrack_no_value"  # in the place of a value of the breakdown that had no events of its own


@dataclass(frozen=True)
class Series:
    """One thing that is counted: the events of ``step``, by the name of a ``math``, or the property ``of`` theirs."""

    step: EventStep
    math: str = "total"
    of: str = ""

    @property
    def label(self) -> str:
        """``user_signed_up``, ``user_signed_up, dau``, ``run_completed, sum of tokens``."""
        how = "" if self.math == "total" else f", {self.math}" + (f" of {self.of}" if self.of else "")
        return f"{self.step.text or 'any event'}{how}"

    @property
    def properties(self) -> list[str]:
        """The properties that it reads, by the names that a breakdown has for them."""
        return [*properties_of(self.step.condition), *([self.of] if self.of else [])]

    @property
    def empty(self) -> float | None:
        """The number of a period without events."""
        return 0 if MATHS[self.math].unit or self.math == "sum" else None


@dataclass(frozen=True)
class TrendsQuery:
    """``formula`` replaces the series by one; ``compared`` is when the time begins that stands beside it (aware)."""

    series: tuple[Series, ...]
    formula: Formula | None = None
    compared: datetime | None = None
    cumulative: bool = False
    smooth: int = 1


@dataclass(frozen=True)
class TrendLine:
    """A number per period for one group of one series. ``total`` is that of the whole time, which need not be the sum.

    ``before`` and ``total_before`` are of the time that it is compared with.
    """

    series: str
    group: GroupName
    values: tuple[float | None, ...]
    total: float | None
    before: tuple[float | None, ...] | None = None
    total_before: float | None = None


@dataclass(frozen=True)
class Trends:
    """``scope_before`` is the time that is compared with; ``table`` the answer that the breakdown's values are from."""

    query: TrendsQuery
    scope: Scope
    lines: tuple[TrendLine, ...]
    table: Table
    scope_before: Scope | None = None


def series_of(steps: Sequence[EventStep], maths: Sequence[str], of: Sequence[str]) -> tuple[Series, ...]:
    """A series for each of ``steps``, with the math and the property at its place; one is for all, none is ``total``.

    Raises UsageError.
    """
    for option, given in (("--math", maths), ("--of", of)):
        if len(given) not in (0, 1, len(steps)):
            message = f"{option} is given {len(given)} times, for {len(steps)} series"
            raise UsageError(message, "give it once for all of them, or once for each")
    of_each = of if len(of) > 1 else [*(of or [""])] * len(steps)
    math_of_each = maths if len(maths) > 1 else [*(maths or ["total"])] * len(steps)
    for math, name in zip(math_of_each, of_each, strict=True):
        if math not in MATHS:
            raise UsageError(f"--math takes no '{math}'", did_you_mean(math, MATHS, f"it takes {', '.join(MATHS)}"))
        if not MATHS[math].unit and not name:
            raise UsageError(f"--math {math} is of a property", "--of PROPERTY names it")
        # one property for all is for those that take one
        if MATHS[math].unit and name and (len(of) > 1 or all(MATHS[one].unit for one in math_of_each if one in MATHS)):
            raise UsageError(f"--math {math} is of no property", "leave out --of, or take sum, avg, max, p90, …")
    names = ["" if MATHS[math].unit else name for math, name in zip(math_of_each, of_each, strict=True)]
    return tuple(map(Series, steps, math_of_each, names))


def ask(runner: Runner, query: TrendsQuery, scope: Scope) -> Trends:
    """Raises UsageError: for an event that never occurred, an unknown property, and WAU or MAU not by the day."""
    if scope.interval != "day" and any(MATHS[series.math].trailing for series in query.series):
        raise UsageError(
            "weekly_active and monthly_active have a value for every day",
            f"`--math dau --interval {scope.interval}` counts the people of each {scope.interval}",
        )
    require_known(runner, [name for series in query.series for name in series.properties], scope.since, scope.until)
    before = _moved(scope, query.compared) if query.compared else None
    times = [scope, *filter(None, [before])]
    # what is held against something else has the same groups: those of the first series in this time
    shared = bool(scope.breakdown and (query.formula or before))
    jobs = [(series, time) for time in times for series in query.series]
    leading = [job for job in jobs if not shared or job == jobs[0] or (not query.formula and job[1] is scope)]
    tables = dict(zip(leading, _answered(runner, leading, {}), strict=True))
    if following := [job for job in jobs if job not in tables]:
        values = {
            series: _group_values(tables[series if not query.formula else query.series[0], scope], scope.top)
            for series in query.series
        }
        tables |= zip(following, _answered(runner, following, values), strict=True)
    if silent := [series.step for series in query.series if not len(tables[series, scope].rows)]:
        require_steps(runner, silent)
    return Trends(query, scope, tuple(_lines(query, times, tables)), tables[jobs[0]], before)


def compared_begin(scope: Scope, text: str) -> datetime:
    """When the time begins that ``text`` names, a date or ``previous``; raises UsageError."""
    if text == "previous":
        return scope.step(scope.starts[0], -len(scope.starts))
    return span(text, scope.timezone)[0]


Job = tuple[Series, Scope]


def _answered(runner: Runner, jobs: Sequence[Job], values: Mapping[Series, list[str]]) -> list[Table]:
    """The numbers of each series and time; groups are those of ``values``."""
    queries: list[ScopedQuery] = []
    for series, scope in jobs:
        math, query = MATHS[series.math], f"posthog/{MATHS[series.math].query}"
        own = _events(series) | math_parameters(series.math, len(scope.starts))
        if series in values:
            own |= {"given": True, "values": values[series]}
        if math.trailing:
            own["since"] = scope.step(scope.starts[0], 1 - math.trailing).astimezone(UTC)
        queries.append((query, scope, own))
    return answers(runner, queries)


def _events(series: Series) -> dict[str, object]:
    """The parameters of the fragment `trend_events`."""
    of = {"value_of": f"properties[{quoted(series.of)}]"} if series.of else {}
    return {"event": list(series.step.events) or [""], "event_where": series.step.condition or "true", **of}


def people(runner: Runner, series: Series, scope: Scope) -> Table:
    """The persons whose events ``series`` counts in the whole time, those with most events first.

    Raises UsageError as `ask` does, and for people of trailing days, which are not those of this time.
    """
    math = MATHS[series.math]
    if math.trailing:
        hint = f"`--math dau --days {math.trailing} --who` lists those of the last {math.trailing} days"
        raise UsageError(f"{series.math} is of other people on each day", hint)
    require_known(runner, series.properties, scope.since, scope.until)
    own = _events(series) | {"only_first": math.query == "trends_first"}
    if not math.unit:
        own |= math_parameters(series.math, 1)
    table = answer(runner, "posthog/trend_people", scope, **own)
    if not len(table.rows):
        require_steps(runner, [series.step])
    return table


def _group_values(table: Table, top: int) -> list[str]:
    known = {int(row["group_rank"]): str(row["group_value"]) for row in table.dicts() if row["group_rank"] <= top}
    return [known.get(rank, _NO_VALUE) for rank in range(1, max(known, default=0) + 1)]


def _lines(query: TrendsQuery, times: Sequence[Scope], tables: Mapping[Job, Table]) -> Iterator[TrendLine]:
    """The lines of the first of ``times``, with what they were in the second."""
    known = {(series, time): _of_groups(series, time, tables[series, time]) for series, time in tables}

    def numbers(parts: Sequence[Series], name: GroupName, time: Scope) -> tuple[list[float | None], float | None]:
        """The values and the total of one group; a group that had nothing in this time has those of no events."""
        of_parts = [known[one, time].get(name, ([one.empty] * len(time.starts), one.empty)) for one in parts]
        if not query.formula:
            return of_parts[0]
        values = [query.formula(at) for at in zip(*(values for values, _ in of_parts), strict=True)]
        return values, query.formula([total for _, total in of_parts])

    for label, parts in (
        {query.formula.text: query.series} if query.formula else {one.label: (one,) for one in query.series}
    ).items():
        for name in values_first(
            dict.fromkeys(name for one in parts for name in known[one, times[0]]), lambda name: name
        ):
            (values, total), *before = [numbers(parts, name, time) for time in times]
            line = TrendLine(label, name, _shown(query, values), total)
            yield replace(line, before=_shown(query, before[0][0]), total_before=before[0][1]) if before else line


def _of_groups(series: Series, scope: Scope, table: Table) -> dict[GroupName, tuple[list[float | None], float | None]]:
    """The numbers by period, and that of the whole time, of every group; everybody's without a breakdown."""
    math = MATHS[series.math]
    values: dict[GroupName, list[float | None]] = (
        {} if scope.breakdown else {EVERYBODY: [series.empty] * len(scope.starts)}
    )
    totals: dict[GroupName, float | None] = {}
    for row in table.dicts():
        name = scope.group_name(int(row["group_rank"]), row["group_value"])
        number = int(row["number"]) if math.unit else row["number"]
        if row["period"] is None:
            totals[name] = number
        else:
            values.setdefault(name, [series.empty] * len(scope.starts))[int(row["period"])] = number
    return {
        name: (of_group, of_group[-1] if math.trailing else totals.get(name, series.empty))
        for name, of_group in values.items()
    }


def _shown(query: TrendsQuery, values: Sequence[float | None]) -> tuple[float | None, ...]:
    values = cumulative(values) if query.cumulative else values
    return tuple(smoothed(values, query.smooth) if query.smooth > 1 else values)


def _moved(scope: Scope, begin: datetime) -> Scope:
    """``scope`` with as many buckets from ``begin`` on; its last one is as long as the last known one of ``scope``."""
    first, last = scope.floor(begin), scope.starts[-1]
    moved = scope.step(first, len(scope.starts) - 1)
    elapsed: timedelta = scope.end - last.astimezone(UTC)
    until = min(moved.astimezone(UTC) + elapsed, scope.step(moved).astimezone(UTC))
    if until > scope.end:
        raise UsageError("--compare takes a time before that of the question", "it is a date, or `previous`")
    return replace(scope, since=first.astimezone(UTC), until=until)
