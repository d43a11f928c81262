"""Features of the product, and who uses them. All shares are of the people who were active in the same time."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.stats import UNKNOWN, ConfidenceInterval, wilson
from usertrack.core.table import NamedRow, Table
from usertrack.engine.runner import Runner
from usertrack.library.events import NONE, ROLES, require_role
from usertrack.product.ask import answers
from usertrack.product.events import events_of, known_events, require_steps, step_of
from usertrack.product.features.trend import Trend, by_weekday
from usertrack.product.scope import GroupName, Scope, values_first
from usertrack.workspace.settings import Settings

STEPS = (0.1, 0.25, 0.5, 0.75)
BANDS = ("rare", "low", "medium", "high", "core")
"""How widely a feature is used: adoption up to the first of the ``STEPS``, above the first, …, above the last."""


@dataclass(frozen=True)
class FeatureSource:
    """The source of features: events (``a|b``), and their properties with name, category and seconds of use.

    ``known`` are features that are expected, as ``category/feature`` or ``feature``. ``events`` are features by
    their own names, where nobody has the event.
    """

    event: str
    named_by: str
    category_by: str
    seconds_by: str
    known: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    @property
    def plan(self) -> dict[str, str]:
        """The known features, each with its category, which goes before that of events."""
        pairs = (text.rpartition("/") for text in self.known)
        return {name.strip(): category.strip() for category, _, name in pairs}


@dataclass(frozen=True)
class Feature:
    """``people`` of ``active`` used it; ``seconds`` is the mean of the ``timed`` uses, None without any.

    ``returned`` of the ``could_return`` who used it in a period used it in the next, too. ``periods[k]`` used it in
    the k-th period.
    ``trend`` is that of the share of active people who used it on a day, ``uses_trend`` that of its uses per day, which
    rise with the people. ``last_at`` is UTC and naive, None where it was never used.
    """

    name: str
    category: str
    uses: int = 0
    people: int = 0
    active: int = 0
    seconds: float | None = None
    timed: int = 0
    returned: int = 0
    could_return: int = 0
    last_at: datetime | None = None
    trend: Trend | None = None
    uses_trend: Trend | None = None
    periods: tuple[int, ...] = ()

    @property
    def adoption(self) -> float | None:
        return self.people / self.active if self.active else None

    @property
    def adoption_interval(self) -> ConfidenceInterval:
        return wilson(self.people, self.active) if self.active else UNKNOWN

    @property
    def band(self) -> str:
        return "" if self.adoption is None else BANDS[sum(self.adoption > step for step in STEPS)]

    @property
    def retention(self) -> float | None:
        return self.returned / self.could_return if self.could_return else None


@dataclass(frozen=True)
class FeatureGroup:
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

    source: FeatureSource
    scope: Scope
    groups: tuple[FeatureGroup, ...]
    table: Table


def feature_source(settings: Settings, event: str = "", name: str | None = None) -> FeatureSource:
    """The source in the settings; a typed ``event``, or ``name`` for its property, goes before them."""
    typed = settings["features.property"] if name is None else name
    return FeatureSource(
        event or settings["events.feature_used"],
        typed,
        settings["features.category"],
        settings["features.duration"],
        tuple(settings["features.known"]),
    )


def ask(runner: Runner, source: FeatureSource, scope: Scope, categories: Sequence[str] = ()) -> Features:
    """The features of the product, or only those of ``categories``.

    Raises UsageError for an event that never occurred, and for a category that no feature has.
    """
    if source.event == NONE and not source.events:
        return ask(runner, _by_event(runner, source), scope, categories)
    [table] = _ask(runner, ["posthog/features"], source, scope)
    daily = replace(scope, interval="day")
    by_day = ("posthog/features", "posthog/feature_days")
    days = _Days(daily, *(table.dicts() for table in _ask(runner, by_day, source, daily)))
    if not days.uses and not source.events:
        if source.event == ROLES["feature_used"].default and source.event not in known_events(runner):
            return ask(runner, _by_event(runner, source), scope, categories)
        require_steps(runner, [step_of(runner, source.event)])
    groups = _only(values_first(_groups(source, scope, table.dicts(), days), lambda group: group.name), categories)
    return Features(source, scope, tuple(groups), table)


def _by_event(runner: Runner, source: FeatureSource) -> FeatureSource:
    """Each event as a feature, without PostHog's own, where nobody has ``source.event``; raises as that does."""
    own = tuple(name for name in known_events(runner) if not name.startswith("$"))
    if not own:
        require_steps(runner, [step_of(runner, require_role("feature_used", source.event))])
    return replace(source, events=own)


def _ask(runner: Runner, queries: Sequence[str], source: FeatureSource, scope: Scope) -> list[Table]:
    events = source.events or events_of(runner, source.event)
    if not events:
        raise UsageError("a use of a feature is an event with a name", "--event takes one, and a|b is either")
    own = {
        "event": list(events),
        "property": source.named_by or _NO_PROPERTY,
        "category": source.category_by,
        "duration": source.seconds_by,
    }
    params = {query: runner.library[query].params for query in queries}
    return answers(runner, [(name, scope, {key: own[key] for key in own if key in params[name]}) for name in queries])


