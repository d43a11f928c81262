"""Churn by whole days: who left, after how long, who is likely to leave, and a back-test of that forecast."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from usertrack.core.errors import UsageError
from usertrack.core.source_names import POSTGRES
from usertrack.core.stats import UNKNOWN, ConfidenceInterval, difference
from usertrack.core.survival import Survival, kaplan_meier
from usertrack.core.table import NamedRow, Table
from usertrack.core.words import plural
from usertrack.engine.runner import Runner
from usertrack.product.ask import answer
from usertrack.product.events import events_of, require_events
from usertrack.product.scope import GroupName, Scope, values_first
from usertrack.product.shares import Share, ShareBucket

LIKELY = 0.5
"""People of a segment are likely to leave where at least this share of it left in the past."""
FEWEST = 10
"""A segment with fewer people in the past has no forecast."""
MOST_PERIODS = 12  # of 30 days: a year

Rows = Sequence[NamedRow]
Segment = tuple[int, int]
"""How regular people were (1 to 3) and how silent they are (0 to 2), as `posthog/churn` has it."""


@dataclass(frozen=True)
class ChurnPeriod:
    """Counts of people active in the ``gone`` days before ``start`` who were not active from it up to ``end``.

    Both are local midnights, aware.
    """

    start: datetime
    end: datetime
    left: Share


@dataclass(frozen=True)
class Mark:
    """A fact about people, and which share has it, in one group and in the others. ``event`` is '' for being new."""

    event: str
    share: Share
    other_share: Share

    @property
    def change(self) -> float:
        return (self.share.value or 0.0) - (self.other_share.value or 0.0)

    @property
    def interval(self) -> ConfidenceInterval:
        """The confidence interval of ``change`` (Newcombe 1998)."""
        if not self.share.n or not self.other_share.n:
            return UNKNOWN
        return difference(
            self.share.value or 0.0, self.share.interval, self.other_share.value or 0.0, self.other_share.interval
        )

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out 0."""
        low, high = self.interval.low, self.interval.high
        return (low is not None and low > 0) or (high is not None and high < 0)


@dataclass(frozen=True)
class Risk:
    """``people`` are in the segment now; ``past`` of those in it a period ago left. ``marks``: strongest first."""

    segment: Segment
    people: int
    past: Share
    marks: tuple[Mark, ...] = ()

    @property
    def likely(self) -> bool | None:
        """Whether they are likely to leave; None where the past has too few people to say."""
        return _likely(self.past)


@dataclass(frozen=True)
class ChurnBackTest:
    """The forecast as it was before the last period, and what then happened.

    ``precision``: who left, of those it named. ``recall``: who was named, of those who left. ``base``: who left, of
    all. The trivial rule, which learns nothing, names whoever was silent for half of the period.
    """

    precision: Share
    recall: Share
    base: Share
    trivial_precision: Share
    trivial_recall: Share


@dataclass(frozen=True)
class ChurnGroup:
    """The churn of one value of the breakdown; ``name`` is empty without one. ``periods`` are over, the oldest first.

    ``trend`` has every bucket of the scope: how many left in it, of those who were active; empty where no trend was
    requested. ``too_new`` people came in the last ``gone`` days.
    """

    name: GroupName
    lifetime: Survival
    periods: tuple[ChurnPeriod, ...]
    trend: tuple[ShareBucket, ...] = ()
    too_new: int = 0


@dataclass(frozen=True)
class Churn:
    """Churn by ``gone`` whole days without an event. Risks, marks and back-test are of all groups together.

    ``test`` is None where the history is shorter than three times ``gone``. ``paid`` are periods of paying accounts,
    which leave by the company's own word.
    """

    event: str
    gone: int
    scope: Scope
    groups: tuple[ChurnGroup, ...]
    risks: tuple[Risk, ...]
    marks: tuple[Mark, ...]
    test: ChurnBackTest | None
    table: Table
    paid: tuple[ChurnPeriod, ...] = ()


