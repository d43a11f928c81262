"""The tracking plan as typed values: events, properties, scopes, naming rules and phases of a `tracking.yaml`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Type = Literal["string", "number", "integer", "boolean", "datetime", "list", "object"]
Status = Literal["planned", "active", "deprecated"]
Case = Literal["snake_case", "kebab-case", "camelCase", "PascalCase", "Title Case", "Sentence case", "dot.case"]
Tense = Literal["past", "present"]

TYPES: tuple[Type, ...] = ("string", "number", "integer", "boolean", "datetime", "list", "object")


@dataclass(frozen=True)
class PlannedProperty:
    """A property of the registry, of a person or of a group.

    ``values`` is the closed list of an enum. ``personal`` is the class of personal data that it holds (``email``,
    ``name``, ``organization``, …), or None.
    """

    name: str
    type: Type | None = None
    unit: str | None = None
    values: Sequence[str] = ()
    personal: str | None = None
    description: str = ""
    aliases: Sequence[str] = ()
    line: int = 1


@dataclass(frozen=True)
class PropertyUse:
    """A property as one event carries it: its name in the registry, and whether every event must have it."""

    name: str
    required: bool = False


@dataclass(frozen=True)
class PlannedEvent:
    """An event of the plan. ``properties`` has those of its scope as well, ``line`` is that of its name in the file.

    ``replaces``: events that this one takes the place of. ``aliases``: other names under which it arrives. ``source``:
    where it is sent (``backend``, ``frontend``, or a path pattern). ``since``: the release or date that brought it.
    """

    name: str
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
    since: str | None = None
    acceptance: str | None = None
    line: int = 1


@dataclass(frozen=True)
class NamingRule:
    """How events are named in the files that ``files`` (a glob) matches."""

    files: str = "**"
    case: Case | None = None
    separator: str | None = None
    tense: Tense | None = None


@dataclass(frozen=True)
class Phase:
    """A step of the plan's roll-out, with its effort (``M``, ``3 days``) and what must hold for it to be accepted."""

    name: str
    effort: str | None = None
    acceptance: Sequence[str] = ()


@dataclass(frozen=True)
class Sink:
    """A call that sends an event although the scan cannot see it. Just one of ``position`` (from 0) and ``keyword``."""

    call: str
    position: int | None = None
    keyword: str | None = None


@dataclass(frozen=True)
class Plan:
    """A whole `tracking.yaml`. Names of events and of properties are unique; aliases have no cycles."""

    path: Path
    events: Mapping[str, PlannedEvent]
    properties: Mapping[str, PlannedProperty] = field(default_factory=dict)
    scopes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    person_properties: Mapping[str, PlannedProperty] = field(default_factory=dict)
    group_properties: Mapping[str, PlannedProperty] = field(default_factory=dict)
    naming: Sequence[NamingRule] = ()
    phases: Mapping[str, Phase] = field(default_factory=dict)
    funnels: Sequence[str] = ()
    segments: Sequence[str] = ()
    sinks: Sequence[Sink] = ()
    enforce: bool = False
