"""What features there are and who uses them. All shares are of the people who were active in the same time."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from usertrack.analytics.asking import answer
from usertrack.analytics.frame import Frame, GroupName
from usertrack.analytics.steps import events_of, require_steps, step_of
from usertrack.analytics.trend import Trend, by_weekday
from usertrack.errors import UsageError, did_you_mean
from usertrack.intervals import UNKNOWN, Interval, wilson
from usertrack.run import Runner
from usertrack.settings import Settings
from usertrack.table import Table

STEPS = (0.1, 0.25, 0.5, 0.75)
BANDS = ("rare", "low", "medium", "high", "core")
"""How much a feature is adopted: above none of the ``STEPS``, above the first, …, above all."""


@dataclass(frozen=True)
class Source:
    """Where features are read from: events (``a|b``), and the properties that tell name, category and seconds of use.

    ``known`` are features that should be there, ``category/feature`` or a feature alone.
    """

    event: str
    named_by: str
    category_by: str
    seconds_by: str
    known: tuple[str, ...] = ()

    @property
    def plan(self) -> dict[str, str]:
        """The known features, each with its category, which holds whatever events say."""
        pairs = (text.rpartition("/") for text in self.known)
        return {name.strip(): category.strip() for category, _, name in pairs}


@dataclass(frozen=True)
class Feature:
    """``people`` of ``active`` used it; ``seconds`` is the mean of the ``timed`` uses, None where none says.

    ``kept`` of the ``could_return`` who used it in a period did in the next, too. ``periods[k]`` used it in the k-th.
    ``last_at`` is UTC and naive, None where it was never used.
    """

    name: str
    category: str
    uses: int = 0
    people: int = 0
    active: int = 0
    seconds: float | None = None
    timed: int = 0
    kept: int = 0
    could_return: int = 0
    last_at: datetime | None = None
    trend: Trend | None = None
    periods: tuple[int, ...] = ()

    @property
    def adoption(self) -> float | None:
        return self.people / self.active if self.active else None

    @property
    def adoption_interval(self) -> Interval:
        return wilson(self.people, self.active) if self.active else UNKNOWN

    @property
    def band(self) -> str:
        return "" if self.adoption is None else BANDS[sum(self.adoption > step for step in STEPS)]

    @property
    def retention(self) -> float | None:
        return self.kept / self.could_return if self.could_return else None


@dataclass(frozen=True)
class Group:
    """Features of one value of the breakdown, most used first. ``active[k]`` people were active in the k-th period.

    ``unused`` have no use in this time.
    """

    name: GroupName
    people: int
    active: tuple[int, ...]
    features: tuple[Feature, ...]
    unused: tuple[Feature, ...] = ()


@dataclass(frozen=True)
class Features:
    """The groups of the breakdown, or everybody as one."""

    source: Source
    frame: Frame
    groups: tuple[Group, ...]
    table: Table


def source_of(settings: Settings, event: str = "", name: str | None = None) -> Source:
    """What the settings say; ``event`` and ``name``, the property that names a feature, as typed go before them."""
    typed = settings["features.property"] if name is None else name
    return Source(
        event or settings["features.event"],
        typed,
        settings["features.category"],
        settings["features.duration"],
        tuple(settings["features.known"]),
    )


def ask(runner: Runner, source: Source, frame: Frame, categories: Sequence[str] = ()) -> Features:
    """The features, of ``categories`` alone if there are any.

    Raises UsageError for an event that never occurred, and for a category that no feature has.
    """
    table = _ask(runner, "posthog/features", source, frame)
    days = _ask(runner, "posthog/feature_days", source, frame).dicts()
    if not days:
        require_steps(runner, [step_of(runner, source.event)])
    groups = _only(list(_groups(source, frame, table.dicts(), days)), categories)
    return Features(source, frame, tuple(groups), table)


def _ask(runner: Runner, query: str, source: Source, frame: Frame) -> Table:
    known = runner.library[query].params
    shared = {name: value for name, value in {**frame.values, **frame.bucketing}.items() if name in known}
    events = events_of(runner, source.event)
    if not events:
        raise UsageError("a use of a feature is an event with a name", "--event takes one, and a|b is either")
    named = {
        "event": list(events),
        "property": source.named_by or _NO_PROPERTY,
        "category": source.category_by,
        "duration": source.seconds_by,
    }
    return answer(runner, query, {**shared, **{name: value for name, value in named.items() if name in known}})


_NO_PROPERTY = "usertrack_no_property"  # which no event has: each is a feature by its own name
Rows = Sequence[Mapping[str, Any]]


def _groups(source: Source, frame: Frame, people: Rows, days: Rows) -> Iterator[Group]:
    ranks = {row["group_value"]: int(row["group_rank"]) for row in people if row["group_rank"] <= frame.top}
    for rank in sorted({*ranks.values(), *(int(row["group_rank"]) for row in people)}) or [1]:
        value = next((value for value, at in ranks.items() if at == rank), None)
        of_rank = [row for row in people if row["group_rank"] == rank]
        own = [row for row in days if ranks.get(row["group_value"], frame.top + 1) == rank or not ranks]
        yield _group(source, frame, frame.group_name(rank, value), of_rank, own)


def _group(source: Source, frame: Frame, name: GroupName, people: Rows, days: Rows) -> Group:
    sets = {(row["feature"], row["kind"], int(row["at"])): int(row["people"]) for row in people}
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for row in days:
        by_name.setdefault(row["feature"], []).append(row)
    plan, found = source.plan, []
    for feature, rows in by_name.items():
        found.append(_feature(frame, feature, rows, sets, plan))
    found.sort(key=lambda one: (-one.uses, one.name))
    never = [Feature(feature, category) for feature, category in plan.items() if feature not in by_name]
    return Group(
        name,
        sets.get(("", "all", 0), 0),
        tuple(sets.get(("", "period", at), 0) for at in range(len(frame.starts))),
        tuple(one for one in found if one.uses),
        (*(one for one in found if not one.uses), *never),
    )


def _feature(
    frame: Frame, name: str, rows: Rows, sets: Mapping[tuple[str, str, int], int], plan: Mapping[str, str]
) -> Feature:
    timed, uses = (sum(int(row[column]) for row in rows) for column in ("timed", "uses"))
    latest_first = sorted(rows, key=lambda row: row["last_at"], reverse=True)
    periods = tuple(sets.get((name, "period", at), 0) for at in range(len(frame.starts)))
    pairs = [at for at in range(len(periods) - 1) if frame.over[at + 1]]
    return Feature(
        name=name,
        category=plan.get(name) or next((row["category"] for row in latest_first if row["category"]), ""),
        uses=uses,
        people=sets.get((name, "all", 0), 0),
        active=sets.get(("", "all", 0), 0),
        seconds=sum(row["seconds"] for row in rows) / timed if timed else None,
        timed=timed,
        # who is in both of two sets: those in one, and those in the other, less those in either
        kept=sum(periods[at] + periods[at + 1] - sets.get((name, "pair", at), 0) for at in pairs),
        could_return=sum(periods[at] for at in pairs),
        last_at=latest_first[0]["last_at"],
        trend=by_weekday(_daily(frame, rows)) if uses else None,
        periods=periods,
    )


def _daily(frame: Frame, rows: Rows) -> list[int]:
    """The uses of each day that is wholly in the time, and over."""
    first, days = _whole_days(frame)
    uses: Counter[int] = Counter()
    for row in rows:
        if row["day"] is not None:
            uses[int(row["day"])] += int(row["uses"])
    return [uses[day] for day in range(first, first + days)]


def _whole_days(frame: Frame) -> tuple[int, int]:
    """The number of the first local day that is wholly in the time, from that of the first bucket, and how many are."""
    origin = frame.floor(frame.since).date()
    first, end = (
        _midnight(frame.since, frame),
        frame.end.astimezone(ZoneInfo(frame.timezone)).date(),
    )
    return (first - origin).days, max(0, (end - first).days)


def _midnight(moment: datetime, frame: Frame) -> date:
    """The day that begins at ``moment``, or next after it."""
    local = moment.astimezone(ZoneInfo(frame.timezone))
    begins = datetime.combine(local.date(), time(), local.tzinfo).astimezone(UTC) == moment
    return local.date() if begins else local.date() + timedelta(days=1)


def _only(groups: Sequence[Group], categories: Sequence[str]) -> Iterator[Group]:
    there = {feature.category for group in groups for feature in (*group.features, *group.unused)}
    for category in categories:
        if category not in there:
            known = sorted(filter(None, there))
            hint = did_you_mean(category, known, f"there are {', '.join(known)}" if known else "there are none at all")
            raise UsageError(f"no feature is of the category '{category}'", hint)
    for group in groups:
        features, unused = (
            tuple(one for one in some if not categories or one.category in categories)
            for some in (group.features, group.unused)
        )
        yield replace(group, features=features, unused=unused)
