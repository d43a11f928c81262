"""The tracking plan as typed values: events, properties, scopes, naming rules and phases of a `tracking.yaml`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Literal, get_args


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Whether ``name`` is ``pattern``, in which ``*`` stands for any text."""
    return pattern == name or ("*" in pattern and _expression(pattern).fullmatch(name) is not None)


Type = Literal["string", "number", "integer", "boolean", "datetime", "list", "object"]
Status = Literal["planned", "active", "deprecated"]
Case = Literal["snake_case", "kebab-case", "camelCase", "PascalCase", "Title Case", "Sentence case", "dot.case"]
Tense = Literal["past", "present"]
Personal = Literal["email", "phone", "name", "address", "ip", "location", "organization", "url", "identifier", "none"]
Measure = Literal[
    "events_per_day",
    "events_in_code",
    "events_in_data",
    "events_working",
    "required_properties",
    "funnel_steps",
    "segment_facts",
    "person_properties",
    "group_properties",
]

TYPES: tuple[Type, ...] = get_args(Type)
STATUSES: tuple[Status, ...] = get_args(Status)
CASES: tuple[Case, ...] = get_args(Case)
TENSES: tuple[Tense, ...] = get_args(Tense)
PERSONAL: tuple[Personal, ...] = get_args(Personal)
MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class PlannedProperty:
    """A property of the registry, of a person or of a group.

    ``values`` is the closed list of an enum. ``personal`` is the class of personal data that it holds, "none" where
    somebody has looked and there is none, None where nobody has said. ``aliases``: other names under which it arrives.
    ``since``: the release or date that brought it. ``line`` is that of its name in the file.
    """

    name: str
    type: Type | None = None
    unit: str | None = None
    values: Sequence[str] = ()
    personal: Personal | None = None
    description: str = ""
    aliases: Sequence[str] = ()
    since: str | None = None
    line: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which it may arrive, its own first."""
        return (self.name, *self.aliases)


def property_aliases(properties: Iterable[PlannedProperty]) -> dict[str, str]:
    """The property that each alias stands for."""
    return {alias: planned.name for planned in properties for alias in planned.aliases}


@dataclass(frozen=True)
class PropertyUse:
    """A property as one event carries it: its name in the registry, and whether every event must have it.

    ``scope`` is the scope that requires it, None where the event itself lists it.
    """

    name: str
    required: bool = False
    scope: str | None = None
    line: int = 1


@dataclass(frozen=True)
class PlannedEvent:
    """An event of the plan. ``properties`` has those of its scope as well, ``line`` is that of its name in the file.

    ``ongoing``: it stands for a state that lasts, not for a completed act. ``replaces``: events that this one takes
    the place of. ``aliases``: other names under which it arrives. ``source``: where it is sent (``backend``,
    ``frontend``, a file, or a glob of files). ``since``: the release or date that brought it. ``label``: what people
    call it.
    """

    name: str
    label: str = ""
    description: str = ""
    tier: str | None = None
    phase: str | None = None
    owner: str | None = None
    source: Sequence[str] = ()
    scope: Sequence[str] = ()
    properties: Sequence[PropertyUse] = ()
    replaces: Sequence[str] = ()
    aliases: Sequence[str] = ()
    status: Status = "planned"
    ongoing: bool = False
    since: str | None = None
    acceptance: str | None = None
    line: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which it may arrive, its own first."""
        return (self.name, *self.aliases)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(use.name for use in self.properties if use.required)


@dataclass(frozen=True)
class NamingRule:
    """A rule for names in the files that ``files`` (a glob) matches; the first rule that matches holds.

    ``separator`` joins the parts of a name, each of which is in ``case``: `builder.block_added` is snake_case with the
    separator `.`. ``tense`` is that of a completed act; ``ongoing`` are the words of states that last (``viewing``),
    which are in the present.
    """

    files: str = "**"
    case: Case | None = None
    separator: str | None = None
    tense: Tense | None = None
    ongoing: Sequence[str] = ()
    line: int = 1


