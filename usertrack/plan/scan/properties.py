"""The keys of the properties that an event carries, and what is left to the caller."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from usertrack.plan.scan.evaluation import Evaluator
from usertrack.plan.scan.syntax import (
    Alternatives,
    Call,
    CodeFunction,
    Element,
    Expression,
    FunctionParameter,
    Member,
    Name,
    Object,
)
from usertrack.plan.scan.values import Frames, FunctionValue, ObjectValue, ParameterValue, Value, argument_of

DEEPEST = 12  # spreads and assignments behind one object: bounds the work
NOT_PROPERTIES = frozenset(("event", "event_type", "eventType", "event_name", "eventName"))


@dataclass(frozen=True)
class Key:
    """A key, or the keys of what a parameter is given. ``payload``: that object holds the event's name as well."""

    name: str | ParameterValue
    always: bool
    payload: bool = False


Keys = tuple[Key, ...]


def sometimes(keys: Iterable[Key]) -> list[Key]:
    return [Key(key.name, False, key.payload) for key in keys]


def keys_of(evaluator: Evaluator, expression: Expression, scope: CodeFunction, depth: int = 0) -> list[Key]:
    """The keys of the object that ``expression`` is; a conditional one has those of its branches."""
    if depth > DEEPEST or not evaluator.budget.spend():
        return []
    match expression:
        case Name(name=name):
            # The keys that a variable was made with, and those that were put in later.
            bindings, home = evaluator.bindings_of(name, scope)
            if home is None:
                return []
            keys = _either([keys_of(evaluator, b.value, b.scope, depth + 1) for b in bindings])
            for entry in home.changes.get(name, ()):
                if entry.key is not None:
                    keys.append(Key(entry.key, entry.always))
                elif entry.spread:
                    inner = keys_of(evaluator, entry.value, home, depth + 1)
                    keys += inner if entry.always else sometimes(inner)
            return keys
        case Alternatives(options=options):
            groups = [keys_of(evaluator, option, scope, depth + 1) for option in options if not _is_empty(option)]
            return [key for group in groups for key in group] if expression.handed else _either(groups)
        case Object():
            return list(_of_object(evaluator, expression, scope, (), depth))
        case Call():
            return _of_call(evaluator, expression, scope, depth)
        case FunctionParameter():
            return [Key(ParameterValue(expression), True)]
    return list(_of_values(evaluator, evaluator.evaluate(expression, scope), depth))


def _is_empty(option: Expression) -> bool:
    return isinstance(option, Object) and not option.entries


def _either(groups: Sequence[list[Key]]) -> list[Key]:
    """Keys of alternatives: those that all have, and the others sometimes."""
    if len(groups) == 1:
        return groups[0]
    common = set.intersection(*({k.name for k in group if k.always} for group in groups)) if groups else set()
    return [Key(key.name, key.name in common, key.payload) for group in groups for key in group]


def _of_object(evaluator: Evaluator, literal: Object, scope: CodeFunction, frames: Frames, depth: int) -> Iterator[Key]:
    for entry in literal.entries:
        if entry.key is not None:
            yield Key(entry.key, entry.always)
        elif entry.spread:
            inner = resolved(evaluator, keys_of(evaluator, entry.value, scope, depth + 1), frames, depth)
            yield from inner if entry.always else sometimes(inner)


def _of_call(evaluator: Evaluator, call: Call, scope: CodeFunction, depth: int) -> list[Key]:
    """The keys of what a function returns. One that we do not know may leave some out of what it is given."""
    returned = [
        resolved(evaluator, keys_of(evaluator, expression, value.function, depth + 1), (call, *value.frames), depth)
        for value in evaluator.evaluate(call.callee, scope)
        if isinstance(value, FunctionValue)
        for expression in value.function.returns
    ]
    if returned:
        return _either([keys for keys in returned if keys] or [[]])
    values = list(_of_values(evaluator, evaluator.evaluate(call, scope), depth))
    if values:
        return values
    positional = [a for a in call.arguments[:2] if a.keyword is None]
    return [key for a in positional for key in sometimes(keys_of(evaluator, a.value, scope, depth + 1))]


def _of_values(evaluator: Evaluator, values: Iterable[Value], depth: int) -> Iterator[Key]:
    groups: list[list[Key]] = []
    for value in values:
        match value:
            case ObjectValue(object=literal, scope=scope, frames=frames):
                groups.append(list(_of_object(evaluator, literal, scope, frames, depth + 1)))
            case ParameterValue():
                groups.append([Key(value, True)])
    yield from _either(groups)


def resolved(evaluator: Evaluator, keys: Iterable[Key], frames: Frames, depth: int = 0) -> list[Key]:
    """``keys`` with those of what the calls in ``frames`` hand over in place of parameters."""
    result: list[Key] = []
    for key in keys:
        if isinstance(key.name, str):
            result.append(key)
            continue
        inner = _handed_over(evaluator, key, key.name, frames, depth)
        result += [key] if inner is None else inner if key.always else sometimes(inner)
    return result


def _handed_over(evaluator: Evaluator, key: Key, value: ParameterValue, frames: Frames, depth: int) -> list[Key] | None:
    """The keys of what was handed over; None when none of the calls is one of its function."""
    for frame in frames:
        if not evaluator.is_call_of(frame, value.parameter.function):
            continue
        expression = argument_of(value.parameter, frame)
        if expression is None:
            return []
        for step in value.path:
            expression = Member(expression, step, frame.line) if step != "*" else Element(expression, frame.line)
        if key.payload:
            return payload_keys(evaluator, expression, frame.scope, depth + 1)
        return keys_of(evaluator, _of_literal(expression), frame.scope, depth + 1)
    return None


def _of_literal(expression: Expression) -> Expression:
    """``{a: x}.a`` is x: so that what is put into the variable x later is seen."""
    match expression:
        case Member(value=inner, name=name):
            inner = _of_literal(inner)
            if isinstance(inner, Object):
                for entry in inner.entries:
                    if entry.key == name:
                        return entry.value
    return expression


def payload_keys(evaluator: Evaluator, expression: Expression, scope: CodeFunction, depth: int = 0) -> list[Key]:
    """The properties of an object that holds event and all: of its `properties`, or all its other keys."""
    keys = keys_of(evaluator, expression, scope, depth)
    inner = [key for key in keys if key.name in ("properties", "event_properties", "eventProperties", "props")]
    if inner:
        name = str(inner[0].name)
        member = _of_literal(Member(expression, name, 1))
        return keys_of(evaluator, member, scope, depth + 1)
    return [
        Key(key.name, key.always, payload=not isinstance(key.name, str))
        for key in keys
        if key.name not in NOT_PROPERTIES
    ]
