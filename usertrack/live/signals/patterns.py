"""The patterns of patterns.yaml: what each looks for, in whom, and how long it stays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from typing import Literal

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.signals.occurrence import TRACKER_EVENTS

ANY, CUSTOM = "any", "custom"
"""Kinds of events that every file knows: all of them, and those that the product itself sends."""

Per = Literal["person", "session", "tab", "route", "fingerprint", "form", "field"]
Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class EventMatch:
    """An event by its name, in which ``*`` stands for anything, and by properties that it must have."""

    name: str
    properties: frozenset[tuple[str, str]] = frozenset()

    def names(self, event: str) -> bool:
        if self.name == CUSTOM:
            return not event.startswith("$") and event not in TRACKER_EVENTS
        return self.name in (ANY, event) or ("*" in self.name and fnmatchcase(event, self.name))

    def fits(self, properties: Mapping[str, object]) -> bool:
        """Whether an event of this name is meant, with these properties."""
        return properties.items() >= self.properties


@dataclass(frozen=True)
class Kind:
    """Events that mean the same, such as what PostHog and what our tracker sends for a form."""

    name: str
    matches: tuple[EventMatch, ...]


@dataclass(frozen=True)
class Count:
    """``more_than``, or ``fewer_than``, events within ``within`` seconds."""

    kind: Kind
    within: float
    more_than: int | None = None
    fewer_than: int | None = None


@dataclass(frozen=True)
class NoneOf:
    """The silence of a person who has been here before: ``within`` seconds of it, and ``at_most`` as many."""

    kind: Kind
    within: float
    at_most: float = inf


@dataclass(frozen=True)
class TimeOnRoute:
    """Longer on one route than ``more_than`` seconds, or than 95 % of its visits where that is None.

    ``visible``: only time for which there is a sign that somebody looks. ``at_least`` seconds it must be in any case.
    """

    visible: bool
    more_than: float | None = None
    at_least: float = 0.0


@dataclass(frozen=True)
class Step:
    """One step of a sequence. ``letter``: steps with the same one are on the same route, others on another."""

    kind: Kind
    letter: str = ""


@dataclass(frozen=True)
class Sequence:
    """The last events of these kinds are these steps, within ``within`` seconds."""

    steps: tuple[Step, ...]
    within: float


@dataclass(frozen=True)
class ShareCondition:
    """The part of events of ``among`` or ``kind`` that are of ``kind``, within seconds and of ``at_least`` events.

    More than ``more_than``, or than 95 % of the earlier windows of the person (``own``) or of the route.
    """

    kind: Kind
    among: Kind
    within: float
    at_least: int = 10
    more_than: float | None = None
    baseline: Literal["", "own", "route"] = ""


@dataclass(frozen=True)
class SessionCondition:
    """The person's first session that is known, or one that is still open: nobody has left, or been away for long."""

    state: Literal["first", "open"]


@dataclass(frozen=True)
class Unfinished:
    """Something began, at most ``within`` seconds ago, and did not end."""

    begun: Kind
    ended: Kind
    within: float


Leaf = Count | NoneOf | TimeOnRoute | Sequence | ShareCondition | SessionCondition | Unfinished


@dataclass(frozen=True)
class Combined:
    """All, or any one, of ``parts``."""

    every: bool
    parts: tuple["Condition", ...]


Condition = Leaf | Combined


@dataclass(frozen=True)
class IncidentRule:
    """So many people who meet the same within so many seconds are one incident."""

    people: int
    within: float


@dataclass(frozen=True)
class Pattern:
    """A rule. ``where`` is SQL over the facts of a profile, ``segment`` a segment; durations are in seconds.

    ``hold`` is the file's `for`. ``digest`` identifies what it looks for: another one begins anew.
    """

    id: str
    name: str
    when: Condition
    per: Per = "person"
    where: str = ""
    segment: str = ""
    hold: float = 0.0
    keep_firing_for: float = 0.0
    cooldown: float = 0.0
    severity: Severity = "warning"
    because: str = ""
    help: str = ""
    incident: IncidentRule | None = None
    digest: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    def leaves(self) -> list[Leaf]:
        return list(leaves(self.when))


@dataclass(frozen=True)
class Patterns:
    """All of patterns.yaml. ``facts`` go with each signal: SQL over the profile, and its line."""

    path: Path
    kinds: Mapping[str, Kind]
    patterns: tuple[Pattern, ...]
    facts: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    notifications: Notifications = field(default_factory=Notifications)

    def __getitem__(self, name: str) -> Pattern:
        for pattern in self.patterns:
            if pattern.id == name:
                return pattern
        known = [pattern.id for pattern in self.patterns]
        raise UsageError(f"there is no pattern '{name}'", did_you_mean(name, known, f"there are {', '.join(known)}"))


def is_gated(condition: Condition) -> bool:
    """Whether it cannot hold before a certain event, so that until then nothing needs to be remembered of a person."""
    if isinstance(condition, Combined):
        gated = map(is_gated, condition.parts)
        return any(gated) if condition.every else all(gated)
    return isinstance(condition, Sequence | ShareCondition | Unfinished) or (
        isinstance(condition, Count) and condition.more_than is not None
    )


def leaves(condition: Condition) -> Iterable[Leaf]:
    if isinstance(condition, Combined):
        for part in condition.parts:
            yield from leaves(part)
    else:
        yield condition
