"""Notes the days on which people were active, for outcomes, while events pass by."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import inf
from operator import itemgetter

from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.patterns import EventMatch, Patterns

_DAY = 86_400.0
_TROUBLE = (EventMatch("$exception"), EventMatch("$rageclick"))
_KINDS = ("error", "rage")
_NOTHING = (False, False)


class Presence:
    """``last`` has, for each person, the time of the last event of each day with any (UTC, seconds since 1970).

    ``times`` has those of the events that are ``noted``, by name. ``troubled`` are the people with an error or a rage
    click since ``since``, and ``people`` all since then; ``events`` counts theirs.
    """

    def __init__(self, patterns: Patterns, since: datetime, noted: Iterable[str] = ()) -> None:
        kinds = [patterns.kinds[name] for name in _KINDS if name in patterns.kinds]
        self._trouble = [match for kind in kinds for match in kind.matches] or list(_TROUBLE)
        self._worth_noting: dict[str, tuple[bool, bool]] = {}  # by name of event: is it trouble, is it noted
        self._since, self._noted = since.timestamp(), frozenset(noted)
        self.last: dict[str, list[float]] = {}
        self.times: dict[str, list[float]] = {}
        self.troubled: set[str] = set()
        self.events = 0

    @property
    def people(self) -> int:
        return sum(times[-1] >= self._since for times in self.last.values())

    def note(self, occurrences: Sequence[Occurrence]) -> None:
        """Note ``occurrences``, which are in the order of their times and later than those before."""
        today: dict[str, float] = {}
        ends = -inf
        for occurrence in occurrences:
            at, _, name, person, distinct_id, *_ = occurrence
            person = person or distinct_id
            if at >= ends:
                self._end_day(today)
                today, ends = {}, (at // _DAY + 1) * _DAY
            today[person] = at
            what = self._worth_noting.get(name) or self._what(name)
            if what is not _NOTHING:
                is_trouble, is_noted = what
                if is_trouble and at >= self._since:
                    self.troubled.add(person)
                if is_noted:
                    self.times.setdefault(person, []).append(at)
        self._end_day(today)
        self.events += len(occurrences) - bisect_left(occurrences, self._since, key=itemgetter(0))

    def _end_day(self, latest: Mapping[str, float]) -> None:
        """``latest`` are the times of the last events of a day, or of a part of it."""
        for person, at in latest.items():
            days = self.last.setdefault(person, [])
            if days and days[-1] // _DAY == at // _DAY:
                days[-1] = at
            else:
                days.append(at)

    def _what(self, name: str) -> tuple[bool, bool]:
        what = any(match.names(name) for match in self._trouble), name in self._noted
        self._worth_noting[name] = what if any(what) else _NOTHING
        return self._worth_noting[name]
