"""The scope of an analysis: its window, interval, people, events and breakdown. Windows are half-open, buckets local.

The buckets of a scope are counted from its first one, in SQL and in Python alike: bucket 0 holds ``since``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from math import ceil
from typing import Any, Literal, Self, TypeVar, get_args
from zoneinfo import ZoneInfo

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.period import after, as_stored, span
from usertrack.core.words import number, plural
from usertrack.library.sql import quoted

Interval = Literal["hour", "day", "week", "month"]
WeekStart = Literal["monday", "sunday"]
Population = Literal["all", "identified"]
"""Whom an analysis counts: everybody, anonymous visitors too, or only people who are identified."""

MOST_PEOPLE = 50_000
"""The largest segment that fits into one query: ClickHouse behind PostHog takes 4 MB of SQL."""

MOST_EMBEDDED = 500_000
"""The same for the embedded server, which takes requests of 20 MB."""

MOST_BUCKETS = 10_000  # more than the 8 784 hours of a leap year

TOP = 5
"""How many values of a breakdown have a group of their own, unless `--top` says otherwise."""


ANYBODY = "everybody, anonymous visitors too"
"""Who is counted by default."""


class GroupName(str):
    """The name of a group of the breakdown. The value ``(none)`` is not the group without a value: ``kind`` differs."""

    __slots__ = ("kind",)
    kind: Literal["everybody", "value", "none", "others"]

    def __new__(cls, text: str, kind: Literal["everybody", "value", "none", "others"]) -> Self:
        name = super().__new__(cls, text)
        name.kind = kind
        return name

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) and getattr(other, "kind", self.kind) == self.kind

    __hash__ = str.__hash__

    @property
    def written(self) -> str:
        """The name for people: a value that could be taken for another group is in quotes."""
        return f'"{self}"' if self.kind == "value" and str(self) in (NONE, ALL_OTHERS) else str(self)

    @property
    def columns(self) -> dict[str, str | None]:
        """The name in files: a group without a value has None, and ``group`` is the kind."""
        return {"breakdown": str(self) if self.kind in ("value", "others") else None, "group": self.kind}


Grouped = TypeVar("Grouped")


def values_first(groups: Iterable[Grouped], name: Callable[[Grouped], GroupName]) -> list[Grouped]:
    """``groups`` as ranked, but who has no value, and all others, come last: they win no ranking of values."""
    return sorted(groups, key=lambda group: ("value", "everybody", "none", "others").index(name(group).kind))


NONE, ALL_OTHERS = "(none)", "all others"
JOINT = " × "
"""Between the properties of a breakdown, and between their values."""
EVERYBODY = GroupName("", "everybody")


@dataclass(frozen=True)
class User:
    """The one user that an analysis is about, by the name that was typed, with their persons in PostHog.

    ``emails`` are normalised; an anonymous visitor has none.
    """

    name: str
    persons: tuple[str, ...]
    emails: frozenset[str]


@dataclass(frozen=True)
class Scope:
    """``since``, ``until`` and ``as_of`` are UTC; the window is ``since <= t < until``, whatever the ``interval``.

    ``where`` is a HogQL condition on events. ``people`` are the normalised e-mails of ``segment``, None for everybody
    of the ``population``.
    ``breakdown`` is a property of events, or ``person.`` and one of persons, ``session.`` and a field of sessions, or
    ``cohort.`` and a name; several are joined by ``JOINT``. ``top`` values of it have a group each.
    ``widened``: the window was moved back to the start of a bucket. ``is_usual``: nobody chose the ``population``.
    """

    since: datetime
    until: datetime
    as_of: datetime
    interval: Interval = "day"
    timezone: str = "UTC"
    week_start: WeekStart = "monday"
    where: str = ""
    segment: str = ""
    people: tuple[str, ...] | None = field(default=None, repr=False)
    most_people: int = MOST_PEOPLE
    breakdown: str = ""
    top: int = TOP
    widened: bool = False
    population: Population = "all"
    is_usual: bool = False
    user: User | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for a window that holds no time, too many buckets, or too many people."""
        if self.until == after(self.as_of):
            self._require_begun()
        if self.since >= self.until:
            order = "before" if self.since > self.until else "when"
            raise UsageError(
                f"the time ends ({self._written(self.until)}) {order} it begins ({self._written(self.since)})",
                "--since comes before --until",
            )
        if self.people is not None and len(self.people) > self.most_people:
            raise UsageError(
                f"segment '{self.segment}' has {number(len(self.people))} people, and one query takes "
                f"{number(self.most_people)}",
                f"`usertrack push {self.segment} --to posthog-cohort --name big` makes it a cohort,"
                " which --where \"person_id IN COHORT 'big'\" is about",
            )
        if (self.until - self.since) / _SHORTEST[self.interval] > MOST_BUCKETS:
            raise UsageError(f"that is more than {number(MOST_BUCKETS)} {self.interval}s", "choose a longer --interval")

    def _written(self, moment: datetime) -> str:
        return f"{moment.astimezone(ZoneInfo(self.timezone)):%Y-%m-%d %H:%M}"

    def _require_begun(self) -> None:
        if self.since >= self._known:
            message = f"this time is yet to come: it begins {self._written(self.since)}"
            raise UsageError(message, "begin in the past with --since, --days or --periods")

    @property
    def _known(self) -> datetime:
        return min(self.until, after(self.as_of))

    @property
    def end(self) -> datetime:
        """The end of the known part of the window, half-open: a day that ends with ``as_of`` is over.

        Raises UsageError for a window in the future.
        """
        self._require_begun()
        return self._known

    @property
    def elapsed(self) -> timedelta:
        """The part of the window that is over. The period before, for comparison, is as long."""
        return self.end - self.since

    @property
    def widened_to_buckets(self) -> "Scope":
        """Return the scope from the start of the bucket that holds ``since``. Raises UsageError for a future window."""
        self._require_begun()
        since = self.floor(self.since).astimezone(UTC)
        return replace(self, since=since, widened=self.widened or since < self.since)

    def last(self, count: int) -> "Scope":
        """Return the scope of the last ``count`` buckets that have begun, wherever the window begins."""
        start = self.floor(self._known - timedelta(microseconds=1))
        return replace(self, since=self.step(start, 1 - count).astimezone(UTC))

    @cached_property
    def starts(self) -> list[datetime]:
        """The starts of the buckets that have begun, as aware local times; the first may be before ``since``."""
        moments, moment, end = [], self.floor(self.since), self.end
        while moment.astimezone(UTC) < end:
            moments.append(moment)
            moment = self.step(moment)
        return moments

    @cached_property
    def finished(self) -> list[bool]:
        """For each bucket, whether it is over: the opposite of `unfinished`."""
        return [not self.unfinished(start) for start in self.starts]

    def floor(self, moment: datetime) -> datetime:
        """The start of the bucket that holds ``moment``."""
        zone = ZoneInfo(self.timezone)
        local = moment.astimezone(zone)
        if self.interval == "hour":  # in elapsed time, whatever the clocks did
            past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            return (moment.astimezone(UTC) - past).astimezone(zone)
        day = local.date()
        if self.interval == "week":
            day -= timedelta(days=(day.weekday() + (self.week_start == "sunday")) % 7)
        elif self.interval == "month":
            day = day.replace(day=1)
        return datetime.combine(day, time(), zone)

    def step(self, start: datetime, count: int = 1) -> datetime:
        """The start of the bucket ``count`` after the one that begins at ``start``; days are calendar days."""
        if self.interval == "hour":  # a day may have 23 or 25
            return (start.astimezone(UTC) + timedelta(hours=count)).astimezone(start.tzinfo)
        return datetime.combine(_later(start.date(), self.interval, count), time(), start.tzinfo)

    def reaching(self, seconds: int, count: int) -> int:
        """Return how many last buckets to take so that ``count`` of them ended at least ``seconds`` ago."""
        return count + ceil(timedelta(seconds=seconds) / _SHORTEST[self.interval])

    def unfinished(self, start: datetime) -> bool:
        """Whether the bucket that begins at ``start`` is not over at ``as_of``, or cut off by ``until``."""
        return self.step(start).astimezone(UTC) > self.end

    def stored(self, start: datetime) -> date | datetime:
        """Return the bucket that begins at ``start`` as files hold it: a local date, or for an hour the UTC time."""
        return as_stored(start) if self.interval == "hour" else start.date()

    @property
    def bucket_type(self) -> str:
        """The type of what `stored` returns."""
        return "TIMESTAMP" if self.interval == "hour" else "DATE"

    def label(self, start: datetime) -> str:
        """``28 Sep``, ``28 Sep 14:00``, ``Sep 2026``; with the year where it is not that of ``as_of``."""
        year = "" if start.year == self.as_of.astimezone(start.tzinfo).year else f" {start.year}"
        if self.interval == "month":
            return f"{start:%b} {start.year}"
        return f"{start.day} {start:%b}{year}" + (f"{start: %H:%M}" if self.interval == "hour" else "")

    @property
    def window(self) -> str:
        """The window in words: ``1 Oct – 31 Oct 2026``."""
        zone = ZoneInfo(self.timezone)
        first, last = self.since.astimezone(zone), self.until.astimezone(zone)
        exact = last.time() != time()
        end = last if exact else last - timedelta(days=1)
        begin = f"{first.day} {first:%b}" + (f" {first.year}" if first.year != end.year else "")
        begin += f"{first: %H:%M}" if first.time() != time() else ""
        return f"{begin} – {end.day} {end:%b} {end.year}" + (f"{end: %H:%M}" if exact else "")

    @property
    def notes(self) -> list[str]:
        """Notes on the window: that it was widened, or lies partly in the future."""
        widened = f"whole {self.interval}s are counted: from {self.label(self.starts[0])} on" if self.widened else ""
        return [*([widened] if widened else []), *([to_come] if (to_come := self._to_come) else [])]

    @property
    def _to_come(self) -> str:
        """The days of the window, or hours with hourly buckets, that have not begun, in words."""
        zone, moment = ZoneInfo(self.timezone), timedelta(microseconds=1)
        now, last = ((end - moment).astimezone(zone) for end in (self.end, self.until))
        count = (last.date() - now.date()).days
        if self.interval == "hour":
            count = (self.floor(last).astimezone(UTC) - self.floor(now).astimezone(UTC)) // timedelta(hours=1)
        count_text = plural(count, "hour" if self.interval == "hour" else "day")
        return f"{count_text} of this time {'are' if count > 1 else 'is'} yet to come" if count else ""

    @property
    def conditions(self) -> list[str]:
        """The people who are counted, the condition and the timezone, for a subtitle."""
        return [self.counted_people, *([f"where {self.where}"] if self.where else []), self.timezone]

    @property
    def counted(self) -> Population:
        """The population that is counted. People in a segment have an e-mail, so they are identified."""
        return self.population if self.people is None else "identified"

    @property
    def counted_people(self) -> str:
        """Return words for the population that is counted."""
        if self.user:
            return f"{self.user.name} alone"
        if self.segment:
            return f"segment {self.segment}"
        return "identified people" if self.counted == "identified" else ANYBODY

    @property
    def weeks(self) -> list[str]:
        """On which day weeks start, for a subtitle; empty for other intervals."""
        return [f"weeks start {self.week_start.capitalize()}"] if self.interval == "week" else []

    def as_dict(self) -> dict[str, object]:
        """The scope for a command's JSON."""
        return {
            "since": self.since,
            "until": self.until,
            "interval": self.interval,
            "week_start": self.week_start,
            "timezone": self.timezone,
            "counted": self.counted,
            "segment": self.segment or None,
            "where": self.where or None,
            "breakdown": self.breakdown or None,
        }

    @property
    def rank_of_others(self) -> int:
        """The rank of all values that are not among the ``top``, as the fragment `group_columns` has it."""
        return self.top + 1

    def group_name(self, rank: int, value: object) -> GroupName:
        """The name of the group at ``rank`` (from 1) of the breakdown; empty without a breakdown.

        After the ``top`` values come all others, and after these who has no value.
        """
        if not self.breakdown:
            return EVERYBODY
        if rank == self.rank_of_others:
            return GroupName(ALL_OTHERS, "others")
        return GroupName(NONE, "none") if value is None else GroupName(str(value), "value")

    @property
    def of_bucket(self) -> str:
        """The heading of a column of buckets."""
        return "Day" if self.interval == "day" else f"{self.interval.capitalize()} of"

    def axis(self, starts: Sequence[datetime]) -> list[str] | list[date]:
        """The x axis of a chart: dates for days, labels for all other buckets."""
        if self.interval == "day":
            return [start.date() for start in starts]
        return [self.label(start) for start in starts]

    def heading(self, name: GroupName) -> str:
        """The heading of a group; empty without a breakdown."""
        return f"{self.breakdown} = {name.written}" if self.breakdown else ""

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters that queries take from a scope. ``people`` of [''] means everybody who is identified."""
        of_person = len(self.breakdowns) == 1 and self.breakdown.startswith("person.")
        return {
            "since": self.since,
            "until": self.end,
            "where": self.condition,
            "everyone": self.counted == "all",
            "people": [""] if self.people is None else list(self.people or (NOBODY,)),
            "grouped": bool(self.breakdown),
            "group_of": self.group_of,
            "of_person": of_person,
            "person_property": self.breakdown.removeprefix("person.") if of_person else "",
            "top": self.top,
            "interval": self.interval,
            "sundays": self.interval == "week" and self.week_start == "sunday",
            "origin": self.floor(self.since).astimezone(UTC),
        }

    @property
    def breakdowns(self) -> tuple[str, ...]:
        """The properties of the breakdown, by the names that `group_of` takes."""
        return tuple(self.breakdown.split(JOINT)) if self.breakdown else ()

    @property
    def group_of(self) -> str:
        """The value of the breakdown of an event, in HogQL; without one an empty text, for which nothing is read.

        Of several properties the values stand side by side, and nothing is there only where all are missing.
        """
        values = [_value_of(name) for name in self.breakdowns]
        if len(values) < 2:
            return values[0] if values else "''"
        texts = [f"ifNull(nullIf(toString({value}), ''), '{NONE}')" for value in values]
        nothing = JOINT.join([NONE] * len(texts))
        joint = f", '{JOINT}', "
        return f"nullIf(concat({joint.join(texts)}), '{nothing}')"

    @property
    def condition(self) -> str:
        """The condition on events: ``where``, and that they are of ``user``."""
        if not self.user:
            return self.where or "true"
        persons = ", ".join(f"'{person}'" for person in self.user.persons)
        return f"({self.where or 'true'}) AND toString(person_id) IN ({persons})"


NOBODY = "usertrack_nobody"  # in the place of e-mails, for an empty segment
_SHORTEST: dict[Interval, timedelta] = dict(zip(get_args(Interval), map(timedelta, (1 / 24, 1, 7, 28)), strict=True))


_SESSION_FIELD, _GROUP = re.compile(r"session\.\$?\w+"), re.compile(r"\$group_[0-4]")


def is_property(breakdown: str) -> bool:
    """Whether a part of a breakdown is a property of events or of persons, and no field that PostHog computes."""
    return not (breakdown.startswith("cohort.") or _SESSION_FIELD.fullmatch(breakdown) or _GROUP.fullmatch(breakdown))


def _value_of(name: str) -> str:
    """The HogQL of a part of a breakdown."""
    kind, _, rest = name.partition(".")
    if is_property(name):
        return f"person.properties[{quoted(rest)}]" if kind == "person" else f"properties[{quoted(name)}]"
    if kind == "cohort":
        return f"if(person_id IN COHORT {quoted(rest)}, {quoted(rest)}, {quoted(f'not {rest}')})"
    return name


def _later(day: date, interval: Interval, count: int) -> date:
    if interval != "month":
        return day + timedelta(days=count * (7 if interval == "week" else 1))
    month = day.year * 12 + day.month - 1 + count
    return date(month // 12, month % 12 + 1, 1)


@dataclass(frozen=True)
class Range:
    """A range of time as it was typed; ``days`` are calendar days, and the last one is that of ``until``."""

    since: str | None = None
    until: str | None = None
    days: int | None = None

    def window(self, as_of: datetime, zone: str, days: int) -> tuple[datetime, datetime]:
        """The window in UTC: dates are whole local days, and without ``since`` it is ``days`` of them.

        Raises UsageError.
        """
        if self.since and self.days is not None:
            raise UsageError("--since and --days both say when it begins", "give one of them")
        until = after(as_of)
        if self.until:
            first, last = span(self.until, zone)
            until = first if first == last else after(last)
        if self.since:
            return span(self.since, zone)[0], until
        last_day = (until - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()
        begin = last_day - timedelta(days=(days if self.days is None else self.days) - 1)
        return datetime.combine(begin, time(), ZoneInfo(zone)).astimezone(UTC), until


def one_of(text: str, known: object, option: str) -> Any:  # noqa: ANN401
    """``text`` if it is one of the ``known`` words, else raises UsageError."""
    words = get_args(known)
    if text not in words:
        raise UsageError(f"{option} takes no '{text}'", did_you_mean(text, words, f"it takes {', '.join(words)}"))
    return text
