"""Two names for one meaning, and one name for two: events that count the same act, properties that clash."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from usertrack.plan.finding import Place, PlanFinding, Rule
from usertrack.plan.lint.vocabulary import word_map, word_set
from usertrack.plan.lint.words import stem, words_of
from usertrack.plan.model import Plan, PlannedEvent, PlannedProperty

SAME_EVENT = Rule(
    "same-event",
    "An act has one event",
    "Where two events stand for one act, funnels and counts have it twice, or miss half of it.",
)
SAME_PROPERTY = Rule(
    "same-property",
    "A meaning has one property",
    "A breakdown by one of the names leaves out what is sent under the other.",
)
CLASH = Rule(
    "property-clash",
    "A property has one type, unit and list of values wherever it is",
    "PostHog has one column of a name: values of two kinds in it cannot be compared, nor joined.",
    "error",
)
RULES = (SAME_EVENT, SAME_PROPERTY, CLASH)


def lint_meaning(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    yield from _same_events(plan, place)
    yield from _general_events(plan, place)
    properties = list(_places(plan))
    yield from _same_properties(plan, properties, place)
    yield from _clashes(properties, place)


# Events


def _same_events(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    by_meaning: dict[tuple[str, ...], list[PlannedEvent]] = {}
    for event in plan.events.values():
        by_meaning.setdefault(_meaning(event.name), []).append(event)
    for events in by_meaning.values():
        for earlier, later in combinations(events, 2):
            if not _is_settled(earlier, later):
                message = f"`{later.name}` and `{earlier.name}` say the same"
                instead = (
                    f"one of them, with `aliases: [{later.name}]` or `replaces: [{later.name}]` at `{earlier.name}`"
                )
                yield place.finding(SAME_EVENT, f"events.{later.name}", message, later.line, instead)


def _general_events(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    """An event for all integrations beside events of single ones: `integration_connected`, `github_connected`."""
    connected = {event.name: thing for event in plan.events.values() if (thing := _thing_connected(event))}
    for name, thing in connected.items():
        if thing not in word_set("connectable"):
            continue
        event = plan.events[name]
        related = [plan.events[other] for other in connected if other != name]
        special = [other for other in related if _is_one_of(other, event) and not _is_settled(event, other)]
        if special:
            names = [other.name for other in special]
            several = _enumerated([f"`{name}`" for name in names])
            message = f"`{event.name}` counts what {several} count{'s' * (len(names) == 1)} already"
            instead = f"`replaces: [{', '.join(names)}]`, and a property that says which one it was"
            yield place.finding(SAME_EVENT, f"events.{event.name}", message, event.line, instead)


def _enumerated(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _meaning(name: str) -> tuple[str, ...]:
    """The words that carry the meaning of an event, without order, form and filling."""
    words = words_of(name)
    words = words[1:] if words[:1] == ["user"] else words
    stems = [stem(word) if len(word) > 3 else word for word in words]
    merged: list[str] = []
    for word in stems:
        if merged and (pair := word_map("pairs").get(f"{merged[-1]} {word}")):
            merged[-1] = pair
        else:
            merged.append(word)
    meaning = [word_map("synonyms").get(word, word) for word in merged if word not in word_set("fillers")]
    return tuple(sorted(meaning or stems or [name]))


def _thing_connected(event: PlannedEvent) -> str:
    """The X of an event `X_connected`, empty where it is something else."""
    words = words_of(event.name)
    ways = {stem(word) for word in word_set("connect")}
    return words[0] if len(words) == 2 and stem(words[1]) in ways else ""


def _is_one_of(event: PlannedEvent, general: PlannedEvent) -> bool:
    thing = _thing_connected(event)
    texts = set(words_of(f"{general.acceptance or ''} {general.description}".replace("GitHub", "Github")))
    is_single = bool(thing) and thing not in word_set("connectable")
    return is_single and (thing in word_set("products") or thing in texts)


def _is_settled(first: PlannedEvent, other: PlannedEvent) -> bool:
    """Whether the plan says how they are related."""
    return (
        other.name in (*first.replaces, *first.aliases)
        or first.name in (*other.replaces, *other.aliases)
        or "deprecated" in (first.status, other.status)
    )


# Properties


@dataclass(frozen=True)
class _Placed:
    """A property and the section of the plan that it is in (``group_properties.team``)."""

    section: str
    planned: PlannedProperty

    @property
    def subject(self) -> str:
        return f"{self.section}.{self.planned.name}"


def _places(plan: Plan) -> Iterator[_Placed]:
    sections = [("properties", plan.properties), ("person_properties", plan.person_properties)]
    sections += [(f"group_properties.{group}", properties) for group, properties in plan.group_properties.items()]
    for section, properties in sections:
        for planned in properties.values():
            yield _Placed(section, planned)


def _same_properties(plan: Plan, properties: Sequence[_Placed], place: Place) -> Iterator[PlanFinding]:
    known: dict[tuple[str, ...], _Placed] = {}
    for placed in properties:
        name = placed.planned.name
        meanings = [words for words in _meanings(plan, placed) if words]
        earlier = next((known[words] for words in meanings if words in known), None)
        for words in meanings:
            known.setdefault(words, placed)
        if earlier and earlier.planned.name != name and not _is_alias(earlier.planned, placed.planned):
            other = earlier.planned.name
            where = "" if earlier.section == placed.section else f" of `{earlier.section}`"
            message = f"`{name}` and `{other}`{where} say the same"
            instead = f"one name for both, or `aliases: [{other}]` at `{name}`"
            yield place.finding(SAME_PROPERTY, placed.subject, message, placed.planned.line, instead)


def _meanings(plan: Plan, placed: _Placed) -> Iterator[tuple[str, ...]]:
    """Ways to say the property in words: what is counted, the way somebody came, or its plain words."""
    words = [word_map("short").get(word, word) for word in words_of(placed.planned.name)] or [placed.planned.name]
    yield ("plain", *sorted(words))
    if counted := _counted(words, is_whole=placed.planned.type == "integer"):
        yield ("count", *counted)
    if words[-1:] and words[-1] in word_set("channels"):
        if len(words) > 1:
            yield ("channel", *sorted(words[:-1]))
        events = _events_with(plan, placed)
        if len(words) == len(events) == 1:  # of several events it means several things
            yield ("channel", *_meaning(events[0].name))


def _counted(words: Sequence[str], *, is_whole: bool) -> tuple[str, ...]:
    """Return what a number counts: `repos_count` and, where it is a whole number, `repos_tracked` count repos."""
    rest = [word for word in words if word not in word_set("counts")]
    if is_whole and len(rest) == len(words) and len(words) > 1 and words[-1].endswith("ed"):
        rest = rest[:-1]
    return tuple(sorted(word.removesuffix("s") for word in rest)) if len(rest) < len(words) else ()


def _events_with(plan: Plan, placed: _Placed) -> list[PlannedEvent]:
    if placed.section != "properties":
        return []
    name = placed.planned.name
    return [event for event in plan.events.values() if any(use.name == name for use in event.properties)]


def _is_alias(first: PlannedProperty, other: PlannedProperty) -> bool:
    return other.name in first.aliases or first.name in other.aliases


def _clashes(properties: Sequence[_Placed], place: Place) -> Iterator[PlanFinding]:
    """One name in several sections with another type, unit or list of values."""
    first: dict[str, _Placed] = {}
    for placed in properties:
        for name in placed.planned.names:
            earlier = first.setdefault(name, placed)
            difference = "" if earlier is placed else _difference(earlier.planned, placed.planned)
            if difference:
                message = f"`{name}` of `{earlier.section}` and of `{placed.section}` have {difference}"
                instead = "one definition for both, or another name for one of them"
                yield place.finding(CLASH, placed.subject, message, placed.planned.line, instead)
    for placed in properties:
        if wrong := _value_of_another_type(placed.planned):
            message = f"`{placed.planned.name}` is of type {placed.planned.type}, and its list has `{wrong}`"
            yield place.finding(
                CLASH, placed.subject, message, placed.planned.line, "values of its type, or another type"
            )
        spellings = _spellings(placed.planned.values)
        if spellings:
            message = f"`{placed.planned.name}` has two spellings of one value: {spellings[0]!r} and {spellings[1]!r}"
            yield place.finding(CLASH, placed.subject, message, placed.planned.line, f"only `{spellings[0]}`")


def _difference(first: PlannedProperty, other: PlannedProperty) -> str:
    if first.type and other.type and first.type != other.type:
        return f"different types: {first.type} and {other.type}"
    if first.unit and other.unit and first.unit != other.unit:
        return f"different units: {first.unit} and {other.unit}"
    if first.values and other.values and set(first.values) != set(other.values):
        return f"different values: {', '.join(first.values)} and {', '.join(other.values)}"
    return ""


def _value_of_another_type(planned: PlannedProperty) -> str:
    if planned.type in ("number", "integer"):
        return next((value for value in planned.values if not _is_number(value)), "")
    if planned.type == "boolean":
        return next((value for value in planned.values if value.lower() not in ("true", "false")), "")
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _spellings(values: Sequence[str]) -> tuple[str, str] | None:
    """Two values that differ in case and separators alone."""
    seen: dict[tuple[str, ...], str] = {}
    for value in values:
        key = tuple(words_of(value)) or (value,)
        if key in seen:
            return seen[key], value
        seen[key] = value
    return None
