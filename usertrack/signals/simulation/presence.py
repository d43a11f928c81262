"""Who was active when, as far as outcomes need it: noted while events pass by."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from usertrack.signals.occurrence import Occurrence
from usertrack.signals.patterns import EventMatch, Patterns

_DAY = 86_400.0
_TROUBLE = (EventMatch("$exception"), EventMatch("$rageclick"))
_KINDS = ("error", "rage")


class Presence:
    """``last`` has, for each person, the time of the last event of each day with any (UTC, seconds since 1970).

    ``times`` has those of the events that are ``noted``, by name. ``troubled`` are the people with an error or a rage
    click since ``since``, and ``people`` all since then; ``events`` counts theirs.
    """

    def __init__(self, patterns: Patterns, since: datetime, noted: Iterable[str] = ()) -> None:
        kinds = [patterns.kinds[name] for name in _KINDS if name in patterns.kinds]
        self._trouble = [match for kind in kinds for match in kind.matches] or list(_TROUBLE)
        self._is_trouble: dict[str, bool] = {}
        self._since, self._noted = since.timestamp(), frozenset(noted)
        self.last: dict[str, list[float]] = {}
        self.times: dict[str, list[float]] = {}
        self.troubled: set[str] = set()
        self.events = 0

    @property
    def people(self) -> int:
        return sum(times[-1] >= self._since for times in self.last.values())

    def watched(self, occurrences: Iterable[Occurrence]) -> Iterator[Occurrence]:
        """``occurrences``, noted."""
        last, troubled, is_trouble, since, noted = self.last, self.troubled, self._is_trouble, self._since, self._noted
        for occurrence in occurrences:
            at, _, name, person, distinct_id, *_ = occurrence
            person = person or distinct_id
            ends = last.get(person)
            if ends is None:
                last[person] = [at]
            elif at // _DAY > ends[-1] // _DAY:
                ends.append(at)
            else:
                ends[-1] = at
            if at >= since:
                self.events += 1
                trouble = is_trouble.get(name)
                if trouble is None:
                    trouble = is_trouble[name] = any(match.names(name) for match in self._trouble)
                if trouble:
                    troubled.add(person)
            if name in noted:
                self.times.setdefault(person, []).append(at)
            yield occurrence
