"""Lifecycle and stickiness as PostHog defines them: how active people are from period to period, and in how many."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from usertrack.analytics.asking import answer, require_events
from usertrack.analytics.frame import Frame
from usertrack.run import Runner
from usertrack.table import Table

STATES = ("new", "returning", "resurrecting", "dormant")


@dataclass(frozen=True)
class Period:
    """How many persons were in each of ``STATES``. While it is not over, nobody is known to be dormant."""

    start: datetime
    people: Mapping[str, int]
    unfinished: bool = False

    @property
    def active(self) -> int:
        return sum(self.people[state] for state in STATES[:3])


@dataclass(frozen=True)
class Lifecycle:
    """A list of periods for each value of the breakdown; its one name is empty without one."""

    event: str
    frame: Frame
    groups: Mapping[str, tuple[Period, ...]]
    table: Table


@dataclass(frozen=True)
class Stickiness:
    """``groups[name][n - 1]`` persons were active in exactly n of the periods; ``total`` periods there are."""

    event: str
    frame: Frame
    groups: Mapping[str, tuple[int, ...]]
    total: int
    table: Table


def ask_lifecycle(runner: Runner, event: str, frame: Frame) -> Lifecycle:
    """Raises UsageError for an event that never occurred."""
    starts = frame.starts
    before = frame.step(starts[0], -1).astimezone(UTC)
    table = _ask(runner, "posthog/lifecycle", event, frame, before=before)
    groups = {}
    for name, rows in _groups(table, frame):
        counts = Counter({(int(row["period"]), str(row["status"])): int(row["people"]) for row in rows})
        groups[name] = tuple(
            Period(start, {state: counts[at, state] for state in STATES}, frame.unfinished(start))
            for at, start in enumerate(starts)
        )
    return Lifecycle(event, frame, groups, table)


def ask_stickiness(runner: Runner, event: str, frame: Frame) -> Stickiness:
    """Raises UsageError for an event that never occurred."""
    total = len(frame.starts)
    table = _ask(runner, "posthog/stickiness", event, frame, since=frame.since)
    groups = {}
    for name, rows in _groups(table, frame):
        counts = Counter({int(row["periods"]): int(row["people"]) for row in rows})
        groups[name] = tuple(counts[n] for n in range(1, total + 1))
    return Stickiness(event, frame, groups, total, table)


def _ask(runner: Runner, query: str, event: str, frame: Frame, **more: datetime) -> Table:
    shared = {name: value for name, value in frame.values.items() if name != "since"}
    table = answer(runner, query, {**shared, **frame.bucketing, **more, "event": event})
    if event and "|" not in event and not len(table.rows):
        require_events(runner, [event])
    return table


def _groups(table: Table, frame: Frame) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
    rows = table.dicts()
    for rank in sorted({int(row["group_rank"]) for row in rows}) or [1]:
        of_rank = [row for row in rows if row["group_rank"] == rank]
        yield frame.group_name(rank, of_rank[0]["group_value"] if of_rank else None), of_rank
