"""Sessions as PostHog defines them: the events of one ``$session_id``. A session belongs to where it began.

It is whole or not there: a condition on events leaves the sessions that have one which fulfils it, as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from usertrack.analytics.asking import answers, grouping, groups, narrowed, one_group
from usertrack.analytics.frame import Frame
from usertrack.run import Runner
from usertrack.table import Table

LENGTHS = {
    "to_30s": "0-30s",
    "to_2m": "30s-2m",
    "to_5m": "2m-5m",
    "to_15m": "5m-15m",
    "to_30m": "15m-30m",
    "longer": "30m+",
}
"""The columns of the query, and what people call them; each is half-open."""

TRAITS = {"Device": "$device_type", "Browser": "$browser", "OS": "$os", "Country": "$geoip_country_code"}
"""What sessions are told apart by; the first value in a session is the whole session's."""


@dataclass(frozen=True)
class Visits:
    """``sessions`` of ``people``; ``mean`` and ``median`` are seconds, None without any. ``lengths``: as in LENGTHS.

    ``with_pageview`` of them have a pageview, which those that bounce are among.
    """

    sessions: int = 0
    people: int = 0
    mean: float | None = None
    median: float | None = None
    bounces: int = 0
    with_pageview: int = 0
    lengths: tuple[int, ...] = (0,) * len(LENGTHS)

    @property
    def per_person(self) -> float | None:
        return self.sessions / self.people if self.people else None

    @property
    def bounce_rate(self) -> float | None:
        return self.bounces / self.with_pageview if self.with_pageview else None

    @property
    def of_two_minutes(self) -> float | None:
        """The share that lasted two minutes or more."""
        return sum(self.lengths[2:]) / self.sessions if self.sessions else None


@dataclass(frozen=True)
class Compared:
    """The sessions of the window, as far as it is over, and of as long ``before`` it.

    ``buckets``: of each bucket of the frame that had any, counted from 0; empty where these were not asked for.
    """

    now: Visits
    before: Visits
    buckets: Mapping[int, Visits]


@dataclass(frozen=True)
class Sessions:
    """``all`` of them, and ``by`` what they are told apart by: the breakdown, if there is one, and TRAITS.

    Each has its values by name, the most frequent first: ``(none)`` has none, ``all others`` is the rest.
    What no session has at all is left out; ``absent`` are those of TRAITS.
    ``in_buckets``: all sessions and those of the breakdown have their buckets.
    """

    frame: Frame
    all: Compared
    by: Mapping[str, Mapping[str, Compared]]
    table: Table
    absent: tuple[str, ...] = ()
    in_buckets: bool = False


def sessions_asked(frame: Frame, *, buckets: bool = True) -> tuple[str, dict[str, Any]]:
    """The query and its values for `compared`."""
    times = {"since": frame.since, "before": frame.since - frame.elapsed, "until": frame.end}
    return "posthog/sessions", {**narrowed(frame), **grouping(frame), **frame.bucketing, **times, "buckets": buckets}


def compared(rows: Sequence[Mapping[str, Any]]) -> Compared:
    """The sessions of one group, from the rows of the query."""
    whole = {int(row["period"]): _visits(row) for row in rows if row["bucket"] is None}
    buckets = {int(row["bucket"]): _visits(row) for row in rows if row["bucket"] is not None}
    return Compared(whole.get(1, Visits()), whole.get(0, Visits()), buckets)


def ask(runner: Runner, asked: Frame, *, buckets: bool = False) -> Sessions:
    """Everything about the sessions of the window, in one go; with ``buckets`` from the start of one on."""
    frame = asked.whole if buckets else asked
    frames = {label: replace(frame, breakdown=name, top=max(frame.top, 10)) for label, name in TRAITS.items()}
    if frame.breakdown:
        frames = {frame.breakdown: frame, **frames}
    wanted = [
        sessions_asked(replace(frame, breakdown=""), buckets=buckets),
        *(sessions_asked(one, buckets=buckets and label not in TRAITS) for label, one in frames.items()),
    ]
    whole, *tables = answers(runner, wanted, typed=2 if frame.breakdown else 1)
    absent = tuple(label for label, table in zip(frames, tables, strict=True) if label in TRAITS and one_group(table))
    by = {
        label: {name: compared(rows) for name, rows in groups(table, one) if rows}
        for (label, one), table in zip(frames.items(), tables, strict=True)
        if label not in absent
    }
    return Sessions(frame, compared(whole.dicts()), by, whole, absent, buckets)


def _visits(row: Mapping[str, Any]) -> Visits:
    return Visits(
        int(row["sessions"]),
        int(row["people"]),
        float(row["mean_seconds"]),
        float(row["median_seconds"]),
        int(row["bounces"]),
        int(row["with_pageview"]),
        tuple(int(row[name]) for name in LENGTHS),
    )