_NO_PROPERTY = "usertrack_no_property"  # no event has it, so that each event is a feature by its own name
Rows = Sequence[NamedRow]
Sets = Mapping[tuple[str, str, int], int]
"""How many people, by feature ('' is everybody), kind and number, as `posthog/features` has them."""


@dataclass(frozen=True)
class _Days:
    """The rows of days: ``people`` as those of periods, and ``uses``."""

    scope: Scope
    people: Rows
    uses: Rows

    @property
    def complete(self) -> list[int]:
        """The numbers of the days that are over, and wholly in the window."""
        starts = enumerate(self.scope.starts)
        return [at for at, start in starts if self.scope.finished[at] and start.astimezone(UTC) >= self.scope.since]


def _groups(source: FeatureSource, scope: Scope, people: Rows, days: _Days) -> Iterator[FeatureGroup]:
    ranks = {row["group_value"]: int(row["group_rank"]) for row in people if row["group_rank"] != scope.rank_of_others}
    for rank in sorted({*ranks.values(), *(int(row["group_rank"]) for row in people)}) or [1]:
        value = next((value for value, at in ranks.items() if at == rank), None)
        own = _Days(
            days.scope,
            [row for row in days.people if row["group_rank"] == rank],
            [row for row in days.uses if ranks.get(row["group_value"], scope.rank_of_others) == rank or not ranks],
        )
        of_rank = [row for row in people if row["group_rank"] == rank]
        sets, of_days = _sets(of_rank), _sets(own.people)
        by_name: dict[str, list[NamedRow]] = {}
        for row in own.uses:
            by_name.setdefault(row["feature"], []).append(row)
        plan, features = source.plan, []
        for feature_name, rows in by_name.items():
            timed, uses = (sum(int(row[column]) for row in rows) for column in ("timed", "uses"))
            latest_first = sorted(rows, key=lambda row: row["last_at"], reverse=True)
            periods = tuple(sets.get((feature_name, "period", at), 0) for at in range(len(scope.starts)))
            pairs = [at for at in range(len(periods) - 1) if scope.finished[at + 1]]
            feature = Feature(
                name=feature_name,
                category=plan.get(feature_name)
                or next((row["category"] for row in latest_first if row["category"]), ""),
                uses=uses,
                people=sets.get((feature_name, "all", 0), 0),
                active=sets.get(("", "all", 0), 0),
                seconds=sum(row["seconds"] for row in rows) / timed if timed else None,
                timed=timed,
                # who is in both of two sets: those in one, and those in the other, less those in either
                returned=sum(periods[at] + periods[at + 1] - sets.get((feature_name, "pair", at), 0) for at in pairs),
                could_return=sum(periods[at] for at in pairs),
                last_at=latest_first[0]["last_at"],
                periods=periods,
            )
            features.append(_with_trends(feature, rows, of_days, own.complete) if feature.uses else feature)
        features.sort(key=lambda feature: (-feature.uses, feature.name))
        never = [Feature(feature, category) for feature, category in plan.items() if feature not in by_name]
        yield FeatureGroup(
            scope.group_name(rank, value),
            sets.get(("", "all", 0), 0),
            tuple(sets.get(("", "period", at), 0) for at in range(len(scope.starts))),
            tuple(feature for feature in features if feature.uses),
            (*(feature for feature in features if not feature.uses), *never),
        )


def _sets(people: Rows) -> Sets:
    return {(row["feature"], row["kind"], int(row["at"])): int(row["people"]) for row in people}


def _with_trends(feature: Feature, rows: Rows, of_days: Sets, days: Sequence[int]) -> Feature:
    """A day without anybody active has no share."""
    uses: Counter[int] = Counter()
    for row in rows:
        if row["day"] is not None:
            uses[int(row["day"])] += int(row["uses"])
    active = [of_days.get(("", "period", day), 0) for day in days]
    shares = [
        of_days.get((feature.name, "period", day), 0) / people if people else None
        for day, people in zip(days, active, strict=True)
    ]
    return replace(feature, trend=by_weekday(shares), uses_trend=by_weekday([uses[day] for day in days]))


def _only(groups: Sequence[FeatureGroup], categories: Sequence[str]) -> Iterator[FeatureGroup]:
    present = {feature.category for group in groups for feature in (*group.features, *group.unused)}
    for category in categories:
        if category not in present:
            known = sorted(filter(None, present))
            hint = did_you_mean(category, known, f"there are {', '.join(known)}" if known else "there are none at all")
            raise UsageError(f"no feature is of the category '{category}'", hint)
    for group in groups:
        features, unused = (
            tuple(feature for feature in candidates if not categories or feature.category in categories)
            for candidates in (group.features, group.unused)
        )
        yield replace(group, features=features, unused=unused)
