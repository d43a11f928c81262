"""Why a pattern fired, or did not: its conditions at one moment, and the events that decided."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from usertrack.signals.audience import Audience
from usertrack.signals.compiled import Compiled
from usertrack.signals.conditions import Watch
from usertrack.signals.engine import Engine
from usertrack.signals.occurrence import Occurrence
from usertrack.signals.patterns import Count, Leaf, NoneOf, Patterns, Sequence, Session, Share, TimeOnRoute
from usertrack.signals.people import Instance, Person, Phase


@dataclass(frozen=True)
class ConditionState:
    """One condition in ``words``, whether it was ``met``, and the events that it rests on, oldest first."""

    words: str
    met: bool
    events: tuple[Occurrence, ...]


@dataclass(frozen=True)
class Explanation:
    """A pattern for one person at one moment. ``firing``: it fired then. ``value`` is what it is `per`.

    ``included``: whether it is about them at all; None where that is unknown.
    """

    pattern: str
    person: str
    value: str
    firing: bool
    included: bool | None
    conditions: tuple[ConditionState, ...]


def explain(
    patterns: Patterns, pattern: str, audience: Audience, occurrences: Iterable[Occurrence], person: str, at: float
) -> list[Explanation]:
    """How ``pattern`` stood for ``person`` at ``at`` (seconds since 1970), for each value of what it is `per`.

    ``occurrences`` are the events of everybody or, but for what is usual, of the person alone. Raises UsageError for a
    pattern that there is not.
    """
    wanted = patterns[pattern]
    engine = Engine(patterns, audience)
    own: dict[str, Occurrence] = {}
    for occurrence in occurrences:
        if occurrence.at > at:
            break
        engine.feed(occurrence)
        own[occurrence.uuid] = occurrence
    engine.advance(at)
    somebody = engine.people.get(person) or engine.by_distinct_id.get(person)
    if somebody is None:
        return []
    included = audience.includes(wanted, somebody.id)
    instances = [each for each in somebody.in_order() if each.compiled.pattern is wanted]
    return [
        Explanation(
            pattern,
            somebody.id,
            each.value,
            each.phase == Phase.FIRING,
            included,
            tuple(_states(each.compiled, somebody, each, own, at)),
        )
        for each in instances
    ]


def _states(
    compiled: Compiled, person: Person, instance: Instance, own: dict[str, Occurrence], at: float
) -> Iterable[ConditionState]:
    for leaf, watch, memory in zip(compiled.pattern.leaves(), compiled.watches, instance.memories, strict=True):
        since, until = watch.span(memory, person, instance.value, at)
        events = [own[uuid] for uuid in watch.evidence(memory) if uuid in own] or _last(watch, person, own)
        yield ConditionState(condition_words(leaf), since <= at < until, tuple(events))


def _last(watch: Watch, person: Person, own: dict[str, Occurrence]) -> list[Occurrence]:
    """Of a condition that remembers no event itself: the last one of the person."""
    return [own[person.last_uuid]] if not watch.kinds and person.last_uuid in own else []


def condition_words(leaf: Leaf) -> str:
    """``more than 3 error within 5 min``: what a condition asks for."""
    if isinstance(leaf, Count):
        bound = f"more than {leaf.more_than}" if leaf.more_than is not None else f"fewer than {leaf.fewer_than}"
        return f"{bound} × {leaf.kind.name} within {duration_words(leaf.within)}"
    if isinstance(leaf, NoneOf):
        return f"no {leaf.kind.name} for {duration_words(leaf.within)}"
    if isinstance(leaf, TimeOnRoute):
        longer = "95 % of the visits" if leaf.more_than is None else duration_words(leaf.more_than)
        return f"{'visibly ' if leaf.visible else ''}on one route for longer than {longer}"
    if isinstance(leaf, Sequence):
        steps = " → ".join(f"{step.kind.name} {step.letter}".strip() for step in leaf.steps)
        return f"{steps} within {duration_words(leaf.within)}"
    if isinstance(leaf, Share):
        most = f"{100 * leaf.more_than:g} %" if leaf.more_than is not None else f"{leaf.baseline} p95"
        return f"{leaf.kind.name} are more than {most} of {leaf.among.name} within {duration_words(leaf.within)}"
    if isinstance(leaf, Session):
        return "in the first session" if leaf.state == "first" else "the session is open"
    return f"{leaf.begun.name} without {leaf.ended.name} within {duration_words(leaf.within)}"


def duration_words(seconds: float) -> str:
    """``5 min``, ``90 s``, ``14 d``."""
    if seconds == inf:
        return "ever"
    for unit, word in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:g} {word}"
    return f"{seconds:g} s"