@dataclass(frozen=True)
class PlanPhase:
    """A step of the plan's roll-out, with its effort (``M``, ``3 days``) and what must hold for it to be accepted."""

    name: str
    title: str = ""
    goal: str = ""
    effort: str | None = None
    files: Sequence[str] = ()
    acceptance: Sequence[str] = ()
    line: int = 1


@dataclass(frozen=True)
class PlannedFunnel:
    """A funnel that rests on the plan. Without ``steps`` it is the one of that name in funnels.yaml."""

    name: str
    steps: Sequence[str] = ()
    line: int = 1


@dataclass(frozen=True)
class PlannedSegment:
    """A segment of segments.yaml that rests on the plan, and the ``events`` that its facts come from."""

    name: str
    events: Sequence[str] = ()
    line: int = 1


@dataclass(frozen=True)
class SuccessMetric:
    """A promise of the plan: ``targets`` are numbers by moment (``month 1``); those of shares are from 0 to 1.

    ``measure`` is what `plan coverage` computes for it, None where a human has to look.
    """

    name: str
    measure: Measure | None = None
    event: str | None = None
    targets: Mapping[str, float] = field(default_factory=dict)
    line: int = 1


@dataclass(frozen=True)
class Sink:
    """A call that sends an event although the scan cannot see it. Just one of ``position`` (from 0) and ``keyword``.

    ``prefix`` and ``suffix`` are what it puts around the name that it is called with.
    """

    call: str
    position: int | None = None
    keyword: str | None = None
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Plan:
    """A whole `tracking.yaml`. A name or alias stands for one event; ``group_properties`` are by group type.

    ``naming`` is for events, ``property_naming`` for properties; ``tiers`` has titles by tier.
    """

    path: Path
    events: Mapping[str, PlannedEvent]
    properties: Mapping[str, PlannedProperty] = field(default_factory=dict)
    scopes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    person_properties: Mapping[str, PlannedProperty] = field(default_factory=dict)
    group_properties: Mapping[str, Mapping[str, PlannedProperty]] = field(default_factory=dict)
    naming: Sequence[NamingRule] = ()
    property_naming: Sequence[NamingRule] = ()
    tiers: Mapping[str, str] = field(default_factory=dict)
    phases: Mapping[str, PlanPhase] = field(default_factory=dict)
    funnels: Mapping[str, PlannedFunnel] = field(default_factory=dict)
    segments: Mapping[str, PlannedSegment] = field(default_factory=dict)
    metrics: Mapping[str, SuccessMetric] = field(default_factory=dict)
    sinks: Sequence[Sink] = ()
    wrappers: Sequence[Sink] = ()
    enforce: bool = False

    @cached_property
    def event_names(self) -> Mapping[str, str]:
        """The event that each name and alias stands for."""
        return {name: event.name for event in self.events.values() for name in event.names}

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The label of each event that has one, by its name and aliases."""
        return {name: event.label for event in self.events.values() if event.label for name in event.names}

    @cached_property
    def replaced_by(self) -> Mapping[str, str]:
        """The event that takes the place of each replaced one."""
        return {old: event.name for event in self.events.values() for old in event.replaces}

    @cached_property
    def property_aliases(self) -> Mapping[str, str]:
        """The property of the registry that each alias stands for."""
        return property_aliases(self.properties.values())

    @cached_property
    def _patterns(self) -> Sequence[str]:
        return [name for name in self.event_names if "*" in name]

    def event_of(self, name: str) -> PlannedEvent | None:
        """The event that is called ``name``, or that arrives under it."""
        return self.events[self.event_names[name]] if name in self.event_names else None

    def events_called(self, name: str) -> list[str]:
        """The events that ``name`` stands for: of its own, or by patterns such as ``command_*``."""
        own = [self.event_names[name]] if name in self.event_names else []
        by_pattern = [self.event_names[pattern] for pattern in self._patterns if matches(pattern, name)]
        return list(dict.fromkeys([*own, *by_pattern]))
