"""Describes a pattern in plain English, for people who see its alert and not patterns.yaml."""

from math import inf

from usertrack.core.words import plural
from usertrack.live.signals.patterns import (
    ANY,
    Combined,
    Condition,
    Count,
    Kind,
    Leaf,
    NoneOf,
    Pattern,
    Sequence,
    SessionCondition,
    ShareCondition,
    TimeOnRoute,
)

_EACH = {"fingerprint": "kind of error"}


def looks_for(pattern: Pattern) -> dict[str, str]:
    """Its parts and what they say, such as ``fires when: error more than 3 times within 5 min``."""
    parts = {"fires when": condition_words(pattern.when)}
    if pattern.hold:
        parts["for"] = f"at least {_duration(pattern.hold)}"
    if pattern.per != "person":
        parts["for each"] = _EACH.get(pattern.per, pattern.per)
    if pattern.segment:
        parts["of people in"] = f"the segment {pattern.segment}"
    if pattern.where:
        parts["of people with"] = pattern.where
    if pattern.incident:
        incident = pattern.incident
        parts["an incident"] = f"{incident.people} people with the same within {_duration(incident.within)}"
    if pattern.keep_firing_for:
        parts["ends"] = f"once that is not so for {_duration(pattern.keep_firing_for)}"
    return parts


def condition_words(condition: Condition) -> str:
    if isinstance(condition, Combined):
        words = [_within(part) for part in condition.parts]
        return ", and ".join(words) if condition.every else "either " + ", or ".join(words)
    return _leaf(condition)


def _within(condition: Condition) -> str:
    words = condition_words(condition)
    return f"({words})" if isinstance(condition, Combined) else words


def _leaf(leaf: Leaf) -> str:
    if isinstance(leaf, Count):
        return f"{_name(leaf.kind)} {_times(leaf)} within {_duration(leaf.within)}"
    if isinstance(leaf, NoneOf):
        most = "" if leaf.at_most == inf else f", and for at most {_duration(leaf.at_most)}"
        nothing = "nothing at all" if leaf.kind.name == ANY else f"no {leaf.kind.name}"
        return f"{nothing} for {_duration(leaf.within)}{most}"
    if isinstance(leaf, TimeOnRoute):
        longer = "95 % of its visits" if leaf.more_than is None else _duration(leaf.more_than)
        least = f", and {_duration(leaf.at_least)} at least" if leaf.at_least else ""
        return f"{'visibly ' if leaf.visible else ''}on one route for longer than {longer}{least}"
    if isinstance(leaf, Sequence):
        steps = ", then ".join(f"{_name(step.kind)} {step.letter}".strip() for step in leaf.steps)
        letters = " (each letter is a route)" if any(step.letter for step in leaf.steps) else ""
        return f"{steps} within {_duration(leaf.within)}{letters}"
    if isinstance(leaf, ShareCondition):
        most = f"{100 * leaf.more_than:g} %" if leaf.more_than is not None else _usual(leaf)
        among = f"at least {leaf.at_least} of {_name(leaf.among)} within {_duration(leaf.within)}"
        return f"{_name(leaf.kind)} is more than {most} of {among}"
    if isinstance(leaf, SessionCondition):
        return "in the person's first session" if leaf.state == "first" else "while the session is open"
    return f"{_name(leaf.begun)} within the last {_duration(leaf.within)}, and no {leaf.ended.name} since"


def _usual(share: ShareCondition) -> str:
    return f"in 95 % of earlier times of {'the person' if share.baseline == 'own' else 'the route'}, and"


def _times(count: Count) -> str:
    if count.fewer_than is not None:
        return f"fewer than {plural(count.fewer_than, 'time')}"
    return f"more than {plural(count.more_than, 'time')}" if count.more_than else "at least once"


def _name(kind: Kind) -> str:
    return "any event" if kind.name == ANY else kind.name


def _duration(seconds: float) -> str:
    """``14 d 4 h``: to the second, without units of which there are none."""
    words, left = [], round(seconds)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        words += [f"{count} {unit}"] if count else []
    return " ".join(words) or "0 s"
