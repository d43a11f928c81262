"""Whether an event is as the plan says: what is wrong with it, by rule and property, never with a value.

The plan is compiled once. Events of one name whose properties have the same names and types are of one *shape*: what
the plan says of it is computed once as well, so an event costs a look-up, and a check of each value that needs one.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

from usertrack.plan.finding import Severity
from usertrack.plan.model import Plan, PlannedEvent, PlannedProperty, Type
from usertrack.plan.rules import (
    ABSENT_PROPERTY,
    RETIRED_EVENT,
    UNLISTED_VALUE,
    UNPLANNED_EVENT,
    UNPLANNED_PROPERTY,
    WRONG_TYPE,
)

MESSAGES: Mapping[str, str] = {
    UNPLANNED_EVENT.id: "the plan has no event of this name",
    RETIRED_EVENT.id: "the plan has another event in its place",
    ABSENT_PROPERTY.id: "the plan requires this property",
    UNPLANNED_PROPERTY.id: "the plan has no such property here",
    WRONG_TYPE.id: "the value is not of the type that the plan says",
    UNLISTED_VALUE.id: "the value is not in the plan's list",
}
"""What is wrong with an event, by the id of the rule that it breaks."""
SEVERITY: Mapping[str, Severity] = {
    rule.id: rule.severity
    for rule in (UNPLANNED_EVENT, RETIRED_EVENT, ABSENT_PROPERTY, UNPLANNED_PROPERTY, WRONG_TYPE, UNLISTED_VALUE)
}


class Violation(NamedTuple):
    """One difference between an event and the plan. ``property`` is one of the event, or of a person or a group.

    ``rule`` is the id of the rule that it breaks.
    """

    rule: str
    event: str
    property: str | None = None
    of: Literal["event", "person", "group"] = "event"

    def __str__(self) -> str:
        whose = "" if self.of == "event" else f" of a {self.of}"
        subject = f"{self.event}: {self.property}{whose}" if self.property else self.event
        return f"{subject}: {MESSAGES[self.rule]}"


Properties = Mapping[str, object]
Check = Callable[[str, Properties], tuple[Violation, ...]]
_PropertyCheck = Callable[[object], str | None]


class _Check(NamedTuple):
    """Values of the ``plain_type``, where there is one, need no check: that is most of them."""

    plain_type: type | None
    of_value: _PropertyCheck


_Checks = Mapping[str, _Check]


class _Shape(NamedTuple):
    """The checks that hold for all events of a shape; ``by_value`` are the properties of which the value decides."""

    violations: tuple[Violation, ...]
    by_value: Sequence[tuple[str, _PropertyCheck]]
    has_profile: bool


_EventShape = Callable[[str, Mapping[str, type]], tuple[list[Violation], list[tuple[str, _PropertyCheck]]]]
MOST_SHAPES, _PROPERTIES, _CHARACTERS = 1_000, 200, 10_000  # that are remembered: names come from strangers
_OF_PROFILES = frozenset(("$set", "$set_once", "$group_set"))

# what SDKs add by themselves, beside all that begins with "$"
_CAMPAIGN = (
    *("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"),
    *("gclid", "gad_source", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "twclid", "li_fat_id"),
    *("mc_cid", "igshid", "ttclid", "rdt_cid", "epik", "qclid", "sccid", "irclid", "_kx"),
)
_OF_SDKS = frozenset(("token", "distinct_id", "title", *_CAMPAIGN))


def conformance(plan: Plan) -> Check:
    """A function that says in which ways an event with these properties is not as ``plan`` says.

    Events whose name begins with "$" are PostHog's own: of them, only ``$set``, ``$set_once`` and ``$group_set`` are
    looked at, which hold properties of persons and groups and may come with any event. Null counts as absent. A plan
    that lists no property of an event, of persons or of groups says nothing of which there may be.
    """
    registry = _checks(plan.properties.values())
    events = {name: _event_shape(event, plan, registry) for name, event in plan.events.items()}
    named = {name: events[event] for name, event in plan.event_names.items()}
    has_patterns = any("*" in name for name in named)
    replaced = plan.replaced_by.keys() - named.keys()
    persons = _checks(plan.person_properties.values())
    groups = {group: _checks(properties.values()) for group, properties in plan.group_properties.items()}
    shapes: dict[tuple[str, tuple[str, ...], tuple[type, ...]], _Shape] = {}

    def shape_of(event: str, types: Mapping[str, type]) -> _Shape:
        event_shape = named.get(event)
        if event_shape is None and has_patterns:
            event_shape = next((events[name] for name in plan.events_called(event)), None)
        violations: list[Violation] = []
        by_value: list[tuple[str, _PropertyCheck]] = []
        if event_shape:
            violations, by_value = event_shape(event, types)
        elif not event.startswith("$"):
            violations = [Violation(RETIRED_EVENT.id if event in replaced else UNPLANNED_EVENT.id, event)]
        return _Shape(tuple(violations), by_value, not _OF_PROFILES.isdisjoint(types))

    def of_profiles(event: str, properties: Properties) -> Iterator[Violation]:
        for key in ("$set", "$set_once"):
            yield from _of_profile(event, properties.get(key), persons, "person")
        of_group = groups.get(str(properties.get("$group_type")), {})
        yield from _of_profile(event, properties.get("$group_set"), of_group, "group")

    def check(event: str, properties: Properties) -> tuple[Violation, ...]:
        key = (event, tuple(properties), tuple(map(type, properties.values())))
        shape = shapes.get(key)
        if shape is None:
            shape = shape_of(event, dict(zip(key[1], key[2], strict=True)))
            if len(properties) <= _PROPERTIES and sum(map(len, (event, *properties))) <= _CHARACTERS:
                if len(shapes) >= MOST_SHAPES:
                    shapes.clear()
                shapes[key] = shape
        violations = shape.violations
        for name, check_value in shape.by_value:
            if rule := check_value(properties[name]):
                violations = (*violations, Violation(rule, event, name))
        return (*violations, *of_profiles(event, properties)) if shape.has_profile else violations

    return check


def _event_shape(event: PlannedEvent, plan: Plan, registry: _Checks) -> _EventShape:
    spellings = {use.name: _spellings(use.name, plan.properties) for use in event.properties}
    required = [(use.name, spellings[use.name]) for use in event.properties if use.required]
    of_scopes = {key for scope in event.scope for key in plan.scopes.get(scope, ())}
    allowed = frozenset().union(*spellings.values()) if spellings.keys() - of_scopes else None

    def shape(name: str, types: Mapping[str, type]) -> tuple[list[Violation], list[tuple[str, _PropertyCheck]]]:
        present = {key for key, of_type in types.items() if of_type is not type(None)}
        absent = [Violation(ABSENT_PROPERTY.id, name, key) for key, ways in required if present.isdisjoint(ways)]
        unplanned = [
            Violation(UNPLANNED_PROPERTY.id, name, key)
            for key in types
            if allowed is not None and key not in allowed and not is_of_sdk(key)
        ]
        by_value = [
            (key, registry[key].of_value)
            for key, of_type in types.items()
            if key in present and key in registry and (allowed is None or key in allowed)
            if of_type is not registry[key].plain_type
        ]
        return [*absent, *unplanned], by_value

    return shape


def _spellings(name: str, registry: Mapping[str, PlannedProperty]) -> frozenset[str]:
    """``name``, and the aliases under which the property may arrive as well."""
    return frozenset({name, *(registry[name].aliases if name in registry else ())})


def is_of_sdk(key: str) -> bool:
    """Whether an SDK adds this property by itself, to any event."""
    return key.startswith("$") or key in _OF_SDKS


def _of_profile(event: str, properties: object, checks: _Checks, of: Literal["person", "group"]) -> Iterable[Violation]:
    if not checks or not isinstance(properties, Mapping):
        return
    for key, value in properties.items():
        if key not in checks:
            if not is_of_sdk(key):
                yield Violation(UNPLANNED_PROPERTY.id, event, key, of)
        elif value is not None and (rule := checks[key].of_value(value)):
            yield Violation(rule, event, key, of)


def _checks(properties: Iterable[PlannedProperty]) -> _Checks:
    """The check of each property, by its name and by its aliases."""
    checks: dict[str, _Check] = {}
    for planned in properties:
        plain_type = None if planned.values or planned.type is None else _PLAIN_TYPES.get(planned.type)
        for name in planned.names:
            checks[name] = _Check(plain_type, _property_check(planned))
    return checks


def _property_check(planned: PlannedProperty) -> _PropertyCheck:
    is_of_type = _TYPES[planned.type] if planned.type else _is_anything
    values = frozenset(planned.values)
    texts = values if planned.type in (None, "string") else frozenset()

    def check_type(value: object) -> str | None:
        return None if is_of_type(value) else WRONG_TYPE.id

    def check(value: object) -> str | None:
        if type(value) is str and value in texts:
            return None
        if not is_of_type(value):
            return WRONG_TYPE.id
        return None if _is_listed(value, values) else UNLISTED_VALUE.id

    return check if values else check_type


def _is_anything(value: object) -> bool:
    return True


def _is_listed(value: object, values: Collection[str]) -> bool:
    if isinstance(value, str):
        return value in values
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(_is_listed(item, values) for item in value)
    return (str(value).lower() if isinstance(value, bool) else str(value)) in values


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:  # noqa: ANN401
    if type(value) is int:
        return True
    return _is_number(value) and value == value and abs(value) != float("inf") and value == int(value)


_TIME = re.compile(r"\d{4}-?\d\d")


def _is_datetime(value: object) -> bool:
    if not isinstance(value, str):
        return isinstance(value, (date, datetime))
    if not _TIME.match(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_TYPES: Mapping[Type, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, (str, UUID)),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "datetime": _is_datetime,
    "list": lambda value: isinstance(value, (list, tuple, set, frozenset)),
    "object": lambda value: isinstance(value, Mapping),
}
_PLAIN_TYPES: Mapping[Type, type] = {
    "string": str,
    "number": float,
    "integer": int,
    "boolean": bool,
    "list": list,
    "object": dict,
}