def ask(runner: Runner, event: str, gone: int, scope: Scope, *, trend: bool = False) -> Churn:
    """Raises UsageError for an event that never occurred, and for a time in which nobody can have left.

    With ``trend`` for buckets of hours, too: to leave takes whole days. Where nobody chose whom to count and most
    people are anonymous, who come once and make the rate, identified people are counted.
    """
    if trend and scope.interval == "hour":
        raise UsageError("churn is counted by whole days", "--interval takes day, week and month")
    days = (_midnight(scope) - scope.since.astimezone(ZoneInfo(scope.timezone))).days
    if days <= gone:
        raise UsageError(
            f"the time has {plural(max(0, days), 'whole day')}, and to have left takes {gone} without an event",
            "begin earlier with --since or --days, or say --gone with fewer days",
        )
    if scope.is_usual and scope.counted == "all" and _mostly_anonymous(runner, scope):
        scope = replace(scope, population="identified")
    table = _ask(runner, "posthog/lifetimes", event, gone, scope)
    if not len(table.rows) and len(events := events_of(runner, event)) == 1:
        require_events(runner, events)
    periods = min(MOST_PERIODS, days // gone)
    past = _ask(runner, "posthog/churn", event, gone, scope, periods=periods)
    by_bucket = _ask(runner, "posthog/churn_trend", event, gone, scope).dicts() if trend else None
    facts = _ask(runner, "posthog/churn_marks", event, gone, scope).dicts()
    # The rows of the present, and of periods that the history holds from their first day on.
    rows = past.dicts()
    oldest = max((int(row["oldest"]) for row in rows), default=0)
    cells = [row for row in rows if not row["period"] or (int(row["period"]) + 1) * gone <= oldest]
    return Churn(
        event,
        gone,
        scope,
        tuple(values_first(_groups(table.dicts(), cells, by_bucket, gone, scope), lambda group: group.name)),
        tuple(_risks(cells, facts)),
        tuple(_marks(_people_by_event(facts, "left"), _people_by_event(facts, "stayed"))),
        _back_test(cells),
        table,
        _paid(runner, gone, scope, periods),
    )


def _paid(runner: Runner, gone: int, scope: Scope, periods: int) -> tuple[ChurnPeriod, ...]:
    """Return the periods in which accounts paid; none for a part of the people, or where no account says when."""
    if scope.where or scope.user or scope.breakdown or scope.people is not None:
        return ()
    values = {"gone": gone, "periods": periods, "until": _midnight(scope)}
    [paid] = runner.run([runner.bind(f"{POSTGRES}/paid_churn", values)])
    return tuple(_periods(paid.dicts(), gone, scope)) if isinstance(paid, Table) else ()


def _ask(runner: Runner, query: str, event: str, gone: int, scope: Scope, **more: int) -> Table:
    """Nothing after the runner's moment is asked for: days to come are no silence."""
    return answer(runner, query, scope, event=list(events_of(runner, event) or ("",)), gone=gone, **more)


def _mostly_anonymous(runner: Runner, scope: Scope) -> bool:
    """Whether fewer than half of the people are identified, and some are."""
    ((people, identified),) = answer(runner, "posthog/identified_people", scope).rows
    return bool(0 < 2 * identified < people)


def _midnight(scope: Scope) -> datetime:
    """The end of the last whole day: local, and aware."""
    last = scope.end.astimezone(ZoneInfo(scope.timezone))
    return datetime.combine(last.date(), time(), last.tzinfo)


def _groups(lifetimes: Rows, cells: Rows, by_bucket: Rows | None, gone: int, scope: Scope) -> Iterator[ChurnGroup]:
    names = {int(row["group_rank"]): row["group_value"] for row in (*lifetimes, *cells, *(by_bucket or ()))}
    for rank, value in sorted(names.items()) or [(1, None)]:
        lives, own, buckets = (
            [row for row in rows if row["group_rank"] == rank] for rows in (lifetimes, cells, by_bucket or ())
        )
        outcomes: Counter[str] = Counter()
        for row in lives:
            outcomes[row["outcome"]] += int(row["people"])
        counts = Counter({(row["outcome"], int(row["days"])): int(row["people"]) for row in lives})
        days = sorted({days for outcome, days in counts if outcome in ("ended", "censored")})
        yield ChurnGroup(
            scope.group_name(rank, value),
            kaplan_meier([(day, counts["ended", day], counts["censored", day]) for day in days]),
            tuple(_periods(own, gone, scope)),
            () if by_bucket is None else _trend(buckets, gone, scope),
            outcomes["too_new"],
        )


def _trend(rows: Rows, gone: int, scope: Scope) -> tuple[ShareBucket, ...]:
    counts = {int(row["bucket"]): Share(int(row["left_after"]), int(row["people"])) for row in rows}
    known = _midnight(scope).date() - timedelta(days=gone)
    return tuple(
        ShareBucket(start, counts.get(at, Share()), finished=scope.step(start).date() <= known)
        for at, start in enumerate(scope.starts)
    )


def _periods(rows: Rows, gone: int, scope: Scope) -> Iterator[ChurnPeriod]:
    end = _midnight(scope)
    for past in sorted({int(row["period"]) for row in rows} - {0}, reverse=True):
        own = [row for row in rows if row["period"] == past]
        bounds = (end.date() - timedelta(days=gone * back) for back in (past, past - 1))
        first, last = (datetime.combine(day, time(), end.tzinfo) for day in bounds)
        yield ChurnPeriod(first, last, _left(own))


def _left(rows: Rows) -> Share:
    return Share(sum(int(row["left_after"]) for row in rows), sum(int(row["people"]) for row in rows))


def _by_segment(cells: Rows, past: int) -> dict[Segment, Share]:
    own = [row for row in cells if row["period"] == past]
    segments = sorted({(int(row["regular"]), int(row["silent"])) for row in own})
    return {segment: _left([row for row in own if (row["regular"], row["silent"]) == segment]) for segment in segments}


def _likely(past: Share) -> bool | None:
    return None if past.n < FEWEST or past.value is None else past.value >= LIKELY


def _back_test(cells: Rows) -> ChurnBackTest | None:
    """The risks of two periods ago, applied to the people of one period ago."""
    learnt, then = _by_segment(cells, 2), _by_segment(cells, 1)
    if not learnt or not then:
        return None
    named = [left for segment, left in then.items() if _likely(learnt.get(segment, Share()))]
    silent = [left for (_, silence), left in then.items() if silence == _SILENT_FOR_HALF]
    base = Share(sum(left.hits for left in then.values()), sum(left.n for left in then.values()))

    def proven(rule: Sequence[Share]) -> tuple[Share, Share]:
        hits = sum(left.hits for left in rule)
        return Share(hits, sum(left.n for left in rule)), Share(hits, base.hits)

    (precision, recall), (trivial_precision, trivial_recall) = proven(named), proven(silent)
    return ChurnBackTest(precision, recall, base, trivial_precision, trivial_recall)


_SILENT_FOR_HALF = 2  # as posthog/churn numbers silence


def _risks(cells: Rows, facts: Rows) -> Iterator[Risk]:
    now, past = _by_segment(cells, 0), _by_segment(cells, 1)
    for segment in sorted({*now, *past}):
        own = [row for row in facts if (row["regular"], row["silent"]) == segment]
        rest = [row for row in facts if (row["regular"], row["silent"]) != segment]
        marks = _marks(_people_by_event(own), _people_by_event(rest))
        yield Risk(segment, now.get(segment, Share()).n, past.get(segment, Share()), tuple(marks))


def _people_by_event(rows: Rows, column: str = "people") -> tuple[Counter[str], int]:
    """Count the people who did each event, or are new (''), and all people."""
    counts: Counter[str] = Counter()
    for row in rows:
        if row["event"] or row["came_new"]:
            counts[str(row["event"])] += _count(row, column)
    return counts, sum(_count(row, column) for row in rows if not row["event"])


def _count(row: NamedRow, column: str) -> int:
    left, people = int(row["left_after"]), int(row["people"])
    return {"people": people, "left": left, "stayed": people - left}[column]


def _marks(counts: tuple[Counter[str], int], other_counts: tuple[Counter[str], int]) -> list[Mark]:
    """The facts whose shares differ significantly, the largest difference first."""
    marks = [
        Mark(fact, Share(counts[0][fact], counts[1]), Share(other_counts[0][fact], other_counts[1]))
        for fact in {**counts[0], **other_counts[0]}
    ]
    return sorted((mark for mark in marks if mark.significant), key=lambda mark: (-abs(mark.change), mark.event))
