"""The names that an event can have: texts, patterns with computed parts, and what depends on a parameter."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from math import prod

from usertrack.plan.scan.evaluation import Evaluator
from usertrack.plan.scan.syntax import CodeFunction
from usertrack.plan.scan.values import (
    Frames,
    ObjectValue,
    ParameterValue,
    TemplateValue,
    TextValue,
    UnknownValue,
    Value,
)

MOST_ALTERNATIVES = 24
"""Names that one template stands for; a part that would make more of them stays open, and the name is a pattern."""
LONGEST = 1_000
"""Characters and open parts of a name. PostHog keeps 200 characters; what is longer is no name."""
Part = str | ParameterValue | None
"""A piece of a name: a text, a parameter, or something computed."""


@dataclass(frozen=True)
class EventName:
    """``file`` and ``line`` are where its text stands; ``reason`` says why a computed one is not known.

    ``guess``: it may be no name at all, as that of an object's key that nobody may have set.
    """

    parts: tuple[Part, ...]
    file: str
    line: int
    reason: str = ""
    guess: bool = False

    @property
    def text(self) -> str | None:
        """The whole name, if all of it is known."""
        return "".join(part for part in self.parts if isinstance(part, str)) if self._is_literal else None

    @property
    def _is_literal(self) -> bool:
        return all(isinstance(part, str) for part in self.parts)

    @property
    def pattern(self) -> str | None:
        """The name with ``*`` for what is computed; None when nothing of it is known."""
        if not any(isinstance(part, str) and any(map(str.isalnum, part)) for part in self.parts):
            return None
        text = "".join(part if isinstance(part, str) else "\0" for part in self.parts)
        while "\0\0" in text:
            text = text.replace("\0\0", "\0")
        return text.replace("\0", "*")

    @property
    def open_parts(self) -> tuple[ParameterValue, ...]:
        return tuple(part for part in self.parts if isinstance(part, ParameterValue))


def names_of(evaluator: Evaluator, values: Iterable[Value], file: str, line: int) -> Iterator[EventName]:
    """A name for each value; ``file`` and ``line`` are those of the expression, for values that have none."""
    for value in values:
        match value:
            case TextValue(text=text, line=own, file=home):
                yield EventName((text,), home, own)
            case ParameterValue(path=path) if "()" in path:
                yield EventName((None,), file, line, "it is computed at run time")
            case ParameterValue():
                yield EventName((value,), file, line)
            case TemplateValue(scope=scope, template=template):
                for parts in _combinations(evaluator, value):
                    yield EventName(parts, evaluator.path_of(scope), template.line, "part of it is computed")
            case UnknownValue(name=name):
                yield EventName((None,), file, line, reason_of(name))
            case ObjectValue():
                yield EventName((None,), file, line, "it is no text", guess=_has_event(value))
            case _:
                yield EventName((None,), file, line, "it is no text")


def _has_event(value: ObjectValue) -> bool:
    """Whether an object in the place of a name has the name as a key, where it is read."""
    return any(entry.key in ("event", "event_type", "eventType") for entry in value.object.entries)


def reason_of(source: str) -> str:
    """Why ``source`` has no known value: grouped in the listing, so in few words."""
    if source == "an element of a list":
        return "it is an element of a list that is made at run time"
    if source.endswith(")"):
        return "it is what a function returns"
    return "it is computed at run time"


def _combinations(evaluator: Evaluator, value: TemplateValue) -> list[tuple[Part, ...]]:
    """Return all ways to fill the template, up to a number; parts with too many ways stay open."""
    alternatives: list[Sequence[tuple[Part, ...]]] = []
    for expression in value.template.parts:
        values = [evaluator.bind(v, value.frames) for v in evaluator.evaluate(expression, value.scope)]
        parts = list(dict.fromkeys(inner for value in values for inner in _parts(evaluator, value))) or [(None,)]
        ways = prod(map(len, alternatives)) * len(parts)
        alternatives.append(parts if ways <= MOST_ALTERNATIVES else [(None,)])
    combinations = product(*alternatives)
    return [no_longer(_merged(part for group in combination for part in group)) for combination in combinations]


def no_longer(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return ``parts`` as they are, or as something computed where they are longer than a name."""
    length = sum(len(part) if isinstance(part, str) else 1 for part in parts)
    return parts if length <= LONGEST else (None,)


def _parts(evaluator: Evaluator, value: Value) -> Iterator[tuple[Part, ...]]:
    if not evaluator.budget.spend():
        return
    match value:
        case TextValue(text=text):
            yield (text,)
        case ParameterValue(path=path) if "()" not in path:
            yield (value,)
        case TemplateValue():
            yield from _combinations(evaluator, value)
        case _:
            yield (None,)


def _merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Neighbouring texts as one."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return tuple(merged)


def substituted(evaluator: Evaluator, name: EventName, function: CodeFunction, frames: Frames) -> Iterator[EventName]:
    """``name`` as a call of ``function`` makes it: what the first frame hands over in place of its parameters."""
    alternatives: list[list[tuple[Part, ...]]] = []
    lines: list[tuple[str, int]] = []
    """Of the texts that the call itself hands over."""
    reasons: list[str] = []
    for part in name.parts:
        if not isinstance(part, ParameterValue):
            alternatives.append([(part,)])
            continue
        values = evaluator.argument_values(part, frames)
        if not values:
            alternatives.append([(part,)] if part.parameter.function is not function else [])
            continue
        inner = list(names_of(evaluator, values, "", 0))
        if part.parameter.function is function:
            lines += [(other.file, other.line) for other in inner]
        reasons += [other.reason for other in inner if other.reason]
        alternatives.append([other.parts for other in inner])
    if len(name.parts) == 1 and len(alternatives) == 1:  # each value keeps its own place
        part = name.parts[0]
        if isinstance(part, ParameterValue):
            for other in names_of(evaluator, evaluator.argument_values(part, frames), "", 0):
                yield replace(other, guess=name.guess or other.guess)
            return
    file, line = lines[0] if lines else ("", 0)
    ways = prod(map(len, alternatives))
    for index, combination in enumerate(islice(product(*alternatives), MOST_ALTERNATIVES * 4)):
        if len(lines) == ways:
            file, line = lines[index]
        parts = _merged(part for group in combination for part in group)
        yield EventName(parts, file, line, reasons[0] if reasons else "", name.guess)
