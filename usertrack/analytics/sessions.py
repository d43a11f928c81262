"""Sessions as PostHog defines them: the events of one ``$session_id``. A session belongs to where it began."""

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
    """The sessions of the window, of the one as long ``before`` it, and of each day that had any, counted from 0."""

    now: Visits
    before: Visits
    days: Mapping[int, Visits]


@dataclass(frozen=True)
class Sessions:
    """``all`` of them, and ``by`` what they are told apart by: the breakdown, if there is one, and TRAITS.

    Each has its values by name, the most frequent first: ``(none)`` has none, ``all others`` is the rest.
    What no session has at all is left out; ``absent`` are those of TRAITS. ``by_value`` is the answer of the breakdown.
    """

    frame: Frame
    all: Compared
    by: Mapping[str, Mapping[str, Compared]]
    table: Table
    by_value: Table | None = None
    absent: tuple[str, ...] = ()


def sessions_asked(frame: Frame) -> tuple[str, dict[str, Any]]:
    """The query and its values for `compared`."""
    before = frame.since - (frame.until - frame.since)
    times = {"since": frame.since, "before": before, "until": frame.until}
    return "posthog/sessions", {**narrowed(frame), **grouping(frame), **times}


def compared(rows: Sequence[Mapping[str, Any]]) -> Compared:
    """The sessions of one group, from the rows of the query."""
    whole = {int(row["period"]): _visits(row) for row in rows if row["day"] is None}
    days = {int(row["day"]): _visits(row) for row in rows if row["period"] == 1 and row["day"] is not None}
    return Compared(whole.get(1, Visits()), whole.get(0, Visits()), days)


def ask(runner: Runner, frame: Frame) -> Sessions:
    """Everything about the sessions of the window, in one go."""
    frames = {label: replace(frame, breakdown=name, top=max(frame.top, 10)) for label, name in TRAITS.items()}
    if frame.breakdown:
        frames = {frame.breakdown: frame, **frames}
    asked = [sessions_asked(one) for one in (replace(frame, breakdown=""), *frames.values())]
    whole, *tables = answers(runner, asked, typed=2 if frame.breakdown else 1)
    absent = tuple(label for label, table in zip(frames, tables, strict=True) if label in TRAITS and one_group(table))
    by = {
        label: {name: compared(rows) for name, rows in groups(table, one) if rows}
        for (label, one), table in zip(frames.items(), tables, strict=True)
        if label not in absent
    }
    return Sessions(frame, compared(whole.dicts()), by, whole, tables[0] if frame.breakdown else None, absent)


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
