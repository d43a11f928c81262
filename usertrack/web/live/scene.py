"""The state of what is live at a moment: active people, alerts, the feed, and the view that a visitor chose."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count

from starlette.datastructures import QueryParams

from usertrack.core.errors import UsageError, UsertrackError
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.view import people_in_need
from usertrack.live.signals.active import ActivePerson
from usertrack.live.signals.occurrence import Occurrence

Facts = Mapping[str, object]

AWAY = timedelta(minutes=1)
"""Who did nothing for so long is away; after `ACTIVE` they are gone."""

WITHIN = {"30s": timedelta(seconds=30), "1m": timedelta(minutes=1)}
"""How long ago somebody did something at the most, by how the address bar has it."""


@dataclass(frozen=True)
class FeedLine:
    """One line of the feed: what somebody did, ``times`` in a row; ``number`` only grows."""

    number: int
    occurrence: Occurrence
    times: int = 1


@dataclass(frozen=True)
class Scene:
    """A live page at one moment.

    ``active`` are the latest first, ``feed`` too. ``facts`` knows what is known of a person, beside events, and
    ``history`` what somebody did whose page is open.

    ``events`` were counted so far, ``rate`` a second. ``has_begun``: the events of before
    were read. ``deaf_since``: who watches cannot read events. ``problem``: why this is not how it is now.
    """

    now: datetime
    active: Sequence[ActivePerson] = ()
    alerts: Sequence[Alert] = ()
    feed: Sequence[FeedLine] = ()
    facts: Callable[[str], Facts] = lambda person: {}
    history: Callable[[str], Sequence[Occurrence]] = lambda person: ()
    events: int = 0
    rate: float = 0.0
    is_watched: bool = True
    deaf_since: datetime | None = None
    has_begun: bool = True
    problem: UsertrackError | None = None

    @cached_property
    def listed(self) -> list[Alert]:
        """The alerts without those for which an incident stands."""
        return [alert for alert in self.alerts if not alert.incident]

    @cached_property
    def number_in_need(self) -> int:
        """The number of people in need, with those of incidents."""
        return people_in_need([alert for alert in self.listed if self.is_open(alert)])

    def is_open(self, alert: Alert) -> bool:
        """Whether nobody looks after it."""
        return not alert.acknowledged_at and not alert.is_snoozed(self.now)

    @cached_property
    def in_need(self) -> frozenset[str]:
        """The people of whom somebody should take care, and nobody has said so."""
        return frozenset(alert.person for alert in self.listed if alert.person and self.is_open(alert))


@dataclass(frozen=True)
class Choice:
    """Which active people somebody wants to see, and in which order."""

    tier: str = ""
    needs_help: bool = False
    within: str = ""
    latest_first: bool = False

    @classmethod
    def of(cls, query: QueryParams) -> "Choice":
        """Raises UsageError for what cannot be asked."""
        within, order, need = (query.get(name, "") for name in ("within", "sort", "need"))
        choices = (("within", within, [*WITHIN]), ("sort", order, ["active"]), ("need", need, ["help"]))
        for name, value, known in choices:
            if value and value not in known:
                hint = f"write `{name}={known[0]}`" if len(known) == 1 else f"known: {', '.join(known)}"
                raise UsageError(f"'{value[:50]}' is nothing that `{name}` can be", hint)
        return cls(query.get("tier", "")[:100], bool(need), within, bool(order))

    def people(self, scene: Scene) -> list[ActivePerson]:
        """Return the chosen people, the latest to come first: a row stays where it is while others come above it."""
        in_need = scene.in_need
        people = [
            person
            for person in scene.active
            if (not self.tier or scene.facts(person.person).get("tier") == self.tier)
            and (not self.needs_help or person.person in in_need)
            and (not self.within or scene.now.timestamp() - person.last <= WITHIN[self.within].total_seconds())
        ]
        return people if self.latest_first else sorted(people, key=lambda person: (-person.since, person.person))


@dataclass(frozen=True)
class OnePerson:
    """Somebody wants to see one person alone, with so many lines of what they did."""

    person: str
    lines: int = 60

    @classmethod
    def of(cls, person: str, query: QueryParams) -> "OnePerson":
        text = query.get("lines", "")
        requested = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else cls.lines
        return cls(person, max(cls.lines, min(requested, MOST_LINES)))


MOST_LINES = 2_000
View = Choice | OnePerson


_LINES = 14  # of what happens that the page keeps


class Feed:
    """The latest line is the first; what somebody does again and again is one line."""

    def __init__(self) -> None:
        self._lines, self._numbers = deque[FeedLine](maxlen=_LINES), count(1)

    @property
    def lines(self) -> tuple[FeedLine, ...]:
        return tuple(self._lines)

    @property
    def people(self) -> set[str]:
        return {line.occurrence.person for line in self._lines if line.occurrence.person}

    def note(self, occurrences: Iterable[Occurrence]) -> None:
        for occurrence in occurrences:
            last = self._lines[0] if self._lines else None
            if last and (last.occurrence.person, last.occurrence.name) == (occurrence.person, occurrence.name):
                self._lines[0] = replace(last, occurrence=occurrence, times=last.times + 1)
            else:
                self._lines.appendleft(FeedLine(next(self._numbers), occurrence))

    def clear(self) -> None:
        self._lines.clear()
