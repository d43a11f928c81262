"""What features there are and who uses them. All shares are of the people who were active in the same time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from usertrack.analytics.asking import answer, require_events
from usertrack.analytics.frame import Frame
from usertrack.analytics.trend import Trend, by_weekday
from usertrack.errors import UsageError, did_you_mean
from usertrack.intervals import UNKNOWN, Interval, wilson
from usertrack.run import Runner
from usertrack.settings import Settings
from usertrack.table import Table

Counted = Literal["known", "all"]
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

    ``unused`` have no use in this time. ``others`` are people who were active and do not count, with their uses.
    """

    name: str
    people: int
    active: tuple[int, ...]
    features: tuple[Feature, ...]
    unused: tuple[Feature, ...] = ()
    others: int = 0
    others_uses: int = 0


@dataclass(frozen=True)
class Features:
    """``counted`` is who counts in fact. ``fell_back``: all, since ``known`` was asked for and nobody has an e-mail."""

    source: Source
    frame: Frame
    counted: Counted
    groups: tuple[Group, ...]
    table: Table
    fell_back: bool = False


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


def ask(
    runner: Runner, source: Source, frame: Frame, counted: Counted = "known", categories: Sequence[str] = ()
) -> Features:
    """The features, of ``categories`` alone if there are any.

    Raises UsageError for an event that never occurred, and for a category that no feature has.
    """
    table = _ask(runner, source, frame, counted)
    everybody = [row for row in table.dicts() if not row["feature"]]
    fell_back = counted == "known" and not any(row["people"] for row in everybody)
    if fell_back:
        counted, table = "all", _ask(runner, source, frame, "all")
    rows = table.dicts()
    if not any(row["feature"] for row in rows):
        require_events(runner, [name for name in [source.event] if "|" not in name])
    ranks = sorted({int(row["group_rank"]) for row in rows}) or [1]
    groups = [_group(source, frame, rank, [row for row in rows if row["group_rank"] == rank]) for rank in ranks]
    return Features(source, frame, counted, tuple(_only(groups, categories)), table, fell_back)


def _ask(runner: Runner, source: Source, frame: Frame, counted: Counted) -> Table:
    finished = sum(not frame.unfinished(start) for start in frame.starts)
    named = {
        "property": source.named_by or _NO_PROPERTY,
        "category": source.category_by,
        "duration": source.seconds_by,
    }
    values = {"event": source.event, **named, "known": counted == "known", "finished": finished - 1}
    return answer(runner, "posthog/features", {**frame.values, **frame.bucketing, **values})


_NO_PROPERTY = "usertrack_no_property"  # which no event has: each is a feature by its own name


def _group(source: Source, frame: Frame, rank: int, rows: Sequence[Mapping[str, Any]]) -> Group:
    everybody: Mapping[str, Any] = next((row for row in rows if not row["feature"]), {})
    people = int(everybody.get("people", 0))
    plan = source.plan
    found = [_feature(frame, row, people, plan) for row in rows if row["feature"]]
    names = {feature.name for feature in found}
    never = [Feature(name, category) for name, category in plan.items() if name not in names]
    return Group(
        frame.group_name(rank, rows[0]["group_value"] if rows else None),
        people,
        _counts(everybody, "periods", "period_people", len(frame.starts)),
        tuple(feature for feature in found if feature.uses),
        (*(feature for feature in found if not feature.uses), *never),
        int(everybody.get("others", 0)),
        int(everybody.get("others_uses", 0)),
    )


def _feature(frame: Frame, row: Mapping[str, Any], active: int, plan: Mapping[str, str]) -> Feature:
    first, days = _whole_days(frame)
    timed, uses = int(row["timed"]), int(row["uses"])
    daily = _counts(row, "days", "day_uses", first + days)[first:]
    return Feature(
        name=row["feature"],
        category=plan.get(row["feature"]) or row["category"] or "",
        uses=uses,
        people=int(row["people"]),
        active=active,
        seconds=row["seconds"] / timed if timed else None,
        timed=timed,
        kept=int(row["kept"]),
        could_return=int(row["could_return"]),
        last_at=row["last_at"],
        trend=by_weekday(daily) if uses else None,
        periods=_counts(row, "periods", "period_people", len(frame.starts)),
    )


def _counts(row: Mapping[str, Any], at: str, count: str, length: int) -> tuple[int, ...]:
    known = dict(zip(row.get(at) or (), row.get(count) or (), strict=True))
    return tuple(int(known.get(number, 0)) for number in range(length))


def _whole_days(frame: Frame) -> tuple[int, int]:
    """The number of the first local day that is wholly in the time, from that of the first bucket, and how many are."""
    origin = frame.floor(frame.since).date()
    first, end = (
        _midnight(frame.since, frame),
        min(frame.until, frame.as_of).astimezone(ZoneInfo(frame.timezone)).date(),
    )
    return (first - origin).days, max(0, (end - first).days)


def _midnight(moment: datetime, frame: Frame) -> date:
    """The day that begins at ``moment``, or next after it."""
    local = moment.astimezone(ZoneInfo(frame.timezone))
    begins = datetime.combine(local.date(), time(), local.tzinfo).astimezone(UTC) == moment
    return local.date() if begins else local.date() + timedelta(days=1)


def _only(groups: Iterable[Group], categories: Sequence[str]) -> Iterator[Group]:
    groups = list(groups)
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
